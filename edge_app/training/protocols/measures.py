"""Figures of one step of the model, collected with their intervals and with the reasons where there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from edge_app.training.protocols.base import CaseResult
from edge_app.training.protocols.bootstrap import Interval, Statistic, bootstrap, share_interval

DIGITS = 4


class Measures:
    """Writes figures of one step into a result.

    Example: `Measures(result, "int8").figure("auroc", statistic, groups, strata)`.
    """

    def __init__(self, result: CaseResult, step: str) -> None:
        self._result = result
        self._found: dict[str, Any] = result.metrics.setdefault(step, {})

    def figure(
        self, name: str, statistic: Statistic, groups: Sequence[str], strata: Sequence[str] | None = None
    ) -> float | None:
        """A statistic of the units with its bootstrap interval; see `bootstrap`. Gives the value, None if undefined."""
        import numpy as np

        value = statistic(np.ones(len(groups), np.int64)) if len(groups) else math.nan
        if math.isnan(value):
            self.undefined(name, "there is nothing it could be computed from")
            return None
        return self.value(name, value, bootstrap(statistic, groups, strata))

    def share(self, name: str, hits: int, of: int) -> float | None:
        """A share of recordings with its exact interval; `<name>_of` gives the two counts."""
        if of == 0:
            self.undefined(name, "there is no recording it could be counted on")
            return None
        found = self.value(name, hits / of, share_interval(hits, of))
        self._found[f"{name}_of"] = [hits, of]
        return found

    def value(self, name: str, value: float, interval: Interval | None = None, digits: int = DIGITS) -> float:
        """A figure that is known already."""
        self._found[name] = round(value, digits)
        if interval is not None:
            self._found[f"{name}_ci95"] = interval.bounds
            if interval.reason:
                self._result.undefined[f"{name}_ci95"] = interval.reason
        return value

    def count(self, name: str, value: int) -> None:
        """A whole number."""
        self._found[name] = value

    def undefined(self, name: str, reason: str) -> None:
        """A figure that cannot be given, and why."""
        self._found[name] = None
        self._result.undefined[name] = reason
