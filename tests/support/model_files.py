"""Model files with their manifests for tests: an identity autoencoder and a Gaussian model over a few features."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from tflite_builder import ModelBuilder

from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.inference.manifest import (
    Classifier,
    Features,
    Forest,
    Gaussian,
    Gmm,
    Manifest,
    Score,
    Standardize,
    TensorFacts,
    checked_text,
)

NAMES = ("band_10_20_hz", "band_20_40_hz", "rms_g")
SCHEMA = FeatureSchema("vibration/1", NAMES, {"bands": 2, "band_hz": [10, 40]})


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write the manifest, which must be one that can be loaded."""
    path.write_text(checked_text(manifest, str(path)), encoding="utf-8")


def vector(*values: int, schema: FeatureSchema = SCHEMA) -> FeatureVector:
    """A feature vector of int16."""
    return FeatureVector(np.array(values, np.int16), schema)


def identity_model(scale: float = 0.05, zero_in: int = 2, zero_out: int = -3, features: int = 3) -> bytes:
    """An autoencoder that gives back its input: one dense layer with the identity matrix."""
    b = ModelBuilder()
    x = b.tensor([1, features], scale, zero_in)
    w = b.constant(np.eye(features, dtype=np.int8), 1.0)
    y = b.tensor([1, features], scale, zero_out)
    b.operator("FULLY_CONNECTED", [x, w], [y])
    return b.build([x], [y])


def manifest_for(model: bytes, **changes: object) -> Manifest:
    """The manifest of `identity_model`: healthy at 100, 200, -300; 256 feature counts are 64 steps."""
    scale = float(np.float32(0.05))
    manifest = Manifest(
        name="test_int8",
        kind="autoencoder",
        file="test.tflite",
        sha256=hashlib.sha256(model).hexdigest(),
        input=TensorFacts((1, 3), "int8", scale, 2),
        output=TensorFacts((1, 3), "int8", scale, -3),
        features=Features(SCHEMA.plugin, SCHEMA.hash, NAMES, dict(SCHEMA.settings)),
        standardize=Standardize((100, 200, -300), (1024, 1024, 1024), 12),
        score=Score("log2_knots", ((1024, 0), (2048, 5000), (3072, 10000))),
        score_set_by="made for a test",
        data={"recordings": ["none"]},
        metrics={"float": {"auroc": 1.0}},
        seed=7,
    )
    return replace(manifest, **changes)


def write_autoencoder(folder: Path, **changes: object) -> Path:
    """Model and manifest in `folder`; returns the model's path."""
    model = identity_model()
    (folder / "test.tflite").write_bytes(model)
    write_manifest(folder / "test.json", manifest_for(model, **changes))
    return folder / "test.tflite"


def gaussian_manifest() -> Manifest:
    """A Gaussian model that doubles the second feature's steps and swaps nothing."""
    whitening = ((256, 0, 0), (0, 512, 0), (0, 0, 256))
    return replace(
        manifest_for(b""),
        kind="gaussian",
        file="",
        sha256="",
        input=None,
        output=None,
        gaussian=Gaussian(whitening, 8),
    )


def classifier_model(shape: tuple[int, ...] = (1, 3), *, softmax: bool = True) -> bytes:
    """A classifier of three classes: input in steps of 1/10, logit = input; `shape` is that of the input."""
    b = ModelBuilder()
    x = b.tensor(list(shape), 0.1, 2)
    flat = x
    if len(shape) > 2:
        flat = b.tensor([1, 3], 0.1, 2)
        b.operator("RESHAPE", [x, b.constant(np.array([1, 3], np.int32))], [flat])
    w = b.constant(np.eye(3, dtype=np.int8), 1.0)
    logits = b.tensor([1, 3], 0.1, 0)
    b.operator("FULLY_CONNECTED", [flat, w], [logits])
    if not softmax:
        return b.build([x], [logits])
    y = b.tensor([1, 3], 1 / 256, -128)
    b.operator("SOFTMAX", [logits], [y], beta=1.0)
    return b.build([x], [y])


LABELS = ("normal", "inner", "outer")


def classifier_manifest(model: bytes, shape: tuple[int, ...] = (1, 3), *, softmax: bool = True) -> Manifest:
    """The manifest of `classifier_model`: `inner` and `outer` are alarming; 256 feature counts are 64 steps."""
    step = float(np.float32(0.1))
    return replace(
        manifest_for(model),
        kind="classifier",
        input=TensorFacts(shape, "int8", step, 2),
        output=TensorFacts((1, 3), "int8", 1 / 256, -128) if softmax else TensorFacts((1, 3), "int8", step, 0),
        classifier=Classifier("probabilities" if softmax else "logits"),
        labels=LABELS,
        alarm_labels=("inner", "outer"),
        score=Score("linear_knots", ((0, 0), (10000, 10000))),
    )


def write_classifier(folder: Path) -> Path:
    """Model and manifest in `folder`; returns the model's path."""
    model = classifier_model()
    (folder / "test.tflite").write_bytes(model)
    write_manifest(folder / "test.json", classifier_manifest(model))
    return folder / "test.tflite"


def forest_manifest() -> Manifest:
    """Two trees over three features: f0 <= 150, then f2 <= -300 on its right; and f1 <= 200 alone."""
    forest = Forest(
        roots=(0, 5),
        feature=(0, -1, 2, -1, -1, 1, -1, -1),
        threshold=(150, 0, -300, 0, 0, 200, 0, 0),
        left=(1, 0, 3, 1, 2, 6, 0, 3),
        right=(2, 0, 4, 0, 0, 7, 0, 0),
        leaves=((255, 0, 0), (0, 200, 55), (5, 50, 200), (55, 100, 100)),
    )
    manifest = classifier_manifest(b"")
    return replace(manifest, kind="forest", file="", sha256="", input=None, output=None, classifier=None, forest=forest)


def gmm_manifest() -> Manifest:
    """Two components: at rest (0, 0, 0), and rarer, wider, at (40, 0, 0) steps."""
    gmm = Gmm(
        means=((0, 0, 0), (40, 0, 0)),
        multipliers=((256, 256, 256), (128, 256, 256)),
        shift=8,
        bias=(0, 30),
    )
    return replace(manifest_for(b""), kind="gmm", file="", sha256="", input=None, output=None, gmm=gmm)
