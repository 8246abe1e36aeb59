"""Makes a trained model smaller, and takes the smaller one only when it is as good.

Structured: whole neurons and channels go, so file, memory and time all shrink. A neuron's score is the standard
deviation of its output over the calibration windows times the norm of the weights that read it: small for outputs near
zero, for constant ones, and for ones nobody listens to. What a removed neuron gave on average goes into the biases that
read it, so removing a constant one changes nothing (but at the ends of a convolution, which see zeros beyond).

Magnitude: the smallest weights become zero and stay zero through fine-tuning. The file packs smaller for an update over
the air; memory and time stay as they are.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_app.config.recipe import PruneRecipe
from edge_app.core.errors import ModelError
from edge_app.training.network.exact import ACTIVATIONS, Floats
from edge_app.training.network.layers import Conv1d, Dense, Depthwise1d, Layer, Layers, activations, parameters, sizes

Masks = list[Floats | None]
"""For each layer an array of its weights' shape, 1 where a weight lives; None for layers without weights."""


class Trainer(Protocol):
    """Trains one model's layers; what pruning needs of whoever trained it."""

    metric_name: str
    """What `metric` gives, in words."""
    epochs: int
    """Epochs the model was trained for."""

    def fine_tune(self, layers: Layers, epochs: int, masks: Masks | None) -> Layers:
        """The layers trained further; weights whose mask is 0 stay 0."""

    def from_scratch(self, widths: Sequence[int], epochs: int) -> Layers:
        """A new model with these neurons or channels in its hidden layers."""

    def metric(self, layers: Layers) -> float:
        """How good layers are on windows they have not seen: 0 to 1, more is better."""


@dataclass(frozen=True)
class Pruned:
    """What came of pruning."""

    layers: Layers
    """The smaller ones when `taken`, else those given."""
    taken: bool
    facts: dict[str, Any]
    """For manifest and card."""

    @property
    def reason(self) -> str:
        """One sentence."""
        return str(self.facts["reason"])


def prune(
    layers: Layers, recipe: PruneRecipe, trainer: Trainer, calibration: Floats, packed: Callable[[Layers], bytes]
) -> Pruned:
    """Prune, fine-tune, compare; keep what was given when the metric falls by more than the recipe's margin.

    Parameters
    ----------
    layers : Layers
        As trained.
    recipe : PruneRecipe
    trainer : Trainer
    calibration : ndarray of shape (n, n_in)
        Inputs of every class.
    packed : callable
        The int8 file of some layers, for sizes.
    """
    before = trainer.metric(layers)
    smaller, masks = shrink(layers, recipe, calibration)
    raw = trainer.metric(smaller)
    tuned = trainer.fine_tune(smaller, recipe.epochs, masks) if recipe.epochs else smaller
    after = trainer.metric(tuned)
    scratch = None
    if recipe.scratch and masks is None:
        scratch = trainer.metric(trainer.from_scratch(widths(tuned), trainer.epochs + recipe.epochs))
    taken = before - after <= recipe.margin
    facts = {
        "metric": trainer.metric_name,
        "before": {"layers": sizes(layers), "value": round(before, 4)} | _size(layers, packed),
        "after": {"layers": sizes(tuned), "value": round(after, 4), "before_fine_tuning": round(raw, 4)}
        | _size(tuned, packed),
        "margin": recipe.margin,
        "taken": taken,
    }
    if masks is not None:
        facts["sparsity"] = recipe.sparsity
    if scratch is not None:
        facts["same_size_from_scratch"] = round(scratch, 4)
    facts["reason"] = _reason(facts, masks is not None)
    return Pruned(tuned if taken else layers, taken, facts)


def shrink(layers: Layers, recipe: PruneRecipe, calibration: Floats) -> tuple[Layers, Masks | None]:
    """Smaller or sparser layers, not fine-tuned yet, and the masks that hold zeros."""
    smaller: Layers = copy.deepcopy(list(layers))
    if recipe.keep is not None or recipe.tolerance is not None:
        smaller = remove_units(smaller, calibration, recipe.keep, recipe.tolerance)
    masks = magnitude_masks(smaller, recipe.sparsity) if recipe.sparsity is not None else None
    if masks is not None:
        apply_masks(smaller, masks)
    return smaller, masks


def _size(layers: Layers, packed: Callable[[Layers], bytes]) -> dict[str, int]:
    content = packed(layers)
    return {"parameters": parameters(layers), "bytes": len(content), "gzip_bytes": len(zlib.compress(content, 9))}


def _reason(facts: dict[str, Any], sparse: bool) -> str:
    before, after = facts["before"], facts["after"]
    change = f"{facts['metric']} {before['value']:.4f} to {after['value']:.4f}"
    if not facts["taken"]:
        return (
            f"Pruning to {after['layers']} was refused: {change}, a fall by more than the margin of "
            f"{facts['margin']:g}. The model stays {before['layers']}."
        )
    text = f"Pruned from {before['layers']} to {after['layers']}: {change}, {before['bytes']} to {after['bytes']} bytes"
    if sparse:
        text += (
            f"; packed for an update {before['gzip_bytes']} to {after['gzip_bytes']} bytes. Zero weights save nothing "
            "on the device: memory and time are those of a full model"
        )
    if "same_size_from_scratch" in facts:
        text += f". The same size trained from scratch: {facts['same_size_from_scratch']:.4f}"
    return text + "."


@dataclass(frozen=True)
class _Unit:
    """A layer whose neurons or channels may go, and what reads them."""

    at: int
    followers: tuple[int, ...]
    """Depthwise layers in between: they lose the same channels."""
    reader: int
    """The next layer with weights over all inputs."""


def _units(layers: Layers) -> list[_Unit]:
    """Every dense and convolution layer but the last."""
    places = [index for index, layer in enumerate(layers) if isinstance(layer, Dense | Conv1d)]
    found = []
    for at, reader in pairwise(places):
        between = range(at + 1, reader)
        found.append(_Unit(at, tuple(i for i in between if isinstance(layers[i], Depthwise1d)), reader))
    return found


def widths(layers: Layers) -> list[int]:
    """Neurons or channels of the hidden layers."""
    return [layers[unit.at].weights.shape[0] for unit in _units(layers)]  # type: ignore[union-attr]


def remove_units(
    layers: Layers, calibration: Floats, keep: float | list[float] | None, tolerance: float | None
) -> Layers:
    """Layers without their least useful neurons and channels, from the input to the output.

    Parameters
    ----------
    layers : Layers
    calibration : ndarray of shape (n, n_in)
    keep : float or list of float, optional
        Share kept, of all hidden layers or of each.
    tolerance : float, optional
        Instead: kept are those whose score is at least this share of their layer's best one.
    """
    found: list[Layer] = copy.deepcopy(list(layers))
    units = _units(found)
    if isinstance(keep, list) and len(keep) != len(units):
        raise ModelError(
            f"`prune.keep` has {len(keep)} numbers, the model has {len(units)} layers that can be pruned.",
            "Give one number for each layer but the last, or one for all.",
        )
    for number, unit in enumerate(units):
        share = keep[number] if isinstance(keep, list) else keep
        inputs = activations(found, calibration)[unit.reader]
        channels = found[unit.at].weights.shape[0]  # type: ignore[union-attr]
        scores = unit_scores(found[unit.reader], inputs, channels)
        _remove(found, unit, inputs, _kept(scores, share, tolerance))
    return found


def unit_scores(reader: Layer, inputs: Floats, channels: int) -> Floats:
    """Score of each channel of a reader's inputs: deviation times the norm of the weights that read it."""
    by_column = inputs.reshape(len(inputs), -1)
    if isinstance(reader, Conv1d):
        deviation = inputs.std(axis=(0, 1))
        scores: Floats = deviation * np.sqrt((reader.weights**2).sum(axis=(0, 1)))
        return scores
    weights = reader.weights  # type: ignore[union-attr]
    squares = (by_column.std(axis=0) ** 2 * (weights**2).sum(axis=0)).reshape(-1, channels)
    return np.asarray(np.sqrt(squares.sum(axis=0)))


def _kept(scores: Floats, share: float | None, tolerance: float | None) -> NDArray[np.int64]:
    """Channels that stay, in their order; at least one."""
    if share is not None:
        count = max(1, round(share * len(scores)))
        best = np.argsort(-scores, kind="stable")[:count]
        return np.sort(best)
    stay = np.flatnonzero(scores >= (tolerance or 0.0) * scores.max())
    return stay if len(stay) else np.array([int(np.argmax(scores))])


def _remove(layers: list[Layer], unit: _Unit, inputs: Floats, stay: NDArray[np.int64]) -> None:
    """Take channels out of a layer, its followers and its reader, in place."""
    first, reader = layers[unit.at], layers[unit.reader]
    channels = first.weights.shape[0]  # type: ignore[union-attr]
    gone = np.setdiff1d(np.arange(channels), stay)
    if isinstance(reader, Conv1d):
        mean = ACTIVATIONS.round(inputs.mean(axis=(0, 1)))
        reader.bias = reader.bias + reader.weights[:, :, gone].sum(axis=1) @ mean[gone]
        reader.weights = np.ascontiguousarray(reader.weights[:, :, stay])
    elif isinstance(reader, Dense):
        blocks = reader.weights.shape[1] // channels
        columns = (np.arange(blocks)[:, None] * channels + gone).ravel()
        rest = (np.arange(blocks)[:, None] * channels + stay).ravel()
        mean = ACTIVATIONS.round(inputs.reshape(len(inputs), -1).mean(axis=0))
        reader.bias = reader.bias + reader.weights[:, columns] @ mean[columns]
        reader.weights = np.ascontiguousarray(reader.weights[:, rest])
        _narrow_reshapes(layers, unit, blocks * len(stay))
    first.weights = np.ascontiguousarray(first.weights[stay])  # type: ignore[union-attr]
    first.bias = first.bias[stay]  # type: ignore[union-attr]
    for index in unit.followers:
        follower = layers[index]
        follower.weights = np.ascontiguousarray(follower.weights[:, stay])  # type: ignore[union-attr]
        follower.bias = follower.bias[stay]  # type: ignore[union-attr]


def _narrow_reshapes(layers: list[Layer], unit: _Unit, length: int) -> None:
    """A flattening between a convolution and its dense reader is shorter now."""
    for index in range(unit.at + 1, unit.reader):
        shape = getattr(layers[index], "shape", None)
        if shape is not None and len(shape) == 1:
            layers[index].shape = (length,)  # type: ignore[union-attr]


def magnitude_masks(layers: Layers, sparsity: float) -> Masks:
    """Masks that zero the smallest `sparsity` of each layer's weights."""
    found: Masks = []
    for layer in layers:
        if not isinstance(layer, Dense | Conv1d | Depthwise1d):
            found.append(None)
            continue
        sizes_ = np.abs(layer.weights).ravel()
        gone = np.argsort(sizes_, kind="stable")[: round(sparsity * sizes_.size)]
        mask = np.ones(sizes_.size)
        mask[gone] = 0.0
        found.append(mask.reshape(layer.weights.shape))
    return found


def apply_masks(layers: Layers, masks: Masks) -> None:
    """Zero what the masks zero, in place."""
    for layer, mask in zip(layers, masks, strict=True):
        if mask is not None:
            layer.weights = layer.weights * mask  # type: ignore[union-attr]
