"""Peak, second and fourth moment of a normalised signal, in whole numbers.

Arithmetic: docs/reference/front-end.md, "Moments".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_app.dsp.logtable import log2_q16_array

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOMENT_BITS = 15
"""Samples are cut to this many bits, squares again before they are squared."""


def moments(signal: Floats, bits: int) -> tuple[Floats, Floats, Floats]:
    """Peak, sum of squares and sum of fourth powers / 2^30 of whole numbers |x| < 2^bits (n_axes, n); each (n_axes,).

    y = x / 2^(bits - 15) rounded; peak = max |y| <= 2^15; sum of y^2; sum of (y^2 / 2^15 rounded)^2.
    Exact for n < 2^22.
    """
    cut = np.floor(signal * 2.0 ** (MOMENT_BITS - bits) + 0.5)
    peak = np.maximum(cut.max(axis=1), -cut.min(axis=1))
    cut *= cut
    squares = cut.sum(axis=1)
    cut *= 2.0**-MOMENT_BITS
    cut += 0.5
    np.floor(cut, out=cut)
    return peak, squares, np.einsum("an,an->a", cut, cut)


def log2_moments(signal: Floats, bits: int) -> tuple[Ints, Ints, Ints]:
    """log2 in Q16 of peak / 2^15, of (peak / rms)^2 and of kurtosis (normal noise: log2 3), (n_axes,) each.

    An axis of zeros gives arbitrary numbers; the caller replaces them.
    """
    peak, squares, fourths = moments(signal, bits)
    length = np.full_like(peak, float(signal.shape[1]))
    log_peak, log_squares, log_fourths, log_length = log2_q16_array(
        np.maximum(np.stack((peak, squares, fourths, length)), 1.0)
    )
    crest = 2 * log_peak + log_length - log_squares
    kurtosis = log_length + log_fourths + (2 * MOMENT_BITS << 16) - 2 * log_squares
    return log_peak - (MOMENT_BITS << 16), crest, kurtosis
