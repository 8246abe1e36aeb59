"""Products whose bits do not depend on the order of addition."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.training.network.exact import ACTIVATIONS, TERMS_MAX, WEIGHTS, Grid, grid_for, nearly_normal, product


def test_a_shuffled_sum_has_the_same_bits() -> None:
    random = np.random.RandomState(1)
    left = ACTIVATIONS.round(100 * random.standard_normal((16, 4096)))
    right = WEIGHTS.round(5 * random.standard_normal((4096, 8)))
    order = random.permutation(4096)
    straight, shuffled = product(left, right), product(left[:, order], right[order])
    one_by_one = np.zeros_like(straight)
    for index in reversed(range(4096)):
        one_by_one += left[:, index : index + 1] * right[index]
    assert straight.tobytes() == shuffled.tobytes() == one_by_one.tobytes()


def test_without_the_grids_the_order_shows() -> None:
    """The reason for the grids: the same product of arbitrary doubles differs in its last bits."""
    random = np.random.RandomState(1)
    left, right = random.standard_normal((16, 4096)), random.standard_normal((4096, 8))
    one_by_one = np.zeros((16, 8))
    for index in range(4096):
        one_by_one += left[:, index : index + 1] * right[index]
    assert (left @ right != one_by_one).any()


def test_more_terms_than_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="8193 terms"):
        product(np.zeros((1, TERMS_MAX + 1)), np.zeros((TERMS_MAX + 1, 1)))


def test_a_grid_rounds_half_to_even_and_limits() -> None:
    grid = Grid(2)  # steps of a quarter, 20 bits: up to 262143.75
    assert grid.round(np.array([0.3, 0.125, 0.375, 1e9, -1e9])).tolist() == [0.25, 0.0, 0.5, 262143.75, -262143.75]


def test_the_grid_of_small_numbers_is_fine_and_loses_little() -> None:
    values = np.array([1e-9, -3e-10])
    assert np.max(np.abs(grid_for(values).round(values) - values)) <= 1e-9 * 2**-20
    assert grid_for(np.zeros(3)).round(np.zeros(3)).tolist() == [0.0, 0.0, 0.0]


def test_nearly_normal_numbers_have_mean_zero_and_variance_one() -> None:
    numbers = nearly_normal(np.random.RandomState(0), (200, 500))
    assert abs(numbers.mean()) < 0.01  # 100 000 of them: standard error 0.003
    assert abs(numbers.var() - 1.0) < 0.02
    assert np.abs(numbers).max() <= 6.0
