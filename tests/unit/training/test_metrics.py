"""Figures of merit, by hand and against the plainest way to compute them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_app.training.metrics import (
    BY_NAME,
    accuracy,
    auroc,
    balanced_accuracy,
    by_class,
    calibration,
    confusion,
    macro_f1,
    precisions,
    recalls,
    roc,
    sustained,
    tally,
)


@pytest.mark.parametrize(
    ("healthy", "faulty", "expected"),
    [
        ([1, 2, 3], [4, 5], 1.0),
        ([4, 5], [1, 2, 3], 0.0),
        ([1, 2], [1, 2], 0.5),
        ([1, 3], [2], 0.5),
        ([1, 2, 3, 4], [3], 0.625),  # above 1 and 2, tied with 3: (2 + 0.5) / 4
    ],
)
def test_auroc_is_the_chance_that_the_faulty_window_scores_higher(
    healthy: list[int], faulty: list[int], expected: float
) -> None:
    assert auroc(np.array(healthy), np.array(faulty)) == expected


def test_auroc_of_nothing_is_not_a_number() -> None:
    assert math.isnan(auroc(np.array([], int), np.array([1])))


SCORES = st.lists(st.integers(0, 20), min_size=1, max_size=30)


@settings(max_examples=100, deadline=None)
@given(SCORES, SCORES)
def test_auroc_is_what_comparing_every_pair_gives(healthy: list[int], faulty: list[int]) -> None:
    wins = sum((bad > good) + 0.5 * (bad == good) for bad in faulty for good in healthy)

    assert auroc(np.array(healthy), np.array(faulty)) == pytest.approx(wins / (len(healthy) * len(faulty)))


@settings(max_examples=50, deadline=None)
@given(SCORES, SCORES)
def test_the_area_below_the_roc_is_the_auroc(healthy: list[int], faulty: list[int]) -> None:
    x, y = roc(np.array(healthy), np.array(faulty))
    area = sum((x[k + 1] - x[k]) * (y[k + 1] + y[k]) / 2 for k in range(len(x) - 1))

    assert (x[0], y[0], x[-1], y[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert area == pytest.approx(auroc(np.array(healthy), np.array(faulty)))


def test_sustained_is_what_three_of_five_windows_reach() -> None:
    assert sustained([1, 9, 8, 2, 7, 1], 3, 5) == 7
    assert sustained([9, 1, 1, 1, 1, 9, 9], 3, 5) == 1
    assert sustained([9, 9], 3, 5) == -1
    assert sustained([9, 5, 7], 3, 3) == 5


def test_sustained_lasts_for_the_delay_and_reaches_over_no_break() -> None:
    assert sustained([1, 8, 9, 7, 1], 1, 1, delay=2) == 7  # three windows in a row
    assert sustained([9, 9, 1, 9, 9], 3, 5, breaks=[3]) == 1  # two parts, of which only the first has three windows
    assert sustained([9, 9, 9], 3, 5, delay=1) == -1


def test_figures_of_a_confusion_are_those_of_the_textbook() -> None:
    true = ["a"] * 4 + ["b"] * 2
    told = ["a", "a", "a", "b", "b", "unclear"]
    counts = confusion(true, told, ("a", "b"), ("a", "b", "unclear"))

    assert counts.tolist() == [[3, 1, 0], [0, 1, 1]]
    assert recalls(counts).tolist() == [0.75, 0.5]
    assert precisions(counts).tolist() == [1.0, 0.5]  # "b" was told twice, once rightly
    assert accuracy(counts) == 4 / 6  # what is unclear is not right
    assert balanced_accuracy(counts) == 0.625
    assert macro_f1(counts) == pytest.approx((2 * 3 / (4 + 3) + 2 * 1 / (2 + 2)) / 2)


def test_indices_are_counted_as_names_are() -> None:
    counts = tally(np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0]), 3)

    assert counts.tolist() == confusion("aaabbc", "aabbba", "abc", "abc").tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert BY_NAME["accuracy"](counts) == pytest.approx(4 / 6)
    assert BY_NAME["balanced_accuracy"](counts) == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert BY_NAME["macro_f1"](counts) == pytest.approx((2 * 2 / 6 + 2 * 2 / 5 + 0) / 3)


def test_each_class_has_its_figures_as_far_as_they_are_defined() -> None:
    counts = tally(np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0]), 3)

    assert by_class(counts, ("a", "b", "c"))["b"] == {"windows": 2, "sensitivity": 1.0, "precision": 0.6667}
    assert by_class(counts, ("a", "b", "c"))["c"] == {"windows": 1, "sensitivity": 0.0}  # never told: no precision


def test_a_class_that_is_told_and_never_came_counts_as_none_found() -> None:
    assert macro_f1(tally(np.array([0, 0, 0, 0]), np.array([0, 0, 0, 1]), 2)) == pytest.approx((2 * 3 / 7 + 0) / 2)


def test_a_class_that_never_came_has_no_recall_and_spoils_no_mean() -> None:
    counts = confusion(["a", "a"], ["a", "a"], ("a", "b"), ("a", "b"))

    assert math.isnan(recalls(counts)[1])
    assert math.isnan(precisions(counts)[1])
    assert balanced_accuracy(counts) == 1.0
    assert macro_f1(counts) == 1.0


def test_calibration_weighs_each_bin_by_its_windows() -> None:
    # told 0.95 eight times, right six times (0.75); told 0.55 twice, right both times
    error, bins = calibration([0.95] * 8 + [0.55] * 2, [True] * 6 + [False] * 2 + [True] * 2)

    assert [(round(told, 2), share, count) for told, share, count in bins] == [(0.55, 1.0, 2), (0.95, 0.75, 8)]
    assert error == pytest.approx((2 * 0.45 + 8 * 0.20) / 10)


def test_a_probability_of_one_falls_into_the_last_bin() -> None:
    assert calibration([1.0], [True]) == (0.0, ((1.0, 1.0, 1),))
