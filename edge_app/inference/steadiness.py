"""Was the machine steady while its normal was learnt? Trends and steps are refused, several regimes are told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHIFT_RATIO = 2.0
"""Shift of a feature between first and last third, in its spreads: a step shows 3.3, a steady trend 2.4, regimes that
come and go six times a third below 1."""
SPREAD_OF_RANGE = 3.29
"""The middle 90 % of a normal distribution are this many standard deviations wide."""
FEW = 24
"""Of fewer windows the halves are compared: a third of them is no more than chance."""
SHIFT_DB = 1.0
"""Smaller shifts than this do not count."""
SHARE = 0.2
"""Share of features that must shift together."""
LONE_RATIO, LONE_DB = 2.4, 6.0
"""A single feature that shifts this much is enough."""
TREND = 0.7
"""Kendall's tau of twelve block medians from which on a shift is called a trend, else a step."""
REGIMES = 0.82
"""Share of variance two groups explain, along the main direction: two regimes above. A uniform spread gives 0.75."""
REGIME_SHARE = 0.1
BLOCKS = 12
STATE_BLOCKS = 48
STATE_WINDOWS = 10
"""Windows of a block of which there must be so many: the mean of a few says nothing of the block's state."""


@dataclass(frozen=True)
class Shift:
    """The features that changed most."""

    kind: str
    """"trend" or "step"."""
    share: float
    """Of all features, those that shifted."""
    worst: tuple[tuple[int, float], ...]
    """(feature, shift in dB), largest first, at most 3."""


def find_shift(values: NDArray[np.int16], floor: Floats, per_db: Floats) -> Shift | None:
    """What moved for good between the first and the last third of learning, None when nothing did.

    Parameters
    ----------
    values : ndarray of shape (n, n_features)
        Features in time.
    floor, per_db : ndarray of shape (n_features,)
        Smallest spread of each feature that is believed, and counts of a dB.
    """
    part = len(values) // (3 if len(values) >= FEW else 2)
    moved = np.median(values[-part:], axis=0) - np.median(values[:part], axis=0)
    low, high = np.quantile(values, (0.05, 0.95), axis=0)
    spread = np.maximum((high - low) / SPREAD_OF_RANGE, floor)
    ratio, moved_db = np.abs(moved) / spread, moved / per_db
    shifted = (ratio > SHIFT_RATIO) & (np.abs(moved_db) > SHIFT_DB)
    lone = (ratio > LONE_RATIO) & (np.abs(moved_db) > LONE_DB)
    if np.mean(shifted) < SHARE and not lone.any():
        return None
    order = [int(index) for index in np.argsort(-ratio) if shifted[index] or lone[index]][:3]
    kind = "trend" if abs(_tau(values[:, order[0]])) >= TREND else "step"
    return Shift(kind, float(np.mean(shifted)), tuple((index, float(moved_db[index])) for index in order))


def _tau(values: NDArray[np.int16]) -> float:
    """Kendall's tau of block medians against time. Source: Mann (1945), "Nonparametric tests against trend"."""
    medians = np.array([np.median(block) for block in np.array_split(values, min(BLOCKS, len(values)))])
    later = np.sign(medians[None, :] - medians[:, None])[np.triu_indices(len(medians), 1)]
    return float(later.mean())


def find_regimes(values: NDArray[np.int16], spread: Floats) -> tuple[float, tuple[int, ...]] | None:
    """(share of windows in the smaller of two regimes, the features that part them most), None for one regime.

    Two means along the main direction of the features in units of their spread.
    """
    scaled = (values - values.mean(axis=0)) / spread
    if len(scaled) < 20:
        return None
    _, _, directions = np.linalg.svd(scaled[:: max(1, len(scaled) // 2000)], full_matrices=False)
    along = scaled @ directions[0]
    total = float(((along - along.mean()) ** 2).sum())
    ordered = np.sort(along)
    count = np.arange(1, len(ordered))
    left = np.cumsum(ordered)[:-1] / count
    right = (ordered.sum() - np.cumsum(ordered)[:-1]) / (len(ordered) - count)
    between = count * (len(ordered) - count) / len(ordered) * (right - left) ** 2
    best = int(np.argmax(between))
    share = min(best + 1, len(ordered) - best - 1) / len(ordered)
    if total <= 0 or between[best] / total < REGIMES or share < REGIME_SHARE:
        return None
    return share, tuple(int(index) for index in np.argsort(-np.abs(directions[0]))[:3])


def count_states(values: NDArray[np.int16], spread: Floats) -> float | None:
    """How many different states a machine that changes slowly went through; None when there are too few windows.

    Means of STATE_BLOCKS blocks of time: with a state that lasts for several of them, neighbours are alike. Their mean
    square difference beside that of any two blocks is the share of neighbours that are not (1 where nothing lasts).

    Source
    ------
    von Neumann, "Distribution of the ratio of the mean square successive difference to the variance" (1941).
    """
    if len(values) < STATE_BLOCKS * STATE_WINDOWS:
        return None
    means = np.array([block.mean(axis=0) for block in np.array_split(values / spread, STATE_BLOCKS)])
    around = float(((means - means.mean(axis=0)) ** 2).sum()) / (STATE_BLOCKS - 1)
    between = float((np.diff(means, axis=0) ** 2).sum()) / (STATE_BLOCKS - 1) / 2
    return STATE_BLOCKS * min(1.0, between / around) if around > 0 else float(STATE_BLOCKS)
