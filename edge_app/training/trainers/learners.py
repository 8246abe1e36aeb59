"""How each kind of model of the healthy machine is learnt, behind one door."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from edge_app.config.recipe import RecipeConfig
from edge_app.core.errors import RecordingError
from edge_app.inference.manifest import Standardize
from edge_app.inference.standardize import Standardizer
from edge_app.training.metrics import auroc
from edge_app.training.network.dense import AfterEpoch, TrainingSettings, copying, descend, train_autoencoder
from edge_app.training.network.exact import Floats
from edge_app.training.network.layers import Dense, DenseLayers, Layers, forward, sizes
from edge_app.training.network.prune import Masks, Pruned, prune, shrink
from edge_app.training.network.quantize import quantize
from edge_app.training.network.tflite_writer import write_tflite
from edge_app.training.progress import Progress, Silent
from edge_app.training.trainers.distances import GaussianLearner, MixtureLearner
from edge_app.training.trainers.learn import (
    ENDS,
    Learnt,
    limited,
    quantized,
    settings_of,
    squared_error,
    standardize_of,
)
from edge_app.training.windows.datasets import Features
from edge_app.training.windows.healthy import Healthy, changed, split
from edge_app.training.windows.recipes import Task
from edge_app.training.windows.samples import samples_of
from edge_app.training.windows.sources import items_of

CALIBRATION = 4096
UNUSUAL_SHARE = 0.1
UNUSUAL_SIGMAS = (0.25, 2.0)
"""Where no fault is at hand, unusual windows are healthy ones with a tenth of the features moved by so much, from
hardly to plainly: an easy question would find no model too small."""


class Learner(Protocol):
    """Learns one kind of model."""

    def learn(self, healthy: Healthy, task: Task, data_dir: Path, seed: int, progress: Progress) -> Learnt:
        """The model, from all healthy windows."""

    def again(self, shown: Features, healthy: Healthy, task: Task, seed: int) -> Learnt:
        """The same from a part of the windows."""


def learner_of(recipe: RecipeConfig) -> Learner:
    """The learner of a recipe's kind."""
    if recipe.kind == "autoencoder":
        return AutoencoderLearner()
    return GaussianLearner() if recipe.kind == "gaussian" else MixtureLearner()


@dataclass(frozen=True)
class Withheld:
    """Standardized steps (n, n_features) a model has not seen."""

    usual: Floats
    other: Floats
    metric_name: str


class AutoencoderTrainer:
    """Trains autoencoders on some inputs; see `prune.Trainer`."""

    def __init__(self, inputs: Floats, withheld: Withheld, settings: TrainingSettings, seed: int) -> None:
        self._inputs, self._withheld, self._seed = inputs, withheld, seed
        self._settings = settings
        self.metric_name = withheld.metric_name
        self.epochs = settings.epochs

    def from_scratch(self, widths: Sequence[int], epochs: int) -> Layers:
        """A new autoencoder with these hidden layers."""
        return train_autoencoder(self._inputs, replace(self._settings, hidden=tuple(widths), epochs=epochs), self._seed)

    def fine_tune(self, layers: Layers, epochs: int, masks: Masks | None) -> Layers:
        """The layers trained further."""
        return fine_tuned(layers, self._inputs, replace(self._settings, epochs=epochs), self._seed, masks)

    def metric(self, layers: Layers) -> float:
        """AUROC of the withheld windows."""
        return auroc(squared_error(layers, self._withheld.usual), squared_error(layers, self._withheld.other))


def fine_tuned(layers: Layers, inputs: Floats, settings: TrainingSettings, seed: int, masks: Masks | None) -> Layers:
    """Train an autoencoder further, its pruned weights held at zero."""
    dense: DenseLayers = [each for each in layers if isinstance(each, Dense)]
    held = [each for each in masks if each is not None] if masks is not None else None
    descend(dense, inputs, copying(inputs), settings, np.random.RandomState(seed + 1), masks=held)
    return dense


class AutoencoderLearner:
    """Dense autoencoders, pruned where the recipe asks for it and it costs little."""

    def __init__(self) -> None:
        self._prunes = False
        self._epochs = 0

    def learn(self, healthy: Healthy, task: Task, data_dir: Path, seed: int, progress: Progress) -> Learnt:
        """Train; where pruning is wanted, try it on withheld windows, and prune when that costs little."""
        recipe, pruned = task.recipe, None
        self._epochs = recipe.model.epochs
        if "stop" in recipe.model_fields_set:
            self._epochs = self._enough(healthy, task, seed, progress)
        learnt = self._learn(healthy.features, healthy, task, seed, progress)
        progress.say("train", f"autoencoder {sizes(learnt.layers)}, loss {learnt.loss:.3f} σ²")
        if recipe.prune is not None:
            pruned = self._try(healthy, task, data_dir, seed)
            self._prunes = pruned.taken
            progress.say("prune", pruned.reason)
            if pruned.taken:
                learnt = self._learn(healthy.features, healthy, task, seed, progress)
            metrics = dict(learnt.manifest.metrics) | {"pruning": pruned.facts}
            learnt = replace(learnt, manifest=replace(learnt.manifest, metrics=metrics))
        progress.say("quantise", f"int8, {len(learnt.tflite)} bytes")
        return learnt

    def again(self, shown: Features, healthy: Healthy, task: Task, seed: int) -> Learnt:
        """The same from a part of the windows, pruned as the whole was."""
        return self._learn(shown, healthy, task, seed, None)

    def _learn(self, features: Features, healthy: Healthy, task: Task, seed: int, progress: Progress | None) -> Learnt:
        recipe = task.recipe
        windows = changed(features, healthy, task, seed)
        standardize = standardize_of(windows, healthy.kinds, recipe.model)
        inputs = limited(windows, standardize)
        settings = self._settings(recipe)
        told = _told(progress, settings.epochs) if progress is not None else None
        steps: dict[str, Layers] = {"trained": train_autoencoder(inputs, settings, seed, told)}
        if self._prunes and recipe.prune is not None:
            smaller, masks = shrink(steps["trained"], recipe.prune, _evenly(inputs))
            tuning = replace(settings, epochs=recipe.prune.epochs)
            steps["pruned"] = fine_tuned(smaller, inputs, tuning, seed, masks) if recipe.prune.epochs else smaller
        return quantized(steps, inputs, healthy.schema, standardize, recipe.model, recipe.name, seed)

    def _settings(self, recipe: RecipeConfig) -> TrainingSettings:
        """As the recipe says, or for as many epochs as were enough."""
        return replace(settings_of(recipe.model), hidden=tuple(recipe.hidden), epochs=self._epochs)

    def _enough(self, healthy: Healthy, task: Task, seed: int, progress: Progress) -> int:
        """Epochs after which least of withheld windows was left unexplained, by a training without them."""
        recipe = task.recipe
        shown, withheld = split(healthy.parts, task.pipeline.window.seconds, 0)
        windows = changed(shown, healthy, task, seed)
        standardize = standardize_of(windows, healthy.kinds, recipe.model)
        told = _told(progress, self._epochs)
        watch = LeastError(limited(withheld, standardize), recipe.stop.patience, told)
        train_autoencoder(limited(windows, standardize), self._settings(recipe), seed, watch)
        progress.say("stop", f"{watch.epoch} epochs leave least of {len(withheld)} withheld windows unexplained")
        return watch.epoch

    def _try(self, healthy: Healthy, task: Task, data_dir: Path, seed: int) -> Pruned:
        """Prune a model that has not seen the windows it is judged by."""
        recipe = task.recipe
        if recipe.prune is None:
            raise ValueError("the recipe prunes nothing")
        shown, withheld = healthy.features, None
        if not recipe.validation:
            shown, withheld = split(healthy.parts, task.pipeline.window.seconds, 0)
        windows = changed(shown, healthy, task, seed)
        standardize = standardize_of(windows, healthy.kinds, recipe.model)
        inputs = limited(windows, standardize)
        layers = train_autoencoder(inputs, self._settings(recipe), seed)
        judged = _judged_by(withheld, task, data_dir, standardize, seed)
        trainer = AutoencoderTrainer(inputs, judged, self._settings(recipe), seed)
        chosen = _evenly(inputs)
        return prune(
            layers, recipe.prune, trainer, chosen, lambda each: write_tflite(quantize(each, chosen, ENDS), recipe.name)
        )


@dataclass
class LeastError:
    """Watches what an autoencoder leaves unexplained of withheld windows, and says when it is enough."""

    withheld: Floats
    patience: int
    """Epochs without a better one."""
    told: AfterEpoch
    least: float = math.inf
    epoch: int = 1
    """The best one so far."""

    def __call__(self, epoch: int, layers: DenseLayers) -> bool:
        """Whether training ends after this epoch."""
        self.told(epoch, layers)
        error = float(np.square(forward(layers, self.withheld) - self.withheld).mean())
        if error < self.least:
            self.least, self.epoch = error, epoch
        return epoch - self.epoch >= self.patience


def _told(progress: Progress, epochs: int) -> AfterEpoch:
    def told(epoch: int, layers: DenseLayers) -> bool:
        progress.at("train", epoch, epochs)
        return False

    return told


def _evenly(inputs: Floats) -> Floats:
    return inputs[:: max(1, len(inputs) // CALIBRATION)]


def _judged_by(withheld: Features | None, task: Task, data_dir: Path, standardize: Standardize, seed: int) -> Withheld:
    """Windows of the recipe's `validation`, else the withheld part of the training signals and changed copies of it."""
    steps_of = Standardizer(standardize)
    if withheld is None:
        items = items_of(task.recipe.validation, task, data_dir)
        found = samples_of(items, task, Silent())
        usual = steps_of.steps(found.features[found.classes == 0]).astype(np.float64)
        other = steps_of.steps(found.features[found.classes == 1]).astype(np.float64)
        if not len(usual):
            raise RecordingError(
                "`validation` holds no healthy window: nothing says what pruning costs.",
                f"Add a healthy recording to it ({', '.join(task.recipe.healthy)}).",
            )
        if len(other):
            return Withheld(usual, other, "AUROC of the validation windows")
    else:
        usual = steps_of.steps(withheld).astype(np.float64)
    text = "AUROC of withheld healthy windows against copies with a tenth of the features moved by 0.25 to 2 σ"
    return Withheld(usual, unusual(usual, task.recipe.model.steps_per_sigma, seed), text)


def unusual(steps: Floats, steps_per_sigma: int, seed: int) -> Floats:
    """Healthy windows with a run of neighbouring features moved up or down together."""
    random = np.random.RandomState(seed)
    count = max(1, round(UNUSUAL_SHARE * steps.shape[1]))
    starts = random.randint(0, steps.shape[1] - count + 1, len(steps))
    signs = 2.0 * random.randint(0, 2, len(steps)) - 1.0
    places = starts[:, None] + np.arange(count)
    least, most = UNUSUAL_SIGMAS
    sigmas = least + (most - least) * random.randint(0, 1025, len(steps)) / 1024.0
    moved = steps.copy()
    moved[np.arange(len(steps))[:, None], places] += np.rint(signs * sigmas * steps_per_sigma)[:, None]
    return moved
