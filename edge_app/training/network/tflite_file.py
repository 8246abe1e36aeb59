"""The bytes of a .tflite file from tensors and operators, with `flatbuffers` alone. Same graph, same bytes.

Source: tensorflow/lite/schema/schema.fbs, schema version 3 (the numbers below are its field places and enum values).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers

FILE_ID = b"TFL3"
SCHEMA_VERSION = 3
BUFFER_ALIGNMENT = 16
INT32, INT8 = 2, 9


@dataclass(frozen=True)
class Tensor:
    """One tensor; several scales are one per channel along `axis`, none means not quantised."""

    name: str
    shape: tuple[int, ...]
    kind: int
    scales: tuple[float, ...]
    zero_point: int = 0
    data: bytes | None = None
    """None for activations: they have no buffer of their own."""
    axis: int = 0


@dataclass(frozen=True)
class Operator:
    """One operator: builtin code, version, options."""

    code: int
    version: int
    options_type: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    write_options: Callable[[Any], int]
    """Writes the options' table and gives its place."""


@dataclass
class Graph:
    """What is to be written: the first tensor is the input, the last operator's output the output."""

    tensors: list[Tensor] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)

    def add(self, tensor: Tensor) -> int:
        """Append a tensor; gives its number."""
        self.tensors.append(tensor)
        return len(self.tensors) - 1


def write(graph: Graph, description: str) -> bytes:
    """The file."""
    builder = flatbuffers.Builder(1024)
    codes = sorted({(each.code, each.version) for each in graph.operators})
    buffers, places = _buffers(builder, graph.tensors)
    tensors = [_tensor(builder, tensor, place) for tensor, place in zip(graph.tensors, places, strict=True)]
    operators = [_operator(builder, each, codes.index((each.code, each.version))) for each in graph.operators]
    subgraph = _subgraph(builder, tensors, operators, [0], list(graph.operators[-1].outputs))
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


def _buffers(builder: Any, tensors: Sequence[Tensor]) -> tuple[list[int], list[int]]:
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


def _tensor(builder: Any, tensor: Tensor, buffer: int) -> int:
    name = builder.CreateString(tensor.name)
    shape = _integers(builder, tensor.shape)
    quantization = _quantization(builder, tensor) if tensor.scales else None
    builder.StartObject(8)  # Tensor
    builder.PrependUOffsetTRelativeSlot(0, shape, 0)
    builder.PrependInt8Slot(1, tensor.kind, 0)
    builder.PrependUint32Slot(2, buffer, 0)
    builder.PrependUOffsetTRelativeSlot(3, name, 0)
    if quantization is not None:
        builder.PrependUOffsetTRelativeSlot(4, quantization, 0)
    return int(builder.EndObject())


def _quantization(builder: Any, tensor: Tensor) -> int:
    count = len(tensor.scales)
    builder.StartVector(4, count, 4)
    for scale in reversed(tensor.scales):
        builder.PrependFloat32(scale)
    scales = builder.EndVector()
    builder.StartVector(8, count, 8)
    for _ in tensor.scales:
        builder.PrependInt64(tensor.zero_point)
    zero_points = builder.EndVector()
    builder.StartObject(7)  # QuantizationParameters
    builder.PrependUOffsetTRelativeSlot(2, scales, 0)
    builder.PrependUOffsetTRelativeSlot(3, zero_points, 0)
    builder.PrependInt32Slot(6, tensor.axis, 0)
    return int(builder.EndObject())


def _operator(builder: Any, operator: Operator, code_index: int) -> int:
    inputs, outputs = _integers(builder, operator.inputs), _integers(builder, operator.outputs)
    options = operator.write_options(builder)
    builder.StartObject(9)  # Operator
    builder.PrependUint32Slot(0, code_index, 0)
    builder.PrependUOffsetTRelativeSlot(1, inputs, 0)
    builder.PrependUOffsetTRelativeSlot(2, outputs, 0)
    if operator.options_type:
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
