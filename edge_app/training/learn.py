"""From healthy features to an int8 autoencoder with its score mapping: standardise, train, quantise, map."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge_app.config.recipe import ModelRecipe, ScoreRecipe
from edge_app.core.results import FeatureSchema, FeatureVector, Inference
from edge_app.core.units import SCORE_ONE
from edge_app.dsp.fixed import log2_q8
from edge_app.inference.autoencoder import Autoencoder, Standardizer
from edge_app.inference.graph import read_graph
from edge_app.inference.manifest import Features as FeatureFacts
from edge_app.inference.manifest import Manifest, Score, Standardize, TensorFacts
from edge_app.inference.tflite import make_engine
from edge_app.training.augment import FeatureKinds
from edge_app.training.datasets import Features
from edge_app.training.dense import TrainingSettings, train_autoencoder
from edge_app.training.exact import Floats
from edge_app.training.layers import Layers, forward
from edge_app.training.quantize import Steps, quantize
from edge_app.training.tflite_writer import write_tflite

STEP = 1.0 / 16.0
"""Value of one int8 step inside the trainer: a power of two, so that inputs are exact."""
ENDS = Steps(STEP, 0)
SHIFT = 14
"""Fractional bits of the standardising multipliers."""
CALIBRATION_MAX = 4096
"""Windows the quantiser calibrates on, taken evenly from all."""


@dataclass(frozen=True)
class Learnt:
    """A trained model, float and int8."""

    layers: Layers
    standardize: Standardize
    tflite: bytes
    manifest: Manifest
    loss: float
    """Mean squared error of the float model on its training windows (standard deviations²)."""

    def model(self) -> Autoencoder:
        """The int8 model as the device runs it."""
        graph = read_graph(self.tflite, self.manifest.file)
        return Autoencoder(self.manifest, make_engine(self.tflite, self.manifest.file, "exact", graph))

    def float_raw(self, features: Features) -> Floats:
        """The raw output had nothing been quantised: sum of squared errors in steps, of (n, n_features)."""
        steps = Standardizer(self.standardize).steps(features).astype(np.float64)
        inputs = np.clip(steps, -128, 127)
        error = steps - forward(self.layers, inputs * STEP) / STEP
        raw: Floats = np.sum(error * error, axis=1)
        return raw


def standardize_of(features: Features, kinds: FeatureKinds, recipe: ModelRecipe) -> Standardize:
    """Offsets and multipliers from healthy features: `steps_per_sigma` steps are one standard deviation.

    Means and variances are of whole numbers, so they are exact; the smallest deviation is `sigma_floor_db`.
    """
    values = features.astype(np.int64)
    count = len(values)
    total = values.sum(axis=0)
    offset = (2 * total + count) // (2 * count)
    spread = values - offset
    variance = (spread * spread).sum(axis=0) / count
    sigma = np.maximum(np.sqrt(variance), recipe.sigma_floor_db * kinds.per_db)
    multiplier = np.clip(np.rint(recipe.steps_per_sigma * 2.0**SHIFT / sigma), 1, 32767)
    return Standardize(tuple(int(each) for each in offset), tuple(int(each) for each in multiplier), SHIFT)


def learn(
    features: Features, schema: FeatureSchema, standardize: Standardize, recipe: ModelRecipe, name: str, seed: int
) -> Learnt:
    """Train and quantise. The manifest's score mapping is a placeholder until `with_score`."""
    steps = Standardizer(standardize).steps(features)
    inputs = np.clip(steps, -128, 127) * STEP
    settings = TrainingSettings(
        hidden=tuple(recipe.hidden or (24, 8, 24)),
        epochs=recipe.epochs,
        batch=recipe.batch,
        rate=recipe.rate,
        noise=recipe.noise * recipe.steps_per_sigma * STEP,
    )
    layers = train_autoencoder(inputs, settings, seed)
    stride = max(1, len(inputs) // CALIBRATION_MAX)
    content = write_tflite(quantize(layers, inputs[::stride], ENDS), description=name)
    error = (forward(layers, inputs) - inputs) / (recipe.steps_per_sigma * STEP)
    manifest = _manifest(schema, standardize, content, name, seed)
    return Learnt(layers, standardize, content, manifest, float(np.mean(error * error)))


def _manifest(schema: FeatureSchema, standardize: Standardize, content: bytes, name: str, seed: int) -> Manifest:
    ends = TensorFacts((1, len(schema.names)), "int8", STEP, 0)
    return Manifest(
        name=name,
        kind="autoencoder",
        file=f"{name}.tflite",
        sha256=hashlib.sha256(content).hexdigest(),
        input=ends,
        output=ends,
        features=FeatureFacts(schema.plugin, schema.hash, schema.names, dict(schema.settings)),
        standardize=standardize,
        score=Score("log2_knots", ((0, 0), (1, SCORE_ONE))),
        score_set_by="not set",
        seed=seed,
    )


def infer_all(model: Autoencoder, features: Features, schema: FeatureSchema) -> list[Inference]:
    """The int8 model on every row of (n, n_features)."""
    return [model.infer(FeatureVector(row, schema)) for row in features]


def knots_for(raws: Sequence[int], recipe: ScoreRecipe, raise_score: int) -> tuple[tuple[int, int], ...]:
    """A straight line over log2(raw): the median of healthy `raws` scores `healthy`, the threshold `raise_score`.

    The threshold lies where the distance (the root of raw) is `safety` times the one that 95 % of healthy windows stay
    below.
    """
    ordered = sorted(raws)
    middle = log2_q8(max(1, ordered[len(ordered) // 2]))
    most = log2_q8(max(1, ordered[len(ordered) * 95 // 100]))
    top = most + log2_q8(round(recipe.safety**2 * 65536)) - log2_q8(65536)
    top = max(top, middle + 1)
    healthy = round(recipe.healthy * SCORE_ONE)
    slope = (raise_score - healthy) / (top - middle)
    zero = middle - max(1, round(healthy / slope))
    full = top + max(1, round((SCORE_ONE - raise_score) / slope))
    return ((zero, 0), (middle, healthy), (top, raise_score), (full, SCORE_ONE))


def with_score(learnt: Learnt, knots: tuple[tuple[int, int], ...], sentence: str) -> Learnt:
    """The same model with its score mapping."""
    return replace(learnt, manifest=replace(learnt.manifest, score=Score("log2_knots", knots), score_set_by=sentence))
