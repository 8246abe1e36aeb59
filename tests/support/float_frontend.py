"""The front end in double precision: what the integer one approximates. For tests and benchmarks only.

Same counts, same bands, same segments; filter taps, window, twiddles, edges and logarithms unrounded, FFT by numpy's
rfft. Written for speed as one would on a Pi, so that the benchmark's ratio is fair.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

FLOOR_G_PER_RTHZ = 20e-6


class FloatFrontend:
    """Vibration features of windows (n_axes, length) as float log2 values, in the order of the integer schema."""

    def __init__(
        self, rate_hz, scale, n_axes, length, band_hz=(10.0, 1250.0), bands=32, min_rate_hz=2560.0, noise_ug=300.0
    ):
        low, high = band_hz
        self.scale, self.factor, self.taps = scale, 1, None
        if rate_hz >= 2.25 * high:
            self.factor = max(1, int(rate_hz / max(min_rate_hz, 2.25 * high) + 1e-9))
            self.taps = lowpass(high / rate_hz, 1.25 * high / rate_hz)
            rows = -(-len(self.taps) // self.factor)
            self.columns = np.zeros((rows, self.factor))
            self.columns.reshape(-1)[: len(self.taps)] = self.taps
            self.columns = np.ascontiguousarray(self.columns.T)
            length = (length - len(self.taps)) // self.factor + 1
        self.length, self.size = length, 1024 if length >= 1024 else 256
        self.segments = 1 + -(-(length - self.size) // (self.size // 2))
        self.hop = (length - self.size) // (self.segments - 1) if self.segments > 1 else 1
        self.hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.size) / self.size)
        rate = rate_hz / self.factor
        edges = low * (high / low) ** (np.arange(bands + 1) / bands)
        k = np.arange(self.size // 2 + 1)

        def share(lo, hi):
            to_bin = self.size / rate
            return np.clip(np.minimum(hi * to_bin, k + 0.5) - np.maximum(lo * to_bin, k - 0.5), 0, None)

        sums = [share(low, high)]
        velocity = 1000 * 9.80665 / (2 * np.pi)
        if low <= 10 and high >= 1000:
            sums.append(share(10, 1000) * (velocity * self.size / rate / np.maximum(k, 1)) ** 2)
        self.amplitudes = len(sums)
        sums += [share(a, b) for a, b in pairwise(edges)]
        # One matrix for all sums; the mean over segments and the window's energy are folded in.
        self.matrix = np.array(sums).T * 2 / (0.375 * self.size**2 * self.segments)
        density = (noise_ug * 1e-6) ** 2
        noise = [density * (1 / 10 - 1 / 1000) * velocity**2] if self.amplitudes == 2 else []
        self.noise = np.array([0.0, *noise, *(density * np.diff(edges))])
        self.floor = FLOOR_G_PER_RTHZ**2 * (high - low)

    def signal(self, counts):
        """Band-limited acceleration (n_axes, length) in g, mean removed."""
        x = counts.astype(np.float64)
        if self.taps is not None and self.factor == 1:
            x = np.stack([np.convolve(axis, self.taps, "valid") for axis in x])
        elif self.taps is not None:
            x = self._polyphase(x)
        return (x - x.mean(axis=1, keepdims=True)) * self.scale

    def _polyphase(self, x):
        rows = self.length + self.columns.shape[1] - 1
        blocks = np.zeros((len(x), rows, self.factor))
        used = min(x.shape[1], rows * self.factor)
        blocks.reshape(len(x), -1)[:, :used] = x[:, :used]
        products = blocks @ self.columns
        steps = products.strides
        view = np.lib.stride_tricks.as_strided(
            products, (len(x), self.length, self.columns.shape[1]), (steps[0], steps[1], steps[1] + steps[2])
        )
        return view.sum(axis=2)

    def powers(self, signal):
        """Sums (n_axes, n_sums) in g² and (mm/s)²."""
        segments = sliding_window_view(signal, self.size, axis=1)[:, :: self.hop][:, : self.segments]
        spectrum = np.fft.rfft(segments * self.hann)
        power = (spectrum.real**2 + spectrum.imag**2).sum(axis=1)
        return power @ self.matrix

    def features(self, counts):
        """log2 values (n_axes, n_features)."""
        signal = self.signal(counts)
        powers = self.powers(signal) + self.noise
        powers[:, 0] = np.maximum(powers[:, 0], self.floor)
        logs = np.log2(powers)
        logs[:, : self.amplitudes] *= 0.5
        squares = signal * signal
        mean_square = squares.mean(axis=1)
        peak = np.abs(signal).max(axis=1)
        kurtosis = np.einsum("an,an->a", squares, squares) / signal.shape[1] / mean_square**2
        shape = np.log2(np.stack((peak, peak / np.sqrt(mean_square), kurtosis), axis=1))
        return np.concatenate((logs[:, :1], shape, logs[:, 1:]), axis=1)


def lowpass(passband, stopband):
    """Kaiser-windowed sinc, unrounded, gain 1 at 0 Hz."""
    half = math.ceil((70 - 8) / (2.285 * 2 * math.pi * (stopband - passband)) / 2)
    k = np.arange(-half, half + 1)
    taps = np.sinc((passband + stopband) * k) * np.kaiser(2 * half + 1, 0.1102 * (70 - 8.7))
    return taps / taps.sum()
