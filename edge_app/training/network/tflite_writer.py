"""Writes int8 layers as a .tflite file. Same layers, same bytes.

1-D convolutions are written as CONV_2D and DEPTHWISE_CONV_2D on (1, length, 1, channels): half the operators of what
converters make of them. Operator versions are those tflite-runtime 2.14 and ai-edge-litert 2.3 take.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from edge_app.training.network.quantize import (
    QuantizedConv,
    QuantizedDense,
    QuantizedLayer,
    QuantizedMean,
    QuantizedModel,
    QuantizedPool,
    QuantizedReshape,
    QuantizedSoftmax,
    Steps,
)
from edge_app.training.network.tflite_file import INT8, INT32, Graph, Operator, Tensor, write

AVERAGE_POOL_2D, CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED = 1, 3, 4, 9
MAX_POOL_2D, RESHAPE, SOFTMAX, MEAN = 17, 22, 25, 40
VERSIONS = {FULLY_CONNECTED: 4, CONV_2D: 3, DEPTHWISE_CONV_2D: 3, RESHAPE: 1}
"""Operator versions; 2 for all others."""
CONV_OPTIONS, DEPTHWISE_OPTIONS, POOL_OPTIONS = 1, 2, 5
DENSE_OPTIONS, SOFTMAX_OPTIONS, MEAN_OPTIONS = 8, 9, 27
NO_ACTIVATION, RELU = 0, 1
SAME, VALID = 0, 1

Options = Callable[[Any], int]


def write_tflite(model: QuantizedModel, description: str = "edge-app") -> bytes:
    """The bytes of a .tflite file with one input and one output."""
    graph = Graph()
    at = graph.add(_activation("input", input_shape(model), model.input))
    for index, layer in enumerate(model.layers):
        last = index == len(model.layers) - 1
        at = _add(graph, layer, at, "output" if last else f"{_word(layer)}_{index}")
    return write(graph, description)


def input_shape(model: QuantizedModel) -> tuple[int, ...]:
    """Shape of the model's input tensor."""
    first = model.layers[0]
    if isinstance(first, QuantizedDense) and not model.shape:
        return (1, first.weights.shape[1])
    return _planar(model.shape)


def _planar(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(length, channels) as (1, length, 1, channels); (n,) as (1, n)."""
    return (1, shape[0], 1, shape[1]) if len(shape) == 2 else (1, *shape)


def _word(layer: QuantizedLayer) -> str:
    return type(layer).__name__.removeprefix("Quantized").lower()


def _activation(name: str, shape: tuple[int, ...], steps: Steps) -> Tensor:
    return Tensor(name, shape, INT8, (steps.scale,), steps.zero_point)


def _add(graph: Graph, layer: QuantizedLayer, source: int, name: str) -> int:
    """Append one layer; gives the number of its output tensor."""
    if isinstance(layer, QuantizedDense):
        return _add_dense(graph, layer, source, name)
    if isinstance(layer, QuantizedConv):
        return _add_conv(graph, layer, source, name)
    shape = graph.tensors[source].shape
    if isinstance(layer, QuantizedPool):
        code = AVERAGE_POOL_2D if layer.average else MAX_POOL_2D
        pooled = (1, shape[1] // layer.size, 1, shape[3])
        return _append(graph, code, POOL_OPTIONS, (source,), name, pooled, layer.output, _pool_options(layer.size))
    if isinstance(layer, QuantizedMean):
        axes = graph.add(_integers(f"{name}_axes", (1, 2)))
        return _append(graph, MEAN, MEAN_OPTIONS, (source, axes), name, (1, shape[3]), layer.output, _mean_options)
    if isinstance(layer, QuantizedReshape):
        target = _planar(layer.shape)
        wanted = graph.add(_integers(f"{name}_shape", target))
        return _append(graph, RESHAPE, 0, (source, wanted), name, target, layer.output, _no_options)
    if isinstance(layer, QuantizedSoftmax):
        return _append(graph, SOFTMAX, SOFTMAX_OPTIONS, (source,), name, shape, layer.output, _softmax_options)
    raise TypeError(f"no operator for {type(layer).__name__}")


def _append(
    graph: Graph,
    code: int,
    options_type: int,
    inputs: tuple[int, ...],
    name: str,
    shape: tuple[int, ...],
    steps: Steps,
    options: Options,
) -> int:
    output = graph.add(_activation(name, shape, steps))
    graph.operators.append(Operator(code, VERSIONS.get(code, 2), options_type, inputs, (output,), options))
    return output


def _integers(name: str, values: tuple[int, ...]) -> Tensor:
    return Tensor(name, (len(values),), INT32, (), 0, np.array(values, "<i4").tobytes())


def _add_dense(graph: Graph, layer: QuantizedDense, source: int, name: str) -> int:
    n_out, n_in = layer.weights.shape
    source_scale = graph.tensors[source].scales[0]
    content = layer.weights.astype("<i1").tobytes()
    weights = Tensor(f"{name}_w", (n_out, n_in), INT8, (layer.weight_scale,), 0, content)
    bias_scale = float(np.float32(source_scale * layer.weight_scale))
    bias = Tensor(f"{name}_b", (n_out,), INT32, (bias_scale,), 0, layer.bias.astype("<i4").tobytes())
    inputs = (source, graph.add(weights), graph.add(bias))
    options = _dense_options(RELU if layer.relu else NO_ACTIVATION)
    return _append(graph, FULLY_CONNECTED, DENSE_OPTIONS, inputs, name, (1, n_out), layer.output, options)


def _add_conv(graph: Graph, layer: QuantizedConv, source: int, name: str) -> int:
    """A convolution; the schema wants weights as (out, height, width, in), depthwise as (1, height, width, out)."""
    source_tensor = graph.tensors[source]
    content = layer.weights.astype("<i1").tobytes()
    if layer.depthwise:
        kernel, n_out = layer.weights.shape
        shape, axis = (1, kernel, 1, n_out), 3
    else:
        n_out, kernel, n_in = layer.weights.shape
        shape, axis = (n_out, kernel, 1, n_in), 0
    weights = Tensor(f"{name}_w", shape, INT8, layer.scales, 0, content, axis)
    bias_scales = tuple(float(np.float32(source_tensor.scales[0] * scale)) for scale in layer.scales)
    bias = Tensor(f"{name}_b", (n_out,), INT32, bias_scales, 0, layer.bias.astype("<i4").tobytes())
    inputs = (source, graph.add(weights), graph.add(bias))
    out = (1, math.ceil(source_tensor.shape[1] / layer.stride), 1, n_out)
    options = _conv_options(layer)
    code, kind = (DEPTHWISE_CONV_2D, DEPTHWISE_OPTIONS) if layer.depthwise else (CONV_2D, CONV_OPTIONS)
    return _append(graph, code, kind, inputs, name, out, layer.output, options)


def _dense_options(activation: int) -> Options:
    def options(builder: Any) -> int:
        builder.StartObject(4)
        builder.PrependInt8Slot(0, activation, 0)  # FullyConnectedOptions.fused_activation_function
        return int(builder.EndObject())

    return options


def _conv_options(layer: QuantizedConv) -> Options:
    """Conv2DOptions and DepthwiseConv2DOptions differ by depth_multiplier in slot 3."""

    def options(builder: Any) -> int:
        builder.StartObject(7)
        builder.PrependInt8Slot(0, SAME, 0)
        builder.PrependInt32Slot(1, 1, 0)  # stride_w
        builder.PrependInt32Slot(2, layer.stride, 0)  # stride_h: time is the height
        if layer.depthwise:
            builder.PrependInt32Slot(3, 1, 0)
        builder.PrependInt8Slot(4 if layer.depthwise else 3, RELU if layer.relu else NO_ACTIVATION, 0)
        return int(builder.EndObject())

    return options


def _pool_options(size: int) -> Options:
    def options(builder: Any) -> int:
        builder.StartObject(6)
        builder.PrependInt8Slot(0, VALID, 0)
        for slot, value in ((1, 1), (2, size), (3, 1), (4, size)):  # stride_w, stride_h, filter_width, filter_height
            builder.PrependInt32Slot(slot, value, 0)
        return int(builder.EndObject())

    return options


def _mean_options(builder: Any) -> int:
    builder.StartObject(1)  # ReducerOptions: keep_dims false
    return int(builder.EndObject())


def _softmax_options(builder: Any) -> int:
    builder.StartObject(1)
    builder.PrependFloat32Slot(0, 1.0, 0.0)  # beta
    return int(builder.EndObject())


def _no_options(builder: Any) -> int:
    return 0
