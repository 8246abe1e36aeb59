"""How often a classifier is right, from whole counts: the same figure on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def confusion(true: NDArray[np.int64], told: NDArray[np.int64], n_classes: int) -> Counts:
    """Counts (n_classes, n_classes): row the true class, column what was told."""
    return np.bincount(true * n_classes + told, minlength=n_classes * n_classes).reshape(n_classes, n_classes)


def measure(name: str, counts: Counts) -> float:
    """A metric of a confusion matrix, by its name in a recipe (0..1).

    Classes that do not occur and were never told are left out of the means.
    """
    right, true, told = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    if name == "accuracy":
        return float(right.sum() / max(1, counts.sum()))
    if name == "balanced_accuracy":
        there = true > 0
        return float(np.mean(right[there] / true[there])) if there.any() else 0.0
    if name == "macro_f1":
        there = true + told > 0
        return float(np.mean(2.0 * right[there] / (true + told)[there])) if there.any() else 0.0
    raise ValueError(f"no metric {name}")


def by_class(counts: Counts, names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Sensitivity and precision of each class, rounded to 1e-4; left out where they are not defined."""
    found: dict[str, dict[str, float]] = {}
    for index, name in enumerate(names):
        right, true, told = int(counts[index, index]), int(counts[index].sum()), int(counts[:, index].sum())
        found[name] = {"windows": true}
        if true:
            found[name]["sensitivity"] = round(right / true, 4)
        if told:
            found[name]["precision"] = round(right / told, 4)
    return found


def auroc(healthy: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Probability that one of `other` lies above one of `healthy`, ties counted half (Mann and Whitney)."""
    ordered = np.sort(healthy)
    below = np.searchsorted(ordered, other, side="left").sum() + np.searchsorted(ordered, other, side="right").sum()
    return float(below / (2 * len(healthy) * len(other)))
