"""Frequencies at which a rolling bearing's defects strike, from its geometry and the shaft's speed.

Source
------
R. B. Randall, J. Antoni, "Rolling element bearing diagnostics - a tutorial", Mechanical Systems and Signal Processing
25 (2011), equations (1) to (4): outer ring fixed, inner ring turning, no slip (real bearings slip by 1 to 2 %).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Bearing:
    """Geometry of a ball or roller bearing."""

    balls: int
    """Rolling elements."""
    ball_mm: float
    """Diameter of a rolling element (mm)."""
    pitch_mm: float
    """Diameter of the circle through the elements' centres (mm)."""
    angle_deg: float = 0.0
    """Contact angle (degrees)."""

    @property
    def _ratio(self) -> float:
        return self.ball_mm / self.pitch_mm * math.cos(math.radians(self.angle_deg))

    def orders(self) -> dict[str, float]:
        """Defect frequencies over the shaft's: bpfo (outer race), bpfi (inner race), bsf (ball), ftf (cage)."""
        ratio = self._ratio
        return {
            "bpfo": self.balls / 2.0 * (1.0 - ratio),
            "bpfi": self.balls / 2.0 * (1.0 + ratio),
            "bsf": self.pitch_mm / (2.0 * self.ball_mm) * (1.0 - ratio * ratio),
            "ftf": (1.0 - ratio) / 2.0,
        }

    def line_hz(self, shaft_hz: float) -> dict[str, float]:
        """Fundamental of each defect's envelope lines (Hz); a ball defect strikes both races, so 2 x BSF."""
        lines = {name: order * shaft_hz for name, order in self.orders().items()}
        lines["bsf"] *= 2.0
        return lines
