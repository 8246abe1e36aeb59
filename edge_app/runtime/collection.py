"""The windows of one learning: how many, how good, and where the machine was away in between."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import ControlError
from edge_app.runtime.pipeline import Judgement

WINDOWS_MIN = 100
"""Windows a device must have seen: with fewer its threshold would be a guess."""
MEMORY_BYTES = 32 << 20
"""Most memory the windows of one learning may take."""
BREAK_WINDOWS = 3
"""So many windows in a row that were not judged part what lies before from what lies after."""


class Collection:
    """Windows of one learning."""

    def __init__(self, minutes: float, rate: float, features: int, hop_s: float, despite_alarm: bool) -> None:
        most = round(minutes * 60 / hop_s) + 2
        if most < WINDOWS_MIN:
            least = -(-WINDOWS_MIN * hop_s // 6) / 10
            raise ControlError(
                f"{minutes:g} minutes are too short: {most} windows, {WINDOWS_MIN} are needed",
                f"Learn for {least:g} minutes or more; ten and more give a better threshold.",
            )
        if most * features * 2 > MEMORY_BYTES:
            allowed = int(MEMORY_BYTES / (2 * features) * hop_s / 60)
            raise ControlError(f"{minutes:g} minutes are too many windows", f"At most {allowed} minutes fit in memory.")
        self.minutes, self.rate, self.despite_alarm = minutes, rate, despite_alarm
        self.values = np.empty((most, features), np.int16)
        self._longest_s = BREAK_WINDOWS * hop_s
        self.count = self.unknown = self.idle = self._quality = self._away = 0
        self.breaks: list[int] = []
        self.begun_s: float | None = None
        self.last_s = 0.0

    def take(self, judgement: Judgement) -> None:
        """One more window."""
        window = judgement.window
        if self.begun_s is None:
            self.begun_s = window.start_s
        elif window.start_s - self.last_s > self._longest_s:
            self._away = BREAK_WINDOWS  # the sensor was gone, and no window told so
        self.last_s = window.end_s
        if judgement.usable and judgement.features is not None:
            if self._away >= BREAK_WINDOWS and self.count:
                self.breaks.append(self.count)
            self._away = 0
            if self.count < len(self.values):
                self.values[self.count] = judgement.features.values
                self.count += 1
                self._quality += window.quality.percent
            return
        self._away += 1
        if judgement.verdict == "idle":
            self.idle += 1
        else:
            self.unknown += 1

    @property
    def seconds(self) -> float:
        """How long it has gone on."""
        return 0.0 if self.begun_s is None else self.last_s - self.begun_s

    @property
    def complete(self) -> bool:
        """The time is over."""
        return self.seconds >= self.minutes * 60

    @property
    def quality(self) -> int:
        """Mean quality (percent)."""
        return self._quality // max(1, self.count)

    def taken(self) -> NDArray[np.int16]:
        """Features (n, n_features) so far."""
        return self.values[: self.count]

    def progress(self) -> dict[str, Any]:
        """For `--status`."""
        share = min(1.0, self.seconds / (self.minutes * 60))
        return {
            "seconds": round(self.seconds),
            "of_seconds": round(self.minutes * 60),
            "percent": round(100 * share),
            "windows": self.count,
            "unknown": self.unknown,
            "idle": self.idle,
        }
