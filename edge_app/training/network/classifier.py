"""Trains a dense classifier: softmax cross-entropy, classes weighed, stopped by the validation windows."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_app.config.recipe import StopRecipe
from edge_app.training.metrics import BY_NAME, tally
from edge_app.training.network.dense import Masks, SlopeOf, TrainingSettings, descend, start_layers
from edge_app.training.network.exact import Floats, softmax
from edge_app.training.network.layers import DenseLayers, Layers, Softmax, forward, rounded

WEIGHT_BITS = 10
"""Class weights are rounded to 2**-10."""


@dataclass(frozen=True)
class Labelled:
    """Inputs of a trainer with their classes."""

    inputs: Floats
    """Shape (n, n_features), on the grid `exact.ACTIVATIONS`."""
    classes: NDArray[np.int64]
    """0..n_classes-1."""
    n_classes: int
    weights: Floats | None = None
    """How much each window counts; None: all the same."""

    def counts(self) -> Floats:
        """What the windows of each class count together."""
        return np.bincount(self.classes, self.weights, self.n_classes).astype(np.float64)


@dataclass
class BestEpoch:
    """Watches the validation metric, keeps the best epoch's layers, and says when it is enough."""

    validation: Labelled
    settings: StopRecipe
    told: Callable[[int, float], None] | None = None
    """Told of each epoch: number, metric."""
    best: float = -1.0
    epoch: int = 0
    layers: DenseLayers = field(default_factory=list)

    def __call__(self, epoch: int, layers: DenseLayers) -> bool:
        """Whether training ends after this epoch."""
        value = metric_of(layers, self.validation, self.settings.metric)
        if self.told is not None:
            self.told(epoch, value)
        if value > self.best:
            self.best, self.epoch, self.layers = value, epoch, copy.deepcopy(layers)
        return epoch - self.epoch >= self.settings.patience


def train_classifier(
    data: Labelled,
    validation: Labelled,
    settings: TrainingSettings,
    stop: StopRecipe,
    weights: Floats,
    seed: int,
    told: Callable[[int, float], None] | None = None,
) -> tuple[DenseLayers, BestEpoch]:
    """Dense layers whose outputs are logits (`with_softmax` makes them probabilities), as of the best epoch.

    Parameters
    ----------
    data : Labelled
        What is learnt from.
    validation : Labelled
        What the best epoch is chosen by; never learnt from.
    settings, stop : TrainingSettings, StopRecipe
    weights : ndarray of shape (n_classes,)
        How much each class counts, see `class_weights`.
    seed : int
    told : callable, optional
        Told of each epoch's metric.
    """
    random = np.random.RandomState(seed)
    layers = start_layers((data.inputs.shape[1], *settings.hidden, data.n_classes), random)
    return fit(layers, data, validation, settings, stop, weights, random, told=told)


def fit(
    layers: DenseLayers,
    data: Labelled,
    validation: Labelled,
    settings: TrainingSettings,
    stop: StopRecipe,
    weights: Floats,
    random: np.random.RandomState,
    masks: Masks | None = None,
    told: Callable[[int, float], None] | None = None,
) -> tuple[DenseLayers, BestEpoch]:
    """Train some layers further; `masks` hold pruned weights at zero. The layers of the best epoch are given back."""
    watch = BestEpoch(validation, stop, told)
    slope = cross_entropy(data, weights)
    descend(layers, data.inputs, slope, settings, random, masks=masks, after_epoch=watch)
    best = watch.layers or layers
    rounded(best)
    return best, watch


def cross_entropy(data: Labelled, weights: Floats) -> SlopeOf:
    """Slope of the weighted cross-entropy of softmax by the logits: weight · (probability - truth)."""
    truth = np.eye(data.n_classes)[data.classes]
    by_row = weights[data.classes][:, None]
    if data.weights is not None:
        by_row = by_row * data.weights[:, None]

    def slope(outputs: Floats, chosen: NDArray[np.int64]) -> Floats:
        found: Floats = (softmax(outputs) - truth[chosen]) * by_row[chosen]
        return found

    return slope


def class_weights(counts: Sequence[float], balance: str, emphasis: Sequence[float]) -> Floats:
    """Weight of each class, 1 on average over the windows.

    Parameters
    ----------
    counts : list of float
        Windows of each class, or what they count together.
    balance : "none", "root" or "equal"
        How much a rare class counts: as often as it comes, by the root of that, or as much as any other.
    emphasis : list of float
        Factor on each class beside that.
    """
    found = np.array(counts, np.float64)
    weights = np.array(emphasis, np.float64)
    if balance == "equal":
        weights = weights * found.sum() / np.maximum(found, 1.0)
    if balance == "root":
        weights = weights * np.sqrt(found.sum() / np.maximum(found, 1.0))
    total = 0.0
    for weight, count in zip(weights.tolist(), found.tolist(), strict=True):
        total += weight * count
    scale = 2.0**WEIGHT_BITS
    rounded_weights: Floats = np.maximum(np.rint(weights * (found.sum() / total) * scale), 1.0) / scale
    return rounded_weights


def metric_of(layers: Layers, data: Labelled, name: str) -> float:
    """A metric of what the layers tell of windows."""
    told = np.argmax(forward(layers, data.inputs), axis=1)
    return BY_NAME[name](tally(data.classes, told, data.n_classes))


def with_softmax(layers: Sequence[object]) -> Layers:
    """The same layers, probabilities at the end."""
    return [*layers, Softmax()]  # type: ignore[list-item]
