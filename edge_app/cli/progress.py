"""How far something long is: one line with a bar and the time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from typing import Self, TextIO

from edge_app.cli.layout import columns, draws, paragraph
from edge_app.core.clock import Clock, SystemClock

BAR = 20
"""Characters of the bar, where there is room."""
SHORT_BAR = 6
STEP = 10
"""Columns of a step's name."""
EVERY_S = 0.2
"""A bar on a terminal is drawn at most this often."""
LINE_EVERY_S = 20.0
"""Where the output is no terminal, a line is written this often."""


class Terminal:
    """Lines for finished steps; one line with a bar and the time left for what goes on.

    Parameters
    ----------
    out : TextIO, optional
        Where to; default stdout.
    lines : bool
        Whether an output that is no terminal is written to, too.
    """

    def __init__(self, out: TextIO | None = None, clock: Clock | None = None, *, lines: bool = True) -> None:
        self._out = out or sys.stdout
        self._clock = clock or SystemClock()
        self._tty = draws(self._out)
        self._lines = lines
        self._step, self._began_s, self._began_with, self._done = "", 0.0, 0, 0
        self._told_s, self._open = 0.0, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()

    def say(self, step: str, figures: str) -> None:
        """One line a finished step."""
        self.wipe()
        if not self._tty and not self._lines:
            return
        width = columns(self._out)
        first, *more = paragraph(figures, None if width is None else width - STEP) or [""]
        for line in (f"{step:<{STEP - 1}} {first}", *(" " * STEP + line for line in more)):
            self._out.write(line.rstrip() + "\n")
        self._out.flush()

    def at(self, step: str, done: int, total: int, figures: str = "") -> None:
        """So many of a long step's parts are done: a bar on a terminal; elsewhere a line now and then."""
        now_s = self._clock.monotonic_s()
        begins = step != self._step or done < self._done
        if begins:
            self._step, self._began_s, self._began_with, self._told_s = step, now_s, done, now_s
        self._done = done
        due = now_s - self._told_s >= (EVERY_S if self._tty else LINE_EVERY_S)
        if not due and not (begins and self._tty):
            return
        self._told_s = now_s
        if self._tty:
            self._bar(now_s, done, total, figures)
        elif self._lines:
            more = f", {figures}" if figures else ""
            self._out.write(f"{step:<{STEP - 1}} {done}/{total}{self._left(now_s, done, total)}{more}\n")
            self._out.flush()

    def _left(self, now_s: float, done: int, total: int) -> str:
        return time_left(now_s - self._began_s, done - self._began_with, total - done)

    def _bar(self, now_s: float, done: int, total: int, figures: str) -> None:
        room = self._room()
        count = f"] {done}/{total}{self._left(now_s, done, total)}"
        length = min(BAR, max(SHORT_BAR, room - STEP - 1 - len(count)))
        full = round(length * done / max(1, total))
        text = f"{self._step:<{STEP - 1}} [{'#' * full}{'.' * (length - full)}{count}"
        text += f", {figures}" if figures else ""
        self.show(text)

    def show(self, text: str) -> None:
        """A line that the next one is drawn over; nothing where lines cannot be drawn over."""
        if self._tty:
            self._out.write("\r\x1b[K" + shortened(text, self._room()))
            self._out.flush()
            self._open = True

    def _room(self) -> int:
        """Columns of a line that can be drawn over, also when the terminal has put `^C` behind it."""
        return (columns(self._out) or 80) - 3

    def wipe(self) -> None:
        """Take an unfinished bar off the screen: something else is told now."""
        if self._open:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._open = False


def shortened(text: str, width: int) -> str:
    """A line cut where the terminal ends, and seen to be cut."""
    return text if len(text) <= width else text[: width - 1] + "…"


def time_left(spent_s: float, done: int, to_do: int) -> str:
    """ ", 12 s left" at the pace so far; nothing before the pace is known, or when nothing is left."""
    if done < 1 or to_do < 1 or spent_s <= 0.0:
        return ""
    left_s = round(spent_s * to_do / done)
    return f", {left_s // 60} min {left_s % 60} s left" if left_s >= 60 else f", {left_s} s left"
