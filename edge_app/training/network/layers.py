"""A model in training: a list of layers with numpy weights. Trainer, pruner, quantiser and writer work on it.

Values are (n, n_features), or (n, length, channels) within convolutions; all lie on the grid `exact.ACTIVATIONS` and
every sum is exact, so a model gives the same bits everywhere (exact.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from edge_app.training.network.exact import ACTIVATIONS, WEIGHTS, Floats, product, softmax

ROWS = 256
"""Inputs taken through convolutions at once."""


@dataclass
class Dense:
    """Fully connected layer: relu?(x · weightsᵀ + bias)."""

    weights: Floats
    """Shape (n_out, n_in), on the grid `exact.WEIGHTS`."""
    bias: Floats
    """Shape (n_out,)."""
    relu: bool

    @property
    def n_in(self) -> int:
        """Inputs."""
        return int(self.weights.shape[1])

    @property
    def n_out(self) -> int:
        """Outputs."""
        return int(self.weights.shape[0])

    def forward(self, x: Floats) -> Floats:
        """Outputs (n, n_out) of inputs (n, n_in) on the grid `exact.ACTIVATIONS`; the outputs are on it too."""
        return _finished(product(x, WEIGHTS.round(self.weights).T) + self.bias, self.relu)


@dataclass
class Conv1d:
    """Convolution over time: (n, length, n_in) to (n, ceil(length / stride), n_out), zeros beyond the ends."""

    weights: Floats
    """Shape (n_out, kernel, n_in), on the grid `exact.WEIGHTS`."""
    bias: Floats
    """Shape (n_out,)."""
    relu: bool
    stride: int = 1

    @property
    def n_out(self) -> int:
        """Channels out."""
        return int(self.weights.shape[0])

    def forward(self, x: Floats) -> Floats:
        """Outputs of inputs on the grid; on it too."""
        patches = unfolded(x, self.weights.shape[1], self.stride)
        flat = WEIGHTS.round(self.weights).reshape(self.n_out, -1)
        y = product(patches.reshape(-1, flat.shape[1]), flat.T) + self.bias
        return _finished(y.reshape(*patches.shape[:2], self.n_out), self.relu)


@dataclass
class Depthwise1d:
    """Convolution of each channel by itself: (n, length, channels) to (n, ceil(length / stride), channels)."""

    weights: Floats
    """Shape (kernel, channels), on the grid `exact.WEIGHTS`."""
    bias: Floats
    """Shape (channels,)."""
    relu: bool
    stride: int = 1

    def forward(self, x: Floats) -> Floats:
        """Outputs of inputs on the grid; on it too."""
        patches = unfolded(x, self.weights.shape[0], self.stride)
        y = np.zeros((*patches.shape[:2], self.weights.shape[1]))
        for tap, weights in enumerate(WEIGHTS.round(self.weights)):
            y += patches[:, :, tap] * weights
        return _finished(y + self.bias, self.relu)


@dataclass
class Pool1d:
    """Largest or mean value of `size` samples of each channel, without overlap; a rest at the end is left out."""

    size: int
    average: bool = False

    def forward(self, x: Floats) -> Floats:
        """(n, length, channels) to (n, length // size, channels)."""
        length = x.shape[1] // self.size
        parts = x[:, : length * self.size].reshape(len(x), length, self.size, x.shape[2])
        if not self.average:
            return np.asarray(parts.max(axis=2))
        return ACTIVATIONS.round(parts.sum(axis=2) / self.size)


@dataclass
class Mean:
    """Mean over time: (n, length, channels) to (n, channels)."""

    def forward(self, x: Floats) -> Floats:
        """The means, on the grid."""
        return ACTIVATIONS.round(x.sum(axis=1) / x.shape[1])


@dataclass
class Reshape:
    """The same numbers in another shape; as first layer it says which shape the model's input has."""

    shape: tuple[int, ...]
    """Without the first dimension: (length, channels), or (n,)."""

    def forward(self, x: Floats) -> Floats:
        """x, reshaped."""
        return x.reshape(len(x), *self.shape)


@dataclass
class Softmax:
    """Logits to probabilities."""

    def forward(self, x: Floats) -> Floats:
        """(n, n_classes), each row adding up to 1."""
        return softmax(x)


Layer = Dense | Conv1d | Depthwise1d | Pool1d | Mean | Reshape | Softmax
Weighted = Dense | Conv1d | Depthwise1d
Layers = Sequence[Layer]
DenseLayers = list[Dense]


def _finished(y: Floats, relu: bool) -> Floats:
    return ACTIVATIONS.round(np.maximum(y, 0.0) if relu else y)


def unfolded(x: Floats, kernel: int, stride: int) -> Floats:
    """Patches (n, n_out, kernel, channels) of (n, length, channels), zeros beyond the ends as TensorFlow's SAME."""
    length = x.shape[1]
    n_out = math.ceil(length / stride)
    missing = max((n_out - 1) * stride + kernel - length, 0)
    before = missing // 2
    padded = np.pad(x, ((0, 0), (before, missing - before), (0, 0)))
    return np.ascontiguousarray(sliding_window_view(padded, kernel, axis=1)[:, ::stride].transpose(0, 1, 3, 2))


def forward(layers: Layers, x: Floats) -> Floats:
    """Output of the last layer."""
    if all(isinstance(layer, Dense | Softmax) for layer in layers):
        return activations(layers, x)[-1]
    rows = range(0, max(1, len(x)), ROWS)
    return np.concatenate([activations(layers, x[start : start + ROWS])[-1] for start in rows])


def activations(layers: Layers, x: Floats) -> list[Floats]:
    """The input and every layer's output."""
    found = [ACTIVATIONS.round(x)]
    for layer in layers:
        found.append(layer.forward(found[-1]))
    return found


def parameters(layers: Layers) -> int:
    """Weights and biases in all."""
    return sum(each.weights.size + each.bias.size for each in layers if isinstance(each, Weighted))


def sizes(layers: Layers) -> str:
    """Neurons and channels layer by layer, "37-24-6-24-37"."""
    found: list[int] = []
    for each in layers:
        if isinstance(each, Dense) and not found:
            found.append(each.n_in)
        if isinstance(each, Dense | Conv1d):
            found.append(each.n_out)
    return "-".join(str(each) for each in found)


def rounded(layers: Layers) -> None:
    """Put the weights on their grid, as `forward` uses them."""
    for layer in layers:
        if isinstance(layer, Weighted):
            layer.weights = WEIGHTS.round(layer.weights)
