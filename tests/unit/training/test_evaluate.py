"""Figures of the evaluation, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge_app.training.evaluate import auroc, sustained


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


def test_sustained_is_what_three_of_five_windows_reach() -> None:
    assert sustained([1, 9, 8, 2, 7, 1], 3, 5) == 7
    assert sustained([9, 1, 1, 1, 1, 9, 9], 3, 5) == 1
    assert sustained([9, 9], 3, 5) == -1
    assert sustained([9, 5, 7], 3, 3) == 5
