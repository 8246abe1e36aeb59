"""Pools, mean, add, pad, reshape, softmax and requantise of the numpy int8 engine."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge_app.inference import int8_softmax as fixed
from edge_app.inference.graph import Operator, Tensor
from edge_app.inference.int8_arithmetic import (
    Values,
    activation_range,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
)
from edge_app.inference.int8_ops import MAX_PATCH_ELEMENTS, Build, Step, geometry, patches

INT8 = np.arange(-128, 128)
"""Every int8 value, in the order of the look-up tables."""


def _index(values: Values) -> NDArray[np.intp]:
    """Table positions of int8 values: -128 is 0."""
    return values.astype(np.intp) + 128


def _requantized(values: NDArray[np.int64], multiplier: int, shift: int) -> NDArray[np.int64]:
    """`values` times multiplier·2^(shift-31), rounded twice."""
    return multiply_by_quantized_multiplier(values, np.array(multiplier), np.array(shift))


def average_pool_2d(build: Build, operator: Operator) -> Step:
    """AVERAGE_POOL_2D: the mean over the pixels inside the image, half away from zero; scales stay."""
    copy, view, out, source, target = _pool(build, operator, fill=0.0)
    low, high = activation_range(str(operator.options["fused"]), target.scale, target.zero_point)
    inside = _inside(build, operator, source)
    half = np.floor(inside / 2)

    def step() -> None:
        if copy is not None:
            copy()
        sums = view.sum(axis=(3, 4), dtype=np.float64)
        means = np.trunc((sums + np.copysign(half, sums)) / inside)
        np.copyto(out, np.clip(means, low, high))

    return step


def max_pool_2d(build: Build, operator: Operator) -> Step:
    """MAX_POOL_2D: the largest value; scales stay."""
    copy, view, out, _, target = _pool(build, operator, fill=-128.0)
    low, high = activation_range(str(operator.options["fused"]), target.scale, target.zero_point)

    def step() -> None:
        if copy is not None:
            copy()
        np.copyto(out, np.clip(view.max(axis=(3, 4)), low, high))

    return step


def _pool(
    build: Build, operator: Operator, fill: float
) -> tuple[Step | None, NDArray[np.float32], Values, Tensor, Tensor]:
    """What both pools need: the padded view, the output, and both tensors."""
    source = build.per_tensor(operator, build.tensor(operator, 0))
    kernel = (int(operator.options["filter_h"]), int(operator.options["filter_w"]))
    place = geometry(build, operator, source.shape, *kernel)
    shape = (source.shape[0], place.out_h, place.out_w, source.shape[3])
    if math.prod(shape) * kernel[0] * kernel[1] > MAX_PATCH_ELEMENTS:
        raise build.fail(operator, "the pool is too large")
    target, out = build.output(operator, shape)
    build.same_steps(operator, source, target)
    copy, view = patches(operator, place, build.value(operator, source), kernel, fill)
    return copy, view, out, source, target


def _inside(build: Build, operator: Operator, source: Tensor) -> NDArray[np.float64]:
    """Pixels inside the image per output position, shape (1, out_h, out_w, 1)."""
    kernel = (int(operator.options["filter_h"]), int(operator.options["filter_w"]))
    shape = (1, source.shape[1], source.shape[2], 1)
    place = geometry(build, operator, shape, *kernel)
    copy, view = patches(operator, place, np.ones(shape, np.float32), kernel, 0.0)
    if copy is not None:
        copy()
    return np.asarray(view.sum(axis=(3, 4), dtype=np.float64))


def mean(build: Build, operator: Operator) -> Step:
    """MEAN over constant axes, requantised."""
    source = build.per_tensor(operator, build.tensor(operator, 0))
    rank = len(source.shape)
    given = [int(axis) for axis in build.constant(operator, 1, "int32").reshape(-1)]
    if any(not -rank <= axis < rank for axis in given):
        raise build.fail(operator, f"axes {given} do not fit an input of shape {list(source.shape)}")
    axes = tuple(sorted({axis % rank for axis in given}))
    keep = bool(operator.options["keep_dims"])
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(source.shape) if keep or axis not in axes)
    target, out = build.output(operator, shape)
    count = math.prod(source.shape[axis] for axis in axes)
    multiplier, shift = _mean_multiplier(build.multiplier(operator, source.scale / target.scale), count)
    x, zero_sum = build.value(operator, source), source.zero_point * count

    def step() -> None:
        sums = x.sum(axis=axes, keepdims=keep, dtype=np.float64).astype(np.int64) - zero_sum
        result = _requantized(sums, multiplier, shift) + target.zero_point
        np.copyto(out, np.clip(result, -128, 127))

    return step


def _mean_multiplier(factor: tuple[int, int], count: int) -> tuple[int, int]:
    """Multiplier and shift of factor / count, the division done on the multiplier as the reference does."""
    multiplier, shift = factor
    room = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << room) // count, shift - room


def add(build: Build, operator: Operator) -> Step:
    """ADD with broadcasting: both inputs brought to a common scale with 20 extra bits, added, requantised.

    Source: `AddOp` of tensorflow/lite/kernels/add.cc (int8 branch).
    """
    first = build.per_tensor(operator, build.tensor(operator, 0))
    second = build.per_tensor(operator, build.tensor(operator, 1))
    try:
        shape = np.broadcast_shapes(first.shape, second.shape)
    except ValueError as error:
        raise build.fail(operator, f"cannot add shapes {list(first.shape)} and {list(second.shape)}") from error
    target, out = build.output(operator, shape)
    common = 2.0 * max(first.scale, second.scale)
    factor = common / float(np.float32((1 << 20) * np.float32(target.scale)))
    if factor >= 1.0:
        raise build.fail(operator, "the output's scale is too small for the sum")
    tables = [
        _requantized((INT8 - tensor.zero_point).astype(np.int64) << 20, *quantize_multiplier(tensor.scale / common))
        for tensor in (first, second)
    ]
    multiplier, shift = quantize_multiplier(factor)
    low, high = activation_range(str(operator.options["fused"]), target.scale, target.zero_point)
    x, y = build.value(operator, first), build.value(operator, second)

    def step() -> None:
        total = tables[0][_index(x)] + tables[1][_index(y)]
        np.copyto(out, np.clip(_requantized(total, multiplier, shift) + target.zero_point, low, high))

    return step


def pad(build: Build, operator: Operator) -> Step:
    """PAD with the zero point, PADV2 with a given int8 constant; scales stay."""
    source = build.per_tensor(operator, build.tensor(operator, 0))
    amounts = _paddings(build, operator, len(source.shape))
    if any(amount < 0 or amount > 65535 for pair in amounts for amount in pair):
        raise build.fail(operator, f"paddings {amounts} must be within 0 and 65535")
    shape = tuple(size + before + after for size, (before, after) in zip(source.shape, amounts, strict=True))
    target, out = build.output(operator, shape)
    build.same_steps(operator, source, target)
    fill = target.zero_point
    if operator.name == "PADV2":
        value = build.constant(operator, 2, "int8")
        given = build.tensor(operator, 2)
        if value.size != 1 or (given.scales, given.zero_points) != (target.scales, target.zero_points):
            raise build.fail(operator, "the padding value must be one number in the output's scale")
        fill = int(value.reshape(-1)[0])
    out[...] = fill
    inner = out[tuple(slice(before, before + size) for size, (before, _) in zip(source.shape, amounts, strict=True))]
    x = build.value(operator, source)

    def step() -> None:
        np.copyto(inner, x)

    return step


def _paddings(build: Build, operator: Operator, rank: int) -> list[tuple[int, int]]:
    """(before, after) per dimension; int32 or int64 in the file."""
    tensor = build.graph.tensors[operator.inputs[1]] if len(operator.inputs) > 1 else None
    dtype = "int64" if tensor is not None and tensor.dtype == "int64" else "int32"
    amounts = build.constant(operator, 1, dtype)
    if amounts.shape != (rank, 2):
        raise build.fail(operator, f"paddings have shape {list(amounts.shape)}, expected [{rank}, 2]")
    return [(int(before), int(after)) for before, after in amounts]


def reshape(build: Build, operator: Operator) -> None:
    """RESHAPE: the output is the input's array under another shape, nothing is done at run time."""
    source = build.tensor(operator, 0)
    target = build.checked(operator, build.graph.tensors[operator.outputs[0]], "int8")
    if source.elements != target.elements:
        raise build.fail(operator, f"cannot turn shape {list(source.shape)} into {list(target.shape)}")
    if len(operator.inputs) > 1 and build.graph.tensors[operator.inputs[1]].data is not None:
        wanted = build.constant(operator, 1, "int32").reshape(-1).tolist()
        fits = len(wanted) == len(target.shape) and all(a in (-1, b) for a, b in zip(wanted, target.shape, strict=True))
        if not fits or wanted.count(-1) > 1:
            raise build.fail(operator, f"wants shape {wanted}, the file says {list(target.shape)}")
    build.values[target.index] = build.value(operator, source).reshape(target.shape)


def softmax(build: Build, operator: Operator) -> Step:
    """SOFTMAX over the last dimension in fixed point; see int8_softmax.py."""
    source = build.per_tensor(operator, build.tensor(operator, 0))
    target, out = build.output(operator, source.shape)
    beta = float(operator.options["beta"])
    if target.zero_point != -128 or target.scale != 1 / 256:
        raise build.fail(operator, "the output must have scale 1/256 and zero point -128")
    x = build.value(operator, source)
    if not 2.0**-26 < beta * source.scale < 32 or x.shape[-1] >= 4096:
        raise build.fail(operator, f"beta {beta}, input scale {source.scale} or {x.shape[-1]} classes not run")
    table = np.array(fixed.exponential_table(source.scale, beta), np.int64)
    reached = table > 0
    parts = (table + (1 << 11)) >> 12  # Q0.31 to Q12.19, rounded

    def step() -> None:
        below = (x.max(axis=-1, keepdims=True) - x).astype(np.intp)
        totals = parts[below].sum(axis=-1, keepdims=True)
        inverse = [fixed.reciprocal(total) for total in totals.reshape(-1).tolist()]
        mantissas, shifts = np.array(inverse, np.int64).T.reshape(2, *totals.shape)
        products = (table[below] * mantissas + (1 << 30)) >> 31
        shares = (products + (1 << (shifts + 22))) >> (shifts + 23)
        np.copyto(out, np.where(reached[below], np.minimum(shares - 128, 127), -128))

    return step


def quantize(build: Build, operator: Operator) -> Step:
    """QUANTIZE from int8 to int8: another scale and zero point."""
    source = build.per_tensor(operator, build.tensor(operator, 0))
    target, out = build.output(operator, source.shape)
    multiplier, shift = build.multiplier(operator, source.scale / target.scale)
    table = _requantized((INT8 - source.zero_point).astype(np.int64), multiplier, shift)
    table = np.clip(table + target.zero_point, -128, 127)
    x = build.value(operator, source)

    def step() -> None:
        np.copyto(out, table[_index(x)])

    return step
