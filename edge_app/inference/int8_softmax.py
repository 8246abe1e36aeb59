"""Softmax in fixed point, as the reference kernel computes it: an exponential table at load, one reciprocal per row.

Qm.n below is an int32 with n fractional bits. Everything is whole numbers, so every machine gives the same bytes.

Source: `Softmax` of tensorflow/lite/kernels/internal/reference/softmax.h, `PreprocessSoftmaxScaling` and
`CalculateInputRadius` of quantization_util.cc, `exp_on_negative_values` and `one_over_one_plus_x_for_x_in_0_1` of
gemmlowp fixedpoint/fixedpoint.h.
"""

from __future__ import annotations

import math

INT32_MAX = (1 << 31) - 1

DIFF_BITS = 5
"""Integer bits of a difference to the largest input: Q5.26."""
SUM_BITS = 12
"""Integer bits of the sum of exponentials: Q12.19, so rows have at most 4095 values."""

_EXP_EIGHTH = 1895147668
"""exp(-1/8) in Q0.31."""
_THIRD = 715827883
"""1/3 in Q0.31."""
_EXP_POWERS = (
    (24, 1672461947),
    (25, 1302514674),
    (26, 790015084),
    (27, 290630308),
    (28, 39332535),
    (29, 720401),
    (30, 242),
)
"""(bit of a Q5.26 number, exp(-2^k) in Q0.31) for k = -2..4."""
_48_OVER_17 = 1515870810
"""48/17 in Q2.29: first guess of Newton's division."""
_32_OVER_17 = 1010580540
"""32/17 in Q2.29."""


def high_mul(a: int, b: int) -> int:
    """a·b·2^-31, rounded half up; the saturating case (both -2^31) does not occur here."""
    return (a * b + (1 << 30)) >> 31


def divide_by_power(value: int, bits: int) -> int:
    """value·2^-bits, rounded half away from zero."""
    return (value + (1 << bits >> 1) - (1 if value < 0 and bits else 0)) >> bits


def multiply_by_power(value: int, bits: int) -> int:
    """value·2^bits, saturated to int32."""
    return max(-INT32_MAX - 1, min(INT32_MAX, value << bits))


def exponential(diff: int) -> int:
    """exp of a Q5.26 number not above 0, in Q0.31."""
    if diff == 0:
        return INT32_MAX
    quarter = 1 << 24
    part = (diff & (quarter - 1)) - quarter
    result = _exponential_near_zero(multiply_by_power(part, DIFF_BITS))
    rest = part - diff
    for bit, factor in _EXP_POWERS:
        if rest >> bit & 1:
            result = high_mul(result, factor)
    return result


def _exponential_near_zero(value: int) -> int:
    """exp on [-1/4, 0) in Q0.31: the series to the fourth power around -1/8."""
    x = value + (1 << 28)
    x2 = high_mul(x, x)
    x3, x4 = high_mul(x2, x), high_mul(x2, x2)
    tail = divide_by_power(high_mul(divide_by_power(x4, 2) + x3, _THIRD) + x2, 1)
    return _EXP_EIGHTH + high_mul(_EXP_EIGHTH, x + tail)


def reciprocal(total: int) -> tuple[int, int]:
    """1 / total for a sum in Q12.19 of at least 1: (mantissa in Q0.31, bits to shift right besides)."""
    headroom = 32 - total.bit_length()
    fraction = (total << headroom) - (1 << 31)
    half = (fraction + INT32_MAX + 1) // 2
    x = _48_OVER_17 + high_mul(half, -_32_OVER_17)
    for _ in range(3):
        x += multiply_by_power(high_mul(x, (1 << 29) - high_mul(half, x)), 2)
    return multiply_by_power(x, 1), SUM_BITS - headroom


def exponential_table(scale: float, beta: float) -> list[int]:
    """exp(-beta·scale·step) in Q0.31 for step = 0..255; 0 where the difference leaves the table's range."""
    factor = min(float(beta) * scale * (1 << (31 - DIFF_BITS)), (1 << 31) - 1.0)
    mantissa, shift = math.frexp(factor)
    multiplier = math.floor(mantissa * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier, shift = multiplier // 2, shift + 1
    radius = ((1 << DIFF_BITS) - 1) * (1 << (31 - DIFF_BITS)) / (1 << shift)
    steps = range(min(255, math.floor(radius)) + 1)
    table = [exponential(high_mul(-step << shift, multiplier)) for step in steps]
    return table + [0] * (256 - len(table))
