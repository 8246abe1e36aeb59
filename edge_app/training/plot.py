"""A recording drawn: its course and its spectrum, in a terminal or as SVG."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.training.evaluation.svg import Axes, ticks
from edge_app.training.importers.base import Signal

Floats = NDArray[np.float64]
_WIDTH, _HEIGHT = 72, 12
_SCALE = 11
"""Columns left of a curve: its scale."""
_FLOOR = 1e-9
_SEGMENT = 4096
_SVG = (880, 250)
_TITLE = 22
"""Room for a title (px)."""
_STYLE = (
    "<style>text{font:12px sans-serif;fill:#333}.tick{font-size:11px;fill:#555}.grid{stroke:#ddd}"
    ".curve{fill:#1f6fb2;stroke:#1f6fb2;stroke-linejoin:round}</style>"
)


@dataclass(frozen=True)
class Curve:
    """Something drawn over something: lowest and highest value of each column."""

    title: str
    low: Floats
    high: Floats
    unit: str
    """Of the values."""
    until: float
    """What the last column stands for; the first one is 0."""
    across: str
    """Unit of that: s or Hz."""

    @property
    def ends(self) -> tuple[str, str]:
        """What the first and the last column stand for, in words."""
        return f"0 {self.across}", f"{self.until:.4g} {self.across}"

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        facts = {"title": self.title, "unit": self.unit, "until": self.until, "across": self.across}
        return facts | {"low": [float(each) for each in self.low], "high": [float(each) for each in self.high]}


def plot_columns(width: int | None) -> int:
    """Columns of a curve on a terminal so wide (None: as wide as it likes)."""
    return _WIDTH if width is None else max(10, min(_WIDTH, width - _SCALE))


def course(signal: Signal, axis: int = 0, columns: int = _WIDTH) -> Curve:
    """Lowest and highest value in each piece of the recording, in its unit."""
    values = signal.counts[axis] * signal.scale
    pieces = np.array_split(values, min(columns, values.size))
    low = np.array([piece.min() for piece in pieces])
    high = np.array([piece.max() for piece in pieces])
    return Curve(f"{signal.title} ({signal.unit})", low, high, signal.unit, signal.seconds, "s")


def spectrum(signal: Signal, axis: int = 0, columns: int = _WIDTH) -> Curve:
    """Level of each frequency in dB, mean of Hann windows half over one another.

    Source: P. D. Welch, "The use of fast Fourier transform for the estimation of power spectra", IEEE Trans. Audio
    Electroacoust. 15(2):70-73, 1967.
    """
    values = signal.counts[axis].astype(np.float64) * signal.scale
    values -= values.mean()
    size = min(_SEGMENT, values.size)
    window = np.hanning(size)
    starts = range(0, values.size - size + 1, max(1, size // 2))
    power = np.mean([np.abs(np.fft.rfft(values[start : start + size] * window)) ** 2 for start in starts], axis=0)
    level = 10 * np.log10(np.maximum(power[1:] * 4 / window.sum() ** 2, _FLOOR**2))
    pieces = np.array_split(level, min(columns, level.size))
    low = np.array([piece.min() for piece in pieces])
    high = np.array([piece.max() for piece in pieces])
    return Curve(f"spectrum (dB re 1 {signal.unit})", low, high, "dB", signal.rate_hz / 2, "Hz")


def as_text(curve: Curve, filled: bool = False, height: int = _HEIGHT) -> str:
    """The curve in characters; `filled` from the bottom up, as spectra are drawn."""
    bottom, top = float(curve.low.min()), float(curve.high.max())
    span = (top - bottom) or 1.0
    rows_low = np.zeros(curve.low.size) if filled else (curve.low - bottom) / span * (height - 1)
    rows_high = (curve.high - bottom) / span * (height - 1)
    lines = [curve.title]
    for row in range(height - 1, -1, -1):
        inside = (np.floor(rows_low) <= row) & (row <= np.rint(rows_high))
        scale = top if row == height - 1 else bottom if row == 0 else None
        label = f"{scale:9.3g} " if scale is not None else " " * 10
        lines.append(label + "│" + "".join("█" if each else " " for each in inside).rstrip())
    left, right = curve.ends
    gap = max(1, curve.low.size - len(left) - len(right))
    lines.append(" " * 10 + "└" + "─" * curve.low.size)
    lines.append(" " * 11 + left + " " * gap + right)
    return "\n".join(lines)


def as_svg(curves: list[Curve]) -> str:
    """The curves below one another, one self-contained picture."""
    width, height = _SVG
    whole = (height + _TITLE) * len(curves)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {whole}">{_STYLE}',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, curve in enumerate(curves):
        top = number * (height + _TITLE)
        parts += [f'<text x="44" y="{top + 18}">{escape(curve.title)}</text>']
        parts += [f'<g transform="translate(0 {top + _TITLE - 6})">{_panel(curve)}</g>']
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(curve: Curve) -> str:
    """One curve with its axes."""
    x_range, y_range = (0.0, curve.until), (float(curve.low.min()), float(curve.high.max()))
    axes = Axes(x_range, y_range, *_SVG, curve.title)
    name = {"s": "time (s)", "Hz": "frequency (Hz)"}[curve.across]
    axes.frame(name, f"{curve.unit}", ticks(x_range, 10), ticks(y_range, 6))
    places = (np.arange(curve.low.size) + 0.5) * curve.until / curve.low.size
    low = [(float(x), float(y)) for x, y in zip(places, curve.low, strict=True)]
    high = [(float(x), float(y)) for x, y in zip(places, curve.high, strict=True)]
    axes.area(low, high, "curve")
    return axes.svg().replace("<svg ", f'<svg width="{_SVG[0]}" height="{_SVG[1]}" ', 1)
