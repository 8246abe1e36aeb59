"""What a person sees during the demo: the only importer of rich."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from edge_app.cli.common import score_text

SPARKS = "▁▂▃▄▅▆▇█"
STATE_STYLES = {"normal": "green", "pending": "yellow", "active": "red", "unknown": "magenta", "idle": "cyan"}
STATE_WORDS = {
    "normal": "NORMAL",
    "pending": "SUSPICIOUS",
    "active": "ALARM",
    "unknown": "CANNOT JUDGE",
    "idle": "STANDS STILL",
}
LEVEL_STYLES = {"ok": "green", "info": "cyan", "warn": "yellow", "alarm": "bold red"}
SCORE_HISTORY = 400
DECISIONS_KEPT = 20
SIGNAL_ROWS = 4
BRAILLE_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Bit of each dot of a cell, row by row."""
SIGNAL_PANEL_ROWS, SCORE_PANEL_ROWS, HISTORY_ROWS = SIGNAL_ROWS + 2, 3, 2
BESIDE_COLUMNS = 30
"""A screen too narrow for this many columns of reason beside a decision has it below."""
ENOUGH_DECISION_ROWS = 4
"""A screen too low for this many rows of decisions goes without the signal, then without the score's history."""
FIRST_SCALE = 3.0
"""The first window fills a third of the height: what comes later has room to grow."""


@dataclass
class ViewModel:
    """What the view shows; filled by the pipeline's thread and the subscriber's, read by the screen's."""

    broker_line: str
    subscribe_line: str
    rate_hz: float = 0.0
    window_s: float = 1.0
    signal_g: NDArray[np.float32] | None = None
    full_g: float = 0.0
    """Acceleration at the edge of the signal's picture; grows, never shrinks, so that a fault is seen to grow."""
    truth: str = ""
    """What the simulation does: what the device has to find out."""
    scores: deque[float] = field(default_factory=lambda: deque(maxlen=SCORE_HISTORY))
    score: float | None = None
    threshold: float = 1.0
    state: str = "unknown"
    level: str = "ok"
    verdict: str = ""
    decisions: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=DECISIONS_KEPT))
    decision_count: int = 0
    windows: int = 0
    sensed_bytes: int = 0
    sent_bytes: int = 0
    elapsed_s: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take_signal(self, signal_g: NDArray[np.float32]) -> None:
        """A new window's signal; its mean (gravity) does not matter here."""
        self.signal_g = signal_g - signal_g.mean()
        peak_g = float(np.abs(self.signal_g).max())
        self.full_g = max(self.full_g or FIRST_SCALE * peak_g, peak_g)


def columns(values: NDArray[np.float32], width: int) -> list[NDArray[np.float32]]:
    """Values cut into at most `width` stretches."""
    edges = np.linspace(0, values.size, min(width, values.size) + 1).astype(int)
    return [values[a:b] for a, b in pairwise(edges)]


def blocks(heights: Sequence[float], rows: int) -> list[str]:
    """Heights 0..1 as columns of block characters, `rows` high, the top row first."""
    steps = [round(min(1.0, max(0.0, height)) * rows * len(SPARKS)) for height in heights]
    return [
        "".join((" " + SPARKS)[min(len(SPARKS), max(0, step - below * len(SPARKS)))] for step in steps)
        for below in reversed(range(rows))
    ]


def waveform(signal_g: NDArray[np.float32], full_g: float, width: int) -> list[str]:
    """The envelope of a signal as lines of braille: two dots a column, four a row, zero in the middle.

    Source: Unicode block "Braille Patterns", U+2800 plus one bit a dot.
    """
    height = 4 * SIGNAL_ROWS
    dots = np.zeros((height, 2 * width), bool)
    for x, span in enumerate(columns(signal_g, 2 * width)):
        ends = (1.0 - np.array([span.max(), span.min()]) / full_g) * height / 2
        top, bottom = np.clip(ends.astype(int), 0, height - 1)
        dots[top : bottom + 1, x] = True
    cells = dots.reshape(SIGNAL_ROWS, 4, width, 2)
    codes = (cells * BRAILLE_BITS[:, None, :]).sum(axis=(1, 3))
    return ["".join(chr(0x2800 + int(code)) for code in row) for row in codes]


def history(scores: Sequence[float], threshold: float, width: int, rows: int) -> Text:
    """The newest scores as columns, red where they are above the threshold."""
    shown = list(scores)[-width:]
    text = Text()
    for number, line in enumerate(blocks(shown, rows)):
        text.append("\n" if number else "")
        for block, score in zip(line, shown, strict=True):
            text.append(block, "red" if score > threshold else "green")
    return text


def score_bar(score: float, threshold: float, width: int) -> Text:
    """A bar from 0 to 1 with the threshold marked in it."""
    filled, mark = round(score * width), min(width - 1, round(threshold * width))
    style = "red" if score > threshold else "green"
    bar = Text()
    for place in range(width):
        if place == mark:
            bar.append("┃", "bold")
        else:
            bar.append("█" if place < filled else "─", style if place < filled else "bright_black")
    return bar


def console_for(picture: str | None) -> Console:
    """The terminal; or, when only a picture is wanted, 100 columns that nobody sees."""
    if picture is None:
        return Console()
    return Console(width=100, height=36, file=open(os.devnull, "w"), force_terminal=True)


class DemoView:
    """Draws a ViewModel, live or once."""

    def __init__(self, model: ViewModel, console: Console | None = None) -> None:
        self.model = model
        self.console = console or Console()

    def live(self) -> Live:
        """A live display that redraws itself four times a second."""
        return Live(
            get_renderable=self.render, console=self.console, refresh_per_second=4, screen=False, transient=False
        )

    def save(self, path: str) -> None:
        """Write what the view shows now as an SVG picture, 100 columns wide."""
        with open(os.devnull, "w") as nowhere:
            recorder = Console(width=100, height=36, record=True, file=nowhere, force_terminal=True)
            live_console, self.console = self.console, recorder
            recorder.print(self.render())
            self.console = live_console
            recorder.save_svg(path, title="edge-app demo")

    def render(self) -> RenderableType:
        """The whole screen."""
        with self.model.lock:
            head_rows = 2 - (-(1 + len(self.model.subscribe_line)) // self.console.width)
            room = self.console.height - head_rows - SCORE_PANEL_ROWS - 4  # decisions' frame, traffic, the cursor's row
            with_signal = room - SIGNAL_PANEL_ROWS - HISTORY_ROWS >= ENOUGH_DECISION_ROWS
            with_history = with_signal or room - HISTORY_ROWS >= ENOUGH_DECISION_ROWS
            room -= with_signal * SIGNAL_PANEL_ROWS + with_history * HISTORY_ROWS
            parts = [self._head(), *([self._signal()] if with_signal else [])]
            parts += [self._score(HISTORY_ROWS * with_history), self._decisions(max(1, room)), self._traffic()]
        return Group(*parts)

    @property
    def _width(self) -> int:
        """Columns inside a panel."""
        return max(20, self.console.width - 4)

    @property
    def _style(self) -> str:
        return STATE_STYLES.get(self.model.state, "default")

    def _head(self) -> RenderableType:
        model = self.model
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(" edge-app demo ", "bold reverse")
        text.append(f"  {model.truth or 'a simulated pump'}\n", "bold")
        text.append(f" {model.broker_line}; another terminal can listen:", "bright_black")
        return Group(text, Text(f" {model.subscribe_line}", "cyan", overflow="fold"))

    def _panel(self, body: RenderableType, title: Text) -> Panel:
        alarm = self.model.state == "active"
        return Panel(body, title=title, title_align="left", border_style="red" if alarm else "bright_black")

    def _signal(self) -> RenderableType:
        model = self.model
        title = Text("signal", "bold")
        if model.signal_g is None:
            body = Text("waiting for the first window …" + "\n" * (SIGNAL_ROWS - 1), "bright_black")
            return self._panel(body, title)
        rms_g = float(np.sqrt(np.mean(model.signal_g**2)))
        title.append(f"  the last {model.window_s:g} s at {model.rate_hz:.0f} Hz   ", "not bold")
        title.append(f"rms {rms_g:.3f} g   height ±{model.full_g:.2f} g", "not bold")
        lines = waveform(model.signal_g, model.full_g, self._width)
        return self._panel(Text("\n".join(lines), self._style), title)

    def _score(self, history_rows: int) -> RenderableType:
        model = self.model
        title = Text.assemble(
            ("score", "bold"),
            f"  {'clears below' if model.state == 'active' else 'alarm above'} {model.threshold:.2f}   ",
            (f" {STATE_WORDS.get(model.state, model.state)} ", f"bold reverse {self._style}"),
        )
        body = Text()
        if model.score is None:
            body.append(f"{model.verdict or 'no score yet'}", "bright_black")
        else:
            body.append_text(score_bar(model.score, model.threshold, self._width - 6))
            body.append(f"  {model.score:.2f}", f"bold {self._style}")
        if history_rows:
            body.append("\n")
            body.append_text(history(model.scores, model.threshold, self._width, history_rows))
        return self._panel(body, title)

    def _decisions(self, room: int) -> RenderableType:
        """As many of the newest decisions as fit into `room` rows."""
        lines: list[Text] = []
        for message in reversed(self.model.decisions):
            told = self._told(message)
            if lines and len(lines) + len(told) > room:
                break
            lines = told[: room - len(lines)] + lines
        title = Text.assemble(
            ("decisions", "bold"), f"  as the broker delivers them; {self.model.decision_count} so far"
        )
        return self._panel(Text("\n").join(lines) if lines else Text("none yet", "bright_black"), title)

    def _told(self, message: dict[str, Any]) -> list[Text]:
        """One decision as lines: when, what, how bad, and why."""
        head = Text.assemble(
            (f"{message['mono'] / 1000:6.1f} s  ", "bright_black"),
            (f"{message['event']:<9}", LEVEL_STYLES.get(message["level"], "")),
            (f"{score_text(message['score']):>3}".ljust(6), ""),
        )
        why = Text(str(message["why"].get("text", "")))
        beside = self._width - head.cell_len >= BESIDE_COLUMNS
        indent = head.cell_len if beside else 2
        lines = [Text(" " * indent) + line for line in why.wrap(self.console, self._width - indent)]
        if beside and lines:
            lines[0] = head + lines[0][indent:]
            return lines
        return [head, *lines]

    def _traffic(self) -> RenderableType:
        model = self.model
        ratio = f"  ({model.sensed_bytes / model.sent_bytes:,.0f} : 1)" if model.sent_bytes else ""
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f" {model.elapsed_s:.0f} s  {model.windows} windows   ", "bright_black")
        text.append(f"sensed {model.sensed_bytes:,} B", "bold")
        text.append(" → ")
        text.append(f"sent {model.sent_bytes:,} B{ratio}", "bold green")
        text.append("   Ctrl-C ends", "bright_black")
        return text
