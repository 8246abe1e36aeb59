"""How sure a figure is: intervals over recordings (or machines, patients), never over windows; same seed, same bytes.

Windows of one recording are alike, so that thousands of them are still one piece of evidence. The bootstrap therefore
draws whole groups with replacement. Where few groups were right (or none was wrong) it says nothing, so shares of
recordings get the exact binomial interval, and counts of rare events the exact Poisson one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEED = 20_260_101
RESAMPLES = 2000
FEWEST_GROUPS = 5
"""Fewer groups than this are not resampled: every interval from them would be too narrow."""

Weights = NDArray[np.int64]
Statistic = Callable[[Weights], float]
"""A figure of the units, each counted as often as its weight says; NaN where it is not defined."""


def pooled(tables: NDArray[np.int64], figure: Callable[[NDArray[np.int64]], float]) -> Statistic:
    """A figure of counts added up over the units, as a statistic of their weights.

    `tables` has the units first, (n_units, …); `figure` takes one table.
    """
    return lambda weights: figure(np.tensordot(weights, tables, axes=1))


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, or why there is none."""

    low: float | None
    high: float | None
    reason: str = ""
    """Why there is none, or what to mind; "" otherwise."""

    @property
    def bounds(self) -> list[float] | None:
        """[low, high] rounded for JSON, None when there is none."""
        if self.low is None or self.high is None:
            return None
        return [round(self.low, 4), round(self.high, 4)]


def bootstrap(
    statistic: Statistic, groups: Sequence[str], strata: Sequence[str] | None = None, resamples: int = RESAMPLES
) -> Interval:
    """Percentile interval of a statistic over resampled groups.

    Parameters
    ----------
    statistic : callable
        Given the weight of each unit (int64 of shape (n_units,)), the figure.
    groups : sequence of str
        Group of each unit; units of one group are drawn together.
    strata : sequence of str, optional
        Stratum of each unit (healthy, fault): as many groups of each stratum are drawn as there are. A group that
        lies in two strata counts as one group in each.

    Source
    ------
    B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13 (percentile intervals); Field and Welsh,
    "Bootstrapping clustered data", J. R. Stat. Soc. B 69 (2007) 369-390 (groups as units).
    """
    members = _members(groups, strata or [""] * len(groups))
    fewest = min((len(each) for each in members), default=0)
    if fewest < FEWEST_GROUPS:
        kind = "recordings or groups" if fewest != 1 else "recording or group"
        return Interval(None, None, f"no interval: only {fewest} {kind} of a kind, at least {FEWEST_GROUPS} are needed")
    random = np.random.RandomState(SEED)
    values = []
    for _ in range(resamples):
        weights = np.zeros(len(groups), np.int64)
        for stratum in members:
            for drawn in random.randint(0, len(stratum), len(stratum)):
                weights[stratum[drawn]] += 1
        values.append(statistic(weights))
    found = np.array(values)
    found = found[~np.isnan(found)]
    if len(found) < 0.95 * resamples:
        return Interval(None, None, "no interval: the figure is not defined in many of the resamples")
    low, high = np.quantile(found, [0.025, 0.975])
    same = "every resample gives the same figure: more recordings would be needed to see how sure it is"
    return Interval(float(low), float(high), same if low == high else "")


def _members(groups: Sequence[str], strata: Sequence[str]) -> list[list[NDArray[np.int64]]]:
    """For each stratum the units of each of its groups."""
    found: dict[str, dict[str, list[int]]] = {}
    for unit, (group, stratum) in enumerate(zip(groups, strata, strict=True)):
        found.setdefault(stratum, {}).setdefault(group, []).append(unit)
    return [[np.array(units, np.int64) for units in by_group.values()] for by_group in found.values()]


def share_interval(hits: int, of: int) -> Interval:
    """Exact 95 % interval of a share of recordings.

    Source: C. Clopper, E. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26 (1934) 404-413.
    """
    if not 0 <= hits <= of or of == 0:
        return Interval(None, None, "no interval: nothing to take a share of")
    low = 0.0 if hits == 0 else _solve(lambda p: 1.0 - _binomial_at_most(hits - 1, of, p), 0.025, 0.0, 1.0)
    high = 1.0 if hits == of else _solve(lambda p: 1.0 - _binomial_at_most(hits, of, p), 0.975, 0.0, 1.0)
    return Interval(low, high)


def most_events(count: int) -> float:
    """Exact one-sided 95 % upper bound of an expected count of which `count` were seen; 3.0 when none was.

    Source: F. Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936) 437-442.
    """
    return _solve(lambda mean: 1.0 - _poisson_at_most(count, mean), 0.95, 0.0, 2.0 * count + 20.0)


def events_interval(count: int) -> Interval:
    """Exact two-sided 95 % interval of an expected count of which `count` were seen.

    Source: as `most_events`.
    """
    low = 0.0 if count == 0 else _solve(lambda mean: 1.0 - _poisson_at_most(count - 1, mean), 0.025, 0.0, count + 1.0)
    high = _solve(lambda mean: 1.0 - _poisson_at_most(count, mean), 0.975, 0.0, 2.0 * count + 20.0)
    return Interval(low, high)


def _binomial_at_most(hits: int, of: int, p: float) -> float:
    return math.fsum(math.comb(of, k) * p**k * (1.0 - p) ** (of - k) for k in range(hits + 1))


def _poisson_at_most(count: int, mean: float) -> float:
    if mean == 0.0:
        return 1.0
    return math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1))


def _solve(rising: Callable[[float], float], target: float, low: float, high: float) -> float:
    """Where a rising function meets the target."""
    for _ in range(100):
        middle = (low + high) / 2.0
        if rising(middle) < target:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0
