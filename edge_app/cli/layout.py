"""Text laid out for whoever reads it: whole in a file or a pipe, within the columns of a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

GAP = "  "
INDENT = "  "
LEAST_COLUMNS = 20
"""A terminal that says it is narrower is not believed."""
WRAP_FROM = 24
"""A last column is wrapped within itself when so many columns are left for it."""


def columns(stream: TextIO) -> int | None:
    """Columns of the terminal behind a stream; None when there is none, and text may be as wide as it is."""
    if not stream.isatty():
        return None
    try:
        found = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        found = 0
    return max(LEAST_COLUMNS, found) if found else 80


def draws(stream: TextIO) -> bool:
    """Whether a line on a stream can be drawn over."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def table(rows: Sequence[Sequence[str]], width: int | None = None, *, headed: bool = True) -> list[str]:
    """Rows as lines: columns beside one another where they fit.

    Where they do not fit, sentences in the last column are wrapped; then each first cell gets a line of its own; then
    the others follow it one after the other, each with its heading.

    Parameters
    ----------
    rows : sequence of rows
        All of one length.
    width : int, optional
        Columns there are; None for as many as needed.
    headed : bool
        Whether the first row names the columns.
    """
    if not rows:
        return []
    if width is None or _needed(rows) <= width:
        return _side_by_side(rows)
    wrapped = _with_last_wrapped(rows, width)
    if wrapped:
        return wrapped
    rest = [row[1:] for row in rows]
    if len(rows[0]) > 2 and _needed(rest) + len(INDENT) <= width:
        lines = _side_by_side(rest)
        return [line for row, cells in zip(rows, lines, strict=True) for line in (row[0], INDENT + cells) if line]
    return list(_one_below_another(rows, width, headed))


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]


def _needed(rows: Sequence[Sequence[str]]) -> int:
    widths = _widths(rows)
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _side_by_side(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = _widths(rows)
    return [GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _with_last_wrapped(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """With the last column wrapped; empty when too little room is left for it, or it holds no sentences."""
    first = [row[:-1] for row in rows]
    begins = _needed(first) + len(GAP) if first[0] else 0
    room = width - begins
    if room < WRAP_FROM or any(len(word) > room for row in rows for word in row[-1].split()):
        return []
    lines = []
    for before, row in zip(_side_by_side(first), rows, strict=True):
        pieces = paragraph(row[-1], room) or [""]
        lines += [(before.ljust(begins) + pieces[0]).rstrip(), *(" " * begins + piece for piece in pieces[1:])]
    return lines


def _one_below_another(rows: Sequence[Sequence[str]], width: int, headed: bool) -> Iterator[str]:
    names = rows[0] if headed else [""] * len(rows[0])
    for row in rows[1:] if headed else rows:
        yield from paragraph(f"{names[0]} {row[0]}".strip(), width)
        line = ""
        for name, cell in zip(names[1:], row[1:], strict=True):
            if not cell:
                continue
            piece = f"{name} {cell}".strip()
            if line and len(INDENT) + len(line) + len(GAP) + len(piece) > width:
                yield from paragraph(line, width, INDENT)
                line = ""
            line = f"{line}{GAP}{piece}" if line else piece
        if line:
            yield from paragraph(line, width, INDENT)


def paragraph(text: str, width: int | None, indent: str = "") -> list[str]:
    """A sentence as lines, indented; blanks within a line stay as they are, long words stay whole."""
    if width is None or len(indent) + len(text) <= width:
        return [indent + text] if text else []
    from textwrap import wrap

    return wrap(
        text,
        max(width, len(indent) + 1),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def hanging(before: str, text: str, indent: int) -> list[str]:
    """Lines on stdout: `before`, as wide as `indent` on the screen, and the text wrapped beside it."""
    width = columns(sys.stdout)
    room = None if width is None else max(WRAP_FROM, width - indent)
    first, *more = paragraph(text, room) or [""]
    return [before + first, *(" " * indent + line for line in more)]


def wrapped(text: str, stream: TextIO) -> str:
    """Lines for a stream, each wrapped at the last column of the terminal behind it, with its indent."""
    width = columns(stream)
    lines = text.split("\n")
    indents = [" " * (len(line) - len(line.lstrip(" "))) for line in lines]
    pieces = [paragraph(line.strip(), width, indent) or [""] for line, indent in zip(lines, indents, strict=True)]
    return "\n".join(piece for each in pieces for piece in each)


def say(text: str = "", indent: str = "") -> None:
    """A sentence on stdout, wrapped at the terminal's last column."""
    print(wrapped(indent + text, sys.stdout))
