"""From healthy features to an int8 autoencoder with its score mapping: standardise, train, quantise, map."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_app.config.recipe import ModelRecipe, ScoreRecipe
from edge_app.core.results import FeatureSchema, FeatureVector, Inference, ModelIdentity
from edge_app.core.stages import Model
from edge_app.core.units import SCORE_ONE
from edge_app.dsp.fixed import log2_q8
from edge_app.inference.autoencoder import Autoencoder
from edge_app.inference.gaussian import GaussianModel
from edge_app.inference.gmm import GmmModel
from edge_app.inference.graph import read_graph
from edge_app.inference.manifest import Features as FeatureFacts
from edge_app.inference.manifest import Manifest, Score, Standardize, TensorFacts, identity, manifest_text
from edge_app.inference.standardize import Standardizer
from edge_app.inference.tflite import make_engine
from edge_app.training.network.dense import TrainingSettings, train_autoencoder
from edge_app.training.network.exact import Floats
from edge_app.training.network.layer_errors import layer_errors
from edge_app.training.network.layers import Layers, forward
from edge_app.training.network.quantize import Steps, quantize
from edge_app.training.network.steps import STEP
from edge_app.training.network.tflite_writer import write_tflite
from edge_app.training.protocols.float_models import FloatDistance, FloatModel
from edge_app.training.windows.augment import FeatureKinds
from edge_app.training.windows.datasets import Features

ENDS = Steps(STEP, 0)
SHIFT = 14
"""Fractional bits of the standardising multipliers."""
CALIBRATION_MAX = 4096
"""Windows the quantiser calibrates on, taken evenly from all."""


@dataclass(frozen=True)
class Learnt:
    """A trained model of the healthy machine, float and as shipped."""

    standardize: Standardize
    manifest: Manifest
    tflite: bytes = b""
    """The model file; empty where the manifest is the whole model."""
    loss: float = 0.0
    """What is left unexplained of the training windows (standard deviations²)."""
    steps: Mapping[str, Layers] = field(default_factory=dict)
    """Float layers of an autoencoder: "trained", and "pruned" where pruning was taken."""

    @property
    def layers(self) -> Layers:
        """The float layers that were quantised."""
        return list(self.steps.values())[-1]

    def model(self) -> Model:
        """The model as the device runs it."""
        kind, manifest = self.manifest.kind, self.manifest
        if kind == "autoencoder":
            graph = read_graph(self.tflite, manifest.file)
            return Autoencoder(manifest, make_engine(self.tflite, manifest.file, "exact", graph))
        return GaussianModel(manifest, self._who) if kind == "gaussian" else GmmModel(manifest, self._who)

    def float_model(self) -> Model:
        """The model had nothing been quantised between its inputs and its score map."""
        if self.manifest.kind == "autoencoder":
            return FloatModel(self.manifest, list(self.steps)[-1], self.layers)
        return FloatDistance(self.manifest, self._who)

    @property
    def _who(self) -> ModelIdentity:
        return identity(self.manifest, manifest_text(self.manifest).encode())

    def inputs(self, features: Features) -> NDArray[np.int8]:
        """What the model file is fed."""
        return np.clip(Standardizer(self.standardize).steps(features), -128, 127).astype(np.int8)


def squared_error(layers: Layers, steps: Floats) -> Floats:
    """Sum of squared errors of an autoencoder (steps²) on standardized steps (n, n_features)."""
    error = steps - forward(layers, np.clip(steps, -128, 127) * STEP) / STEP
    raw: Floats = np.sum(error * error, axis=1)
    return raw


class HasSigma(Protocol):
    """Part of a recipe that says how features are standardised."""

    @property
    def steps_per_sigma(self) -> int:
        """Steps of one standard deviation."""

    @property
    def sigma_floor_db(self) -> float:
        """Smallest standard deviation believed (dB)."""


def standardize_of(features: Features, kinds: FeatureKinds, recipe: HasSigma) -> Standardize:
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
    return Standardize(
        tuple(int(each) for each in offset), tuple(int(each) for each in multiplier), SHIFT, recipe.steps_per_sigma
    )


def learn(
    features: Features, schema: FeatureSchema, standardize: Standardize, recipe: ModelRecipe, name: str, seed: int
) -> Learnt:
    """Train and quantise an autoencoder. The manifest's score mapping is a placeholder until `with_score`."""
    inputs = limited(features, standardize)
    layers = train_autoencoder(inputs, settings_of(recipe), seed)
    return quantized({"trained": layers}, inputs, schema, standardize, recipe, name, seed)


def limited(features: Features, standardize: Standardize) -> Floats:
    """Inputs of a trainer (n, n_features): standardized, limited to int8, in units of STEP."""
    return np.asarray(np.clip(Standardizer(standardize).steps(features), -128, 127) * STEP)


def settings_of(recipe: ModelRecipe) -> TrainingSettings:
    """How an autoencoder is trained."""
    return TrainingSettings(
        hidden=tuple(recipe.hidden or (24, 8, 24)),
        epochs=recipe.epochs,
        batch=recipe.batch,
        rate=recipe.rate,
        noise=recipe.noise * recipe.steps_per_sigma * STEP,
        decay=recipe.decay,
    )


def quantized(
    steps: Mapping[str, Layers],
    inputs: Floats,
    schema: FeatureSchema,
    standardize: Standardize,
    recipe: ModelRecipe,
    name: str,
    seed: int,
) -> Learnt:
    """An int8 autoencoder of the last of some float steps, calibrated on its inputs."""
    layers = list(steps.values())[-1]
    chosen = inputs[:: max(1, len(inputs) // CALIBRATION_MAX)]
    model = quantize(layers, chosen, ENDS)
    content = write_tflite(model, description=name)
    error = (forward(layers, inputs) - inputs) / (recipe.steps_per_sigma * STEP)
    ends = TensorFacts((1, len(schema.names)), "int8", STEP, 0)
    manifest = replace(
        bare_manifest(schema, standardize, "autoencoder", name, seed),
        file=f"{name}.tflite",
        sha256=hashlib.sha256(content).hexdigest(),
        input=ends,
        output=ends,
        metrics={"layers": [each.plain() for each in layer_errors(layers, model, chosen)]},
    )
    return Learnt(standardize, manifest, content, float(np.mean(error * error)), dict(steps))


def bare_manifest(schema: FeatureSchema, standardize: Standardize, kind: str, name: str, seed: int) -> Manifest:
    """A manifest of a model that is its own manifest; the score mapping is a placeholder."""
    return Manifest(
        name=name,
        kind=kind,
        file="",
        sha256="",
        input=None,
        output=None,
        features=FeatureFacts(schema.plugin, schema.hash, schema.names, dict(schema.settings)),
        standardize=standardize,
        score=Score("log2_knots", ((0, 0), (1, SCORE_ONE))),
        score_set_by="not set",
        seed=seed,
    )


def infer_all(model: Model, features: Features, schema: FeatureSchema) -> list[Inference]:
    """The model on every row of (n, n_features)."""
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
