"""From float layers to int8 layers: min/max calibration, weights symmetric.

Source: TensorFlow Lite 8-bit quantization specification: int8 weights in [-127, 127] with zero point 0, int32 bias of
scale s_in · s_w, asymmetric int8 activations whose range includes 0; SOFTMAX gives 1/256 and -128. Convolutions have a
scale per output channel. Dense layers have one: per channel gains nothing here and costs a third of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import ModelError
from edge_app.training.network.exact import Floats, softmax
from edge_app.training.network.layers import (
    Conv1d,
    Dense,
    Depthwise1d,
    Layers,
    Mean,
    Pool1d,
    Reshape,
    Softmax,
    activations,
)

LARGEST_BIAS = 2**30
"""A channel whose weights are tiny beside its bias gets a coarser scale, so that the bias fits 32 bits."""


@dataclass(frozen=True)
class Steps:
    """Quantisation of an activation: value = scale · (q - zero_point)."""

    scale: float
    """A float32, exactly."""
    zero_point: int


PROBABILITIES = Steps(1.0 / 256.0, -128)
LOGIT_LIMIT_STEP = 0.5
"""In such steps the limit of logits is looked for."""


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


@dataclass(frozen=True)
class QuantizedConv:
    """Convolution over time in integers, one scale a channel."""

    weights: NDArray[np.int8]
    """Shape (n_out, kernel, n_in); depthwise (kernel, channels)."""
    scales: tuple[float, ...]
    """float32, exactly, per output channel."""
    bias: NDArray[np.int32]
    relu: bool
    stride: int
    depthwise: bool
    output: Steps


@dataclass(frozen=True)
class QuantizedPool:
    """Pooling over time; the steps are the input's."""

    size: int
    average: bool
    output: Steps


@dataclass(frozen=True)
class QuantizedMean:
    """Mean over time."""

    output: Steps


@dataclass(frozen=True)
class QuantizedReshape:
    """The same bytes in another shape."""

    shape: tuple[int, ...]
    output: Steps


@dataclass(frozen=True)
class QuantizedSoftmax:
    """Logits to probabilities."""

    output: Steps = PROBABILITIES


QuantizedLayer = QuantizedDense | QuantizedConv | QuantizedPool | QuantizedMean | QuantizedReshape | QuantizedSoftmax
QuantizedLayers = list[QuantizedLayer]


@dataclass(frozen=True)
class QuantizedModel:
    """Input steps and the layers."""

    input: Steps
    layers: QuantizedLayers
    shape: tuple[int, ...] = ()
    """Of the input, without the first dimension; empty where the first layer is dense and says it."""


def quantize(layers: Layers, calibration: Floats, ends: Steps, last: Steps | None = None) -> QuantizedModel:
    """int8 layers of a model.

    Parameters
    ----------
    layers : Layers
        Trained in the unit of `calibration`.
    calibration : ndarray of shape (n, n_in)
        Inputs of every kind the model was trained on (stratified): the range of each layer's output is what they
        reach, never an average, never a percentile.
    ends : Steps
        Of the input.
    last : Steps, optional
        Of the output of a last layer with weights; default `ends`: an autoencoder compares output and input, so they
        share them.
    """
    reached = activations(layers, calibration)[1:]
    before = ends
    found: QuantizedLayers = []
    for index, (layer, values) in enumerate(zip(layers, reached, strict=True)):
        output = (last or ends) if index == len(layers) - 1 else activation_steps(values)
        wanted: object = layer
        if isinstance(layer, Dense) and any(isinstance(each, Softmax) for each in layers[index + 1 : index + 2]):
            wanted, output = centred(layer), logit_steps(values)
        made = _quantized(wanted, before, output)
        if not (index == 0 and isinstance(made, QuantizedReshape)):
            found.append(made)
        before = made.output
    first = layers[0]
    return QuantizedModel(ends, found, first.shape if isinstance(first, Reshape) else ())


def _quantized(layer: object, before: Steps, output: Steps) -> QuantizedLayer:
    """One layer whose input has the steps `before` and whose output shall have the steps `output`."""
    if isinstance(layer, Dense):
        scale = _weight_scales(np.max(np.abs(layer.weights)), np.max(np.abs(layer.bias), initial=0.0), before)
        return QuantizedDense(
            weights=np.rint(layer.weights / scale).astype(np.int8),
            weight_scale=float(scale),
            bias=np.rint(layer.bias / (before.scale * scale)).astype(np.int32),
            relu=layer.relu,
            output=output,
        )
    if isinstance(layer, Conv1d | Depthwise1d):
        depthwise = isinstance(layer, Depthwise1d)
        largest = np.max(np.abs(layer.weights), axis=0 if depthwise else (1, 2))
        scales = _weight_scales(largest, np.abs(layer.bias), before)
        over = scales if depthwise else scales[:, None, None]
        return QuantizedConv(
            weights=np.rint(layer.weights / over).astype(np.int8),
            scales=tuple(float(each) for each in scales),
            bias=np.rint(layer.bias / (before.scale * scales)).astype(np.int32),
            relu=layer.relu,
            stride=layer.stride,
            depthwise=depthwise,
            output=output,
        )
    if isinstance(layer, Pool1d):
        return QuantizedPool(layer.size, layer.average, before)
    if isinstance(layer, Mean):
        return QuantizedMean(output)
    if isinstance(layer, Reshape):
        return QuantizedReshape(layer.shape, before)
    if isinstance(layer, Softmax):
        return QuantizedSoftmax()
    raise TypeError(f"no int8 form of {type(layer).__name__}")


def _weight_scales(largest: Floats | float, bias: Floats | float, before: Steps) -> Floats:
    """float32 scales, as doubles, by which weights fit int8 and biases 31 bits."""
    scale = np.maximum(np.maximum(largest, 1e-6) / 127.0, np.asarray(bias) / (before.scale * LARGEST_BIAS))
    return np.asarray(np.asarray(scale, np.float32), np.float64)


def centred(layer: Dense) -> Dense:
    """The same layer before a softmax, which does not see what is added to all logits: their mean is taken away."""
    return Dense(
        layer.weights - layer.weights.mean(axis=0), layer.bias - sum(layer.bias.tolist()) / layer.n_out, layer.relu
    )


def logit_steps(values: Floats) -> Steps:
    """Steps of centred logits: fine ones, because two logits in one step are a tie that the first class wins.

    The largest logits are of windows that leave no doubt, and would make the steps coarse. So the range ends where
    ending it there changes no probability of the values by more than half a step of PROBABILITIES.
    """
    logits = values - values.mean(axis=1, keepdims=True)
    probabilities, largest = softmax(logits), float(np.max(np.abs(logits), initial=LOGIT_LIMIT_STEP))
    limit = LOGIT_LIMIT_STEP
    while limit < largest:
        if np.max(np.abs(softmax(np.clip(logits, -limit, limit)) - probabilities)) <= PROBABILITIES.scale / 2:
            break
        limit += LOGIT_LIMIT_STEP
    return activation_steps(np.clip(logits, -limit, limit))


def activation_steps(values: Floats) -> Steps:
    """Steps whose int8 range covers all values and zero."""
    low = min(0.0, float(np.min(values)))
    high = max(0.0, float(np.max(values)), low + 1e-6)
    scale = float32((high - low) / 255.0)
    return Steps(scale, int(max(-128, min(127, round(-128 - low / scale)))))


def float32(value: float) -> float:
    """The nearest float32, as a double: what the file will hold."""
    return float(np.float32(value))


def stratified(classes: NDArray[np.int64], names: Sequence[str], most: int) -> NDArray[np.int64]:
    """Rows to calibrate on: of each class as many as of any other, taken evenly.

    Raises
    ------
    ModelError
        When a class has no row: a range set without it would cut its values off.
    """
    found = []
    for index, name in enumerate(names):
        rows = np.flatnonzero(classes == index)
        if not len(rows):
            raise ModelError(
                f"class {name} is missing from the windows the model is calibrated on.",
                "Add recordings of it to `train`, or leave the class out.",
            )
        share = max(1, most // len(names))
        found.append(rows[np.linspace(0, len(rows) - 1, min(share, len(rows))).round().astype(np.int64)])
    return np.sort(np.concatenate(found))
