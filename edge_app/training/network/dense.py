"""Trains dense models in numpy: same data, same seed, same bytes on every machine (see exact.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edge_app.training.network.exact import ACTIVATIONS, WEIGHTS, Floats, grid_for, nearly_normal, product
from edge_app.training.network.layers import Dense, DenseLayers, activations, rounded

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Adam's usual constants. Source: Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1."""

Masks = list[Floats]
"""For each layer an array of its weights' shape: 1 where a weight lives, 0 where it was pruned."""
SlopeOf = Callable[[Floats, NDArray[np.int64]], Floats]
"""(outputs of a batch, its rows) to the loss's gradient by the outputs, times the number of rows."""
AfterEpoch = Callable[[int, DenseLayers], bool]
"""(epochs done, the layers) to whether training ends here."""


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how fast to learn."""

    hidden: tuple[int, ...]
    """Sizes of the layers between input and output, the narrowest of an autoencoder in the middle: (24, 8, 24)."""
    epochs: int = 60
    batch: int = 128
    rate: float = 0.002
    """Adam's step size at the start; it falls in a straight line to zero."""
    noise: float = 0.0
    """Standard deviation of the noise added to the inputs while learning (denoising); the targets stay clean."""
    decay: float = 0.0
    """Share of each weight lost in a step, times the step size (Loshchilov & Hutter, "AdamW", ICLR 2019)."""


def train_autoencoder(
    x: Floats, settings: TrainingSettings, seed: int, after_epoch: AfterEpoch | None = None
) -> DenseLayers:
    """Layers that give back healthy inputs.

    Parameters
    ----------
    x : ndarray of shape (n, n_features)
        Standardised healthy features, in units the caller chose, on the grid `exact.ACTIVATIONS`.
    settings : TrainingSettings
    seed : int
        Of start values, order of batches and noise.
    after_epoch : callable, optional
        Told of each epoch.
    """
    random = np.random.RandomState(seed)
    layers = start_layers((x.shape[1], *settings.hidden, x.shape[1]), random)
    descend(layers, x, copying(x), settings, random, after_epoch=after_epoch)
    return layers


def copying(x: Floats) -> SlopeOf:
    """The slope of half the squared error of outputs that should be the inputs `x`."""
    return lambda outputs, chosen: outputs - x[chosen]


def descend(
    layers: DenseLayers,
    x: Floats,
    slope_of: SlopeOf,
    settings: TrainingSettings,
    random: np.random.RandomState,
    *,
    masks: Masks | None = None,
    after_epoch: AfterEpoch | None = None,
) -> None:
    """Adam down the gradient of a loss, in place.

    Parameters
    ----------
    layers : list of Dense
    x : ndarray of shape (n, n_features)
        On the grid `exact.ACTIVATIONS`.
    slope_of : callable
        The loss, by its slope.
    settings, random
        Steps, and where order and noise come from.
    masks : optional
        Weights that stay zero.
    after_epoch : callable, optional
        Told of each epoch; True ends the training.
    """
    optimiser = Adam(layers, settings.decay, masks)
    batches = max(1, len(x) // settings.batch)
    total = settings.epochs * batches
    for step in range(total):
        if step % batches == 0:
            order = random.permutation(len(x))
        chosen = order[step % batches * settings.batch :][: settings.batch]
        inputs = x[chosen]
        if settings.noise:
            inputs = ACTIVATIONS.round(inputs + settings.noise * nearly_normal(random, inputs.shape))
        values = activations(layers, inputs)
        slopes = backward(layers, values, slope_of(values[-1], chosen) / len(inputs))
        optimiser.step(slopes, settings.rate * (total - step) / total)
        if (step + 1) % batches == 0 and after_epoch is not None and after_epoch((step + 1) // batches, layers):
            break
    rounded(layers)


def start_layers(sizes: Sequence[int], random: np.random.RandomState) -> DenseLayers:
    """Layers with random weights of variance 2 / n_in before a ReLU, 1 / n_in else (He et al. 2015); ReLU but last."""
    layers: DenseLayers = []
    for index, (n_in, n_out) in enumerate(pairwise(sizes)):
        relu = index < len(sizes) - 2
        spread = np.sqrt((2.0 if relu else 1.0) / n_in)
        weights = WEIGHTS.round(spread * nearly_normal(random, (n_out, n_in)))
        layers.append(Dense(weights, np.zeros(n_out), relu))
    return layers


def backward(layers: DenseLayers, values: list[Floats], slope: Floats) -> list[tuple[Floats, Floats]]:
    """Gradient by the weights and the bias of each layer, from the loss's gradient by the outputs (n, n_out)."""
    found: list[tuple[Floats, Floats]] = []
    for index in range(len(layers) - 1, -1, -1):
        layer = layers[index]
        if layer.relu:
            slope = slope * (values[index + 1] > 0.0)
        slope = grid_for(slope).round(slope)
        found.append((product(slope.T, values[index]), product(np.ones((1, len(slope))), slope)[0]))
        if index:
            slope = product(slope, WEIGHTS.round(layer.weights))
    return found[::-1]


class Adam:
    """Adam over the layers' weights and biases, elementwise IEEE operations only."""

    def __init__(self, layers: DenseLayers, decay: float = 0.0, masks: Masks | None = None) -> None:
        self._layers = layers
        self._decay, self._masks = decay, masks
        self._mean = [(np.zeros_like(each.weights), np.zeros_like(each.bias)) for each in layers]
        self._square = [(np.zeros_like(each.weights), np.zeros_like(each.bias)) for each in layers]
        self._beta1, self._beta2 = 1.0, 1.0

    def step(self, slopes: list[tuple[Floats, Floats]], rate: float) -> None:
        """One step against the gradient."""
        self._beta1 *= BETA1
        self._beta2 *= BETA2
        for layer, mean, square, slope in zip(self._layers, self._mean, self._square, slopes, strict=True):
            if self._decay:
                layer.weights *= 1.0 - rate * self._decay
            for part, m, s, g in zip((layer.weights, layer.bias), mean, square, slope, strict=True):
                m *= BETA1
                m += (1.0 - BETA1) * g
                s *= BETA2
                s += (1.0 - BETA2) * (g * g)
                part -= rate * (m / (1.0 - self._beta1)) / (np.sqrt(s / (1.0 - self._beta2)) + EPSILON)
        if self._masks is not None:
            for layer, mask in zip(self._layers, self._masks, strict=True):
                layer.weights *= mask
