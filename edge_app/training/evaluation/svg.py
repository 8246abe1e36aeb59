"""Plots as inline SVG: our own few shapes, coloured by the page's CSS, so that they follow its light or dark theme."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from edge_app.training.protocols.base import INT8, Calibration, Confusion, Curve, Figure, Roc, Scatter, ScoreTrace

MOST_POINTS = 400
"""Points of one line; longer signals are drawn by lowest, median and highest value of each stretch."""
DOTS = 60
"""So many points are marked, each."""
PAUSE = 5.0
"""A line is broken where the next point is so many times further than usual."""
Point = tuple[float, float]
Range = tuple[float, float]

_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 12.0, 12.0, 38.0
"""Room around the plotting area (px)."""


class Axes:
    """A plotting area with scales; collects shapes and gives the SVG.

    Parameters
    ----------
    x, y : (float, float)
        What the left and right, bottom and top border stand for.
    width, height : float
        Of the whole picture (px); the page scales it.
    """

    def __init__(self, x: Range, y: Range, width: float, height: float, name: str) -> None:
        self._x, self._y = _wide(x), _wide(y)
        self._width, self._height, self._name = width, height, name
        self._shapes: list[str] = []

    def at(self, x: float, y: float) -> Point:
        """Where a pair of values lies (px)."""
        across = (x - self._x[0]) / (self._x[1] - self._x[0])
        up = (y - self._y[0]) / (self._y[1] - self._y[0])
        inner_width, inner_height = self._width - _LEFT - _RIGHT, self._height - _TOP - _BOTTOM
        return _LEFT + across * inner_width, _TOP + (1.0 - up) * inner_height

    def add(self, shape: str) -> None:
        """A shape in px."""
        self._shapes.append(shape)

    def line(self, points: Sequence[Point], css: str) -> None:
        """A polyline through pairs of values."""
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*point) for point in points))
        self.add(f'<polyline class="{css}" points="{places}"/>')

    def area(self, low: Sequence[Point], high: Sequence[Point], css: str) -> None:
        """What lies between two lines over the same places."""
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*point) for point in [*high, *reversed(low)]))
        self.add(f'<polygon class="{css}" points="{places}"/>')

    def dot(self, point: Point, css: str, radius: float = 3.0, title: str = "") -> None:
        """A round mark, told by its title when pointed at."""
        x, y = self.at(*point)
        inner = f"<title>{escape(title)}</title>" if title else ""
        self.add(f'<circle class="{css}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">{inner}</circle>')

    def band(self, x: Range, css: str) -> None:
        """A stretch of the x axis, from bottom to top."""
        left, top = self.at(x[0], self._y[1])
        right, bottom = self.at(x[1], self._y[0])
        size = f'width="{max(0.0, right - left):.1f}" height="{bottom - top:.1f}"'
        self.add(f'<rect class="{css}" x="{left:.1f}" y="{top:.1f}" {size}/>')

    def text(self, x: float, y: float, words: str, css: str = "", anchor: str = "start") -> None:
        """Words at a place in px."""
        kind = f' class="{css}"' if css else ""
        self.add(f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>')

    def frame(self, x_label: str, y_label: str, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> None:
        """Grid, ticks and the names of the axes."""
        for value in x_ticks:
            x, _ = self.at(value, self._y[0])
            bottom = self._height - _BOTTOM
            self.add(f'<line class="grid" x1="{x:.1f}" y1="{_TOP:.1f}" x2="{x:.1f}" y2="{bottom:.1f}"/>')
            self.text(x, bottom + 14, tick_text(value), "tick", "middle")
        for value in y_ticks:
            _, y = self.at(self._x[0], value)
            right = self._width - _RIGHT
            self.add(f'<line class="grid" x1="{_LEFT:.1f}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}"/>')
            self.text(_LEFT - 6, y + 4, tick_text(value), "tick", "end")
        self.text((_LEFT + self._width - _RIGHT) / 2, self._height - 6, x_label, "axis", "middle")
        middle = (_TOP + self._height - _BOTTOM) / 2
        turned = f'transform="rotate(-90 12 {middle:.1f})"'
        self.add(f'<text class="axis" x="12" y="{middle:.1f}" text-anchor="middle" {turned}>{escape(y_label)}</text>')

    def svg(self) -> str:
        """The picture."""
        box = f'viewBox="0 0 {self._width:.0f} {self._height:.0f}"'
        return f'<svg {box} role="img" aria-label="{escape(self._name, quote=True)}">{"".join(self._shapes)}</svg>'


def draw(figure: Figure) -> str:
    """The SVG of a figure."""
    if isinstance(figure, Roc):
        return draw_roc(figure)
    if isinstance(figure, ScoreTrace):
        return draw_trace(figure)
    if isinstance(figure, Confusion):
        return draw_confusion(figure)
    if isinstance(figure, Calibration):
        return draw_calibration(figure)
    return draw_scatter(figure)


def draw_roc(figure: Roc) -> str:
    """True against false positive rate; guessing is the diagonal."""
    axes = Axes((0.0, 1.0), (0.0, 1.0), 360, 340, figure.title)
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0)
    axes.frame("false positive rate", "true positive rate", ticks, ticks)
    axes.line(((0.0, 0.0), (1.0, 1.0)), "guess")
    for curve in figure.curves:
        axes.line(list(zip(curve.x, curve.y, strict=True)), f"curve {_step_css(curve.name)}")
    return axes.svg()


def _step_css(name: str) -> str:
    return {INT8: "shipped", "trained": "trained", "pruned": "pruned"}.get(name, "shipped")


def swatch(css: str) -> str:
    """A piece of a line, or of an area, for a legend."""
    if css in ("learnt", "spread"):
        shape = f'<rect class="{css}" x="1" y="0" width="24" height="10"/>'
    else:
        shape = f'<line class="curve {css}" x1="1" y1="5" x2="25" y2="5"/>'
        shape += '<circle class="alarm-dot" cx="13" cy="5" r="3.5"/>' if css == "alarm" else ""
    return f'<svg viewBox="0 0 26 10" aria-hidden="true">{shape}</svg>'


def draw_trace(figure: ScoreTrace) -> str:
    """Score over time with the threshold, the alarms, and where the normal was learnt from."""
    last_s = max([*figure.curve.x, *figure.alarms_s, figure.learnt_until_s or 0.0])
    first_s = min(figure.curve.x, default=0.0)
    whole = first_s < 0.2 * last_s or figure.learnt_until_s is not None
    span = (0.0 if whole else first_s, last_s)
    unit_s, unit = time_unit(span[1] - span[0])
    axes = Axes((span[0] / unit_s, span[1] / unit_s), (0.0, 1.0), 480, 210, figure.title)
    axes.frame(f"time ({unit})", "score", ticks((span[0] / unit_s, span[1] / unit_s), 6), (0.0, 0.25, 0.5, 0.75, 1.0))
    if figure.learnt_until_s is not None:
        axes.band((span[0] / unit_s, figure.learnt_until_s / unit_s), "learnt")
    ends = (span[0] / unit_s, span[1] / unit_s)
    axes.line([(end, figure.threshold) for end in ends], "threshold")
    for part in unbroken(figure.curve):
        _score_line(axes, Curve("score", tuple(x / unit_s for x in part.x), part.y), len(figure.curve.x))
    for at_s in figure.alarms_s[:100]:
        axes.line([(at_s / unit_s, 0.0), (at_s / unit_s, 1.0)], "alarm")
        axes.dot((at_s / unit_s, 1.0), "alarm-dot", 4.0, f"alarm at {at_s / unit_s:.4g} {unit}")
    for at_s, word in figure.marks:
        x, y = axes.at(at_s / unit_s, 1.0)
        axes.text(x + 4, y + 14, word, "key")
    return axes.svg()


def _score_line(axes: Axes, part: Curve, of_points: int) -> None:
    """A stretch of a score: point by point, or as median between lowest and highest where points are many."""
    if of_points <= MOST_POINTS:
        points = list(zip(part.x, part.y, strict=True))
        axes.line(points, "curve shipped thin")
        if of_points <= DOTS:
            for point in points:
                axes.dot(point, "point", 2.2)
        return
    blocks = spread(part, max(2, MOST_POINTS * len(part.x) // (2 * of_points)))
    axes.area([(x, low) for x, low, _, _ in blocks], [(x, high) for x, _, _, high in blocks], "spread")
    axes.line([(x, median) for x, _, median, _ in blocks], "curve shipped thin")


def unbroken(curve: Curve) -> list[Curve]:
    """Its stretches without a pause: where a machine stood still no score may be drawn."""
    count = len(curve.x)
    if count < 3:
        return [curve] if count else []
    steps = np.diff(np.array(curve.x))
    ends = [*(np.flatnonzero(steps > PAUSE * max(float(np.median(steps)), 1e-9)) + 1), count]
    starts = [0, *ends[:-1]]
    return [Curve(curve.name, curve.x[first:end], curve.y[first:end]) for first, end in zip(starts, ends, strict=True)]


def spread(curve: Curve, blocks: int) -> list[tuple[float, float, float, float]]:
    """(middle, lowest, median, highest) of so many blocks of a curve: no extreme is lost."""
    parts = np.array_split(np.arange(len(curve.x)), min(blocks, len(curve.x)))
    x, y = np.array(curve.x), np.array(curve.y)
    return [
        (float(x[each].mean()), float(y[each].min()), float(np.median(y[each])), float(y[each].max())) for each in parts
    ]


def draw_confusion(figure: Confusion) -> str:
    """Counts in cells, deeper in colour the larger their share of the true class."""
    side, left, top = 46.0, 120.0, 92.0
    width = left + side * len(figure.predicted) + 44
    height = top + side * len(figure.true) + 12
    middle = top + (height - top) / 2
    shapes = [
        f'<text class="axis" x="{left:.1f}" y="14">told ({escape(figure.unit)})</text>',
        f'<text class="axis" x="12" y="{middle:.1f}" text-anchor="middle" '
        f'transform="rotate(-90 12 {middle:.1f})">true</text>',
    ]
    for column, name in enumerate(figure.predicted):
        x = left + side * (column + 0.5)
        turned = f'transform="rotate(-38 {x:.1f} {top - 8:.1f})"'
        shapes.append(f'<text class="tick" x="{x:.1f}" y="{top - 8:.1f}" {turned}>{_short(name, 16)}</text>')
    for row, name in enumerate(figure.true):
        y = top + side * (row + 0.5)
        shapes.append(
            f'<text class="tick" x="{left - 10:.1f}" y="{y + 4:.1f}" text-anchor="end">{_short(name, 16)}</text>'
        )
        total = sum(figure.counts[row])
        for column, count in enumerate(figure.counts[row]):
            share = count / total if total else 0.0
            right = name == figure.predicted[column]
            shapes.append(_cell(left + side * column, top + side * row, side, count, share, right))
    label = escape(figure.title, quote=True)
    box = f'viewBox="0 0 {width:.0f} {height:.0f}" style="max-width:{width:.0f}px"'
    return f'<svg {box} role="img" aria-label="{label}">{"".join(shapes)}</svg>'


def _cell(x: float, y: float, side: float, count: int, share: float, right: bool) -> str:
    kind = "right" if right else "wrong"
    middle = side / 2
    strong = " strong" if share > 0.55 else ""
    length = " long" if len(str(count)) > 4 else ""
    size = f'width="{side - 3:.1f}" height="{side - 3:.1f}" rx="5"'
    return (
        f'<rect class="cell" x="{x:.1f}" y="{y:.1f}" {size}/>'
        f'<rect class="cell {kind}" x="{x:.1f}" y="{y:.1f}" {size} fill-opacity="{0.9 * share:.3f}"/>'
        f'<text class="count{strong}{length}" x="{x + middle:.1f}" y="{y + middle:.1f}" '
        f'text-anchor="middle">{count}</text>'
        f'<text class="part{strong}" x="{x + middle:.1f}" y="{y + middle + 15:.1f}" text-anchor="middle">'
        f"{100 * share:.0f} %</text>"
    )


def _short(name: str, most: int) -> str:
    return escape(name if len(name) <= most else name[: most - 1] + "…")


def draw_calibration(figure: Calibration) -> str:
    """Share that was right against the probability told; on the diagonal a model means what it says."""
    axes = Axes((0.0, 1.0), (0.0, 1.0), 360, 340, figure.title)
    tick_values = (0.0, 0.25, 0.5, 0.75, 1.0)
    axes.frame("probability told", "share that was right", tick_values, tick_values)
    axes.line(((0.0, 0.0), (1.0, 1.0)), "guess")
    most = max((count for _, _, count in figure.bins), default=1)
    axes.line([(told, right) for told, right, _ in figure.bins], "curve shipped thin")
    for told, right, count in figure.bins:
        radius = 3.0 + 7.0 * math.sqrt(count / most)
        axes.dot((told, right), "bubble", radius, f"{count} windows: told {told:.2f}, right {right:.2f}")
    return axes.svg()


def draw_scatter(figure: Scatter) -> str:
    """Measured against true values; on the diagonal both agree."""
    every = [value for point in figure.points for value in point] or [0.0, 1.0]
    span = (min(every), max(every))
    margin = 0.05 * (span[1] - span[0] or 1.0)
    span = (span[0] - margin, span[1] + margin)
    axes = Axes(span, span, 360, 340, figure.title)
    axes.frame(figure.x_label, figure.y_label, ticks(span, 5), ticks(span, 5))
    axes.line(((span[0], span[0]), (span[1], span[1])), "guess")
    for point in figure.points[:: max(1, len(figure.points) // 1000)]:
        axes.dot(point, "bubble", 2.5)
    return axes.svg()


def time_unit(span_s: float) -> tuple[float, str]:
    """The unit in which a span of time reads best: (seconds of one, its name)."""
    for seconds, name, least in ((86400.0, "days", 3.0), (3600.0, "h", 3.0), (60.0, "min", 5.0)):
        if span_s >= least * seconds:
            return seconds, name
    return 1.0, "s"


def ticks(span: Range, most: int) -> list[float]:
    """Round values within a span, at most `most` of them, 1, 2 or 5 times a power of ten apart."""
    low, high = _wide(span)
    raw = (high - low) / most
    base = 10.0 ** math.floor(math.log10(raw))
    step = next(base * factor for factor in (1.0, 2.0, 5.0, 10.0) if base * factor >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def tick_text(value: float) -> str:
    """A tick's value, without digits nobody needs."""
    return f"{round(value, 9):.6g}"


def _wide(span: Range) -> Range:
    """A span that is not empty."""
    return span if span[1] > span[0] else (span[0] - 0.5, span[0] + 0.5)
