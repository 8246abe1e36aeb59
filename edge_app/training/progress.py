"""What a training tells while it runs: steps with their figures, and how far the long ones are."""

from __future__ import annotations

import sys
from typing import Protocol, TextIO

from edge_app.core.clock import Clock, SystemClock

BAR = 20
"""Characters of the bar."""
EVERY_S = 0.2
"""A bar on a terminal is drawn at most this often."""
LINE_EVERY_S = 20.0
"""Where the output is no terminal, a line is written this often."""


class Progress(Protocol):
    """Where a training tells what it does."""

    def say(self, step: str, figures: str) -> None:
        """A step is done."""

    def at(self, step: str, done: int, total: int, figures: str = "") -> None:
        """A long step is so far."""


class Silent:
    """Tells nobody."""

    def say(self, step: str, figures: str) -> None:
        """Nothing."""

    def at(self, step: str, done: int, total: int, figures: str = "") -> None:
        """Nothing."""


class Terminal:
    """Lines for finished steps; one line with a bar and the time left for what goes on."""

    def __init__(self, out: TextIO | None = None, clock: Clock | None = None) -> None:
        self._out = out or sys.stdout
        self._clock = clock or SystemClock()
        self._tty = self._out.isatty()
        self._step, self._began_s, self._drawn_s, self._open = "", 0.0, 0.0, False

    def say(self, step: str, figures: str) -> None:
        """One line a finished step."""
        self.wipe()
        self._out.write(f"{step:<9} {figures}\n")
        self._out.flush()

    def at(self, step: str, done: int, total: int, figures: str = "") -> None:
        """A bar on a terminal; elsewhere a line now and then."""
        now_s = self._clock.monotonic_s()
        if step != self._step or done <= 1:
            self._step, self._began_s, self._drawn_s = step, now_s, now_s
        if now_s - self._drawn_s < (EVERY_S if self._tty else LINE_EVERY_S):
            return
        self._drawn_s = now_s
        left = time_left(now_s - self._began_s, done, total)
        text = f"{step:<9} {done}/{total}{left}" + (f", {figures}" if figures else "")
        if self._tty:
            full = round(BAR * done / max(1, total))
            self._out.write(f"\r\x1b[K{step:<9} [{'#' * full}{'.' * (BAR - full)}] {text[10:]}")
            self._open = True
        else:
            self._out.write(text + "\n")
        self._out.flush()

    def wipe(self) -> None:
        """Take an unfinished bar off the screen: something else is told now."""
        if self._open:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._open = False


def time_left(spent_s: float, done: int, total: int) -> str:
    """ ", 12 s left" at the pace so far; nothing before the pace is known."""
    if done < 2 or spent_s <= 0.0:
        return ""
    left_s = round(spent_s * (total - done) / (done - 1))
    return f", {left_s // 60} min {left_s % 60} s left" if left_s >= 60 else f", {left_s} s left"
