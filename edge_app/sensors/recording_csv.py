"""Text recordings: comma, semicolon, tab or space, with or without header, a trailing separator or a decimal comma."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import RecordingError
from edge_app.sensors.recording_formats import Table, damaged, is_number, is_time, numbered

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
        self._separator, self._decimal_comma = _separator(rows[min(1, len(rows) - 1)])
        self._trailing = self._separator is not None and rows[0].rstrip().endswith((self._separator, ";"))
        fields = self._fields(rows[0])
        self.header = None if all(is_number(field) for field in fields) else [name.strip('"') for name in fields]
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
        return [field.strip() for field in row.split(self._separator)]

    def _check_widths(self) -> None:
        """Every row has as many fields as the first; a row cut short is the sign of a file cut short."""
        for k, row in enumerate(self._rows):
            width = self._width(row)
            if width != self.width or not row.strip():
                raise RecordingError(
                    f"{self.path}: line {self._first_line + k} has {width} columns, the first has {self.width}.",
                    "The recording is damaged or cut short there: delete the line, or copy it again.",
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
        try:
            return np.array(fields, dtype=np.float64)
        except ValueError:
            bad = next(row for row, field in enumerate(fields) if not is_number(field))
            raise damaged(
                self.path, f"line {self._first_line + bad}, column {k + 1} holds {fields[bad][:40]!r}, not a number"
            ) from None


def read_csv(path: Path) -> Table:
    """Columns of a text recording; the rate comes from a time column whose name carries its unit (t_ms, time_s)."""
    columns = TextColumns(path)
    names = columns.header or numbered(columns.width)
    if columns.header is None and columns.width == 3:
        names = ["x", "y", "z"]
    first = columns.text(0)
    signals = tuple(k for k, name in enumerate(names) if not is_time(name) and is_number(first[k]))
    return Table(
        names=tuple(names), column=columns.column, chosen_by_default=signals, rate_hz=_rate_of_time(columns, names)
    )


def _decode(path: Path) -> str:
    data = path.read_bytes()
    if b"\0" in data:
        raise damaged(path, f"byte {data.index(0)} is zero: not a text file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _separator(row: str) -> tuple[str | None, bool]:
    """The separator of a row, and whether its numbers have decimal commas."""
    row = row.strip().removesuffix(";")
    if ";" in row:
        return ";", "," in row
    for separator in (",", "\t"):
        if separator in row:
            return separator, False
    return (None, False) if " " in row else (",", False)


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
