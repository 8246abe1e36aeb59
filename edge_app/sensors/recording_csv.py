"""Text recordings: comma, semicolon, tab or space, with or without header, a trailing separator or a decimal comma."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import RecordingError
from edge_app.sensors.recording_formats import Table, damaged, is_number, is_time, numbered

_GROUPED = r"[-+]?\d{1,3}(\.\d{3})+\.\d+"
"""1.234,5 after its comma has become a point: a number with thousands separators."""
_SECONDS = {"_s": 1.0, "_ms": 1e-3, "_us": 1e-6}


class TextColumns:
    """Rows of a text recording; a column is parsed when it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        rows = _decode(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        first = next((k for k, row in enumerate(rows) if row.strip() and not row.startswith("#")), None)
        if first is None:
            raise RecordingError(f"{path}: holds no rows.", "Copy the recording again.")
        self._first_line = first + 1
        rows = rows[first:]
        while rows and not rows[-1].strip():
            rows.pop()
        self._separator, self._decimal_comma = _separator(rows)
        self._trailing = self._separator is not None and rows[0].rstrip().endswith((self._separator, ";"))
        fields = self._fields(rows[0])
        self.header = None if all(is_number(field) for field in fields) else fields
        self._rows = rows[1:] if self.header else rows
        self._first_line += 1 if self.header else 0
        if not self._rows:
            raise RecordingError(f"{path}: has a header and no rows.", "Copy the recording again.")
        self.width = len(fields)
        self._check_widths()

    def _fields(self, row: str) -> list[str]:
        if self._separator is None:
            return row.split()
        row = row.rstrip()
        if self._trailing and row.endswith((self._separator, ";")):
            row = row[:-1]
        if self._decimal_comma:
            row = row.replace(",", ".")
        return [field.strip().strip('"') for field in row.split(self._separator)]

    def _check_widths(self) -> None:
        """Every row has as many fields as the first; a row cut short is the sign of a file cut short."""
        for k, row in enumerate(self._rows):
            width = self._width(row)
            if not row.strip():
                raise RecordingError(
                    f"{self.path}: line {self._first_line + k} is empty, and rows follow it.",
                    "Delete the line where nothing is missing; a gap in time needs a recording of its own behind it.",
                )
            if width != self.width:
                raise RecordingError(
                    f"{self.path}: line {self._first_line + k} has {width} columns, the first has {self.width}.",
                    _decimal_hint(row)
                    or "The recording is damaged or cut short there: delete the line, or copy it again.",
                )

    def _width(self, row: str) -> int:
        if self._separator is None or self._trailing:
            return len(self._fields(row))
        return row.count(self._separator) + 1

    def text(self, row: int) -> list[str]:
        """Fields of one row."""
        return self._fields(self._rows[row])

    def line(self, row: int) -> int:
        """Number of the line in the file (from 1) that holds a row."""
        return self._first_line + row

    def column(self, k: int) -> NDArray[np.float64]:
        """Values of column k (from 0)."""
        if not self._decimal_comma:
            try:
                return np.loadtxt(self._rows, delimiter=self._separator, usecols=k, comments=None, ndmin=1)
            except ValueError:
                pass  # the slow way below finds the line
        fields = [self._fields(row)[k] for row in self._rows]
        bad = next((row for row, field in enumerate(fields) if not is_number(field)), None)
        if bad is not None:
            raise self.no_number(bad, k)
        return np.array(fields, dtype=np.float64)

    def no_number(self, row: int, k: int) -> RecordingError:
        """The error for a field that is not a number."""
        field = self._fields(self._rows[row])[k]
        written = self._rows[row].split(self._separator)[k].strip() if self._separator else field
        fix = "Copy or record it again."
        if self._decimal_comma and "." in written and "," in written:
            fix = "Save it without thousands separators."
        return RecordingError(
            f"{self.path}: line {self._first_line + row}, column {k + 1} holds {written[:40]!r}, not a number.", fix
        )


def read_csv(path: Path) -> Table:
    """Columns of a text recording; the rate comes from a time column whose name carries its unit (t_ms, time_s)."""
    columns = TextColumns(path)
    names = columns.header or numbered(columns.width)
    if columns.header is None and columns.width == 3:
        names = ["x", "y", "z"]
    first = columns.text(0)
    signals = tuple(k for k, name in enumerate(names) if not is_time(name) and is_number(first[k]))
    grouped = next((k for k in range(columns.width) if re.fullmatch(_GROUPED, first[k])), None)
    if grouped is not None:  # passed over as text, another column would be taken for the signal
        raise columns.no_number(0, grouped)
    text = [k for k, name in enumerate(names) if not is_time(name)]
    return Table(
        names=tuple(names),
        column=columns.column,
        chosen_by_default=signals,
        rate_hz=_rate_of_time(columns, names),
        why_none=columns.no_number(0, text[0]).what if text and not signals else "",
    )


def _decode(path: Path) -> str:
    data = path.read_bytes()
    if b"\0" in data:
        raise damaged(path, f"byte {data.index(0)} is zero: not a text file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _separator(rows: Sequence[str]) -> tuple[str | None, bool]:
    """The separator of the rows, and whether their numbers have decimal commas."""
    row = rows[min(1, len(rows) - 1)].strip().removesuffix(";")
    for separator in (";", "\t"):
        if separator in row:
            return separator, any("," in each for each in rows[1:] or rows)
    if "," in row:
        return ",", False
    return (None, False) if " " in row else (",", False)


def _decimal_hint(row: str) -> str:
    """What to do about a row like `0,5`, where the comma of the number is taken for the end of the column; else ""."""
    if row.count(",") and all(re.fullmatch(r"\s*[-+]?\d*\s*", part) for part in row.split(",")):
        return "Where the comma is a decimal comma: separate columns by semicolons or tabs, or write points."
    return ""


def _rate_of_time(columns: TextColumns, names: Sequence[str]) -> float | None:
    for k, name in enumerate(names):
        factor = next((f for ending, f in _SECONDS.items() if is_time(name) and name.lower().endswith(ending)), None)
        if factor is None or not is_number(columns.text(0)[k]):
            continue
        times = columns.column(k)
        span_s = float(times[-1] - times[0]) * factor
        if times.size > 1 and span_s > 0:
            return (times.size - 1) / span_s
    return None
