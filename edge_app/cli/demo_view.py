"""What a person sees during the demo: the only importer of rich."""

from __future__ import annotations

import os
import threading
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

SPARKS = "▁▂▃▄▅▆▇█"
STATE_STYLES = {"normal": "green", "pending": "yellow", "active": "bold red", "unknown": "magenta", "idle": "cyan"}
LEVEL_STYLES = {"ok": "green", "info": "cyan", "warn": "yellow", "alarm": "bold red"}
SCORE_HISTORY = 120
DECISIONS_SHOWN = 7


@dataclass
class ViewModel:
    """What the view shows; filled by the pipeline's thread and the subscriber's, read by the screen's."""

    broker_line: str
    subscribe_line: str
    rate_hz: float = 0.0
    window_s: float = 1.0
    signal_g: NDArray[np.float32] | None = None
    scores: deque[float] = field(default_factory=lambda: deque(maxlen=SCORE_HISTORY))
    score: float | None = None
    raise_above: float = 1.0
    state: str = "normal"
    level: str = "ok"
    verdict: str = ""
    decisions: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=DECISIONS_SHOWN))
    decision_count: int = 0
    windows: int = 0
    sensed_bytes: int = 0
    sent_bytes: int = 0
    elapsed_s: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


def sparkline(values: NDArray[np.float32], width: int, low: float, high: float) -> str:
    """Values as block characters, the mean of each stretch, `low` the lowest block and `high` the highest."""
    if values.size == 0:
        return " " * width
    edges = np.linspace(0, values.size, min(width, values.size) + 1).astype(int)
    means = np.array([values[a:b].mean() for a, b in pairwise(edges) if b > a])
    places = np.clip((means - low) / max(high - low, 1e-9) * len(SPARKS), 0, len(SPARKS) - 1).astype(int)
    return "".join(SPARKS[place] for place in places)


def waveform(signal_g: NDArray[np.float32], width: int) -> tuple[str, str]:
    """The upper and lower half of the envelope of a signal, as two lines of blocks that mirror each other."""
    centred = signal_g - signal_g.mean()
    edges = np.linspace(0, centred.size, min(width, centred.size) + 1).astype(int)
    spans = [centred[a:b] for a, b in pairwise(edges) if b > a]
    top = np.array([span.max() for span in spans], np.float32)
    bottom = np.array([-span.min() for span in spans], np.float32)
    peak = max(0.05, float(max(top.max(), bottom.max())))
    return sparkline(top, width, 0, peak), sparkline(bottom, width, 0, peak)


def score_bar(score: float, threshold: float, width: int) -> Text:
    """A bar from 0 to 1 with the threshold marked in it."""
    filled, mark = round(score * width), min(width - 1, round(threshold * width))
    style = "bold red" if score > threshold else "green"
    bar = Text()
    for place in range(width):
        if place == mark:
            bar.append("┃", "bold white")
        else:
            bar.append("█" if place < filled else "─", style if place < filled else "grey37")
    return bar


def console_for(picture: str | None) -> Console:
    """The terminal; or, when only a picture is wanted, 100 columns that nobody sees."""
    if picture is None:
        return Console()
    return Console(width=100, file=open(os.devnull, "w"), force_terminal=True)


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
            recorder = Console(width=100, record=True, file=nowhere, force_terminal=True)
            live_console, self.console = self.console, recorder
            recorder.print(self.render())
            self.console = live_console
            recorder.save_svg(path, title="edge-app demo")

    def render(self) -> RenderableType:
        """The whole screen."""
        with self.model.lock:
            return Group(self._head(), self._signal(), self._score(), self._decisions(), self._traffic())

    def _head(self) -> RenderableType:
        model = self.model
        text = Text.assemble(("edge-app demo ", "bold"), ("a simulated pump; its bearing falls ill\n", "dim"))
        text.append(f"broker   {model.broker_line}\n", "dim")
        text.append("listen   ", "dim")
        text.append(model.subscribe_line, "cyan")
        return Panel(text, border_style="blue")

    def _signal(self) -> RenderableType:
        model, width = self.model, max(20, self.console.width - 6)
        if model.signal_g is None:
            return Panel(Text("waiting for the first window …", "dim"), title="signal", title_align="left")
        upper, lower = waveform(model.signal_g, width)
        rms_g = float(np.std(model.signal_g))
        style = STATE_STYLES.get(model.state, "white")
        body = Text.assemble((upper, style), "\n", (lower, f"{style} dim"))
        title = f"signal  {model.rate_hz:.0f} Hz   rms {rms_g:.3f} g   one window of {model.window_s:g} s"
        return Panel(body, title=title, title_align="left")

    def _score(self) -> RenderableType:
        model, width = self.model, max(20, self.console.width - 6)
        body = Text()
        if model.score is None:
            body.append(f"{model.verdict or 'no score yet'}\n", "dim")
        else:
            body.append_text(score_bar(model.score, model.raise_above, width - 12))
            body.append(f"  {model.score:.2f}\n", "bold")
            body.append(sparkline(np.array(model.scores, np.float32), width, 0.0, 1.0), "yellow")
        state = f"[{STATE_STYLES.get(model.state, 'white')}]{model.state.upper()}[/]"
        title = f"score against threshold {model.raise_above:.2f}   state {state}"
        return Panel(body, title=title, title_align="left")

    def _decisions(self) -> RenderableType:
        table = Table(box=None, expand=True, pad_edge=False, show_edge=False)
        for name, options in (
            ("at", {"width": 7}),
            ("event", {"width": 8}),
            ("level", {"width": 6}),
            ("score", {"width": 6}),
        ):
            table.add_column(name, style="dim" if name == "at" else None, **options)  # type: ignore[arg-type]
        table.add_column("why", ratio=1)
        for message in self.model.decisions:
            score = message["score"]
            table.add_row(
                f"{message['mono'] / 1000:.1f}s",
                message["event"],
                Text(message["level"], LEVEL_STYLES.get(message["level"], "")),
                f"{score / 10000:.2f}" if score >= 0 else "-",
                str(message["why"].get("text", "")),
            )
        title = f"decisions, as the broker delivers them ({self.model.decision_count})"
        return Panel(table, title=title, title_align="left")

    def _traffic(self) -> RenderableType:
        model = self.model
        ratio = f"{model.sensed_bytes / model.sent_bytes:,.0f} : 1" if model.sent_bytes else "-"
        return Text(
            f" {model.elapsed_s:5.0f} s   {model.windows} windows   sensed {model.sensed_bytes:,} B   "
            f"sent {model.sent_bytes:,} B   {ratio}   Ctrl-C ends",
            "dim",
        )
