"""Shapes of the heartbeats of an ECG window beside each other, in whole numbers.

Every beat is a row of samples around its R wave on a grid of `STEP_MS`, whatever the sampling rate; its zero is the
level between P wave and QRS complex. Likeness is the correlation of two QRS complexes. The reference of a window is the
mean of the beats that look like its most typical one (the one most like all others): this person's usual beat.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_app.core.frames import Counts

Ints = NDArray[np.int64]

STEP_MS = 8
FIRST_MS, LAST_MS = -248, 400
"""Grid around the R wave (ms)."""
SMOOTH_MS = 8
"""Samples are means over this time (ms)."""
P_WAVE = slice(0, 22)
"""Places on the grid: -248 to -80 ms."""
BEFORE_QRS = slice(16, 22)
"""-120 to -80 ms: with `FOOT`, what the zero of a beat is the median of."""
FOOT = slice(18, 21)
"""-104 to -88 ms."""
QRS = slice(18, 51)
"""-104 to 152 ms."""
T_WAVE = slice(46, 82, 2)
"""120 to 400 ms, every other place."""
ONE = 1024
"""Stands for a correlation of 1."""
ALIKE = 922
"""Beats are alike from this correlation on (0.9)."""
_BITS = 11
"""Complexes are compared with this many bits: sums of their products stay below 2**28."""


@dataclass(frozen=True)
class Shapes:
    """Beats of a window, in the order of time."""

    rows: Ints
    """(n_beats, 82): smoothed samples, times the samples smoothed over, from the beat's own zero."""
    likeness: Ints
    """(n_beats, n_beats): correlation of the QRS complexes, `ONE` is 1."""
    usual: NDArray[np.bool_]
    """(n_beats,): beats like the most typical one."""
    reference: Ints
    """(82,): mean of the usual beats."""


def shapes(samples: Counts, marks: tuple[int, ...], rate_mhz: int) -> Shapes:
    """Shapes of the beats at `marks` in the counts (length,) of one axis; beyond its ends it goes on level."""
    rows = _rows(samples, np.array(marks, np.int64), rate_mhz)
    likeness = correlations(rows[:, QRS])
    typical = int(np.argmax(likeness.sum(axis=1)))
    usual = likeness[typical] > ALIKE
    usual[typical] = True
    reference = rows[usual].sum(axis=0) // int(np.count_nonzero(usual))
    return Shapes(rows, likeness, usual, reference)


def _rows(samples: Counts, marks: Ints, rate_mhz: int) -> Ints:
    wide = max(1, (SMOOTH_MS * rate_mhz + 500_000) // 1_000_000)
    offsets_ms = np.arange(FIRST_MS, LAST_MS + 1, STEP_MS, dtype=np.int64)
    places = marks[:, None] + (offsets_ms * rate_mhz + 500_000) // 1_000_000 - wide // 2
    rows = np.zeros(places.shape, np.int64)
    for shift in range(wide):
        rows += samples[np.clip(places + shift, 0, samples.size - 1)]
    zero = np.sort(np.concatenate((rows[:, BEFORE_QRS], rows[:, FOOT]), axis=1), axis=1)[:, 4]
    return np.asarray(rows - zero[:, None])


def correlations(rows: Ints) -> Ints:
    """Correlation of every row with every other, `ONE` is 1; of a row without any movement 0.

    Rows are centred, cut to `_BITS` bits, and the sums of their products divided by the whole roots of their energies.
    """
    centred = rows.shape[1] * rows - rows.sum(axis=1, keepdims=True)
    highest = np.abs(centred).max(axis=1)
    shift = np.array([max(0, int(each).bit_length() - _BITS) for each in highest], np.int64)
    cut = (centred >> shift[:, None]).astype(np.float64)
    products = cut @ cut.T  # whole numbers below 2**28: exact in any order
    roots = np.array([math.isqrt(int(each)) for each in np.diagonal(products)], np.int64)
    found = products.astype(np.int64) * ONE // np.maximum(roots[:, None] * roots[None, :], 1)
    return np.asarray(np.clip(found, -ONE, ONE))


def correlation(one: Ints, other: Ints) -> int:
    """Correlation of two rows, `ONE` is 1."""
    return int(correlations(np.stack((one, other)))[0, 1])
