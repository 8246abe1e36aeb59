"""Requantisation: a 32-bit sum becomes an int8 value, rounded twice as TensorFlow Lite's reference kernels do.

Definition, all in integers (docs/reference/int8-arithmetic.md). A real factor is kept as M·2^(shift-31), M a 31-bit
integer. With left = max(shift, 0) and right = max(-shift, 0):

    h   = floor((sum·2^left·M + 2^30) / 2^31)                     first rounding: half up
    out = floor((h + 2^(right-1) - [h < 0]) / 2^right)            second rounding: half away from zero
    q   = clamp(out + zero_point, low, high)

The second line falls away for right = 0. For sums that do not overflow, both roundings together are one step function

    out = floor(sum·g + sign(sum)·2^(-1-right) + 1/2),   g = M·2^(shift-31), sign(0) = 1

(for right = 0 without the middle term), which float64 evaluates in a handful of whole-array operations. Float64
might be wrong next to a step, so the constructor compares both forms at every step of every channel; both never fall,
so equality there is equality everywhere. A layer that fails the comparison, or whose sums may overflow, uses the
definition in int64 instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
"""An activation: int8 numbers carried exactly by float32, for matrix products in hardware."""


def quantize_multiplier(factor: float) -> tuple[int, int]:
    """Multiplier M in 2^30..2^31-1 and shift with factor ≈ M·2^(shift-31); (0, 0) for factors below 2^-32.

    Source: `QuantizeMultiplier` of tensorflow/lite/kernels/internal/quantization_util.cc (double-rounding form).
    """
    if factor == 0.0:
        return 0, 0
    mantissa, shift = math.frexp(factor)
    multiplier = math.floor(mantissa * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier, shift = multiplier // 2, shift + 1
    return (0, 0) if shift < -31 else (multiplier, shift)


def multiply_by_quantized_multiplier(
    sums: NDArray[np.int64], multipliers: NDArray[np.int64], shifts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The definition above, without zero point and clamp; a left shift wraps at 32 bits as the reference's does."""
    left, right = np.maximum(shifts, 0), np.maximum(-shifts, 0)
    shifted = (sums << left).astype(np.int32).astype(np.int64)
    high = (shifted * multipliers + (1 << 30)) >> 31
    half = np.where(right > 0, (1 << right) >> 1, 0) - ((high < 0) & (right > 0))
    return np.asarray((high + half) >> right)


def activation_range(fused: str, scale: float, zero_point: int) -> tuple[int, int]:
    """Lowest and highest int8 value a fused activation lets through.

    Source: `CalculateActivationRangeQuantized` of tensorflow/lite/kernels/kernel_util.cc; it divides in float32.
    """

    def level(value: float) -> int:
        steps = float(np.float32(value) / np.float32(scale))
        return zero_point + int(math.copysign(math.floor(abs(steps) + 0.5), steps))

    low, high = -128, 127
    if fused != "none":
        low = max(low, level(-1.0 if fused == "relu_n1_to_1" else 0.0))
    if fused in ("relu6", "relu_n1_to_1"):
        high = min(high, level(6.0 if fused == "relu6" else 1.0))
    return low, high


class Requantizer:
    """Requantises sums whose last dimension is the channel.

    Parameters
    ----------
    multipliers, shifts : sequences of int, one per channel
        From `quantize_multiplier`.
    zero_point, low, high : int
        Of the output.
    bound : int
        No sum is larger than this in magnitude.
    """

    def __init__(
        self, multipliers: Sequence[int], shifts: Sequence[int], zero_point: int, low: int, high: int, bound: int
    ) -> None:
        self.multipliers = np.array(multipliers, dtype=np.int64)
        self.shifts = np.array(shifts, dtype=np.int64)
        self.zero_point, self.low, self.high, self.bound = zero_point, low, high, bound
        self._gain = self.multipliers * 2.0 ** (self.shifts - 31)
        right = np.maximum(-self.shifts, 0)
        self._nudge = np.where(right > 0, 2.0 ** (-1 - right), 0.0)
        self._offset = np.full(len(self.shifts), zero_point + 0.5)
        self._signed = low < zero_point
        if not self._signed:  # negative sums end at `low` whatever their rounding
            self._offset += self._nudge
        self.fast = self._proved()

    def apply(self, sums: NDArray[np.float32] | NDArray[np.float64], work: NDArray[np.float64], out: Values) -> None:
        """Write the int8 values of `sums` (whole numbers) to `out`, of the same shape; `work` is room for float64."""
        if not self.fast:
            np.copyto(out, self._by_definition(sums.astype(np.int64)))
            return
        np.multiply(sums, self._gain, out=work)
        if self._signed:
            np.add(work, np.copysign(self._nudge, sums), out=work)
        np.add(work, self._offset, out=work)
        np.floor(work, out=work)
        np.maximum(work, self.low, out=work)
        np.minimum(work, self.high, out=out, casting="same_kind")

    def _by_definition(self, sums: NDArray[np.int64]) -> NDArray[np.int64]:
        result = multiply_by_quantized_multiplier(sums, self.multipliers, self.shifts) + self.zero_point
        return np.clip(result, self.low, self.high)

    def _proved(self) -> bool:
        """Whether the float64 form equals the definition for every sum within the bound."""
        if np.any(self.bound * 2.0 ** np.maximum(self.shifts, 0) >= 2**31):
            return False
        kinds = np.unique(np.stack([self.multipliers, self.shifts]), axis=1)
        self_gain = (kinds[0] * 2.0 ** (kinds[1] - 31))[:, None]
        steps = np.arange(self.low, self.high + 1) - self.zero_point
        with np.errstate(divide="ignore", invalid="ignore"):
            near = np.nan_to_num((steps - 0.5) / self_gain, nan=0.0, posinf=self.bound, neginf=-self.bound)
        near = np.ceil(np.clip(near, -self.bound, self.bound))
        points = np.concatenate([near + move for move in (-2, -1, 0, 1, 2)], axis=1)
        ends = np.full((len(self_gain), 1), float(self.bound))
        points = np.concatenate([points, ends, -ends, 0 * ends, 0 * ends - 1], axis=1)
        points = np.sort(np.clip(points, -self.bound, self.bound), axis=1)
        exact = multiply_by_quantized_multiplier(points.astype(np.int64), kinds[0][:, None], kinds[1][:, None])
        exact = np.clip(exact + self.zero_point, self.low, self.high)
        right = np.maximum(-kinds[1], 0)[:, None]
        nudge = np.where(right > 0, 2.0 ** (-1 - right), 0.0)
        offset = self.zero_point + 0.5 + (0.0 if self._signed else nudge)
        quick = points * self_gain + (np.copysign(nudge, points) if self._signed else 0.0) + offset
        equal = bool(np.all(np.clip(np.floor(quick), self.low, self.high) == exact))
        gaps_closed = np.all((np.diff(exact, axis=1) == 0) | (np.diff(points, axis=1) <= 1))
        return equal and bool(gaps_closed)
