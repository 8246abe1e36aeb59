"""Trains 1-D convolutional classifiers with torch, and hands them on as our own layers.

torch only finds the weights. Batch normalisation is folded into the convolutions, weights are rounded to their grid;
from there on all is as for dense models. One thread and deterministic kernels: the same bytes again on the same
machine with the same torch; another processor may round differently.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from edge_app.config.recipe import RecipeConfig
from edge_app.core.errors import ModelError, PluginError
from edge_app.core.results import FeatureSchema
from edge_app.inference.manifest import Standardize
from edge_app.training.metrics import BY_NAME, tally
from edge_app.training.network.classifier import Labelled, class_weights, metric_of
from edge_app.training.network.exact import WEIGHTS, Floats
from edge_app.training.network.layers import Conv1d, Dense, Layer, Layers, Mean, Pool1d, Reshape, Softmax, sizes
from edge_app.training.network.prune import Masks
from edge_app.training.network.steps import STEP
from edge_app.training.progress import Progress
from edge_app.training.trainers.classes import SHIFT, ClassModel, Prepared, finished, inputs_of
from edge_app.training.windows.samples import Samples

RMS_ONE = 1024
"""The value of a waveform that stands for its root mean square (features/waveform.py)."""
BATCH_NORM_EPSILON = 1e-5
BATCH_NORM_MOMENTUM = 0.1


def train_cnn(train: Samples, validation: Samples, recipe: RecipeConfig, seed: int, progress: Progress) -> ClassModel:
    """An int8 convolutional classifier from labelled windows of a waveform.

    Raises
    ------
    PluginError
        When torch is not installed.
    ModelError
        When the features are no waveform.
    """
    length, axes = _waveform(train.schema)
    counts = np.bincount(train.classes, minlength=len(train.names)).tolist()
    weights = class_weights(counts, recipe.balance, [recipe.emphasis.get(name, 1.0) for name in train.names])
    count = length * axes
    multiplier = recipe.cnn.steps_per_sigma * 2**SHIFT // RMS_ONE
    standardize = Standardize((0,) * count, (multiplier,) * count, SHIFT)
    inputs, clipped = inputs_of(train.features, standardize)
    withheld, _ = inputs_of(validation.features, standardize)
    data = Prepared(
        standardize,
        Labelled(inputs * STEP, train.classes, len(train.names)),
        Labelled(withheld * STEP, validation.classes, len(train.names)),
        clipped,
    )
    trainer = ConvolutionTrainer(data, recipe, weights, (length, axes), seed, progress)
    layers = trainer.from_scratch(recipe.cnn.channels, recipe.cnn.epochs, "train")
    value = trainer.metric(layers)
    progress.say("train", f"cnn {sizes(layers)}, {trainer.metric_name} {value:.4f} on {len(validation)} windows")
    return finished(layers, trainer, data, train, recipe, seed, progress)


def load_torch() -> ModuleType:
    """torch, set to one thread and to deterministic kernels. Raises PluginError when it is not installed."""
    try:
        import torch
    except ImportError as error:
        raise PluginError(
            "a cnn is trained by torch, which is not installed.",
            "Install it: pip install 'edge-app[train-torch]'; or train a classifier on features.",
        ) from error
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    found: ModuleType = torch
    return found


def _waveform(schema: FeatureSchema) -> tuple[int, int]:
    """Samples and axes of the features."""
    if not schema.plugin.startswith("waveform/"):
        raise ModelError(
            f"a cnn takes the signal itself, the features are {schema.plugin}.",
            "Write `features: {plugin: waveform, …}` in app.yaml, or `kind: classifier` in the recipe.",
        )
    return int(str(schema.settings["samples"])), int(str(schema.settings["axes"]))


@dataclass
class _Net:
    """Layers with their weights as torch tensors, batch normalisation beside the convolutions while there is one."""

    layers: list[Layer]
    weights: dict[int, tuple[Any, Any]]
    norms: dict[int, dict[str, Any]]

    def parameters(self) -> list[Any]:
        """What the optimiser moves."""
        found = [each for pair in self.weights.values() for each in pair]
        return found + [each[name] for each in self.norms.values() for name in ("gamma", "beta")]


class ConvolutionTrainer:
    """Trains convolutional classifiers; see `prune.Trainer`."""

    def __init__(
        self,
        data: Prepared,
        recipe: RecipeConfig,
        weights: Floats,
        shape: tuple[int, int],
        seed: int,
        progress: Progress,
    ) -> None:
        self._torch = load_torch()
        self._data, self._recipe, self._weights = data, recipe, weights
        self._shape, self._seed, self._progress = shape, seed, progress
        self.metric_name = recipe.stop.metric
        self.epochs = recipe.cnn.epochs

    def metric(self, layers: Layers) -> float:
        """The recipe's metric on the validation windows, by our own arithmetic."""
        return metric_of(layers, self._data.validation, self.metric_name)

    def from_scratch(self, widths: Sequence[int], epochs: int, step: str = "compare") -> Layers:
        """A new model with these channels."""
        self._torch.manual_seed(self._seed)
        net = self._new(list(widths))
        return self._trained(net, epochs, step, None)

    def fine_tune(self, layers: Layers, epochs: int, masks: Masks | None) -> Layers:
        """The layers trained further, without batch normalisation: it is folded already."""
        self._torch.manual_seed(self._seed + 1)
        weights = {
            index: (self._leaf(each.weights), self._leaf(each.bias))
            for index, each in enumerate(layers)
            if isinstance(each, Conv1d | Dense)
        }
        return self._trained(_Net(copy.deepcopy(list(layers)), weights, {}), epochs, "fine-tune", masks)

    def _leaf(self, values: Any) -> Any:
        return self._torch.tensor(np.asarray(values), dtype=self._torch.float32, requires_grad=True)

    def _new(self, widths: list[int]) -> _Net:
        """Random weights of variance 2 / inputs (He et al. 2015)."""
        settings = self._recipe.cnn
        random = np.random.RandomState(self._seed)
        layers: list[Layer] = [Reshape(self._shape)]
        before, length = self._shape[1], self._shape[0]
        for number, width in enumerate(widths):
            spread = np.sqrt(2.0 / (settings.kernel * before))
            layers.append(
                Conv1d(
                    spread * random.standard_normal((width, settings.kernel, before)),
                    np.zeros(width),
                    True,
                    settings.stride,
                )
            )
            length = -(-length // settings.stride)
            if settings.pool > 1 and number < len(widths) - 1 and length >= 2 * settings.pool:
                layers.append(Pool1d(settings.pool))
                length //= settings.pool
            before = width
        n_classes = self._data.train.n_classes
        dense = Dense(random.standard_normal((n_classes, before)) / np.sqrt(before), np.zeros(n_classes), False)
        layers += [Mean(), dense, Softmax()]
        weights = {
            i: (self._leaf(e.weights), self._leaf(e.bias))
            for i, e in enumerate(layers)
            if isinstance(e, Conv1d | Dense)
        }
        norms = {i: self._norm(e.n_out) for i, e in enumerate(layers) if isinstance(e, Conv1d)}
        return _Net(layers, weights, norms)

    def _norm(self, channels: int) -> dict[str, Any]:
        torch = self._torch
        return {
            "gamma": self._leaf(np.ones(channels)),
            "beta": self._leaf(np.zeros(channels)),
            "mean": torch.zeros(channels),
            "variance": torch.ones(channels),
        }

    def _trained(self, net: _Net, epochs: int, step: str, masks: Masks | None) -> Layers:
        """Adam with a step size that falls in a straight line; the best epoch on the validation windows."""
        torch, settings, data = self._torch, self._recipe.cnn, self._data.train
        generator = np.random.RandomState(self._seed)
        optimiser = torch.optim.Adam(net.parameters(), lr=settings.rate)
        inputs = torch.tensor(data.inputs, dtype=torch.float32)
        classes = torch.tensor(data.classes)
        loss_of = torch.nn.CrossEntropyLoss(weight=torch.tensor(self._weights, dtype=torch.float32))
        batches = max(1, len(inputs) // settings.batch)
        best, best_value, best_epoch = self._folded(net), -1.0, 0
        for epoch in range(1, epochs + 1):
            order = generator.permutation(len(inputs))
            for batch in range(batches):
                chosen = order[batch * settings.batch : (batch + 1) * settings.batch]
                for group in optimiser.param_groups:
                    group["lr"] = settings.rate * (1.0 - ((epoch - 1) * batches + batch) / (epochs * batches))
                optimiser.zero_grad()
                loss_of(self._logits(net, self._changed(inputs[chosen], generator), True), classes[chosen]).backward()
                optimiser.step()
                self._hold(net, masks)
            value = self._value(net)
            self._progress.at(step, epoch, epochs, f"{self.metric_name} {value:.4f}")
            if value > best_value:
                best, best_value, best_epoch = self._folded(net), value, epoch
            if epoch - best_epoch >= self._recipe.stop.patience:
                break
        return best

    def _changed(self, batch: Any, generator: np.random.RandomState) -> Any:
        """Shifted in time and with noise, as the recipe says."""
        settings, (length, axes) = self._recipe.cnn, self._shape
        if settings.shift:
            most = round(settings.shift * length)
            moves = generator.randint(-most, most + 1, len(batch))
            batch = self._torch.stack([each.roll(int(m) * axes) for each, m in zip(batch, moves, strict=True)])
        if settings.noise:
            spread = settings.noise * settings.steps_per_sigma * STEP
            batch = batch + spread * self._torch.tensor(generator.standard_normal(batch.shape), dtype=batch.dtype)
        return batch

    def _hold(self, net: _Net, masks: Masks | None) -> None:
        """Keep pruned weights at zero."""
        if masks is None:
            return
        with self._torch.no_grad():
            for index, (weights, _) in net.weights.items():
                if masks[index] is not None:
                    weights *= self._torch.tensor(masks[index], dtype=weights.dtype)

    def _logits(self, net: _Net, x: Any, training: bool) -> Any:
        """What comes before the softmax."""
        functional = self._torch.nn.functional
        for index, layer in enumerate(net.layers):
            if isinstance(layer, Reshape):
                x = x.reshape(len(x), *layer.shape).transpose(1, 2)
            elif isinstance(layer, Conv1d):
                weights, bias = net.weights[index]
                x = functional.conv1d(_padded(functional, x, layer), weights.transpose(1, 2), bias, layer.stride)
                if index in net.norms:
                    norm = net.norms[index]
                    x = functional.batch_norm(
                        x,
                        norm["mean"],
                        norm["variance"],
                        norm["gamma"],
                        norm["beta"],
                        training,
                        BATCH_NORM_MOMENTUM,
                        BATCH_NORM_EPSILON,
                    )
                x = x.relu()
            elif isinstance(layer, Pool1d):
                x = functional.max_pool1d(x, layer.size)
            elif isinstance(layer, Mean):
                x = x.mean(dim=2)
            elif isinstance(layer, Dense):
                x = functional.linear(x, *net.weights[index])
        return x

    def _value(self, net: _Net) -> float:
        """The metric while training, by torch."""
        data = self._data.validation
        with self._torch.no_grad():
            inputs = self._torch.tensor(data.inputs, dtype=self._torch.float32)
            told = [self._logits(net, part, False).argmax(dim=1).numpy() for part in inputs.split(512)]
        return BY_NAME[self.metric_name](tally(data.classes, np.concatenate(told), data.n_classes))

    def _folded(self, net: _Net) -> Layers:
        """Our layers: batch normalisation inside the convolutions, weights on their grid."""
        layers = copy.deepcopy(net.layers)
        for index, (weights, bias) in net.weights.items():
            w, b = weights.detach().numpy().astype(np.float64), bias.detach().numpy().astype(np.float64)
            if index in net.norms:
                norm = {name: each.detach().numpy().astype(np.float64) for name, each in net.norms[index].items()}
                factor = norm["gamma"] / np.sqrt(norm["variance"] + BATCH_NORM_EPSILON)
                w, b = w * factor[:, None, None], (b - norm["mean"]) * factor + norm["beta"]
            layer = layers[index]
            layer.weights, layer.bias = WEIGHTS.round(w), b  # type: ignore[union-attr]
        return layers


def _padded(functional: Any, x: Any, layer: Conv1d) -> Any:
    """Zeros beyond the ends, as TensorFlow's SAME."""
    length, kernel = x.shape[2], layer.weights.shape[1]
    missing = max((-(-length // layer.stride) - 1) * layer.stride + kernel - length, 0)
    return functional.pad(x, (missing // 2, missing - missing // 2))
