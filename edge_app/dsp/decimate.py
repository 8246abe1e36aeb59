"""Band limiting and decimation by a whole number: linear-phase FIR in Q18, valid part only, one rounding.

Arithmetic: docs/reference/front-end.md, "Band limiting".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FRACTION_BITS = 8
"""The decimated signal is in counts times 2^8."""
STOP_RATIO = 1.25
"""The stop band starts at this multiple of the band's top: what folds at an analysis rate of 2.25 times the top or more
falls above the top. Narrow, so that time features hear the same at all sensor rates."""
TAP_BITS = 18
"""Taps are in Q18: finer than samples, so that their rounding stays 70 dB down also when many taps share the gain."""
STOP_DB = 70.0
"""Attenuation the window is designed for (dB)."""


@dataclass(frozen=True)
class Decimator:
    """One FIR and its factor."""

    factor: int
    """Input samples per output sample (M)."""
    taps: tuple[int, ...]
    """Q18, symmetric, sum exactly 2^18; (2^18,) passes everything."""

    def output_length(self, n: int) -> int:
        """Output samples of `n` input samples; 0 when the filter does not fit."""
        return max(0, (n - len(self.taps)) // self.factor + 1)


def design_decimator(rate_hz: float, min_rate_hz: float, top_hz: float) -> Decimator:
    """The decimator for a sensor rate, the lowest analysis rate allowed and the top of the analysed band (Hz).

    The factor is the largest whole number that leaves `rate_hz / factor` at or above both `min_rate_hz` and
    2.25 times `top_hz`. Below 2.25 times `top_hz` nothing is filtered: the sensor's own filter must do.
    """
    needed_hz = max(min_rate_hz, (1.0 + STOP_RATIO) * top_hz)
    factor = max(1, int(rate_hz / needed_hz + 1e-9))
    if rate_hz < (1.0 + STOP_RATIO) * top_hz:
        return Decimator(1, (1 << TAP_BITS,))
    return Decimator(factor, kaiser_lowpass(top_hz / rate_hz, STOP_RATIO * top_hz / rate_hz))


def kaiser_lowpass(passband: float, stopband: float, bits: int = TAP_BITS) -> tuple[int, ...]:
    """Odd-length low-pass taps in Q`bits` between two edges given as fractions of the sampling rate.

    The centre tap takes up the rounding so that the taps sum to exactly 2^bits (gain 1 at 0 Hz).

    Source
    ------
    J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", ISCAS 1974; length and beta
    as in A. V. Oppenheim, R. W. Schafer, Discrete-Time Signal Processing, section 7.5.
    """
    side = [math.floor(tap + 0.5) for tap in scaled_taps(passband, stopband, bits)[1:]]
    return (*reversed(side), (1 << bits) - 2 * sum(side), *side)


def scaled_taps(passband: float, stopband: float, bits: int) -> list[float]:
    """The taps from the centre to one end before rounding, times 2^bits."""
    width = 2.0 * math.pi * (stopband - passband)
    half = math.ceil((STOP_DB - 8.0) / (2.285 * width) / 2.0)
    beta = 0.1102 * (STOP_DB - 8.7)
    cut = passband + stopband
    ideal = [cut * _sinc(cut * k) * _bessel_i0(beta * math.sqrt(1.0 - (k / half) ** 2)) for k in range(half + 1)]
    total = ideal[0] + 2.0 * sum(ideal[1:])
    return [2.0**bits * tap / total for tap in ideal]


def _sinc(x: float) -> float:
    return math.sin(math.pi * x) / (math.pi * x) if x else 1.0


def _bessel_i0(x: float) -> float:
    """Modified Bessel function of order 0 by its power series."""
    term = total = 1.0
    for k in range(1, 60):
        term *= (x / (2.0 * k)) ** 2
        total += term
    return total


def polyphase(decimator: Decimator) -> Floats:
    """Taps as columns of `factor` (M, J): output i is the sum over j of input row i + j times column j."""
    rows = -(-len(decimator.taps) // decimator.factor)
    padded = np.zeros(rows * decimator.factor)
    padded[: len(decimator.taps)] = decimator.taps
    return np.ascontiguousarray(padded.reshape(rows, decimator.factor).T)


def decimate(counts: NDArray[np.int16], decimator: Decimator, columns: Floats) -> Floats:
    """int16 counts (n_axes, n) to counts times 2^8 (n_axes, n_out), whole numbers in float64, |y| < 2^24.

    `columns` is `polyphase(decimator)`. Output i is floor((sum_k taps[k] x[i M + k] + 2^9) / 2^10).
    """
    n_axes, length = counts.shape
    factor, n_out = decimator.factor, decimator.output_length(length)
    if len(decimator.taps) == 1:
        return counts[:, :: decimator.factor].astype(np.float64) * float(1 << FRACTION_BITS)
    if factor == 1:
        taps = columns[0, : len(decimator.taps)]
        summed = np.stack([np.correlate(axis, taps, "valid") for axis in counts.astype(np.float64)])
    else:
        n_columns = columns.shape[1]
        rows = n_out + n_columns - 1
        blocks = np.zeros((n_axes, rows, factor))
        used = min(length, rows * factor)
        blocks.reshape(n_axes, -1)[:, :used] = counts[:, :used]
        products = blocks.reshape(-1, factor) @ columns
        item = products.itemsize
        strides = (rows * n_columns * item, n_columns * item, (n_columns + 1) * item)
        summed = as_strided(products, (n_axes, n_out, n_columns), strides, writeable=False).sum(axis=2)
    summed += 2.0 ** (TAP_BITS - FRACTION_BITS - 1)
    summed *= 2.0 ** (FRACTION_BITS - TAP_BITS)
    result: Floats = np.floor(summed, out=summed)
    return result
