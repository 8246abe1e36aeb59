"""Writes int8 layers as a .tflite file, with `flatbuffers` alone. Same layers, same bytes.

Source: tensorflow/lite/schema/schema.fbs, schema version 3 (the numbers below are its field places and enum values);
operator versions as tflite-runtime 2.14 and ai-edge-litert 2.3 take them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np

from edge_app.training.quantize import QuantizedDense, QuantizedModel, Steps

FILE_ID = b"TFL3"
SCHEMA_VERSION = 3
BUFFER_ALIGNMENT = 16
INT32, INT8 = 2, 9
FULLY_CONNECTED, FULLY_CONNECTED_VERSION, FULLY_CONNECTED_OPTIONS = 9, 4, 8
NO_ACTIVATION, RELU = 0, 1


@dataclass(frozen=True)
class _Tensor:
    name: str
    shape: tuple[int, ...]
    kind: int
    scale: float
    zero_point: int
    data: bytes | None
    """None for activations: they have no buffer of their own."""


@dataclass(frozen=True)
class _Operator:
    code: int
    version: int
    options_type: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    write_options: Callable[[Any], int]


@dataclass
class _Graph:
    tensors: list[_Tensor]
    operators: list[_Operator]

    def add(self, tensor: _Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1


def write_tflite(model: QuantizedModel, description: str = "edge-app") -> bytes:
    """The bytes of a .tflite file with one input and one output of shape (1, n)."""
    graph = _Graph([], [])
    at = graph.add(_activation("input", model.layers[0].weights.shape[1], model.input))
    for index, layer in enumerate(model.layers):
        last = index == len(model.layers) - 1
        at = _add_dense(graph, layer, at, "output" if last else f"dense_{index}")
    return _write(graph, description)


def _activation(name: str, length: int, steps: Steps) -> _Tensor:
    return _Tensor(name, (1, length), INT8, steps.scale, steps.zero_point, None)


def _add_dense(graph: _Graph, layer: QuantizedDense, source: int, name: str) -> int:
    """Append one fully connected layer; gives the number of its output tensor."""
    n_out, n_in = layer.weights.shape
    source_scale = graph.tensors[source].scale
    weights = _Tensor(f"{name}_w", (n_out, n_in), INT8, layer.weight_scale, 0, layer.weights.astype("<i1").tobytes())
    bias_scale = float(np.float32(source_scale * layer.weight_scale))
    bias = _Tensor(f"{name}_b", (n_out,), INT32, bias_scale, 0, layer.bias.astype("<i4").tobytes())
    inputs = (source, graph.add(weights), graph.add(bias))
    output = graph.add(_activation(name, n_out, layer.output))
    activation = RELU if layer.relu else NO_ACTIVATION

    def options(builder: Any) -> int:
        builder.StartObject(4)
        builder.PrependInt8Slot(0, activation, 0)  # FullyConnectedOptions.fused_activation_function
        return int(builder.EndObject())

    graph.operators.append(
        _Operator(FULLY_CONNECTED, FULLY_CONNECTED_VERSION, FULLY_CONNECTED_OPTIONS, inputs, (output,), options)
    )
    return output


def _write(graph: _Graph, description: str) -> bytes:
    builder = flatbuffers.Builder(1024)
    codes = sorted({(each.code, each.version) for each in graph.operators})
    buffers, places = _buffers(builder, graph.tensors)
    tensors = [_tensor(builder, tensor, place) for tensor, place in zip(graph.tensors, places, strict=True)]
    operators = [_operator(builder, each, codes.index((each.code, each.version))) for each in graph.operators]
    subgraph = _subgraph(builder, tensors, operators, [0], [len(tensors) - 1])
    codes_vector = _offsets(builder, [_operator_code(builder, code, version) for code, version in codes])
    subgraphs = _offsets(builder, [subgraph])
    text = builder.CreateString(description)
    buffers_vector = _offsets(builder, buffers)
    builder.StartObject(8)  # Model
    builder.PrependUint32Slot(0, SCHEMA_VERSION, 0)
    builder.PrependUOffsetTRelativeSlot(1, codes_vector, 0)
    builder.PrependUOffsetTRelativeSlot(2, subgraphs, 0)
    builder.PrependUOffsetTRelativeSlot(3, text, 0)
    builder.PrependUOffsetTRelativeSlot(4, buffers_vector, 0)
    builder.Finish(builder.EndObject(), FILE_ID)
    return bytes(builder.Output())


def _buffers(builder: Any, tensors: Sequence[_Tensor]) -> tuple[list[int], list[int]]:
    """Buffer tables, number 0 empty as the schema asks, and each tensor's buffer number."""
    tables, places = [_buffer(builder, b"")], []
    for tensor in tensors:
        if tensor.data is None:
            places.append(0)
        else:
            tables.append(_buffer(builder, tensor.data))
            places.append(len(tables) - 1)
    return tables, places


def _buffer(builder: Any, data: bytes) -> int:
    vector = 0
    if data:
        builder.StartVector(1, len(data), BUFFER_ALIGNMENT)
        builder.head = builder.head - len(data)
        builder.Bytes[builder.head : builder.head + len(data)] = data
        vector = builder.EndVector()
    builder.StartObject(1)  # Buffer
    if vector:
        builder.PrependUOffsetTRelativeSlot(0, vector, 0)
    return int(builder.EndObject())


def _tensor(builder: Any, tensor: _Tensor, buffer: int) -> int:
    name = builder.CreateString(tensor.name)
    shape = _integers(builder, tensor.shape)
    quantization = _quantization(builder, tensor.scale, tensor.zero_point)
    builder.StartObject(8)  # Tensor
    builder.PrependUOffsetTRelativeSlot(0, shape, 0)
    builder.PrependInt8Slot(1, tensor.kind, 0)
    builder.PrependUint32Slot(2, buffer, 0)
    builder.PrependUOffsetTRelativeSlot(3, name, 0)
    builder.PrependUOffsetTRelativeSlot(4, quantization, 0)
    return int(builder.EndObject())


def _quantization(builder: Any, scale: float, zero_point: int) -> int:
    builder.StartVector(4, 1, 4)
    builder.PrependFloat32(scale)
    scales = builder.EndVector()
    builder.StartVector(8, 1, 8)
    builder.PrependInt64(zero_point)
    zero_points = builder.EndVector()
    builder.StartObject(7)  # QuantizationParameters
    builder.PrependUOffsetTRelativeSlot(2, scales, 0)
    builder.PrependUOffsetTRelativeSlot(3, zero_points, 0)
    return int(builder.EndObject())


def _operator(builder: Any, operator: _Operator, code_index: int) -> int:
    inputs, outputs = _integers(builder, operator.inputs), _integers(builder, operator.outputs)
    options = operator.write_options(builder)
    builder.StartObject(9)  # Operator
    builder.PrependUint32Slot(0, code_index, 0)
    builder.PrependUOffsetTRelativeSlot(1, inputs, 0)
    builder.PrependUOffsetTRelativeSlot(2, outputs, 0)
    builder.PrependUint8Slot(3, operator.options_type, 0)
    builder.PrependUOffsetTRelativeSlot(4, options, 0)
    return int(builder.EndObject())


def _operator_code(builder: Any, code: int, version: int) -> int:
    """Old readers look at deprecated_builtin_code, new ones at builtin_code."""
    builder.StartObject(4)  # OperatorCode
    builder.PrependInt8Slot(0, min(code, 127), 0)
    builder.PrependInt32Slot(2, version, 1)
    builder.PrependInt32Slot(3, code, 0)
    return int(builder.EndObject())


def _subgraph(
    builder: Any, tensors: Sequence[int], operators: Sequence[int], inputs: Sequence[int], outputs: Sequence[int]
) -> int:
    tensor_vector, operator_vector = _offsets(builder, tensors), _offsets(builder, operators)
    input_vector, output_vector = _integers(builder, inputs), _integers(builder, outputs)
    builder.StartObject(5)  # SubGraph
    builder.PrependUOffsetTRelativeSlot(0, tensor_vector, 0)
    builder.PrependUOffsetTRelativeSlot(1, input_vector, 0)
    builder.PrependUOffsetTRelativeSlot(2, output_vector, 0)
    builder.PrependUOffsetTRelativeSlot(3, operator_vector, 0)
    return int(builder.EndObject())


def _offsets(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _integers(builder: Any, values: Sequence[int]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependInt32(value)
    return int(builder.EndVector())
