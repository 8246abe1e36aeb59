"""Checks every field of a .tflite file that an interpreter may follow, also those our own reader does not need.

The interpreters' C++ readers trust the file; a wrong offset in a name or a signature crashes the process. A file that
passes here holds only offsets and lengths that stay inside it. Tables and slot numbers are those of
`tensorflow/lite/schema/schema.fbs`, version 3.
"""

from __future__ import annotations

from collections.abc import Mapping

from edge_app.inference.flatbuffer import Table

MAX_TABLES = 100_000
"""Tables visited in one file; a small file may name the same table many times."""
MAX_VECTOR = 1 << 24

# A number: scalar of so many bytes. "text": string. "[n]": vector of n-byte items. "Name", "[Name]": table, tables.
_TABLES: Mapping[str, Mapping[int, int | str]] = {
    "Model": {
        0: 4,
        1: "[OperatorCode]",
        2: "[SubGraph]",
        3: "text",
        4: "[Buffer]",
        5: "[4]",
        6: "[Metadata]",
        7: "[SignatureDef]",
    },
    "OperatorCode": {0: 1, 1: "text", 2: 4, 3: 4},
    "SubGraph": {0: "[Tensor]", 1: "[4]", 2: "[4]", 3: "[Operator]", 4: "text"},
    "Tensor": {0: "[4]", 1: 1, 2: 4, 3: "text", 4: "Quantization", 5: 1, 7: "[4]", 8: 1},
    "Quantization": {0: "[4]", 1: "[4]", 2: "[4]", 3: "[8]", 4: 1, 6: 4},
    "Operator": {0: 4, 1: "[4]", 2: "[4]", 3: 1, 5: "[1]", 6: 1, 7: "[1]", 8: "[4]"},
    "Buffer": {0: "[1]", 1: 8, 2: 8},
    "Metadata": {0: "text", 1: 4},
    "SignatureDef": {0: "[TensorMap]", 1: "[TensorMap]", 2: "text", 4: 4},
    "TensorMap": {0: "text", 1: 4},
    "ReshapeOptions": {0: "[4]"},
}
_RESHAPE = 17
"""Union type of ReshapeOptions, the only options that hold more than numbers."""


class _Budget:
    """How many tables may still be visited."""

    left = MAX_TABLES


def check_file(model: Table, tensors: int, buffers: int) -> None:
    """Raises ModelError for any offset, length or number that leads out of the file."""
    _check(model, "Model", _Budget())
    for table in model.tables(6, MAX_TABLES, "metadata"):
        _check_number(table, 1, buffers, "buffer")
    for number in model.vector(5, "<i", MAX_VECTOR, "metadata_buffer"):
        if not 0 <= number < buffers:
            raise model.reader.fail(f"metadata_buffer names buffer {number}, the file has {buffers}")
    for signature in model.tables(7, MAX_TABLES, "signature"):
        _check_number(signature, 4, 1, "subgraph_index")
        for slot in (0, 1):
            for entry in signature.tables(slot, MAX_TABLES, "signature entry"):
                _check_number(entry, 1, tensors, "tensor_index")


def _check(table: Table, kind: str, budget: _Budget) -> None:
    """One table and everything below it."""
    budget.left -= 1
    if budget.left < 0:
        raise table.reader.fail(f"the file leads through more than {MAX_TABLES} tables")
    for slot, what in _TABLES[kind].items():
        name = f"field {slot} of a {kind}"
        if isinstance(what, int):
            table.check_scalar(slot, what, name)
        elif what == "text":
            table.check_text(slot, name)
        elif what.strip("[]").isdigit():
            table.check_vector(slot, int(what[1:-1]), MAX_VECTOR, name)
        elif what.startswith("["):
            for item in table.tables(slot, MAX_TABLES, name):
                _check(item, what[1:-1], budget)
        elif (nested := table.table(slot, name)) is not None:
            _check(nested, what, budget)
    _check_special(table, kind, budget)


def _check_special(table: Table, kind: str, budget: _Budget) -> None:
    """Unions: options with more than numbers; custom quantisation and variants are not run."""
    if kind == "Operator" and table.scalar(3, "<B", 0, "options type") == _RESHAPE:
        options = table.table(4, "options")
        if options is not None:
            _check(options, "ReshapeOptions", budget)
    if kind == "Quantization" and table.scalar(4, "<B", 0, "details type") != 0:
        raise table.reader.fail("custom quantisation, which the engines do not run")
    if kind == "Tensor" and table.present(9):
        raise table.reader.fail("a variant tensor, which the engines do not run")


def _check_number(table: Table, slot: int, limit: int, name: str) -> None:
    number = table.scalar(slot, "<I", 0, name)
    if number >= limit:
        raise table.reader.fail(f"{name} of {table.what} is {number}, it must be below {limit}")
