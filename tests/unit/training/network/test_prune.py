"""Pruning: exact where a neuron says nothing, held where a weight was zeroed, refused where it costs too much."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from edge_app.config.recipe import PruneRecipe
from edge_app.core.errors import ModelError
from edge_app.training.network.exact import ACTIVATIONS, WEIGHTS, Floats
from edge_app.training.network.layers import Conv1d, Dense, Depthwise1d, Layers, Mean, Pool1d, Reshape, forward, sizes
from edge_app.training.network.prune import (
    Masks,
    apply_masks,
    magnitude_masks,
    prune,
    remove_units,
    shrink,
    unit_scores,
    widths,
)
from edge_app.training.trainers.learners import unusual


def grid(values: Floats) -> Floats:
    return WEIGHTS.round(values)


def dense_layers(random: np.random.RandomState) -> list[Dense]:
    return [
        Dense(grid(random.standard_normal((6, 4))), grid(random.standard_normal(6)), True),
        Dense(grid(random.standard_normal((3, 6))), np.zeros(3), False),
    ]


def test_a_neuron_whose_output_is_constant_goes_without_a_trace() -> None:
    random = np.random.RandomState(1)
    layers = dense_layers(random)
    layers[0].weights[2] = 0.0
    layers[0].bias[2] = 0.75  # relu(0.75) whatever comes in
    x = ACTIVATIONS.round(random.standard_normal((50, 4)))

    smaller = remove_units(layers, x, keep=5 / 6, tolerance=None)

    assert sizes(smaller) == "4-5-3"
    assert np.array_equal(forward(smaller, x), forward(layers, x))


def test_a_neuron_nobody_listens_to_scores_zero_and_goes_first() -> None:
    layers = dense_layers(np.random.RandomState(2))
    layers[1].weights[:, 4] = 0.0
    x = np.random.RandomState(3).standard_normal((50, 4))

    scores = unit_scores(layers[1], layers[0].forward(ACTIVATIONS.round(x)), 6)

    assert scores[4] == 0.0
    assert int(np.argmin(scores)) == 4


def test_the_score_is_deviation_times_norm() -> None:
    reader = Dense(np.array([[3.0, 0.0], [4.0, 1.0]]), np.zeros(2), False)
    inputs = np.array([[0.0, 0.0], [2.0, 10.0]])  # deviations 1 and 5

    assert unit_scores(reader, inputs, 2).tolist() == [5.0, 5.0]  # 1 · √(9 + 16), 5 · √(0 + 1)


def test_a_channel_between_convolutions_takes_its_depthwise_filter_along() -> None:
    random = np.random.RandomState(4)
    layers: Layers = [
        Reshape((16, 1)),
        Conv1d(grid(random.standard_normal((4, 3, 1))), np.zeros(4), True),
        Depthwise1d(grid(random.standard_normal((3, 4))), np.zeros(4), True),
        Pool1d(2),
        Conv1d(grid(random.standard_normal((5, 3, 4))), np.zeros(5), True),
        Mean(),
        Dense(grid(random.standard_normal((2, 5))), np.zeros(2), False),
    ]
    x = ACTIVATIONS.round(random.standard_normal((20, 16)))

    smaller = remove_units(layers, x, keep=[0.5, 0.6], tolerance=None)

    assert widths(smaller) == [2, 3]
    assert smaller[2].weights.shape == (3, 2)  # type: ignore[union-attr]
    assert forward(smaller, x).shape == (20, 2)


def test_flattened_channels_leave_every_column_they_had() -> None:
    """A constant channel before a flattening: 4 times, 3 channels, so columns 1, 4, 7 and 10 go."""
    random = np.random.RandomState(5)
    conv = Conv1d(grid(random.standard_normal((3, 1, 2))), np.zeros(3), True)
    conv.weights[1] = 0.0
    conv.bias[1] = 0.5
    dense = Dense(grid(random.standard_normal((2, 12))), np.zeros(2), False)
    layers: Layers = [Reshape((4, 2)), conv, Reshape((12,)), dense]
    x = ACTIVATIONS.round(random.standard_normal((30, 8)))

    smaller = remove_units(layers, x, keep=2 / 3, tolerance=None)

    assert np.array_equal(smaller[3].weights, np.delete(dense.weights, [1, 4, 7, 10], axis=1))  # type: ignore[union-attr]
    assert np.array_equal(forward(smaller, x), forward(layers, x))


def test_a_tolerance_keeps_what_scores_near_the_best() -> None:
    layers = [
        Dense(np.eye(3), np.zeros(3), True),
        Dense(np.array([[1.0, 0.5, 0.1]]), np.zeros(1), False),
    ]
    x = np.repeat([[0.0], [2.0]], 3, axis=1)  # every neuron deviates by 1: scores 1, 0.5, 0.1

    assert widths(remove_units(layers, x, None, 0.4)) == [2]
    assert widths(remove_units(layers, x, None, 1.0)) == [1]


def test_shares_for_another_number_of_layers_are_refused() -> None:
    with pytest.raises(ModelError, match=r"3 numbers, the model has 1 layers"):
        remove_units(dense_layers(np.random.RandomState(1)), np.zeros((4, 4)), [0.5, 0.5, 0.5], None)


def test_eight_of_ten_weights_become_zero_and_they_are_the_smallest() -> None:
    layer = Dense(np.arange(1.0, 11.0).reshape(2, 5), np.ones(2), True)
    masks = magnitude_masks([layer], 0.8)
    apply_masks([layer], masks)
    assert layer.weights.ravel().tolist() == [0.0] * 8 + [9.0, 10.0]
    assert layer.bias.tolist() == [1.0, 1.0]


class Fixed:
    """A trainer whose figures are given: as trained, pruned, fine-tuned, from scratch."""

    metric_name, epochs = "AUROC", 10

    def __init__(self, *values: float) -> None:
        self.values = list(values)
        self.tuned_with: Masks | None = None

    def fine_tune(self, layers: Layers, epochs: int, masks: Masks | None) -> Layers:
        self.tuned_with = masks
        return layers

    def from_scratch(self, widths: Sequence[int], epochs: int) -> Layers:
        assert epochs == 10 + 15
        return []

    def metric(self, layers: Layers) -> float:
        return self.values.pop(0)


def packed(layers: Layers) -> bytes:
    return b"".join(each.weights.astype(np.int8).tobytes() for each in layers)  # type: ignore[union-attr]


def test_a_fall_within_the_margin_is_taken_and_told_beside_the_same_size_from_scratch() -> None:
    layers = dense_layers(np.random.RandomState(1))
    trainer = Fixed(0.950, 0.700, 0.945, 0.930)

    found = prune(layers, PruneRecipe(keep=0.5, margin=0.01), trainer, np.random.RandomState(2).randn(20, 4), packed)

    assert found.taken
    assert sizes(found.layers) == "4-3-3"
    assert "0.9500 to 0.9450" in found.reason
    assert "from scratch: 0.9300" in found.reason
    assert found.facts["after"]["before_fine_tuning"] == 0.7


def test_a_fall_beyond_the_margin_is_refused_and_the_model_stays() -> None:
    layers = dense_layers(np.random.RandomState(1))
    trainer = Fixed(0.95, 0.70, 0.93, 0.96)

    found = prune(layers, PruneRecipe(keep=0.5, margin=0.01), trainer, np.random.RandomState(2).randn(20, 4), packed)

    assert not found.taken
    assert found.layers is layers
    assert "refused" in found.reason
    assert "margin of 0.01" in found.reason
    assert "stays 4-6-3" in found.reason


def test_zeros_are_held_through_fine_tuning_and_said_to_save_nothing_on_the_device() -> None:
    layers = dense_layers(np.random.RandomState(1))
    trainer = Fixed(0.9, 0.9, 0.9)

    found = prune(layers, PruneRecipe(sparsity=0.8), trainer, np.zeros((4, 4)), packed)

    assert trainer.tuned_with is not None
    assert "Zero weights save nothing on the device" in found.reason
    assert found.facts["after"]["gzip_bytes"] < found.facts["before"]["gzip_bytes"]


def test_what_is_given_is_not_changed() -> None:
    layers = dense_layers(np.random.RandomState(1))
    before = [each.weights.copy() for each in layers]
    shrink(layers, PruneRecipe(keep=0.5, sparsity=0.5), np.random.RandomState(2).randn(20, 4))
    assert all(np.array_equal(a, b.weights) for a, b in zip(before, layers, strict=True))


def test_unusual_windows_are_healthy_ones_with_neighbouring_features_moved_together() -> None:
    steps = np.zeros((500, 30))
    moved = unusual(steps, steps_per_sigma=12, seed=7)
    assert (np.count_nonzero(moved, axis=1) == 3).all()  # a tenth of thirty
    assert all(np.ptp(np.flatnonzero(row)) == 2 for row in moved)
    sizes_ = np.abs(moved).max(axis=1)
    assert (sizes_.min(), sizes_.max()) == (3.0, 24.0)  # 0.25 to 2 times 12 steps
    assert np.array_equal(moved, unusual(steps, steps_per_sigma=12, seed=7))
