"""From float layers to int8 layers: min/max calibration, weights symmetric per tensor.

Source: TensorFlow Lite 8-bit quantization specification: int8 weights in [-127, 127] with zero point 0, int32 bias of
scale s_in · s_w, asymmetric int8 activations whose range includes 0. Dense layers per tensor: per channel gains
nothing here and costs a third of the file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_app.training.exact import Floats
from edge_app.training.layers import Layers, activations


@dataclass(frozen=True)
class Steps:
    """Quantisation of an activation: value = scale · (q - zero_point)."""

    scale: float
    """A float32, exactly."""
    zero_point: int


@dataclass(frozen=True)
class QuantizedDense:
    """Fully connected layer in integers."""

    weights: NDArray[np.int8]
    """Shape (n_out, n_in)."""
    weight_scale: float
    bias: NDArray[np.int32]
    """Of scale s_in · weight_scale."""
    relu: bool
    output: Steps


QuantizedLayers = list[QuantizedDense]


@dataclass(frozen=True)
class QuantizedModel:
    """Input steps and the layers."""

    input: Steps
    layers: QuantizedLayers


def quantize(layers: Layers, calibration: Floats, ends: Steps) -> QuantizedModel:
    """int8 layers of an autoencoder.

    Parameters
    ----------
    layers : Layers
        Trained in the unit of `calibration`.
    calibration : ndarray of shape (n, n_in)
        Inputs of every kind the model was trained on (stratified): the range of each layer's output is what they
        reach, never an average, never a percentile.
    ends : Steps
        Of input and output: an autoencoder compares the two, so they share them.
    """
    reached = activations(layers, calibration)[1:]
    before, found = ends, []
    for index, (layer, values) in enumerate(zip(layers, reached, strict=True)):
        output = ends if index == len(layers) - 1 else activation_steps(values)
        weight_scale = float32(max(float(np.max(np.abs(layer.weights))), 1e-6) / 127.0)
        bias_scale = before.scale * weight_scale
        found.append(
            QuantizedDense(
                weights=np.rint(layer.weights / weight_scale).astype(np.int8),
                weight_scale=weight_scale,
                bias=np.rint(layer.bias / bias_scale).astype(np.int32),
                relu=layer.relu,
                output=output,
            )
        )
        before = output
    return QuantizedModel(ends, found)


def activation_steps(values: Floats) -> Steps:
    """Steps whose int8 range covers all values and zero."""
    low = min(0.0, float(np.min(values)))
    high = max(0.0, float(np.max(values)), low + 1e-6)
    scale = float32((high - low) / 255.0)
    return Steps(scale, int(max(-128, min(127, round(-128 - low / scale)))))


def float32(value: float) -> float:
    """The nearest float32, as a double: what the file will hold."""
    return float(np.float32(value))
