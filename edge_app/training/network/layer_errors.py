"""What quantising cost, layer by layer: int8 activations beside the float ones on the same inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_app.training.network.exact import Floats, softmax
from edge_app.training.network.layers import Layers, Reshape, activations, unfolded
from edge_app.training.network.quantize import (
    QuantizedConv,
    QuantizedDense,
    QuantizedLayer,
    QuantizedMean,
    QuantizedModel,
    QuantizedPool,
    QuantizedReshape,
    QuantizedSoftmax,
    Steps,
)

Steps8 = NDArray[np.float64]
"""int8 values, carried by doubles."""
MOST_ROWS = 512


@dataclass(frozen=True)
class LayerError:
    """One layer's output, int8 against float."""

    name: str
    """"1 dense 24": number from 1, kind, outputs."""
    snr_db: float
    """Power of the float output over power of the difference (dB); 6 dB are one bit."""
    clipped_percent: float
    """Outputs that met the end of the int8 range, where a float went on."""

    def plain(self) -> dict[str, object]:
        """For a manifest."""
        return {"layer": self.name, "snr_db": self.snr_db, "clipped_percent": self.clipped_percent}


def layer_errors(layers: Layers, model: QuantizedModel, inputs: Floats) -> list[LayerError]:
    """Error of every layer, all before it quantised too.

    Parameters
    ----------
    layers : Layers
        Float.
    model : QuantizedModel
        What `quantize` made of them.
    inputs : ndarray of shape (n, n_in)
        Windows, best those the quantiser was not calibrated on; at most MOST_ROWS of them are taken, evenly.
    """
    chosen = inputs[:: max(1, len(inputs) // MOST_ROWS)][:MOST_ROWS]
    wanted = activations(layers, chosen)[1:]
    if isinstance(layers[0], Reshape):
        wanted = wanted[1:]
    values = np.clip(np.rint(chosen / model.input.scale) + model.input.zero_point, -128, 127)
    if model.shape:
        values = values.reshape(len(values), *model.shape)
    before, found = model.input, []
    for number, (layer, floats) in enumerate(zip(model.layers, wanted, strict=True), 1):
        values, cut = _run(layer, values, before)
        if any(isinstance(each, QuantizedSoftmax) for each in model.layers[number : number + 1]):
            floats = _as_softmax_sees(floats, layer.output)
        before = layer.output
        given = (values - before.zero_point) * before.scale
        name = f"{number} {type(layer).__name__.removeprefix('Quantized').lower()} {floats.shape[-1]}"
        found.append(LayerError(name, _snr_db(floats, given), round(100.0 * cut, 3)))
    return found


def _as_softmax_sees(logits: Floats, steps: Steps) -> Floats:
    """Logits without their mean and within the range of their steps, as `quantize` lays them."""
    low, high = ((end - steps.zero_point) * steps.scale for end in (-128, 127))
    found: Floats = np.clip(logits - logits.mean(axis=1, keepdims=True), low, high)
    return found


def _snr_db(floats: Floats, given: Floats) -> float:
    """Rounded to 0.1 dB; 120 where there is no difference."""
    noise = float(np.sum((given - floats) ** 2))
    power = float(np.sum(floats**2))
    return round(10.0 * math.log10(power / noise), 1) if noise and power else 120.0 if not noise else -120.0


def _run(layer: QuantizedLayer, values: Steps8, before: Steps) -> tuple[Steps8, float]:
    """Outputs in steps, and the share that was cut off. Rounds once; the engines round twice (±1 step, rarely)."""
    zero = before.zero_point
    if isinstance(layer, QuantizedDense):
        sums = (values - zero) @ layer.weights.astype(np.float64).T + layer.bias
        return _requantised(sums * (before.scale * layer.weight_scale), layer.output, layer.relu)
    if isinstance(layer, QuantizedConv):
        kernel = layer.weights.shape[0] if layer.depthwise else layer.weights.shape[1]
        patches = unfolded(values - zero, kernel, layer.stride)
        taps = layer.weights.astype(np.float64)
        sums = np.einsum("nlkc,kc->nlc" if layer.depthwise else "nlkc,okc->nlo", patches, taps) + layer.bias
        return _requantised(sums * (before.scale * np.array(layer.scales)), layer.output, layer.relu)
    if isinstance(layer, QuantizedPool):
        length = values.shape[1] // layer.size
        parts = values[:, : length * layer.size].reshape(len(values), length, layer.size, -1)
        return (np.rint(parts.mean(axis=2)) if layer.average else parts.max(axis=2)), 0.0
    if isinstance(layer, QuantizedMean):
        return _requantised((values - zero).mean(axis=1) * before.scale, layer.output, relu=False)
    if isinstance(layer, QuantizedReshape):
        return values.reshape(len(values), *layer.shape), 0.0
    return _requantised(softmax((values - zero) * before.scale), layer.output, relu=False)


def _requantised(real: Floats, output: Steps, relu: bool) -> tuple[Steps8, float]:
    kept = np.maximum(real, 0.0) if relu else real
    steps = np.rint(kept / output.scale) + output.zero_point
    cut = float(np.mean((steps < -128) | (steps > 127)))
    return np.clip(steps, -128, 127), cut
