"""Drift: features that wander from the baseline for hours without an alarm.

Per feature, the mean of its distance from the baseline in steps (as the model's standardisation counts them) is
followed exponentially, in whole numbers; every few windows one is taken, so that a device spends next to nothing on
it. When enough features stay beyond the band for long enough, that is told once; it ends when fewer are beyond half
the band.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.core.units import DB_PER_POWER_OCTAVE, LOG2_ONE

TAKE_EVERY_S = 4.0
"""Distance of the windows that are taken (s)."""
KEEP_SHIFT = 10
"""The mean moves by 1/1024 of the difference: a time constant of 1024 windows, 68 minutes."""
MEAN_BITS = 12
"""Fractional bits of the means."""
BAND_STEPS = 18
"""Steps from the baseline beyond which a mean lies outside, at most: one and a half of the spreads (12 steps) single
windows have. Means over an hour stay within 1.2 on healthy simulated days of changing speed and load."""
BAND_STEPS_MIN, BAND_WANDERS = 6, 5
"""A learnt normal knows how far the means of its blocks of time wandered: so many times that is its band, but not less
than half a spread. A machine that ran steadily is then watched three times as closely."""
SHARE_PERCENT = 10
"""So many of the features must lie outside, at least two."""
SUSTAINED = 1800
"""For so many taken windows (two hours)."""
WARM_UP = 2048
"""Windows taken before anything is concluded: twice the time constant."""
STEPS_LIMIT = 1023
NAMED = 3


@dataclass(frozen=True)
class Finding:
    """Features that wandered."""

    count: int
    """How many lie outside the band."""
    top: tuple[tuple[str, int], ...]
    """(feature, mean change against the baseline in dB × 10), furthest first, at most 3."""


class Drift:
    """Follows one pipeline's features; the thread that judges feeds it, others ask it and give it another baseline.

    Parameters
    ----------
    names : sequence of str
        Features in order.
    hop_s : float
        Distance of two windows (s).
    """

    def __init__(self, names: Sequence[str], hop_s: float) -> None:
        self.names = tuple(names)
        self.every = max(1, round(TAKE_EVERY_S / hop_s))
        self._mutex = threading.Lock()
        self._needed = max(2, -(-len(self.names) * SHARE_PERCENT // 100))
        self.follow("", [0] * len(self.names), [1] * len(self.names), 1)

    def follow(
        self, baseline: str, offset: Sequence[int], multiplier: Sequence[int], shift: int, wander: Sequence[int] = ()
    ) -> None:
        """Begin anew against a baseline, named by a hash; `wander` as in LearntNormal."""
        gains = np.array(multiplier, np.int64)
        band = np.full(len(self.names), BAND_STEPS << MEAN_BITS, np.int64)
        if len(wander):
            steps = BAND_WANDERS * np.array(wander, np.int64) * gains << MEAN_BITS >> shift
            band = np.clip(steps, BAND_STEPS_MIN << MEAN_BITS, BAND_STEPS << MEAN_BITS)
        with self._mutex:
            self.baseline = baseline
            self._offset, self._multiplier, self._shift = np.array(offset, np.int64), gains, shift
            self._band = band
            self._mean = np.zeros(len(self.names), np.int64)
            self.taken = self._outside = self._waited = 0
            self.told = False

    def take(self, values: NDArray[np.int16]) -> bool:
        """Features of a judged window without alarm; true when drift begins to be worth telling."""
        self._waited += 1
        if self._waited < self.every:
            return False
        with self._mutex:
            self._waited = 0
            return self._take(values)

    def _take(self, values: NDArray[np.int16]) -> bool:
        steps = (values - self._offset) * self._multiplier >> self._shift
        np.minimum(np.maximum(steps, -STEPS_LIMIT, out=steps), STEPS_LIMIT, out=steps)
        self.taken += 1
        # The first windows count equally, else the start would be believed for hours.
        if self.taken < 1 << KEEP_SHIFT:
            self._mean += ((steps << MEAN_BITS) - self._mean) // self.taken
        else:
            self._mean += ((steps << MEAN_BITS) - self._mean) >> KEEP_SHIFT
        return self._conclude()

    def _conclude(self) -> bool:
        far = np.abs(self._mean)
        if self.told:
            self.told = int(np.count_nonzero(far > self._band >> 1)) >= self._needed
            return False
        outside = int(np.count_nonzero(far > self._band)) >= self._needed
        self._outside = self._outside + 1 if outside else 0
        if self.taken < WARM_UP or self._outside < SUSTAINED:
            return False
        self.told, self._outside = True, 0
        return True

    def finding(self) -> Finding:
        """What lies outside now."""
        with self._mutex:
            far = np.abs(self._mean)
            order = [int(index) for index in np.argsort(-(far / self._band), kind="stable")[:NAMED]]
            top = tuple((self.names[index], self._db10(index)) for index in order)
            return Finding(int(np.count_nonzero(far > self._band)), top)

    def _db10(self, index: int) -> int:
        counts = float(self._mean[index]) / 2.0**MEAN_BITS * 2.0**self._shift / float(self._multiplier[index])
        octave_db = DB_PER_POWER_OCTAVE * (1 if "band_" in self.names[index] or "mel_" in self.names[index] else 2)
        return round(counts * octave_db * 10 / LOG2_ONE)

    def snapshot(self) -> dict[str, Any]:
        """What must outlive the process: whole numbers, texts and lists."""
        with self._mutex:
            return {
                "v": 1,
                "baseline": self.baseline,
                "mean": [int(each) for each in self._mean],
                "taken": self.taken,
                "outside": self._outside,
                "told": self.told,
            }

    def restore(self, snapshot: Mapping[str, Any]) -> bool:
        """Take a snapshot over; false, and nothing changed, when it is damaged or of another baseline."""
        mean, taken, outside = snapshot.get("mean"), snapshot.get("taken"), snapshot.get("outside")
        limit = STEPS_LIMIT << MEAN_BITS
        if snapshot.get("v") != 1 or snapshot.get("baseline") != self.baseline:
            return False
        if not isinstance(mean, list) or len(mean) != len(self.names):
            return False
        if not all(type(each) is int and -limit <= each <= limit for each in mean):
            return False
        if type(taken) is not int or type(outside) is not int or type(snapshot.get("told")) is not bool:
            return False
        if not (0 <= taken < 1 << 50 and 0 <= outside < 1 << 50):
            return False
        with self._mutex:
            self._mean = np.array(mean, np.int64)
            self.taken, self._outside, self.told = taken, outside, bool(snapshot["told"])
        return True
