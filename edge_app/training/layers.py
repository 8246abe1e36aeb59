"""A model in training: a list of layers with numpy weights. Trainer, pruner, quantiser and writer work on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_app.training.exact import ACTIVATIONS, WEIGHTS, Floats, product


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
        y = product(x, WEIGHTS.round(self.weights).T) + self.bias
        if self.relu:
            y = np.maximum(y, 0.0)
        return ACTIVATIONS.round(y)


Layers = list[Dense]


def forward(layers: Layers, x: Floats) -> Floats:
    """Output of the last layer."""
    return activations(layers, x)[-1]


def activations(layers: Layers, x: Floats) -> list[Floats]:
    """The input and every layer's output."""
    found = [ACTIVATIONS.round(x)]
    for layer in layers:
        found.append(layer.forward(found[-1]))
    return found


def parameters(layers: Layers) -> int:
    """Weights and biases in all."""
    return sum(layer.weights.size + layer.bias.size for layer in layers)
