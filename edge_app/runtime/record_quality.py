"""How good a recording is, added up while it is made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from edge_app.core.frames import Frame, Quality


class Judged:
    """Quality of the windows of a second, added up."""

    def __init__(self) -> None:
        self.windows = 0
        self.judgeable = 0
        self.percents = 0
        self.reasons: dict[str, int] = {}
        self.last = Quality(100)

    @classmethod
    def of(cls, summary: Mapping[str, Any]) -> Judged:
        """What an earlier run wrote."""
        judged = cls()
        judged.windows = int(summary.get("windows", 0))
        judged.judgeable = int(summary.get("judgeable", 0))
        judged.percents = round(judged.windows * float(summary.get("percent", 0)))
        judged.reasons = {str(reason): int(count) for reason, count in dict(summary.get("reasons", {})).items()}
        return judged

    def add(self, quality: Quality) -> None:
        """One window more."""
        self.windows += 1
        self.judgeable += quality.judgeable
        self.percents += quality.percent
        self.last = quality
        for reason in quality.reasons:
            kind = re.sub(r"[-+]?\d+(\.\d+)?", "…", reason)
            self.reasons[kind] = self.reasons.get(kind, 0) + 1

    def summary(self) -> dict[str, Any]:
        """For the sidecar."""
        return {
            "windows": self.windows,
            "judgeable": self.judgeable,
            "percent": round(self.percents / self.windows, 1) if self.windows else 0.0,
            "reasons": dict(self.reasons),
        }


def levels(frames: list[Frame]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """RMS and peak about the mean, each axis."""
    if not frames:
        return (), ()
    values = np.concatenate([frame.samples for frame in frames], axis=1) * frames[0].scale
    values = values - values.mean(axis=1, keepdims=True)
    return tuple(np.sqrt((values**2).mean(axis=1)).tolist()), tuple(np.abs(values).max(axis=1).tolist())
