"""How a simulated machine is run: speed and load over time, ramps, pauses, and the slow wander between."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

PROFILES = ("steady", "varying", "cycling")

Point = tuple[float, float, float]
"""(at_s, speed, load): from `at_s` on the machine heads for this speed and load, 1 being nominal; speed 0 stops it."""


class Operation:
    """Speed and load of a machine, both relative to nominal, asked for at rising times.

    Parameters
    ----------
    profile : str
        "steady": nominal. "varying": every 5 to 20 minutes another speed (0.85 to 1.0) and load (0.5 to 1.1).
        "cycling": as varying, with a stop of 2 to 10 minutes after every other step.
    schedule : sequence of (at_s, speed, load)
        Used instead of a profile when it is not empty.
    seed : int
    ramp_s : float
        Time constant of a change (s); a stop from full speed takes three of them.
    """

    def __init__(self, profile: str, seed: int, schedule: Sequence[Point] = (), ramp_s: float = 2.0) -> None:
        self._profile = profile
        self._schedule = sorted(schedule)
        self._random = np.random.RandomState(seed)
        self._ramp_s = ramp_s
        self._time_s = 0.0
        self._next_s = 0.0
        self._steps = 0
        self._target = (1.0, 1.0)
        if self._schedule:
            self._target = self._schedule[0][1:]
        self._speed, self._load = self._target
        self._speed_wander = 0.0
        self._load_wander = 0.0

    def at(self, time_s: float) -> tuple[float, float]:
        """(speed, load) at a time that is not before the last one asked for."""
        passed_s = max(0.0, time_s - self._time_s)
        self._time_s = time_s
        self._aim(time_s)
        share = 1.0 - math.exp(-passed_s / self._ramp_s)
        self._speed += share * (self._target[0] - self._speed)
        self._load += share * (self._target[1] - self._load)
        if self._target[0] == 0.0 and self._speed < 0.05:
            self._speed = 0.0  # friction stops it
        self._speed_wander = self._wander(self._speed_wander, passed_s, 20.0, 0.002)
        self._load_wander = self._wander(self._load_wander, passed_s, 45.0, 0.03)
        if self._speed == 0.0:
            return 0.0, 0.0
        return self._speed * (1.0 + self._speed_wander), max(0.0, self._load * (1.0 + self._load_wander))

    def _wander(self, value: float, passed_s: float, time_constant_s: float, deviation: float) -> float:
        """Ornstein-Uhlenbeck step of the given standard deviation."""
        keep = math.exp(-passed_s / time_constant_s)
        return keep * value + deviation * math.sqrt(1.0 - keep * keep) * float(self._random.standard_normal())

    def _aim(self, time_s: float) -> None:
        while self._schedule and self._schedule[0][0] <= time_s:
            self._target = self._schedule.pop(0)[1:]
            self._profile = "steady"
        if self._profile == "steady" or self._schedule:
            return
        while self._next_s <= time_s:
            draw = self._random.random_sample(3)
            stopped = self._profile == "cycling" and self._steps % 3 == 2
            self._target = (0.0, 0.0) if stopped else (0.85 + 0.15 * float(draw[0]), 0.5 + 0.6 * float(draw[1]))
            if self._steps == 0:
                self._speed, self._load = self._target
            self._steps += 1
            lasts_s = 120.0 + 480.0 * float(draw[2]) if stopped else 300.0 + 900.0 * float(draw[2])
            self._next_s += lasts_s
