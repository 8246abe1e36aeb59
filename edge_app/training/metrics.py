"""Figures of merit as pure functions of scores, labels and counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Scores = NDArray[np.int64] | NDArray[np.float64]
Counts = NDArray[np.int64]


def auroc(healthy: Scores, faulty: Scores) -> float:
    """Probability that a faulty window scores above a healthy one, ties counted half (Mann and Whitney).

    NaN when either is empty.
    """
    if not len(healthy) or not len(faulty):
        return math.nan
    return wins(healthy, faulty) / (len(healthy) * len(faulty))


def wins(healthy: Scores, faulty: Scores) -> float:
    """In how many pairs the faulty one scores higher, ties counted half."""
    ordered = np.sort(healthy)
    below = np.searchsorted(ordered, faulty, side="left")
    not_above = np.searchsorted(ordered, faulty, side="right")
    return float(below.sum() + not_above.sum()) / 2.0


def roc(healthy: Scores, faulty: Scores, points: int = 200) -> tuple[list[float], list[float]]:
    """False and true positive rates of all thresholds, at most `points` of them, from (0, 0) to (1, 1)."""
    if not len(healthy) or not len(faulty):
        return [], []
    thresholds = np.unique(np.concatenate([healthy, faulty]))[::-1]
    false_rate = 1.0 - np.searchsorted(np.sort(healthy), thresholds, side="left") / len(healthy)
    true_rate = 1.0 - np.searchsorted(np.sort(faulty), thresholds, side="left") / len(faulty)
    x, y = np.concatenate([[0.0], false_rate, [1.0]]), np.concatenate([[0.0], true_rate, [1.0]])
    chosen = np.unique(np.linspace(0, len(x) - 1, min(points, len(x))).round().astype(int))
    return [float(each) for each in x[chosen]], [float(each) for each in y[chosen]]


def sustained(scores: Sequence[int], hits: int, of: int, delay: int = 0, breaks: Sequence[int] = ()) -> int:
    """Highest score that `hits` of the last `of` windows reach, now and in each of the `delay` windows after it.

    Any threshold below it is one an alarm would be raised at. Before the windows numbered in `breaks` the decider had
    forgotten all others. -1 where there are too few windows.
    """
    best = -1
    for part in np.split(np.asarray(scores, np.int64), list(breaks)):
        padded = np.concatenate((np.full(of - hits, -1, np.int64), part))
        if len(padded) >= of + delay:
            nth = np.sort(sliding_window_view(padded, of), axis=1)[:, of - hits]
            best = max(best, int(sliding_window_view(nth, delay + 1).min(axis=1).max()))
    return best


def confusion(true: Sequence[str], predicted: Sequence[str], rows: Sequence[str], columns: Sequence[str]) -> Counts:
    """Counts of (true, predicted), int64 of shape (n_rows, n_columns)."""
    counts = np.zeros((len(rows), len(columns)), np.int64)
    row = {name: index for index, name in enumerate(rows)}
    column = {name: index for index, name in enumerate(columns)}
    for one, other in zip(true, predicted, strict=True):
        counts[row[one], column[other]] += 1
    return counts


def tally(true: NDArray[np.int64], told: NDArray[np.int64], n_classes: int) -> Counts:
    """Counts (n_classes, n_classes) of classes given as indices: row the true class, column what was told."""
    return np.bincount(true * n_classes + told, minlength=n_classes * n_classes).reshape(n_classes, n_classes)


def recalls(counts: Counts) -> NDArray[np.float64]:
    """Share of each true class that was found; NaN for a class that did not come. Columns begin with the classes."""
    totals = counts.sum(axis=1)
    return _ratio(np.diagonal(counts)[: len(counts)], totals)


def precisions(counts: Counts) -> NDArray[np.float64]:
    """Share of what was called each class that was it; NaN for a class that was never told."""
    size = len(counts)
    return _ratio(np.diagonal(counts)[:size], counts.sum(axis=0)[:size])


def accuracy(counts: Counts) -> float:
    """Share of all that was right; what was called none of the classes is wrong."""
    total = int(counts.sum())
    return float(np.trace(counts[:, : len(counts)])) / total if total else math.nan


def balanced_accuracy(counts: Counts) -> float:
    """Mean recall of the classes that came."""
    found = recalls(counts)
    found = found[~np.isnan(found)]
    return float(found.mean()) if len(found) else math.nan


def macro_f1(counts: Counts) -> float:
    """Mean F1 of the classes that came or were told: one told of what never came counts 0."""
    size = len(counts)
    totals = counts.sum(axis=1) + counts.sum(axis=0)[:size]
    scores = _ratio(2 * np.diagonal(counts)[:size], totals)[totals > 0]
    return float(scores.mean()) if len(scores) else math.nan


BY_NAME: Mapping[str, Callable[[Counts], float]] = {
    "macro_f1": macro_f1,
    "balanced_accuracy": balanced_accuracy,
    "accuracy": accuracy,
}
"""Figures a recipe may choose by."""


def by_class(counts: Counts, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Windows, sensitivity and precision of each class, rounded to 1e-4; left out where they are not defined."""
    found: dict[str, dict[str, float]] = {}
    for name, row, recall, precision in zip(names, counts, recalls(counts), precisions(counts), strict=True):
        found[name] = {"windows": int(row.sum())}
        for key, value in (("sensitivity", recall), ("precision", precision)):
            if not math.isnan(value):
                found[name][key] = round(float(value), 4)
    return found


def _ratio(parts: Counts, totals: Counts) -> NDArray[np.float64]:
    return np.divide(parts, totals, out=np.full(len(totals), math.nan), where=totals > 0)


def calibration(
    confidences: Sequence[float], right: Sequence[bool], bins: int = 10
) -> tuple[float, tuple[tuple[float, float, int], ...]]:
    """Expected calibration error, and (mean confidence, share right, count) of each bin that is not empty.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML 2017, eq. 3 (bins of equal width).
    """
    sure, good = np.asarray(confidences, np.float64), np.asarray(right, np.float64)
    if not len(sure):
        return math.nan, ()
    place = np.minimum((sure * bins).astype(int), bins - 1)
    rows = []
    for index in range(bins):
        inside = place == index
        if inside.any():
            rows.append((float(sure[inside].mean()), float(good[inside].mean()), int(inside.sum())))
    error = sum(count * abs(told - share) for told, share, count in rows) / len(sure)
    return float(error), tuple(rows)
