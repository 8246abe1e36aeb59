"""From a band-limited signal to Welch power per bin, in whole numbers.

Arithmetic: docs/reference/front-end.md, "Normalisation", "Segments", "Power".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from edge_app.dsp.fft import Complexes, FftPlan, fft, plan_fft

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SEGMENT_LENGTHS = (1024, 256, 64)
"""Points per segment: the first that fits the signal."""
HANN_ENERGY = 0.375
"""Mean of the squared Hann window: sum of (1/2 - 1/2 cos)^2 over a period, divided by its length."""


@dataclass(frozen=True)
class WelchPlan:
    """Segments, window and FFT of signals of one length."""

    n_axes: int
    length: int
    """Samples per axis of the signal."""
    segment_length: int
    segments: int
    hop: int
    """Samples between the starts of two segments: at most half a segment, spread so that all but a few are used."""
    bits: int
    """The signal is normalised to |x| < 2^bits, so that summed squares stay below 2^53."""
    hann: Floats
    """Window in Q15, (segment_length, 1, 1), already divided by 2^15."""
    fft: FftPlan

    @property
    def pairs(self) -> int:
        """Complex transforms per axis: two segments each."""
        return (self.segments + 1) // 2


def plan_welch(n_axes: int, length: int) -> WelchPlan:
    """Plan for signals (n_axes, length). Raises ValueError when not even the shortest segment fits."""
    size = next((size for size in SEGMENT_LENGTHS if size <= length), 0)
    if not size:
        raise ValueError(f"{length} samples after band limiting; the shortest segment takes {SEGMENT_LENGTHS[-1]}")
    segments = 1 + -(-(length - size) // (size // 2))
    hop = (length - size) // (segments - 1) if segments > 1 else 0
    pairs = (segments + 1) // 2
    bits = 25
    while pairs > 8 << (2 * (25 - bits)):
        bits -= 1
    hann = np.array(hann_q15(size), np.float64).reshape(size, 1, 1) * 2.0**-15
    return WelchPlan(n_axes, length, size, segments, hop, bits, hann, plan_fft(size, n_axes * pairs))


def hann_q15(length: int) -> list[int]:
    """Periodic Hann window, floor(2^15 (1/2 - 1/2 cos(2 pi i / length)) + 1/2)."""
    return [math.floor(16384.0 - 16384.0 * math.cos(2.0 * math.pi * i / length) + 0.5) for i in range(length)]


def normalise(signal: Floats, bits: int) -> tuple[Floats, Ints]:
    """Mean taken off and each axis shifted so that its largest magnitude has exactly `bits` bits.

    Whole numbers (n_axes, n) in; (whole numbers |x| < 2^bits, left shift per axis (n_axes,)) out. An axis of zeros
    keeps shift 0. A negative shift (only with long windows) rounds to nearest, halves upwards.
    """
    length = signal.shape[1]
    mean = np.floor(signal.sum(axis=1) / length + 0.5)
    centred = signal - mean[:, None]
    largest = np.maximum(centred.max(axis=1), -centred.min(axis=1))
    shift = np.where(largest > 0.0, bits - np.frexp(largest)[1], 0)
    centred *= np.ldexp(1.0, shift)[:, None]
    if (shift < 0).any():
        centred = np.floor(centred + 0.5)
    return centred, shift.astype(np.int64)


def welch_power(signal: Floats, plan: WelchPlan, bins: int) -> Floats:
    """Sum over segments of twice |X[k]|^2, k = 0..bins-1, (n_axes, bins), whole numbers below 2^53.

    `signal` comes from `normalise`. Segments 2 j and 2 j + 1 are the real and imaginary part of one transform Z;
    |Z[k]|^2 + |Z[N-k]|^2 is twice the sum of their powers (parallelogram law), so they are never taken apart.
    """
    transformed = fft(_windowed(signal, plan), plan.fft)
    size = plan.segment_length
    parts = transformed.view(np.float64).reshape(size, plan.n_axes, 2 * plan.pairs)
    upper = _energy(parts[:bins])
    power = upper.copy()
    power[1:] += _energy(parts[size - bins + 1 :])[::-1]
    power[0] += upper[0]
    return np.ascontiguousarray(power.T)


def _energy(parts: Floats) -> Floats:
    result: Floats = np.einsum("kap,kap->ka", parts, parts)
    return result


def _windowed(signal: Floats, plan: WelchPlan) -> Complexes:
    """Hann-weighted segments, two to a column, (segment_length, n_axes * pairs); each product rounded once."""
    size, pairs, hop = plan.segment_length, plan.pairs, plan.hop
    axis_step, step = signal.strides
    points = np.empty((size, plan.n_axes, pairs), np.complex128)
    seconds = plan.segments // 2
    even = as_strided(signal, (size, plan.n_axes, pairs), (step, axis_step, 2 * hop * step), writeable=False)
    np.multiply(even, plan.hann, out=points.real)
    if seconds < pairs:
        points.imag[:, :, -1] = 0.0
    if seconds:
        odd = as_strided(signal[:, hop:], (size, plan.n_axes, seconds), even.strides, writeable=False)
        np.multiply(odd, plan.hann, out=points.imag[:, :, :seconds])
    parts = points.view(np.float64)
    parts += 0.5
    np.floor(parts, out=parts)
    return points.reshape(size, plan.n_axes * pairs)
