"""Numeric variables of a MATLAB 5 to 7.2 file (`.mat`), read without MATLAB and without scipy.

Our own because such files come from strangers: scipy 1.17.1's reader ends the process with a segmentation fault on some
files with a few changed bytes (found by changing random bytes of a small file 4000 times). Here every length is
checked against what is there. Cells, structs, text, sparse and complex parts are passed over.

Source: MathWorks, "MAT-File Format" (2023), chapter 1 "Level 5 MAT-File Format": header, tags (also the small format),
table "Data types", table "Array types", miCOMPRESSED.
"""

from __future__ import annotations

import math
import mmap
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

HEADER_BYTES = 128
_MATRIX = 14
_COMPRESSED = 15
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""miINT8 … miUINT64: how numbers are stored."""
_NUMERIC_CLASSES = range(6, 16)
"""mxDOUBLE_CLASS … mxUINT64_CLASS: what MATLAB shows them as."""


class NotMatlab5(ValueError):
    """The file is of another version; the message says which."""


def read_variables(data: bytes | mmap.mmap, most_bytes: int) -> dict[str, NDArray[np.generic]]:
    """Real parts of all numeric variables by name, in the file's order, with MATLAB's shapes.

    Of a mapped file only names and lengths are read; uncompressed values when they are looked at. All compressed ones
    together may unpack to `most_bytes`.

    Raises
    ------
    NotMatlab5
        MATLAB 4 or 7.3.
    ValueError
        Damaged or cut short.
    """
    order = _byte_order(data)
    variables: dict[str, NDArray[np.generic]] = {}
    for kind, body in _elements(memoryview(data)[HEADER_BYTES:], order):
        if kind == _COMPRESSED:
            unpacked = memoryview(_unpack(bytes(body), most_bytes))
            most_bytes -= len(unpacked)
            kind, body = next(_elements(unpacked, order), (0, body))
        if kind != _MATRIX:
            continue
        found = _matrix(body, order)
        if found is not None:
            variables[found[0]] = found[1]
    return variables


def _byte_order(data: bytes | mmap.mmap) -> str:
    """ "<" or ">", from the last two bytes of the header."""
    if data[:19] == b"MATLAB 7.3 MAT-file":
        raise NotMatlab5("a MATLAB 7.3 file (HDF5)")
    if len(data) < HEADER_BYTES:
        raise ValueError(f"{len(data)} bytes are less than a header")
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if order is None:
        raise ValueError("it does not begin with the header of a MATLAB 5 file")
    return order


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Type and bytes of the elements in a row."""
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            raise ValueError("it ends within a tag")
        kind, size = struct.unpack_from(order + "II", data, at)
        if kind >> 16:  # small format: size and type share the first word, up to four bytes follow
            kind, size = kind & 0xFFFF, kind >> 16
            if size > 4:
                raise ValueError(f"a small element claims {size} bytes")
            yield kind, data[at + 4 : at + 4 + size]
            at += 8
            continue
        if at + 8 + size > len(data):
            raise ValueError(f"an element promises {size} bytes, {len(data) - at - 8} are there")
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + (size if kind == _COMPRESSED else -(-size // 8) * 8)


def _unpack(packed: bytes, most_bytes: int) -> bytes:
    try:
        machine = zlib.decompressobj()
        unpacked = machine.decompress(packed, max(1, most_bytes))  # 0 would mean without limit
    except zlib.error as error:
        raise ValueError(f"a compressed variable cannot be unpacked ({error})") from error
    if not machine.eof:
        raise ValueError("a compressed variable is cut short or larger than allowed")
    return unpacked


def _matrix(body: memoryview, order: str) -> tuple[str, NDArray[np.generic]] | None:
    """Name and real part of a numeric array; None for anything else."""
    parts = _elements(body, order)
    try:
        _, flags = next(parts)
        kind_of_array = struct.unpack_from(order + "I", flags)[0] & 0xFF
        if kind_of_array not in _NUMERIC_CLASSES:
            return None
        _, shape_bytes = next(parts)
        _, name_bytes = next(parts)
        kind, values = next(parts)
    except (StopIteration, struct.error):
        raise ValueError("a variable is incomplete") from None
    shape = np.frombuffer(shape_bytes, dtype=order + "i4").tolist()
    name = bytes(name_bytes).decode("latin-1")
    stored = _TYPES.get(kind)
    if stored is None:
        raise ValueError(f"variable {name!r} is stored as unknown type {kind}")
    item = int(stored[1])
    if min(shape, default=-1) < 0 or math.prod(shape) * item != len(values):
        raise ValueError(f"variable {name!r} of shape {shape} holds {len(values) // item} numbers")
    array = np.frombuffer(values, dtype=order + stored).astype(stored, copy=False)
    return name, array.reshape(shape, order="F")
