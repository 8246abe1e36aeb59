"""Adding two quantities known by their logarithms, in whole numbers.

log2(2^a + 2^b) = max(a, b) + log2(1 + 2^-|a - b|); the last term comes from a table with one entry per Q8 step of the
difference, rounded to nearest, halves upwards. Arithmetic: docs/reference/front-end.md, "Adding noise".
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

TABLE_LENGTH = 2560
"""Beyond 10 octaves of power the smaller one changes less than half a Q8 step: log2(1 + 2^-10) * 256 = 0.36."""


def _table(power_per_level: int) -> Ints:
    """Q8 increments for levels of power (1) or of amplitude (2: a level of amplitude is half one of power)."""
    steps = [
        math.floor(256 / power_per_level * math.log2(1.0 + 2.0 ** (-power_per_level * d / 256.0)) + 0.5)
        for d in range(TABLE_LENGTH)
    ]
    return np.array(steps, np.int64)


_POWER = _table(1)
_AMPLITUDE = _table(2)


def add_powers_q8(a: Ints, b: Ints) -> Ints:
    """log2 of the sum of two powers, all levels Q8; shapes broadcast."""
    return _add(a, b, _POWER)


def add_amplitudes_q8(a: Ints, b: Ints) -> Ints:
    """log2 of the root of the sum of two squared amplitudes, all levels Q8; shapes broadcast."""
    return _add(a, b, _AMPLITUDE)


def _add(a: Ints, b: Ints, table: Ints) -> Ints:
    apart = np.minimum(np.abs(a - b), TABLE_LENGTH - 1)
    total: Ints = np.maximum(a, b) + table[apart]
    return total
