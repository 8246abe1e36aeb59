"""Trains a dense autoencoder in numpy: same data, same seed, same bytes on every machine (see exact.py)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from edge_app.training.exact import ACTIVATIONS, WEIGHTS, Floats, grid_for, nearly_normal, product
from edge_app.training.layers import Dense, Layers, activations

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Adam's usual constants. Source: Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1."""


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how fast to learn."""

    hidden: tuple[int, ...]
    """Sizes of the layers between input and output, the narrowest in the middle: (24, 8, 24)."""
    epochs: int = 60
    batch: int = 128
    rate: float = 0.002
    """Adam's step size at the start; it falls in a straight line to zero."""
    noise: float = 0.0
    """Standard deviation of the noise added to the inputs while learning (denoising); the targets stay clean."""


def train_autoencoder(x: Floats, settings: TrainingSettings, seed: int) -> Layers:
    """Layers that give back healthy inputs.

    Parameters
    ----------
    x : ndarray of shape (n, n_features)
        Standardised healthy features, in units the caller chose, on the grid `exact.ACTIVATIONS`.
    settings : TrainingSettings
    seed : int
        Of start values, order of batches and noise.
    """
    random = np.random.RandomState(seed)
    layers = start_layers((x.shape[1], *settings.hidden, x.shape[1]), random)
    optimiser = Adam(layers)
    batches = max(1, len(x) // settings.batch)
    total = settings.epochs * batches
    for step in range(total):
        if step % batches == 0:
            order = random.permutation(len(x))
        chosen = order[step % batches * settings.batch :][: settings.batch]
        target = x[chosen]
        inputs = target
        if settings.noise:
            inputs = ACTIVATIONS.round(target + settings.noise * nearly_normal(random, target.shape))
        optimiser.step(gradients(layers, inputs, target), settings.rate * (total - step) / total)
    for layer in layers:
        layer.weights = WEIGHTS.round(layer.weights)
    return layers


def start_layers(sizes: tuple[int, ...], random: np.random.RandomState) -> Layers:
    """Layers with random weights of variance 2 / n_in before a ReLU, 1 / n_in else (He et al. 2015); ReLU but last."""
    layers: Layers = []
    for index, (n_in, n_out) in enumerate(pairwise(sizes)):
        relu = index < len(sizes) - 2
        spread = np.sqrt((2.0 if relu else 1.0) / n_in)
        weights = WEIGHTS.round(spread * nearly_normal(random, (n_out, n_in)))
        layers.append(Dense(weights, np.zeros(n_out), relu))
    return layers


def gradients(layers: Layers, x: Floats, target: Floats) -> list[tuple[Floats, Floats]]:
    """Gradient of half the mean squared error by the weights and the bias of each layer, every product exact."""
    values = activations(layers, x)
    slope = (values[-1] - target) / len(x)
    found: list[tuple[Floats, Floats]] = []
    for index in range(len(layers) - 1, -1, -1):
        layer = layers[index]
        if layer.relu:
            slope = slope * (values[index + 1] > 0.0)
        slope = grid_for(slope).round(slope)
        found.append((product(slope.T, values[index]), product(np.ones((1, len(x))), slope)[0]))
        slope = product(slope, WEIGHTS.round(layer.weights))
    return found[::-1]


class Adam:
    """Adam over the layers' weights and biases, elementwise IEEE operations only."""

    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._mean = [(np.zeros_like(each.weights), np.zeros_like(each.bias)) for each in layers]
        self._square = [(np.zeros_like(each.weights), np.zeros_like(each.bias)) for each in layers]
        self._beta1, self._beta2 = 1.0, 1.0

    def step(self, slopes: list[tuple[Floats, Floats]], rate: float) -> None:
        """One step against the gradient."""
        self._beta1 *= BETA1
        self._beta2 *= BETA2
        for layer, mean, square, slope in zip(self._layers, self._mean, self._square, slopes, strict=True):
            for part, m, s, g in zip((layer.weights, layer.bias), mean, square, slope, strict=True):
                m *= BETA1
                m += (1.0 - BETA1) * g
                s *= BETA2
                s += (1.0 - BETA2) * (g * g)
                part -= rate * (m / (1.0 - self._beta1)) / (np.sqrt(s / (1.0 - self._beta2)) + EPSILON)
