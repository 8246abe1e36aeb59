"""Writes int8 .tflite files for tests: any operator our engines know, any shape, scale and zero point.

Independent of edge_app on purpose: a mistake shared by writer and reader would hide itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np

TYPES = {"float32": 0, "int32": 2, "uint8": 3, "int64": 4, "int16": 7, "int8": 9}
CODES = {
    "ADD": 0,
    "AVERAGE_POOL_2D": 1,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 4,
    "FULLY_CONNECTED": 9,
    "LOGISTIC": 14,
    "MAX_POOL_2D": 17,
    "RESHAPE": 22,
    "SOFTMAX": 25,
    "PAD": 34,
    "MEAN": 40,
    "PADV2": 60,
    "QUANTIZE": 114,
}
VERSIONS = {"FULLY_CONNECTED": 4, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3}
FUSED = {"none": 0, "relu": 1, "relu_n1_to_1": 2, "relu6": 3}
# Operator → (union type, [(slot, kind, option)]).
_CONV = [(0, "Int8", "padding"), (1, "Int32", "stride_w"), (2, "Int32", "stride_h")]
_POOL = [*_CONV, (3, "Int32", "filter_w"), (4, "Int32", "filter_h"), (5, "Int8", "fused")]
OPTIONS: Mapping[str, tuple[int, list[tuple[int, str, str]]]] = {
    "CONV_2D": (1, [*_CONV, (3, "Int8", "fused"), (4, "Int32", "dilation_w"), (5, "Int32", "dilation_h")]),
    "DEPTHWISE_CONV_2D": (
        2,
        [
            *_CONV,
            (3, "Int32", "depth_multiplier"),
            (4, "Int8", "fused"),
            (5, "Int32", "dilation_w"),
            (6, "Int32", "dilation_h"),
        ],
    ),
    "AVERAGE_POOL_2D": (5, _POOL),
    "MAX_POOL_2D": (5, _POOL),
    "FULLY_CONNECTED": (8, [(0, "Int8", "fused"), (2, "Bool", "keep_num_dims")]),
    "SOFTMAX": (9, [(0, "Float32", "beta")]),
    "ADD": (11, [(0, "Int8", "fused")]),
    "RESHAPE": (17, []),
    "PAD": (22, []),
    "MEAN": (27, [(0, "Bool", "keep_dims")]),
    "PADV2": (0, []),
    "QUANTIZE": (0, []),
    "LOGISTIC": (0, []),
}


@dataclass
class ModelBuilder:
    """Collects tensors and operators, then writes the file."""

    tensors: list[dict[str, Any]] = field(default_factory=list)
    operators: list[dict[str, Any]] = field(default_factory=list)

    def tensor(
        self,
        shape: Sequence[int],
        scale: float | Sequence[float] | None = 0.1,
        zero_point: int = 0,
        *,
        data: np.ndarray | None = None,
        dtype: str = "int8",
        axis: int = 0,
    ) -> int:
        """Add a tensor; several scales make it per channel. Returns its number."""
        scales = [] if scale is None else [float(s) for s in np.atleast_1d(scale)]
        self.tensors.append(
            {"shape": list(shape), "scales": scales, "zero": zero_point, "data": data, "dtype": dtype, "axis": axis}
        )
        return len(self.tensors) - 1

    def constant(self, values: np.ndarray, scale: float | Sequence[float] | None = None, **more: Any) -> int:
        """Add a constant of the array's own type and shape."""
        values = np.asarray(values)
        return self.tensor(values.shape, scale, data=values, dtype=str(values.dtype), **more)

    def operator(self, name: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any) -> None:
        """Add an operator; options as in the schema, padding and fused by name."""
        self.operators.append({"name": name, "inputs": inputs, "outputs": outputs, "options": options})

    def build(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The file."""
        b = flatbuffers.Builder(4096)
        buffers = [self._buffer(b, None), *[self._buffer(b, t["data"]) for t in self.tensors]]
        tensors = [self._tensor(b, number, t) for number, t in enumerate(self.tensors)]
        names = sorted({op["name"] for op in self.operators})
        codes = [self._code(b, name) for name in names]
        operators = [self._operator(b, names.index(op["name"]), op) for op in self.operators]
        parts = [
            _offsets(b, tensors),
            _ints(b, inputs),
            _ints(b, outputs),
            _offsets(b, operators),
            b.CreateString("main"),
        ]
        b.StartObject(5)
        for slot, part in enumerate(parts):
            b.PrependUOffsetTRelativeSlot(slot, part, 0)
        subgraph = b.EndObject()
        parts = [_offsets(b, codes), _offsets(b, [subgraph]), b.CreateString("test"), _offsets(b, buffers)]
        b.StartObject(8)
        b.PrependUint32Slot(0, 3, 0)
        for slot, part in enumerate(parts, start=1):
            b.PrependUOffsetTRelativeSlot(slot, part, 0)
        b.Finish(b.EndObject(), file_identifier=b"TFL3")
        return bytes(b.Output())

    def _buffer(self, b: flatbuffers.Builder, data: np.ndarray | None) -> int:
        vector = None
        if data is not None:
            raw = np.ascontiguousarray(data).tobytes()
            b.StartVector(1, len(raw), 16)
            b.head = b.head - len(raw)
            b.Bytes[b.head : b.head + len(raw)] = raw
            vector = b.EndVector()
        b.StartObject(3)
        if vector is not None:
            b.PrependUOffsetTRelativeSlot(0, vector, 0)
        return int(b.EndObject())

    def _tensor(self, b: flatbuffers.Builder, number: int, t: dict[str, Any]) -> int:
        shape, name = _ints(b, t["shape"]), b.CreateString(f"t{number}")
        quantization = None
        if t["scales"]:
            scales = _vector(b, t["scales"], 4, "PrependFloat32")
            zeros = _vector(b, [t["zero"]] * len(t["scales"]), 8, "PrependInt64")
            b.StartObject(7)
            b.PrependUOffsetTRelativeSlot(2, scales, 0)
            b.PrependUOffsetTRelativeSlot(3, zeros, 0)
            b.PrependInt32Slot(6, t["axis"], 0)
            quantization = b.EndObject()
        b.StartObject(8)
        b.PrependUOffsetTRelativeSlot(0, shape, 0)
        b.PrependInt8Slot(1, TYPES[t["dtype"]], 0)
        b.PrependUint32Slot(2, number + 1 if t["data"] is not None else 0, 0)
        b.PrependUOffsetTRelativeSlot(3, name, 0)
        if quantization is not None:
            b.PrependUOffsetTRelativeSlot(4, quantization, 0)
        return int(b.EndObject())

    def _code(self, b: flatbuffers.Builder, name: str) -> int:
        b.StartObject(4)
        b.PrependInt8Slot(0, min(CODES[name], 127), 0)
        b.PrependInt32Slot(2, VERSIONS.get(name, 2 if name not in ("RESHAPE", "QUANTIZE", "PADV2") else 1), 1)
        b.PrependInt32Slot(3, CODES[name], 0)
        return int(b.EndObject())

    def _operator(self, b: flatbuffers.Builder, code: int, op: dict[str, Any]) -> int:
        union, slots = OPTIONS[op["name"]]
        given = {"dilation_w": 1, "dilation_h": 1, "keep_num_dims": False, "fused": "none", **op["options"]}
        inputs, outputs = _ints(b, op["inputs"]), _ints(b, op["outputs"])
        b.StartObject(8)
        for slot, kind, key in slots:
            value = given[key]
            if key == "padding":
                value = {"same": 0, "valid": 1}.get(value, value)
            if key == "fused":
                value = FUSED.get(value, value)
            getattr(b, f"Prepend{kind}Slot")(slot, value, None)
        options = b.EndObject()
        b.StartObject(9)
        b.PrependUint32Slot(0, code, 0)
        b.PrependUOffsetTRelativeSlot(1, inputs, 0)
        b.PrependUOffsetTRelativeSlot(2, outputs, 0)
        if union:
            b.PrependUint8Slot(3, union, 0)
            b.PrependUOffsetTRelativeSlot(4, options, 0)
        return int(b.EndObject())


def _vector(b: flatbuffers.Builder, values: Sequence[Any], size: int, prepend: str) -> int:
    b.StartVector(size, len(values), size)
    for value in reversed(values):
        getattr(b, prepend)(value)
    return int(b.EndVector())


def _ints(b: flatbuffers.Builder, values: Sequence[int]) -> int:
    return _vector(b, [int(v) for v in values], 4, "PrependInt32")


def _offsets(b: flatbuffers.Builder, values: Sequence[int]) -> int:
    return _vector(b, values, 4, "PrependUOffsetTRelative")
