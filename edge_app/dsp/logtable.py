"""The logarithm of fixed.py over arrays: equal results, element by element."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_app.dsp.fixed import LOG2_TABLE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_STEPS = np.array(LOG2_TABLE, np.float64)
_RISE = np.diff(_STEPS)


def log2_q16_array(values: Floats) -> Ints:
    """log2 in Q16 of whole numbers 1..2^53 carried in float64, any shape; equals `fixed.log2_q16` on each.

    Zeros give an arbitrary number (the caller replaces it); nothing is raised.
    """
    mantissa, exponent = np.frexp(values)
    mantissa17 = np.floor(mantissa * 131072.0)
    step = np.floor(mantissa17 * 2.0**-8)
    below = mantissa17 - step * 256.0
    index = step.astype(np.intp) & 255
    part = np.floor((_RISE[index] * below + 128.0) * 2.0**-8)
    result: Ints = (_STEPS[index] + part).astype(np.int64) + ((exponent.astype(np.int64) - 1) << 16)
    return result
