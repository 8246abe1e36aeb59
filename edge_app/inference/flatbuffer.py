"""Bounds-checked reading of FlatBuffers: every offset and length is checked against the file before it is followed.

The format (little endian): a table starts with a signed 32-bit distance back to its vtable; the vtable holds its own
size, the table's size and one unsigned 16-bit offset per field (0: the field has its default). Strings, vectors and
tables are reached through unsigned 32-bit offsets that only point forward, so a file cannot send the reader in circles.

Source: "FlatBuffers: Internals" of the FlatBuffers project, sections "Tables", "Vectors", "Strings".
"""

from __future__ import annotations

import struct
from typing import Any

from edge_app.core.errors import ModelError

FIX = "The file is damaged or not a TensorFlow Lite model: copy it again and compare its sha256 with the manifest."


class Reader:
    """A file's bytes, and where they came from for messages."""

    def __init__(self, data: bytes, where: str) -> None:
        self.data = memoryview(data)
        self.where = where

    def fail(self, what: str) -> ModelError:
        """The error to raise: which file, what is wrong with it, what to do."""
        return ModelError(f"{self.where}: {what}", FIX)

    def number(self, layout: str, position: int, what: str) -> Any:
        """One number of struct layout `layout` ("<i", "<H" …) at byte `position`."""
        size = struct.calcsize(layout)
        if position < 0 or position + size > len(self.data):
            raise self.fail(f"{what} points to byte {position}, outside the file of {len(self.data)} bytes")
        return struct.unpack_from(layout, self.data, position)[0]

    def root(self, identifier: bytes) -> Table:
        """The root table; the four-byte file identifier must match."""
        if len(self.data) < 8 or bytes(self.data[4:8]) != identifier:
            found = bytes(self.data[4:8])
            raise self.fail(f"the file identifier is {found!r} instead of {identifier!r}")
        return Table(self, self.follow(0, "the root table"), "the model")

    def follow(self, position: int, what: str) -> int:
        """Where the unsigned offset stored at `position` points; always forward."""
        offset = self.number("<I", position, what)
        if offset < 4 or position + offset + 4 > len(self.data):
            raise self.fail(f"{what} has offset {offset} at byte {position}, which leads outside the file")
        return int(position + offset)


class Table:
    """One table; fields are asked for by slot number, as the schema counts them from 0."""

    def __init__(self, reader: Reader, position: int, what: str) -> None:
        self.reader, self.position, self.what = reader, position, what
        self._vtable = position - reader.number("<i", position, what)
        self._vtable_size = reader.number("<H", self._vtable, f"the vtable of {what}")
        self._size = reader.number("<H", self._vtable + 2, f"the vtable of {what}")
        if self._vtable_size < 4 or self._vtable_size % 2 or self._vtable + self._vtable_size > len(reader.data):
            raise reader.fail(f"the vtable of {what} has size {self._vtable_size}")
        if self._size < 4 or position + self._size > len(reader.data):
            raise reader.fail(f"{what} has size {self._size}, which leads outside the file")

    def _field(self, slot: int, size: int, name: str) -> int | None:
        """Byte position of a field of `size` bytes; None when the field is absent."""
        entry = 4 + 2 * slot
        if entry + 2 > self._vtable_size:
            return None
        offset = self.reader.number("<H", self._vtable + entry, name)
        if offset == 0:
            return None
        if offset < 4 or offset + size > self._size:
            raise self.reader.fail(f"{name} of {self.what} lies outside its table")
        return int(self.position + offset)

    def scalar(self, slot: int, layout: str, default: Any, name: str) -> Any:
        """A number or enumeration value."""
        position = self._field(slot, struct.calcsize(layout), name)
        return default if position is None else self.reader.number(layout, position, name)

    def table(self, slot: int, name: str) -> Table | None:
        """A nested table; None when absent."""
        position = self._field(slot, 4, name)
        if position is None:
            return None
        return Table(self.reader, self.reader.follow(position, name), f"{name} of {self.what}")

    def vector(self, slot: int, layout: str, limit: int, name: str) -> tuple[Any, ...]:
        """Numbers of a vector, at most `limit` of them; empty when absent."""
        start, length = self._vector(slot, struct.calcsize(layout), limit, name)
        if not length:
            return ()
        return struct.unpack_from(f"<{length}{layout[-1]}", self.reader.data, start)

    def blob(self, slot: int, limit: int, name: str) -> memoryview:
        """Bytes of a vector, not copied; empty when absent."""
        start, length = self._vector(slot, 1, limit, name)
        return self.reader.data[start : start + length]

    def text(self, slot: int, name: str) -> str:
        """A string for messages: at most 120 characters of it, undecodable bytes replaced."""
        start, length = self._vector(slot, 1, len(self.reader.data), name)
        return bytes(self.reader.data[start : start + min(length, 120)]).decode("utf-8", "replace")

    def tables(self, slot: int, limit: int, name: str) -> list[Table]:
        """A vector of tables, at most `limit`."""
        start, length = self._vector(slot, 4, limit, name)
        follow = self.reader.follow
        return [Table(self.reader, follow(start + 4 * i, name), f"{name} {i}") for i in range(length)]

    def present(self, slot: int) -> bool:
        """Whether the field is there at all."""
        return self._field(slot, 1, f"field {slot}") is not None

    def check_scalar(self, slot: int, size: int, name: str) -> None:
        """The number lies inside its table."""
        self._field(slot, size, name)

    def check_vector(self, slot: int, item_size: int, limit: int, name: str) -> None:
        """The vector lies inside the file."""
        self._vector(slot, item_size, limit, name)

    def check_text(self, slot: int, name: str) -> None:
        """The string lies inside the file with its closing zero, which C readers rely on."""
        start, length = self._vector(slot, 1, len(self.reader.data), name)
        if start and self.reader.number("<B", start + length, f"the end of {name}") != 0:
            raise self.reader.fail(f"{name} of {self.what} does not end with a zero byte")

    def _vector(self, slot: int, item_size: int, limit: int, name: str) -> tuple[int, int]:
        """First byte and length of a vector; (0, 0) when absent."""
        position = self._field(slot, 4, name)
        if position is None:
            return 0, 0
        start = self.reader.follow(position, f"{name} of {self.what}")
        length = int(self.reader.number("<I", start, name))
        if start + 4 + length * item_size > len(self.reader.data):
            raise self.reader.fail(f"{name} of {self.what} claims {length} items, more than the file holds")
        if length > limit:
            raise self.reader.fail(f"{name} of {self.what} has {length} items, more than the {limit} allowed")
        return start + 4, length
