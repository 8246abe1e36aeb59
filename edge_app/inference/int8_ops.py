"""Dense and convolution layers of the numpy int8 engine: prepared at load, then a few whole-array operations a run.

Sums are matrix products in float32 where no partial sum can pass 2^24 (then every order of summation is exact),
else in float64. The input's zero point is folded into the bias, so products run on the int8 values themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from edge_app.core.errors import ModelError
from edge_app.inference.graph import Graph, Operator, Tensor
from edge_app.inference.int8_arithmetic import Requantizer, Values, activation_range, quantize_multiplier

Step = Callable[[], None]
Sums = NDArray[np.float32] | NDArray[np.float64]

MAX_PATCH_ELEMENTS = 1 << 24
"""Elements of one layer's unfolded input patches (64 MiB in float32)."""


@dataclass
class Build:
    """What building a step needs: the graph and the values of its tensors."""

    graph: Graph
    values: dict[int, Values]
    """Activations and int8 constants by tensor number; an operator reads and writes these very arrays."""

    def fail(self, operator: Operator, what: str, fix: str = "Convert the model again, fully int8.") -> ModelError:
        """The error for an operator that cannot be run."""
        return ModelError(f"{self.graph.where}: {operator}: {what}", fix)

    def tensor(self, operator: Operator, position: int, dtype: str = "int8") -> Tensor:
        """An input tensor of the type; int8 ones must be quantised."""
        if position >= len(operator.inputs) or operator.inputs[position] < 0:
            raise self.fail(operator, f"input {position} is missing")
        return self.checked(operator, self.graph.tensors[operator.inputs[position]], dtype)

    def value(self, operator: Operator, tensor: Tensor) -> Values:
        """The array of an int8 tensor with at least one dimension."""
        if tensor.index not in self.values or not tensor.shape:
            raise self.fail(operator, f"{tensor} of shape {list(tensor.shape)} cannot be its input")
        return self.values[tensor.index]

    def output(self, operator: Operator, shape: tuple[int, ...]) -> tuple[Tensor, Values]:
        """The output tensor and its array; the file must declare the shape the operator makes."""
        tensor = self.checked(operator, self.graph.tensors[operator.outputs[0]], "int8")
        self.per_tensor(operator, tensor)
        if tensor.shape != shape:
            raise self.fail(operator, f"makes shape {list(shape)}, the file says {list(tensor.shape)}")
        return tensor, self.values.setdefault(tensor.index, np.zeros(shape, np.float32))

    def checked(self, operator: Operator, tensor: Tensor, dtype: str) -> Tensor:
        """The tensor itself when its type fits."""
        if tensor.dtype != dtype:
            raise self.fail(operator, f"{tensor} is {tensor.dtype}, expected {dtype}")
        if dtype == "int8" and not tensor.scales:
            raise self.fail(operator, f"{tensor} has no quantisation parameters")
        return tensor

    def per_tensor(self, operator: Operator, tensor: Tensor) -> Tensor:
        """The tensor itself when it has one scale."""
        if len(tensor.scales) != 1:
            raise self.fail(operator, f"{tensor} has {len(tensor.scales)} scales, one is expected")
        return tensor

    def same_steps(self, operator: Operator, source: Tensor, target: Tensor) -> None:
        """Operators that hand values on unchanged need equal steps; the reference allows scales to differ by 1e-6."""
        if source.zero_point != target.zero_point or abs(source.scale - target.scale) > 1e-6:
            raise self.fail(operator, "input and output must share scale and zero point")

    def constant(self, operator: Operator, position: int, dtype: str) -> NDArray[Any]:
        """A constant input as int64 of its shape."""
        tensor = self.tensor(operator, position, dtype)
        if tensor.data is None:
            raise self.fail(operator, f"{tensor} must be a constant")
        little_endian = np.dtype(dtype).newbyteorder("<")
        return np.frombuffer(tensor.data, little_endian).reshape(tensor.shape).astype(np.int64)

    def multiplier(self, operator: Operator, factor: float) -> tuple[int, int]:
        """`quantize_multiplier`, refused where the left shift leaves 32 bits."""
        multiplier, shift = quantize_multiplier(factor)
        if shift > 30:
            raise self.fail(operator, f"the output's scale is {factor:g} times too small for its input")
        return multiplier, shift

    def bias(self, operator: Operator, channels: int) -> NDArray[np.int64]:
        """The bias of a layer, zeros when it has none."""
        if len(operator.inputs) < 3 or operator.inputs[2] < 0:
            return np.zeros(channels, np.int64)
        values = self.constant(operator, 2, "int32")
        if values.shape != (channels,):
            raise self.fail(operator, f"the bias has shape {list(values.shape)}, expected [{channels}]")
        return values


@dataclass
class Layer:
    """Weights, folded bias and requantisation of a layer."""

    weights: Sums
    """Shape (channels, inputs per output)."""
    bias: Sums
    requantizer: Requantizer
    dtype: type[Any]
    """float32 where sums stay below 2^24, else float64."""


def _factors(build: Build, operator: Operator, source: Tensor, weights: Tensor, target: Tensor) -> list[float]:
    """Real factor from sums to output steps, one per output channel scale.

    Source: `GetQuantizedConvolutionMultipler` (dense per tensor: the product of scales is taken in float32) and
    `PopulateConvolutionQuantizationParams` (all others: float64) of tensorflow/lite/kernels/kernel_util.cc.
    """
    if operator.name == "FULLY_CONNECTED" and len(weights.scales) == 1:
        product = float(np.float32(source.scale) * np.float32(weights.scale))
        _check_bias_scale(build, operator, source.scale * weights.scale, target.scale)
        return [product / target.scale]
    return [source.scale * scale / target.scale for scale in weights.scales]


def _check_bias_scale(build: Build, operator: Operator, product: float, output_scale: float) -> None:
    """The reference refuses a bias whose scale is not that of the sums."""
    if len(operator.inputs) < 3 or operator.inputs[2] < 0:
        return
    bias = build.graph.tensors[operator.inputs[2]]
    if bias.scales and abs(product - bias.scale) / output_scale > 0.02:
        raise build.fail(operator, f"the bias has scale {bias.scale}, expected {product}")


def make_layer(build: Build, operator: Operator, weights: NDArray[np.int64], target: Tensor) -> Layer:
    """Fold zero points into the bias, choose the type of the sums, prove the requantisation.

    `weights` has shape (channels, inputs per output), the weights' own zero point already taken off.
    """
    source, weight_tensor = build.tensor(operator, 0), build.tensor(operator, 1)
    channels = len(weights)
    bias = build.bias(operator, channels)
    reach = np.abs(weights).sum(axis=1)
    # Two bounds: of the sums the reference forms (it takes the zero point off first), and of our partial sums.
    bound = int((reach * 255 + np.abs(bias)).max())
    if bound >= 1 << 31:
        raise build.fail(operator, f"sums may reach {bound}, past 32 bits", "Quantise the model with smaller biases.")
    folded = bias - source.zero_point * weights.sum(axis=1)
    exact_in_float32 = int((reach * 128 + np.abs(folded)).max()) <= 1 << 24
    dtype: type[Any] = np.float32 if exact_in_float32 else np.float64
    factors = _factors(build, operator, source, weight_tensor, target)
    if len(factors) not in (1, channels):
        raise build.fail(operator, f"{len(factors)} weight scales for {channels} output channels")
    multipliers, shifts = zip(*[build.multiplier(operator, factor) for factor in factors], strict=True)
    low, high = activation_range(str(operator.options["fused"]), target.scale, target.zero_point)
    repeat = channels // len(factors)
    requantizer = Requantizer(multipliers * repeat, shifts * repeat, target.zero_point, low, high, bound)
    return Layer(weights.astype(dtype), folded.astype(dtype), requantizer, dtype)


def fully_connected(build: Build, operator: Operator) -> Step:
    """FULLY_CONNECTED: y = requantise(x · Wᵀ + b); weights per tensor or per output channel."""
    source, weights = build.tensor(operator, 0), build.tensor(operator, 1)
    matrix = build.constant(operator, 1, "int8")
    if matrix.ndim != 2 or source.elements % matrix.shape[1]:
        raise build.fail(operator, f"weights of shape {list(matrix.shape)} do not fit input {list(source.shape)}")
    if operator.options["weights_format"] != 0:
        raise build.fail(operator, "shuffled weights are not run")
    if len(weights.scales) == 1:
        matrix = matrix - weights.zero_point
    channels, inputs = matrix.shape
    rows = source.elements // inputs
    declared = build.graph.tensors[operator.outputs[0]].shape
    shapes = (
        {(rows, channels), (*source.shape[:-1], channels)} if operator.options["keep_num_dims"] else {(rows, channels)}
    )
    target, out = build.output(operator, declared if declared in shapes else (rows, channels))
    layer = make_layer(build, operator, matrix, target)
    x = build.value(operator, source).reshape(rows, inputs)
    return _product_step(layer, x, out.reshape(rows, channels))


def _product_step(layer: Layer, x: Values, out: Values) -> Step:
    """out = requantise(x · Wᵀ + b) for x of shape (rows, inputs)."""
    rows, channels = out.shape
    work = np.empty((rows, channels), np.float64)
    sums: Sums = np.empty((rows, channels), layer.dtype)
    bias, apply = layer.bias, layer.requantizer.apply
    wide = layer.dtype is np.float64
    if rows == 1 and not wide:  # one window at a time: matrix times vector
        weights, vector, row = layer.weights, x[0], sums[0]
        work_row, out_row = work[0], out[0]

        def one_row() -> None:
            np.dot(weights, vector, out=row)
            np.add(row, bias, out=row)
            apply(row, work_row, out_row)

        return one_row
    transposed = np.ascontiguousarray(layer.weights.T)

    def step() -> None:
        np.dot(x.astype(np.float64) if wide else x, transposed, out=sums)
        np.add(sums, bias, out=sums)
        apply(sums, work, out)

    return step


@dataclass
class Geometry:
    """How a filter slides over an image of shape (batch, height, width, channels)."""

    out_h: int
    out_w: int
    pad_top: int
    pad_left: int
    padded_h: int
    padded_w: int


def geometry(build: Build, operator: Operator, shape: tuple[int, ...], kernel_h: int, kernel_w: int) -> Geometry:
    """Output size and padding.

    Source: `ComputeOutSize` and `ComputePaddingWithOffset` of tensorflow/lite/kernels/padding.h; with SAME the odd
    pixel goes to the bottom and the right.
    """
    if len(shape) != 4:
        raise build.fail(operator, f"input has shape {list(shape)}, expected four dimensions")
    options = operator.options
    sizes = []
    for size, kernel, end in ((shape[1], kernel_h, "h"), (shape[2], kernel_w, "w")):
        stride, dilation = int(options[f"stride_{end}"]), int(options.get(f"dilation_{end}", 1))
        extent = (kernel - 1) * dilation + 1
        out = -(-size // stride) if options["padding"] == "same" else -(-(size - extent + 1) // stride)
        if out < 1:
            raise build.fail(operator, f"a filter of extent {extent} does not fit an input of {size}")
        pad = max(0, (out - 1) * stride + extent - size)
        sizes.append((out, pad // 2, max(size + pad, (out - 1) * stride + extent)))
    (out_h, pad_top, padded_h), (out_w, pad_left, padded_w) = sizes
    if shape[0] * padded_h * padded_w * shape[3] > MAX_PATCH_ELEMENTS:
        raise build.fail(operator, "the padded input is too large")
    return Geometry(out_h, out_w, pad_top, pad_left, padded_h, padded_w)


def patches(
    operator: Operator, place: Geometry, source: Values, kernel: tuple[int, int], fill: float
) -> tuple[Step | None, NDArray[np.float32]]:
    """View of shape (batch, out_h, out_w, kernel_h, kernel_w, channels) over the padded input.

    Returns the step that copies the input into the padded room (None when there is no padding), and the view.
    """
    batch, height, width, channels = source.shape
    copy: Step | None = None
    room = source
    if (place.padded_h, place.padded_w) != (height, width):
        room = np.full((batch, place.padded_h, place.padded_w, channels), fill, np.float32)
        inner = room[:, place.pad_top : place.pad_top + height, place.pad_left : place.pad_left + width]

        def copy_in() -> None:
            np.copyto(inner, source)

        copy = copy_in
    s0, s1, s2, s3 = room.strides
    options = operator.options
    moves = (s1 * int(options["stride_h"]), s2 * int(options["stride_w"]))
    taps = (s1 * int(options.get("dilation_h", 1)), s2 * int(options.get("dilation_w", 1)))
    shape = (batch, place.out_h, place.out_w, *kernel, channels)
    return copy, as_strided(room, shape, (s0, *moves, *taps, s3), writeable=False)


def conv_2d(build: Build, operator: Operator) -> Step:
    """CONV_2D: weights (out channels, height, width, in channels), per tensor or per output channel."""
    source = build.per_tensor(operator, build.tensor(operator, 0))
    weights = build.constant(operator, 1, "int8")
    _check_weights(build, operator, weights, axis=0)
    channels, kernel_h, kernel_w, depth = weights.shape
    place = geometry(build, operator, source.shape, kernel_h, kernel_w)
    if source.shape[3] != depth:
        raise build.fail(operator, f"{source.shape[3]} input channels, weights for {depth} (no grouped convolution)")
    shape = (source.shape[0], place.out_h, place.out_w, channels)
    target, out = build.output(operator, shape)
    layer = make_layer(build, operator, weights.reshape(channels, -1), target)
    rows, inputs = shape[0] * shape[1] * shape[2], kernel_h * kernel_w * depth
    if rows * inputs > MAX_PATCH_ELEMENTS:
        raise build.fail(operator, f"{rows} outputs of {inputs} inputs each are too many to unfold")
    x = build.value(operator, source)
    flat_out = out.reshape(rows, channels)
    copy, view = patches(operator, place, x, (kernel_h, kernel_w), source.zero_point)
    if copy is None and rows * inputs == x.size and view.flags.c_contiguous:
        return _product_step(layer, x.reshape(rows, inputs), flat_out)
    unfolded = np.empty(view.shape, np.float32)
    product = _product_step(layer, unfolded.reshape(rows, inputs), flat_out)

    def step() -> None:
        if copy is not None:
            copy()
        np.copyto(unfolded, view)
        product()

    return step


def depthwise_conv_2d(build: Build, operator: Operator) -> Step:
    """DEPTHWISE_CONV_2D: weights (1, height, width, channels·multiplier).

    Output channel c reads input channel c // multiplier.
    """
    source = build.per_tensor(operator, build.tensor(operator, 0))
    weights = build.constant(operator, 1, "int8")
    _check_weights(build, operator, weights, axis=3)
    _, kernel_h, kernel_w, channels = weights.shape
    place = geometry(build, operator, source.shape, kernel_h, kernel_w)
    multiplier = channels // source.shape[3]
    if weights.shape[0] != 1 or multiplier * source.shape[3] != channels:
        raise build.fail(operator, f"weights {list(weights.shape)} do not fit {source.shape[3]} input channels")
    target, out = build.output(operator, (source.shape[0], place.out_h, place.out_w, channels))
    layer = make_layer(build, operator, weights.reshape(-1, channels).T, target)
    taps = np.ascontiguousarray(layer.weights.T).reshape(kernel_h, kernel_w, channels)
    copy, view = patches(operator, place, build.value(operator, source), (kernel_h, kernel_w), source.zero_point)
    sums: Sums = np.empty(out.shape, layer.dtype)
    term: Sums = np.empty(out.shape, layer.dtype)
    work = np.empty(out.shape, np.float64)
    places = [(view[:, :, :, i, j], taps[i, j]) for i in range(kernel_h) for j in range(kernel_w)]

    def step() -> None:
        if copy is not None:
            copy()
        np.copyto(sums, layer.bias)
        for pixels, tap in places:
            spread = pixels if multiplier == 1 else np.repeat(pixels, multiplier, axis=3)
            np.multiply(spread, tap, out=term)
            np.add(sums, term, out=sums)
        layer.requantizer.apply(sums, work, out)

    return step


def _check_weights(build: Build, operator: Operator, weights: NDArray[np.int64], axis: int) -> None:
    """Convolution weights have four dimensions, are symmetric, and are scaled along their output channel."""
    tensor = build.tensor(operator, 1)
    if weights.ndim != 4:
        raise build.fail(operator, f"weights have shape {list(weights.shape)}, expected four dimensions")
    if any(tensor.zero_points):
        raise build.fail(operator, "weights have a zero point other than 0")
    if len(tensor.scales) > 1 and tensor.axis != axis:
        raise build.fail(operator, f"weights are scaled along dimension {tensor.axis}, expected {axis}")
