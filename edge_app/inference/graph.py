"""A .tflite file as plain data: tensors, operators in order, quantisation, options; checked for sense and for size.

What is read is what our engines run: one subgraph, constant weights, no variables. Names and slot numbers come from
the schema file `tensorflow/lite/schema/schema.fbs` (version 3) of TensorFlow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_app.core.errors import ModelError
from edge_app.core.files import read_at_most
from edge_app.inference.flatbuffer import Reader, Table
from edge_app.inference.operators import OPERATORS, foreign
from edge_app.inference.schema import check_file

MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_TENSORS = 1000
MAX_OPERATORS = 1000
MAX_DIMENSIONS = 6
MAX_ELEMENTS = 1 << 24
"""Elements of one tensor, and of all activations together."""
MAX_CONSTANT_BYTES = 2 * MAX_FILE_BYTES
"""Constants of all tensors together: a small file may name the same bytes a thousand times."""
MIN_SCALE, MAX_SCALE = 2.0**-60, 2.0**30
"""Scales of models that mean something; outside, the interpreters' own integers overflow."""
MIN_CONSTANT_SCALE = 2.0**-126
"""Of biases and of weights per channel: a dead channel may have any scale a normal float32 holds."""

DTYPES = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 9: "int8"}
ITEM_BYTES = {"float32": 4, "float16": 2, "int32": 4, "uint8": 1, "int64": 8, "bool": 1, "int16": 2, "int8": 1}

_FUSED = ("none", "relu", "relu_n1_to_1", "relu6")
_PADDING = ("same", "valid")

# Per operator: number of the options' union type, then (key, slot, layout, default) per option.
_CONV = (("padding", 0, "<b", 0), ("stride_w", 1, "<i", 0), ("stride_h", 2, "<i", 0))
_POOL = (*_CONV, ("filter_w", 3, "<i", 0), ("filter_h", 4, "<i", 0), ("fused", 5, "<b", 0))
_OPTIONS: Mapping[str, tuple[int, tuple[tuple[str, int, str, int], ...]]] = {
    "CONV_2D": (1, (*_CONV, ("fused", 3, "<b", 0), ("dilation_w", 4, "<i", 1), ("dilation_h", 5, "<i", 1))),
    "DEPTHWISE_CONV_2D": (
        2,
        (
            *_CONV,
            ("depth_multiplier", 3, "<i", 0),
            ("fused", 4, "<b", 0),
            ("dilation_w", 5, "<i", 1),
            ("dilation_h", 6, "<i", 1),
        ),
    ),
    "AVERAGE_POOL_2D": (5, _POOL),
    "MAX_POOL_2D": (5, _POOL),
    "FULLY_CONNECTED": (8, (("fused", 0, "<b", 0), ("weights_format", 1, "<b", 0), ("keep_num_dims", 2, "<B", 0))),
    "SOFTMAX": (9, (("beta", 0, "<f", 0),)),
    "ADD": (11, (("fused", 0, "<b", 0),)),
    "MEAN": (27, (("keep_dims", 0, "<B", 0),)),
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of the graph."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    """Empty: not quantised; one: per tensor; more: per channel along `axis`."""
    zero_points: tuple[int, ...]
    axis: int
    data: memoryview | None
    """Little-endian constants in C order; None for activations."""

    @property
    def elements(self) -> int:
        """Product of the shape."""
        return math.prod(self.shape)

    @property
    def scale(self) -> float:
        """The per-tensor scale."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The per-tensor zero point."""
        return self.zero_points[0]

    def __str__(self) -> str:
        return f"tensor {self.index} ({self.name})"


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: its name, tensor numbers (-1: absent optional input) and options by name."""

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, int | float | str]

    def __str__(self) -> str:
        return f"operator {self.index} ({self.name})"


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole model."""

    where: str
    """File name, for messages."""
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def input(self) -> Tensor:
        """The only input."""
        return self.tensors[self.inputs[0]]

    @property
    def output(self) -> Tensor:
        """The only output."""
        return self.tensors[self.outputs[0]]


def read_model_file(path: Path) -> bytes:
    """Bytes of a model file. Raises ModelError when it is missing, unreadable or larger than 16 MiB."""
    try:
        data = read_at_most(path, MAX_FILE_BYTES)
    except OSError as error:
        raise ModelError(
            f"{path}: cannot read the model file ({error.strerror or error})",
            "Check `model.file` in app.yaml; train one with `edge-app train`.",
        ) from error
    if data is None:
        raise ModelError(
            f"{path}: the model file is larger than {MAX_FILE_BYTES} bytes", "Use a smaller or pruned model."
        )
    return data


def read_graph(data: bytes, where: str) -> Graph:
    """The graph in the bytes of a .tflite file.

    Raises
    ------
    ModelError
        Whenever the file is damaged, hostile, too large, or holds what the engines do not run; it names the place.
    """
    reader = Reader(data, where)
    if len(data) > MAX_FILE_BYTES:
        raise reader.fail(f"the file has {len(data)} bytes, more than the {MAX_FILE_BYTES} allowed")
    model = reader.root(b"TFL3")
    version = model.scalar(0, "<I", 0, "version")
    if version != 3:
        raise reader.fail(f"schema version {version}, only 3 is known")
    subgraphs = model.tables(2, 64, "subgraph")
    if len(subgraphs) != 1:
        raise reader.fail(f"{len(subgraphs)} subgraphs, only models with one are run")
    buffers = model.tables(4, 2 * MAX_TENSORS, "buffer")
    tables = subgraphs[0].tables(0, MAX_TENSORS, "tensor")
    tensors = tuple(_tensor(reader, table, index, buffers) for index, table in enumerate(tables))
    codes = [_operator_code(code) for code in model.tables(1, MAX_OPERATORS, "operator code")]
    operators = tuple(
        _operator(reader, table, index, codes, len(tensors))
        for index, table in enumerate(subgraphs[0].tables(3, MAX_OPERATORS, "operator"))
    )
    inputs = _indices(reader, subgraphs[0], 1, len(tensors), "the graph's inputs")
    outputs = _indices(reader, subgraphs[0], 2, len(tensors), "the graph's outputs")
    check_file(model, len(tensors), len(buffers))
    graph = Graph(where, tensors, operators, inputs, outputs)
    _check_sizes(reader, graph)
    _check_order(reader, graph)
    return graph


def _tensor(reader: Reader, table: Table, index: int, buffers: list[Table]) -> Tensor:
    """One tensor with its constants."""
    shape = table.vector(0, "<i", MAX_DIMENSIONS, "shape")
    dtype = DTYPES.get(table.scalar(1, "<b", 0, "type"), "")
    name = table.text(3, "name")
    where = f"tensor {index} ({name})"
    if not dtype:
        raise reader.fail(f"{where} has an unknown type")
    if any(size in (0, -1) for size in shape):
        raise ModelError(
            f"{reader.where}: {where} has shape {list(shape)}: a size is left open",
            "Convert the model with sizes that are fixed, and a batch of 1.",
        )
    if any(size < 1 for size in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise reader.fail(f"{where} has shape {list(shape)}: sizes must be positive, their product ≤ {MAX_ELEMENTS}")
    if table.scalar(5, "<B", 0, "is_variable") or table.table(6, "sparsity") is not None:
        raise reader.fail(f"{where} is a variable or sparse, which the engines do not run")
    scales, zero_points, axis = _quantization(reader, table, shape, dtype, where)
    buffer = table.scalar(2, "<I", 0, "buffer")
    if buffer >= len(buffers):
        raise reader.fail(f"{where} names buffer {buffer}, the file has {len(buffers)}")
    if buffers[buffer].scalar(1, "<Q", 0, "offset") > 1:
        raise reader.fail(f"{where} keeps its data outside the FlatBuffer, which is not read")
    data: memoryview | None = buffers[buffer].blob(0, MAX_FILE_BYTES, "data")
    expected = math.prod(shape) * ITEM_BYTES[dtype]
    if not data:
        data = None
    elif len(data) != expected:
        raise reader.fail(f"{where} has {len(data)} bytes of data, its shape {list(shape)} needs {expected}")
    return Tensor(index, name, shape, dtype, scales, zero_points, axis, data)


def _quantization(
    reader: Reader, table: Table, shape: tuple[int, ...], dtype: str, where: str
) -> tuple[tuple[float, ...], tuple[int, ...], int]:
    """Scales, zero points and channel axis of a tensor."""
    quantization = table.table(4, "quantization")
    if quantization is None:
        return (), (), 0
    scales = quantization.vector(2, "<f", MAX_ELEMENTS, "scale")
    zero_points = quantization.vector(3, "<q", MAX_ELEMENTS, "zero_point") or (0,) * len(scales)
    axis = quantization.scalar(6, "<i", 0, "quantized_dimension")
    if len(scales) > 1 and (not 0 <= axis < len(shape) or shape[axis] != len(scales)):
        raise reader.fail(f"{where} has {len(scales)} scales along dimension {axis} of shape {list(shape)}")
    if len(zero_points) != len(scales):
        raise reader.fail(f"{where} has {len(scales)} scales and {len(zero_points)} zero points")
    lowest = MIN_SCALE if len(scales) == 1 and dtype != "int32" else MIN_CONSTANT_SCALE
    if not all(lowest <= scale <= MAX_SCALE for scale in scales):  # also false for NaN
        raise reader.fail(f"{where} has a scale outside {lowest:g} to {MAX_SCALE:g}")
    low, high = (-128, 127) if dtype == "int8" else (0, 255) if dtype == "uint8" else (0, 0)
    if not all(low <= zero <= high for zero in zero_points):
        raise reader.fail(f"{where} has a zero point outside {low}..{high}")
    return scales, zero_points, axis


def _operator_code(table: Table) -> tuple[int, str]:
    """(number, custom name) of an operator code; the larger of the old and the new field counts, as in TensorFlow."""
    code = max(table.scalar(0, "<b", 0, "builtin code"), table.scalar(3, "<i", 0, "builtin code"))
    return code, "" if code in OPERATORS else table.text(1, "custom code")


def _operator(reader: Reader, table: Table, index: int, codes: list[tuple[int, str]], tensors: int) -> Operator:
    """One operator with its options by name."""
    number = table.scalar(0, "<I", 0, "opcode_index")
    if number >= len(codes):
        raise reader.fail(f"operator {index} names operator code {number}, the file has {len(codes)}")
    code, custom = codes[number]
    if code not in OPERATORS:
        name, remedy = foreign(code, custom)
        raise ModelError(f"{reader.where}: operator {index} is {name}, which the engines do not run", remedy)
    name = OPERATORS[code]
    inputs = _indices(reader, table, 1, tensors, f"inputs of operator {index} ({name})", optional=True)
    outputs = _indices(reader, table, 2, tensors, f"outputs of operator {index} ({name})")
    return Operator(index, name, inputs, outputs, _options(reader, table, index, name))


def _options(reader: Reader, table: Table, index: int, name: str) -> dict[str, int | float | str]:
    """Options of an operator; those of RESHAPE, PAD and QUANTIZE come as tensors."""
    if name not in _OPTIONS:
        return {}
    union, fields = _OPTIONS[name]
    where = f"operator {index} ({name})"
    options = table.table(4, "options")
    if options is None or table.scalar(3, "<B", 0, "options type") != union:
        raise reader.fail(f"{where} has no options of its own type")
    values = {key: options.scalar(slot, layout, default, key) for key, slot, layout, default in fields}
    for key, names in (("fused", _FUSED), ("padding", _PADDING)):
        if key in values:
            if not 0 <= values[key] < len(names):
                raise reader.fail(f"{where} has {key} number {values[key]}, known are {', '.join(names)}")
            values[key] = names[values[key]]
    for key, value in values.items():
        if key.startswith(("stride", "dilation", "filter")) and not 1 <= value <= 65535:
            raise reader.fail(f"{where} has {key} {value}, allowed are 1 to 65535")
    return values


def _indices(
    reader: Reader, table: Table, slot: int, tensors: int, what: str, optional: bool = False
) -> tuple[int, ...]:
    """Tensor numbers, each within the file; -1 marks an absent optional input."""
    values = table.vector(slot, "<i", 16, what)
    lowest = -1 if optional else 0
    if not values or any(not lowest <= value < tensors for value in values):
        raise reader.fail(f"{what} are {list(values)}, the file has {tensors} tensors")
    return values


def _check_sizes(reader: Reader, graph: Graph) -> None:
    """All tensors together stay within the limits."""
    constants = sum(len(tensor.data) for tensor in graph.tensors if tensor.data is not None)
    activations = sum(tensor.elements for tensor in graph.tensors if tensor.data is None)
    if constants > MAX_CONSTANT_BYTES or activations > MAX_ELEMENTS:
        raise reader.fail(
            f"{constants} bytes of constants and {activations} activations; "
            f"allowed are {MAX_CONSTANT_BYTES} and {MAX_ELEMENTS}"
        )


def _check_order(reader: Reader, graph: Graph) -> None:
    """Every operator's inputs exist when it runs, and no tensor is written twice."""
    known = {tensor.index for tensor in graph.tensors if tensor.data is not None}
    if known.intersection(graph.inputs):
        raise reader.fail("an input of the graph is a constant")
    known.update(graph.inputs)
    for operator in graph.operators:
        if not known.issuperset(index for index in operator.inputs if index >= 0):
            raise reader.fail(f"{operator} reads a tensor that nothing has written")
        if known.intersection(operator.outputs):
            raise reader.fail(f"{operator} writes a tensor that is an input, a constant or written before")
        known.update(operator.outputs)
    if not known.issuperset(graph.outputs):
        raise reader.fail("an output of the graph is never written")
