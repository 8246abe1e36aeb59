"""A recording drawn: its course and its spectrum, in a terminal or as SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.training.importers.base import Signal

Floats = NDArray[np.float64]
_WIDTH, _HEIGHT = 72, 12
_SCALE = 11
"""Columns left of a curve: its scale."""
_FLOOR = 1e-9
_SEGMENT = 4096
_SVG = (880, 260)
_MARGIN = (64, 16, 24, 36)
"""Left, right, top, bottom (px)."""


@dataclass(frozen=True)
class Curve:
    """Something drawn over something: lowest and highest value of each column."""

    title: str
    low: Floats
    high: Floats
    left: str
    """What the first column stands for."""
    right: str

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        curve = {"title": self.title, "from": self.left, "to": self.right}
        return curve | {"low": [float(each) for each in self.low], "high": [float(each) for each in self.high]}


def plot_columns(width: int | None) -> int:
    """Columns of a curve on a terminal so wide (None: as wide as it likes)."""
    return _WIDTH if width is None else max(10, min(_WIDTH, width - _SCALE))


def course(signal: Signal, axis: int = 0, columns: int = _WIDTH) -> Curve:
    """Lowest and highest value in each piece of the recording, in its unit."""
    values = signal.counts[axis] * signal.scale
    pieces = np.array_split(values, min(columns, values.size))
    low = np.array([piece.min() for piece in pieces])
    high = np.array([piece.max() for piece in pieces])
    return Curve(f"{signal.title} ({signal.unit})", low, high, "0 s", f"{signal.seconds:.4g} s")


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
    return Curve(f"spectrum (dB re 1 {signal.unit})", low, high, "0 Hz", f"{signal.rate_hz / 2:g} Hz")


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
    gap = max(1, curve.low.size - len(curve.left) - len(curve.right))
    lines.append(" " * 10 + "└" + "─" * curve.low.size)
    lines.append(" " * 11 + curve.left + " " * gap + curve.right)
    return "\n".join(lines)


def as_svg(curves: list[Curve]) -> str:
    """The curves below one another, one self-contained picture."""
    width, height = _SVG
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height * len(curves)}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, curve in enumerate(curves):
        parts += _panel(curve, number * height)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(curve: Curve, offset: int) -> list[str]:
    left, right, above, below = _MARGIN
    width, height = _SVG[0] - left - right, _SVG[1] - above - below
    bottom, top = float(curve.low.min()), float(curve.high.max())
    span = (top - bottom) or 1.0
    x = left + (np.arange(curve.low.size) + 0.5) * width / curve.low.size
    y_high = offset + above + (top - curve.high) / span * height
    y_low = offset + above + (top - curve.low) / span * height
    points = [f"{a:.1f},{b:.1f}" for a, b in zip(x, y_high, strict=True)]
    points += [f"{a:.1f},{b:.1f}" for a, b in zip(x[::-1], y_low[::-1], strict=True)]
    floor = offset + above + height
    return [
        f'<text x="{left}" y="{offset + 16}">{_escaped(curve.title)}</text>',
        f'<rect x="{left}" y="{offset + above}" width="{width}" height="{height}" fill="none" stroke="#999"/>',
        f'<polygon points="{" ".join(points)}" fill="#1f6fb2" stroke="#1f6fb2" stroke-width="1"/>',
        f'<text x="{left - 6}" y="{offset + above + 10}" text-anchor="end">{top:.3g}</text>',
        f'<text x="{left - 6}" y="{floor}" text-anchor="end">{bottom:.3g}</text>',
        f'<text x="{left}" y="{floor + 18}">{_escaped(curve.left)}</text>',
        f'<text x="{left + width}" y="{floor + 18}" text-anchor="end">{_escaped(curve.right)}</text>',
    ]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
