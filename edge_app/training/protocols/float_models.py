"""What a model would say had nothing been quantised: float steps behind the same contract as the shipped model.

Features, standardised steps and score map are those of the device; between them everything is floating point. So the
difference between a float step and the shipped model is what quantising (and pruning) cost, nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.core.results import FeatureVector, Inference, LearntNormal, ModelIdentity
from edge_app.core.stages import Model
from edge_app.core.units import SCORE_ONE
from edge_app.inference.manifest import Manifest
from edge_app.inference.score import ScoreMap
from edge_app.inference.standardize import RAW_MAX, STEPS_HIGH, STEPS_LOW, Standardizer, renormed
from edge_app.training.network.layers import Layers
from edge_app.training.network.steps import float_output, load_steps
from edge_app.training.protocols.base import INT8

Floats = NDArray[np.float64]


class FloatModel:
    """One float step of a model whose shipped form has this manifest."""

    def __init__(self, manifest: Manifest, step: str, layers: Layers) -> None:
        self.identity = ModelIdentity(manifest.name, manifest.sha256)
        self.manifest = manifest
        self.layers = layers
        self._step = step
        self._standardizer = Standardizer(manifest.standardize)
        self._map = ScoreMap(manifest.score.knots, manifest.score.kind)

    def infer(self, features: FeatureVector) -> Inference:
        """One run."""
        return self.infer_many([features])[0]

    def infer_many(self, vectors: Sequence[FeatureVector]) -> list[Inference]:
        """Many runs at once."""
        if not vectors:
            return []
        steps = np.array([self._standardizer.steps(each.values) for each in vectors])
        outputs = float_output(self.layers, steps)
        if self.manifest.kind == "autoencoder":
            errors = (steps - outputs) ** 2
            return [self._distance(error) for error in errors]
        return [self._classes(row) for row in outputs]

    def with_normal(self, normal: LearntNormal) -> FloatModel:
        """The same weights with a machine's own normal."""
        return FloatModel(renormed(self.manifest, self.identity, normal), self._step, self.layers)

    def _distance(self, error: Floats) -> Inference:
        raw = min(round(float(error.sum())), RAW_MAX)
        shares = np.minimum(np.rint(error), RAW_MAX).astype(np.int32)
        return Inference(raw, self._map.score(raw), shares, self._standardizer.offset)

    def _classes(self, row: Floats) -> Inference:
        labels = self.manifest.labels
        shares = tuple((label, round(SCORE_ONE * float(each))) for label, each in zip(labels, row, strict=True))
        raw = sum(share for label, share in shares if label in self.manifest.alarm_labels)
        none = np.zeros(len(self._standardizer.offset), np.int32)
        label = labels[int(np.argmax(row))]
        return Inference(
            raw, self._map.score(min(raw, SCORE_ONE)), none, self._standardizer.offset, label=label, shares=shares
        )


class FloatDistance:
    """A gaussian or gmm model in floating point: the same offsets, multipliers and means, nothing rounded between."""

    def __init__(self, manifest: Manifest, identity: ModelIdentity) -> None:
        self.identity = identity
        self.manifest = manifest
        self._map = ScoreMap(manifest.score.knots, manifest.score.kind)
        self._offset = np.array(manifest.standardize.offset, np.float64)
        self._gain = np.array(manifest.standardize.multiplier, np.float64) / 2.0**manifest.standardize.shift

    def infer(self, features: FeatureVector) -> Inference:
        """One run."""
        return self.infer_many([features])[0]

    def infer_many(self, vectors: Sequence[FeatureVector]) -> list[Inference]:
        """Many runs at once."""
        if not vectors:
            return []
        steps = (np.array([each.values for each in vectors], np.float64) - self._offset) * self._gain
        squares, bias = self._squares(np.clip(steps, STEPS_LOW, STEPS_HIGH))
        baseline = np.array(self.manifest.standardize.offset, np.int16)
        raws = np.minimum(np.rint(squares.sum(axis=1) + bias), RAW_MAX).astype(np.int64)
        shares = np.minimum(np.rint(squares), RAW_MAX).astype(np.int32)
        return [
            Inference(int(raw), self._map.score(int(raw)), row, baseline) for raw, row in zip(raws, shares, strict=True)
        ]

    def with_normal(self, normal: LearntNormal) -> FloatDistance:
        """The same around a machine's own normal."""
        return FloatDistance(renormed(self.manifest, self.identity, normal), self.identity)

    def _squares(self, steps: Floats) -> tuple[Floats, Floats]:
        """Squared deviations (n, n_features), and what is added to their sum."""
        none = np.zeros(len(steps))
        if self.manifest.gaussian is not None:
            whitening = np.array(self.manifest.gaussian.whitening, np.float64) / 2.0**self.manifest.gaussian.shift
            return np.square(steps @ whitening.T), none
        gmm = self.manifest.gmm
        if gmm is None:
            return np.square(steps), none
        means, gains = np.array(gmm.means, np.float64), np.array(gmm.multipliers, np.float64) / 2.0**gmm.shift
        bias = np.array(gmm.bias, np.float64)
        squares = np.square((steps[:, None, :] - means) * gains)
        nearest = np.argmin(squares.sum(axis=2) + bias, axis=1)
        rows = np.arange(len(steps))
        return np.asarray(squares[rows, nearest], np.float64), np.asarray(bias[nearest], np.float64)


def steps_file(model_file: Path) -> Path:
    """Where the float steps of a model lie."""
    return model_file.with_suffix(".steps.npz")


def is_quantised(model: Model) -> bool:
    """Whether the model was made by rounding one in floats; rules and forests are whole numbers from the start."""
    manifest: Any = getattr(model, "manifest", None)
    return manifest is not None and manifest.kind != "forest"


def steps_of(model: Model, model_file: Path | None) -> tuple[dict[str, Model], str]:
    """The shipped model and its float steps, in the order they were made, and why there are no float ones."""
    shipped: dict[str, Model] = {INT8: model}
    manifest: Any = getattr(model, "manifest", None)
    if manifest is None:
        return shipped, "the model is a rule in whole numbers: there is no float step beside it"
    if manifest.kind in ("gaussian", "gmm"):
        return {"trained": FloatDistance(manifest, model.identity)} | shipped, ""
    if model_file is None or manifest.kind not in ("autoencoder", "classifier"):
        return shipped, f"a {manifest.kind} compares and counts in whole numbers: its float form decides alike"
    file = steps_file(model_file)
    if not file.is_file():
        return shipped, f"{file.name} is missing: `edge-app train` writes the float steps"
    found: Mapping[str, Layers] = load_steps(file)
    return {step: FloatModel(manifest, step, layers) for step, layers in found.items()} | shipped, ""
