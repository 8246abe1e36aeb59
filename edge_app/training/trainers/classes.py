"""From labelled windows to an int8 classifier: standardise, train, prune, quantise, measure on validation windows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_app.config.recipe import RecipeConfig
from edge_app.core.errors import ModelError
from edge_app.core.results import FeatureSchema
from edge_app.inference.graph import read_graph
from edge_app.inference.manifest import Classifier, Manifest, Score, Standardize, TensorFacts
from edge_app.inference.manifest import Features as FeatureFacts
from edge_app.inference.score import LINEAR, LINEAR_KNOTS
from edge_app.inference.standardize import Standardizer
from edge_app.inference.tflite import make_engine
from edge_app.training.metrics import BY_NAME, by_class, tally
from edge_app.training.network.classifier import Labelled, class_weights, fit, metric_of, train_classifier, with_softmax
from edge_app.training.network.dense import TrainingSettings
from edge_app.training.network.ensemble import merged
from edge_app.training.network.exact import Floats
from edge_app.training.network.layer_errors import layer_errors
from edge_app.training.network.layers import Dense, DenseLayers, Layers, sizes
from edge_app.training.network.prune import Masks, Pruned, prune
from edge_app.training.network.quantize import PROBABILITIES, QuantizedModel, Steps, quantize, stratified
from edge_app.training.network.steps import STEP
from edge_app.training.network.tflite_writer import input_shape, write_tflite
from edge_app.training.progress import Progress
from edge_app.training.windows.augment import change_features, kinds_of
from edge_app.training.windows.datasets import Features
from edge_app.training.windows.samples import Samples

ENDS = Steps(STEP, 0)
SHIFT = 14
"""Fractional bits of the standardising multipliers."""
CALIBRATION_MAX = 4096
"""Windows the quantiser calibrates on, as many of each class."""


@dataclass(frozen=True)
class Prepared:
    """Windows as the trainers take them."""

    standardize: Standardize
    train: Labelled
    validation: Labelled
    clipped_percent: float
    """Training inputs beyond the int8 range."""


@dataclass(frozen=True)
class ClassModel:
    """A trained classifier with its file and what was found about it."""

    tflite: bytes
    manifest: Manifest
    steps: dict[str, Layers]
    """Float layers: "trained", and "pruned" where pruning was taken."""


class DenseTrainer:
    """Trains dense classifiers; see `prune.Trainer`."""

    def __init__(self, data: Prepared, recipe: RecipeConfig, seed: int, progress: Progress) -> None:
        self._data, self._recipe, self._seed, self._progress = data, recipe, seed, progress
        counts = data.train.counts().tolist()
        emphasis = [recipe.emphasis.get(name, 1.0) for name in recipe.classes]
        self._weights = class_weights(counts, recipe.balance, emphasis)
        self.metric_name = recipe.stop.metric
        self.epochs = recipe.model.epochs
        self.stopped_at: list[int] = []

    def train(self) -> Layers:
        """The model of the recipe: of an ensemble its members as one."""
        members = []
        for member in range(self._recipe.model.ensemble):
            seed = (self._seed + member) % 2**32
            layers, epoch = self._from_scratch(self._recipe.hidden, self._recipe.model.epochs, "train", seed)
            members.append(layers)
            self.stopped_at.append(epoch)
        return with_softmax(merged(members))

    def from_scratch(self, widths: Sequence[int], epochs: int) -> Layers:
        """A new model with these hidden layers, a single network."""
        return with_softmax(self._from_scratch(widths, epochs, "compare", self._seed)[0])

    def _from_scratch(self, widths: Sequence[int], epochs: int, step: str, seed: int) -> tuple[DenseLayers, int]:
        layers, watch = train_classifier(
            self._data.train,
            self._data.validation,
            self._settings(widths, epochs),
            self._recipe.stop,
            self._weights,
            seed,
            self._told(step, epochs),
        )
        return layers, watch.epoch

    def fine_tune(self, layers: Layers, epochs: int, masks: Masks | None) -> Layers:
        """The layers trained further."""
        dense: DenseLayers = [each for each in layers if isinstance(each, Dense)]
        held = [each for each in masks if each is not None] if masks is not None else None
        random = np.random.RandomState(self._seed + 1)
        settings = self._settings([each.n_out for each in dense[:-1]], epochs)
        told = self._told("fine-tune", epochs)
        tuned, _ = fit(
            dense,
            self._data.train,
            self._data.validation,
            settings,
            self._recipe.stop,
            self._weights,
            random,
            held,
            told,
        )
        return with_softmax(tuned)

    def metric(self, layers: Layers) -> float:
        """The recipe's metric on the validation windows."""
        return metric_of(layers, self._data.validation, self.metric_name)

    def _settings(self, widths: Sequence[int], epochs: int) -> TrainingSettings:
        model = self._recipe.model
        noise = model.noise * model.steps_per_sigma * STEP
        return TrainingSettings(tuple(widths), epochs, model.batch, model.rate, noise, model.decay)

    def _told(self, step: str, epochs: int) -> Any:
        name = self.metric_name
        return lambda epoch, value: self._progress.at(step, epoch, epochs, f"{name} {value:.4f}")


def train_dense(train: Samples, validation: Samples, recipe: RecipeConfig, seed: int, progress: Progress) -> ClassModel:
    """An int8 dense classifier from labelled windows."""
    data = prepared(train, validation, recipe, seed)
    trainer = DenseTrainer(data, recipe, seed, progress)
    layers = trainer.train()
    epochs = f"best epoch {', '.join(str(each) for each in trainer.stopped_at)}"
    if len(trainer.stopped_at) > 1:
        epochs = f"{len(trainer.stopped_at)} networks in one, {epochs}"
    figures = f"{sizes(layers)}, {epochs}, {trainer.metric_name} {trainer.metric(layers):.4f}"
    progress.say("train", f"classifier {figures} on {len(validation)} validation windows")
    return finished(layers, trainer, data, train, recipe, seed, progress)


def prepared(train: Samples, validation: Samples, recipe: RecipeConfig, seed: int) -> Prepared:
    """Changed, standardised and limited windows."""
    features, classes, weights = train.features, train.classes, train.weights
    if "augment" in recipe.model_fields_set:
        random = np.random.RandomState(seed)
        features = change_features(features, kinds_of(train.schema), recipe.augment, random)
        classes = np.tile(classes, recipe.augment.copies)
        weights = None if weights is None else np.tile(weights, recipe.augment.copies)
    standardize = standardize_classes(train, recipe)
    inputs, clipped = inputs_of(features, standardize)
    withheld, _ = inputs_of(validation.features, standardize)
    count = len(train.names)
    return Prepared(
        standardize,
        Labelled(inputs * STEP, classes, count, weights),
        Labelled(withheld * STEP, validation.classes, count),
        clipped,
    )


def standardize_classes(train: Samples, recipe: RecipeConfig) -> Standardize:
    """Offsets are the means of the windows of classes that are no alarm; `steps_per_sigma` steps are one deviation from
    them. Sums are of whole numbers, so they are exact."""
    settings = recipe.model
    usual = np.array([name not in recipe.alarm for name in train.names])[train.classes]
    values = train.features.astype(np.int64)
    count = int(np.count_nonzero(usual))
    offset = (2 * values[usual].sum(axis=0) + count) // (2 * count)
    spread = values - offset
    variance = (spread * spread).sum(axis=0) / len(values)
    sigma = np.maximum(np.sqrt(variance), settings.sigma_floor_db * kinds_of(train.schema).per_db)
    multiplier = np.clip(np.rint(settings.steps_per_sigma * 2.0**SHIFT / sigma), 1, 32767)
    return Standardize(tuple(int(each) for each in offset), tuple(int(each) for each in multiplier), SHIFT)


def inputs_of(features: Features, standardize: Standardize) -> tuple[Floats, float]:
    """Model inputs in steps, limited to int8, and the share that was limited (percent)."""
    steps = Standardizer(standardize).steps(features)
    limited = np.clip(steps, -128, 127)
    return limited.astype(np.float64), round(100.0 * float(np.mean(limited != steps)), 3)


def finished(
    layers: Layers,
    trainer: Any,
    data: Prepared,
    train: Samples,
    recipe: RecipeConfig,
    seed: int,
    progress: Progress,
) -> ClassModel:
    """Prune where the recipe asks, quantise, measure, write the manifest."""
    rows = stratified(data.train.classes, train.names, CALIBRATION_MAX)
    calibration = data.train.inputs[rows]
    steps: dict[str, Layers] = {"trained": layers}
    pruned: Pruned | None = None
    if recipe.prune is not None:
        pruned = prune(layers, recipe.prune, trainer, calibration, lambda each: _file(each, calibration, recipe)[0])
        progress.say("prune", pruned.reason)
        if pruned.taken:
            layers = steps["pruned"] = pruned.layers
    content, model = _file(layers, calibration, recipe)
    errors = layer_errors(layers, model, data.validation.inputs)
    worst = min(errors, key=lambda each: each.snr_db)
    progress.say(
        "quantise",
        f"int8, {len(content)} bytes; most error in layer {worst.name}: {worst.snr_db:g} dB; "
        f"{data.clipped_percent:g} % of inputs clipped",
    )
    metrics = _metrics(layers, content, data.validation, train.names, recipe, progress)
    metrics |= {"layers": [each.plain() for each in errors], "clipped_percent": data.clipped_percent}
    if pruned is not None:
        metrics["pruning"] = pruned.facts
    manifest = _manifest(recipe, train, data.standardize, content, model, metrics, seed)
    return ClassModel(content, manifest, steps)


def _file(layers: Layers, calibration: Floats, recipe: RecipeConfig) -> tuple[bytes, QuantizedModel]:
    model = quantize(layers, calibration, ENDS, last=PROBABILITIES)
    return write_tflite(model, description=recipe.name), model


def _metrics(
    layers: Layers, content: bytes, data: Labelled, names: tuple[str, ...], recipe: RecipeConfig, progress: Progress
) -> dict[str, Any]:
    """Validation figures, float and int8, the latter by the engine the device runs."""
    from edge_app.training.network.layers import forward

    engine = make_engine(content, recipe.name, "exact", read_graph(content, recipe.name))
    rows = np.rint(data.inputs / STEP).astype(np.int8)
    outputs = np.array([np.array(engine.invoke(row)).reshape(-1) for row in rows])
    found: dict[str, Any] = {"measured_on": "validation windows"}
    told = {"float": np.argmax(forward(layers, data.inputs), axis=1), "int8": np.argmax(outputs, axis=1)}
    for step, classes in told.items():
        counts = tally(data.classes, classes, data.n_classes)
        found[step] = {name: round(figure(counts), 4) for name, figure in BY_NAME.items()}
        found[step] |= {"classes": by_class(counts, names), "confusion": counts.tolist()}
    found["int8_agrees_percent"] = round(100.0 * float(np.mean(told["float"] == told["int8"])), 2)
    name = recipe.stop.metric
    progress.say("measure", f"{name} on validation: float {found['float'][name]:.4f}, int8 {found['int8'][name]:.4f}")
    return found


def _manifest(
    recipe: RecipeConfig,
    train: Samples,
    standardize: Standardize,
    content: bytes,
    model: QuantizedModel,
    metrics: dict[str, Any],
    seed: int,
) -> Manifest:
    alarm = tuple(name for name in train.names if name in recipe.alarm)
    return Manifest(
        name=recipe.name,
        kind="classifier",
        file=f"{recipe.name}.tflite",
        sha256=hashlib.sha256(content).hexdigest(),
        input=TensorFacts(input_shape(model), "int8", ENDS.scale, ENDS.zero_point),
        output=TensorFacts((1, len(train.names)), "int8", PROBABILITIES.scale, PROBABILITIES.zero_point),
        features=feature_facts(train.schema),
        standardize=standardize,
        score=Score(LINEAR, LINEAR_KNOTS),
        score_set_by=score_sentence(alarm),
        classifier=Classifier("probabilities"),
        labels=train.names,
        alarm_labels=alarm,
        metrics=metrics,
        seed=seed,
    )


def score_sentence(alarm: tuple[str, ...]) -> str:
    """How a classifier's score came about."""
    return f"The score is the probability of {' or '.join(alarm)}." if alarm else "Names the class; has no score."


def feature_facts(schema: FeatureSchema) -> FeatureFacts:
    """The manifest's words for a schema."""
    return FeatureFacts(schema.plugin, schema.hash, schema.names, dict(schema.settings))


def check_size(size: int, recipe: RecipeConfig) -> None:
    """Refuse a model larger than the recipe allows. Raises ModelError."""
    if recipe.max_bytes is not None and size > recipe.max_bytes:
        raise ModelError(
            f"{recipe.name}: the model has {size} bytes, the recipe allows {recipe.max_bytes}: nothing is written.",
            "Make it smaller (fewer neurons, channels, trees), add `prune`, or raise `max_bytes`.",
        )
