"""The log-mel in double precision: what the integer one approximates. For tests and benchmarks only.

Same counts, bands, frames and floor; window, transform, edges and logarithms unrounded, FFT by numpy's rfft. Written
for speed as one would on a Pi, so that the benchmark's ratio is fair. For signals at `min_rate_hz` (no decimation).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class FloatLogMel:
    """Features of windows (1, length) as float log2 values, in the order of the integer schema; the last is rms_fs."""

    def __init__(self, rate_hz, scale, band_hz=(100.0, 7500.0), bands=12, frame_ms=64.0, hop_ms=32.0, floor_db=40.0):
        self.scale = scale
        self.frame, self.hop = round(frame_ms * rate_hz / 1000), round(hop_ms * rate_hz / 1000)
        self.size = next(size for size in (256, 1024, 4096) if size >= self.frame)
        self.hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.frame) / self.frame)
        low, high = (2595 * np.log10(1 + edge / 700) for edge in band_hz)
        edges = 700 * (10 ** (np.linspace(low, high, bands + 1) / 2595) - 1)
        k = np.arange(self.size // 2 + 1)
        to_bin = self.size / rate_hz
        shares = [np.clip(np.minimum(hi * to_bin, k + 0.5) - np.maximum(lo * to_bin, k - 0.5), 0, None)
                  for lo, hi in pairwise(edges)]  # fmt: skip
        # Parseval: mean square of the frame's band, window energy folded in.
        self.matrix = np.array(shares).T * 2 / (0.375 * self.frame * self.size)
        self.floor = 10 ** (-floor_db / 10) * np.diff(edges) / (edges[-1] - edges[0])

    def features(self, counts):
        """log2 of (band …, spread …, flux …, rms_fs)."""
        x = counts[0].astype(np.float64)
        frames = sliding_window_view(x - x.mean(), self.frame)[:: self.hop]
        spectrum = np.fft.rfft(frames * self.hann, self.size)
        powers = (spectrum.real**2 + spectrum.imag**2) @ self.matrix
        mean = powers.sum(axis=1).mean()
        levels = np.log2(powers + mean * self.floor)
        centre = levels.mean(axis=0)
        # One count of Q8 lies under spread and flux, as in the integers.
        spread = 0.5 * np.log2(((levels - centre) ** 2).mean(axis=0) * 65536 + 1)
        flux = np.log2(np.abs(np.diff(levels, axis=0)).mean(axis=0) * 256 + 1)
        return np.concatenate((centre - centre.mean(), spread, flux, [0.5 * np.log2(mean) + np.log2(self.scale)]))
