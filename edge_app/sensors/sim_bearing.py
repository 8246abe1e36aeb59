"""Impacts of a damaged rolling bearing: when they come and how strong they are.

Source: R. B. Randall, J. Antoni, "Rolling element bearing diagnostics - a tutorial", Mech. Syst. Signal Process.
25(2):485-520, 2011, section 2 (frequencies, slip of 1-2 %, load-zone modulation); P. D. McFadden, J. D. Smith, "Model
for the vibration produced by a single point defect in a rolling element bearing", J. Sound Vib. 96(1):69-82, 1984.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_app.dsp.bearing import Bearing

SLIP = 0.012
"""Relative standard deviation of the distance between two impacts."""
_BATCH = 64


class ImpactTrain:
    """Impacts along the shaft's angle; slip lets their phase wander, so lines smear with the order, as in reality."""

    def __init__(self, bearing: Bearing, kind: str, seed: int) -> None:
        orders = bearing.orders()
        self._kind = kind
        self._order = {"outer": orders["bpfo"], "inner": orders["bpfi"], "ball": 2 * orders["bsf"]}.get(kind, 0.0)
        self._cage = orders["ftf"]
        self._random = np.random.RandomState(seed)
        self._at = np.zeros(0)
        self._strength = np.zeros(0)

    def strike(self, turned: NDArray[np.float64], peak: float) -> NDArray[np.float64] | None:
        """Impulses within these shaft angles (revolutions, rising), each split between its two nearest samples."""
        if self._order == 0.0:
            return None
        first, last = float(turned[0]), float(turned[-1])
        if self._at.size == 0 or self._at[-1] < first:
            self._at = np.array([first])
            self._strength = np.ones(1)
        while self._at[-1] < last:
            steps = (1.0 + SLIP * self._random.standard_normal(_BATCH)) / self._order
            self._at = np.concatenate((self._at, self._at[-1] + np.cumsum(np.maximum(steps, 0.1 / self._order))))
            strength = 1.0 + 0.15 * self._random.standard_normal(_BATCH)
            self._strength = np.concatenate((self._strength, strength))
        due = self._at < last
        struck = np.zeros(turned.size + 1)
        sample = np.interp(self._at[due], turned, np.arange(turned.size))
        force = peak * self._strength[due] * self._load_zone(self._at[due])
        index = sample.astype(np.int64)
        np.add.at(struck, index, force * (1.0 - (sample - index)))
        np.add.at(struck, index + 1, force * (sample - index))
        keep = self._at >= last
        keep[-1] = True
        self._at, self._strength = self._at[keep], self._strength[keep]
        return struck[:-1]

    def _load_zone(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Load where the defect is struck (Stribeck, half of the circle loaded); the outer race's never moves."""
        if self._kind == "outer":
            return np.ones(at.size)
        order = 1.0 if self._kind == "inner" else self._cage
        return np.asarray(0.15 + 0.85 * np.maximum(0.0, np.cos(2 * np.pi * order * at)) ** 1.5)
