"""Arithmetic that gives the same bits on every processor and with every linear algebra library.

A sum of products depends on its order as soon as one addition rounds. So the factors of every matrix product are first
rounded to grids of powers of two, coarse enough that all partial sums fit the 53 bits of a double: then no
addition rounds, and order, threads, FMA and vector width cannot matter. Beside products only + - * / and sqrt
are used, which IEEE 754 defines to the last bit, and random numbers come as whole numbers from MT19937.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DOUBLE_BITS = 53
FACTOR_BITS = 20
"""Bits of each factor, sign aside: two of them and the logarithm of 8192 terms make 53."""
TERMS_MAX = 1 << (DOUBLE_BITS - 2 * FACTOR_BITS)


@dataclass(frozen=True)
class Grid:
    """Multiples of 2**-fraction_bits below 2**(FACTOR_BITS - fraction_bits) in size."""

    fraction_bits: int

    @property
    def limit(self) -> float:
        """Largest value on the grid."""
        return (2.0**FACTOR_BITS - 1) * 2.0**-self.fraction_bits

    def round(self, values: Floats) -> Floats:
        """Values rounded to the grid, half to even, and limited to it."""
        scaled = np.rint(values * 2.0**self.fraction_bits) * 2.0**-self.fraction_bits
        limited: Floats = np.minimum(np.maximum(scaled, -self.limit), self.limit)
        return limited


WEIGHTS = Grid(16)
"""Weights below 16 in steps of 2**-16."""
ACTIVATIONS = Grid(12)
"""Activations below 256 in steps of 2**-12."""


def grid_for(values: Floats) -> Grid:
    """The finest grid that holds all `values`: gradients shrink while a model learns."""
    largest = float(np.max(np.abs(values), initial=0.0))
    exponent = math.frexp(largest)[1] if largest > 0.0 else 0
    return Grid(min(FACTOR_BITS - exponent, 200))


def product(left: Floats, right: Floats) -> Floats:
    """Matrix product of two arrays whose entries lie on grids of at most FACTOR_BITS bits: exact.

    Raises
    ------
    ValueError
        If there are more terms than fit without rounding.
    """
    if left.shape[-1] > TERMS_MAX:
        raise ValueError(f"{left.shape[-1]} terms, at most {TERMS_MAX} can be summed without rounding")
    return left @ right


def nearly_normal(random: np.random.RandomState, shape: tuple[int, ...]) -> Floats:
    """Random numbers of mean 0 and variance 1: sums of twelve uniform ones (Irwin and Hall), so no logarithm.

    Whole numbers are summed, so the result is exact; it lies within ±6.
    """
    total = np.zeros(shape, np.int64)
    for _ in range(12):
        total += random.randint(0, 1 << 20, size=shape)
    return (total - 6 * ((1 << 20) - 1)) / float(1 << 20)


_LN2_HIGH = 45426.0 / 65536.0
"""ln 2 to 16 bits: times a whole number below 2^30 it is exact."""
_LN2_LOW = 1.428606820309417232121458e-06
"""What is left of ln 2."""
_SERIES = tuple(1.0 / math.factorial(power) for power in range(13, -1, -1))
"""exp(r) by Taylor's series: for |r| <= ln(2)/2 the first term left out is below 5e-18."""
LOWEST_EXPONENT = -700.0


def exponential(x: Floats) -> Floats:
    """exp(x) for x <= 0 by additions and multiplications only; numpy's own differs between processors by a last bit."""
    limited = np.maximum(x, LOWEST_EXPONENT)
    power = np.rint(limited / math.log(2.0))
    rest = (limited - power * _LN2_HIGH) - power * _LN2_LOW
    total = np.full_like(rest, _SERIES[0])
    for factor in _SERIES[1:]:
        total = total * rest + factor
    result: Floats = np.ldexp(total, power.astype(np.int64))
    return result


def softmax(logits: Floats) -> Floats:
    """Probabilities (n, n_classes); the sum over the classes is taken from left to right."""
    powers = exponential(logits - logits.max(axis=1, keepdims=True))
    total = powers[:, :1].copy()
    for column in range(1, powers.shape[1]):
        total += powers[:, column : column + 1]
    result: Floats = powers / total
    return result
