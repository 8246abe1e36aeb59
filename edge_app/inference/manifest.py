"""What travels with a model: shapes, quantisation, features it was made for, score mapping, where it came from.

One JSON file beside the model, format "edge-app-model/1", documented in docs/reference/models.md. Loading checks every
field (manifest_blocks.py); manifest_checks.py compares the manifest with the model file and with the features of the
app. All raise ModelError.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_app.core.errors import ModelError
from edge_app.core.files import read_at_most
from edge_app.core.results import ModelIdentity
from edge_app.inference.manifest_blocks import (
    STEPS_PER_SIGMA,
    Classifier,
    Features,
    Forest,
    Gaussian,
    Gmm,
    Score,
    Standardize,
    TensorFacts,
    classifier_block,
    features_block,
    forest_block,
    gaussian_block,
    gmm_block,
    labels_of,
    score_block,
    score_kind,
    standardize_block,
    tensor_block,
)
from edge_app.inference.manifest_fields import Fields, read_json

__all__ = [
    "Classifier",
    "Features",
    "Forest",
    "Gaussian",
    "Gmm",
    "Manifest",
    "Score",
    "Standardize",
    "TensorFacts",
    "checked_text",
    "identity",
    "load_manifest",
    "manifest_bytes",
    "manifest_text",
    "read_manifest",
]

FORMAT = "edge-app-model/1"
FILE_KINDS = ("autoencoder", "classifier")
"""Kinds whose model is a .tflite file beside the manifest; the manifest of the others is the whole model."""
KINDS = (*FILE_KINDS, "gaussian", "gmm", "forest")
LABEL_KINDS = ("classifier", "forest")
"""Kinds that tell classes apart."""
BLOCKS = ("classifier", "gaussian", "gmm", "forest")
"""Kinds with a block of parameters of their own, under the kind's name."""
MAX_SCALE_RATIO = 64
"""Between the scales of an autoencoder's input and output."""
MAX_MANIFEST_BYTES = 1024 * 1024

FIX_PAIR = "Model and manifest do not belong together: take both from the same training, or train again."


@dataclass(frozen=True)
class Manifest:
    """A model's papers; the keys of the JSON file have the same names and order."""

    name: str
    kind: str
    """One of KINDS."""
    file: str
    """File name of the model beside the manifest; empty when the manifest is the model."""
    sha256: str
    """Of the model file; empty when the manifest is the model."""
    input: TensorFacts | None
    output: TensorFacts | None
    features: Features
    standardize: Standardize
    score: Score
    score_set_by: str
    """One sentence: how the score mapping was set."""
    classifier: Classifier | None = None
    gaussian: Gaussian | None = None
    gmm: Gmm | None = None
    forest: Forest | None = None
    labels: tuple[str, ...] = ()
    """Classes, in the order of the outputs."""
    alarm_labels: tuple[str, ...] = ()
    """Classes whose probabilities add up to the raw output; none for a model that only names types (`diagnose`)."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What it was trained on."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """"float" and "int8" figures."""
    engines: Mapping[str, Any] = field(default_factory=dict)
    """Which engines were compared, versions, agreement."""
    seed: int = 0


def load_manifest(path: Path) -> Manifest:
    """The manifest in a JSON file."""
    return read_manifest(manifest_bytes(path), str(path))


def manifest_bytes(path: Path) -> bytes:
    """Bytes of a manifest file; ModelError when it cannot be read or is larger than 1 MiB."""
    try:
        content = read_at_most(path, MAX_MANIFEST_BYTES)
    except OSError as error:
        raise ModelError(
            f"{path}: cannot read the model's manifest ({error.strerror or error})",
            "The manifest lies beside the model, same name, ending .json; `edge-app train` writes both.",
        ) from error
    if content is None:
        raise ModelError(f"{path}: the manifest is larger than {MAX_MANIFEST_BYTES} bytes", FIX_PAIR)
    return content


def read_manifest(content: bytes, where: str) -> Manifest:
    """The manifest in the bytes of a JSON file; `where` names it in messages."""
    top = Fields(read_json(content, f"{where}: the manifest", FIX_PAIR), where)
    if (found := top.text("format")) != FORMAT:
        raise top.fail("format", f"is {found!r}, this version reads {FORMAT!r}")
    kind = top.choice("kind", KINDS)
    in_file = kind in FILE_KINDS
    features = features_block(top.block("features"))
    count = len(features.names)
    labels, alarm_labels = labels_of(top, kind)
    manifest = Manifest(
        name=top.text("name", pattern=r"[A-Za-z0-9._-]{1,64}"),
        kind=kind,
        file=top.text("file", pattern=r"[A-Za-z0-9._-]{1,128}") if in_file else "",
        sha256=top.text("sha256", pattern=r"[0-9a-f]{64}") if in_file else "",
        input=tensor_block(top.block("input")) if in_file else None,
        output=tensor_block(top.block("output")) if in_file else None,
        features=features,
        standardize=standardize_block(top.block("standardize"), count),
        score=score_block(top.block("score"), score_kind(kind)),
        score_set_by=top.text("score_set_by"),
        classifier=classifier_block(top.block("classifier")) if kind == "classifier" else None,
        gaussian=gaussian_block(top.block("gaussian"), count) if kind == "gaussian" else None,
        gmm=gmm_block(top.block("gmm"), count) if kind == "gmm" else None,
        forest=forest_block(top.block("forest"), count, len(labels)) if kind == "forest" else None,
        labels=labels,
        alarm_labels=alarm_labels,
        data=top.mapping("data"),
        metrics=top.mapping("metrics"),
        engines=top.mapping("engines"),
        seed=top.integer("seed", 0, 2**63 - 1) if "seed" in top.data else 0,
    )
    _check_ends(manifest, top)
    return manifest


def manifest_text(manifest: Manifest) -> str:
    """The JSON text of a manifest: same manifest, same bytes."""
    blocks: dict[str, Any] = {"format": FORMAT, "name": manifest.name, "kind": manifest.kind}
    if manifest.input is not None and manifest.output is not None:
        blocks |= {"file": manifest.file, "sha256": manifest.sha256}
        blocks |= {"input": vars(manifest.input), "output": vars(manifest.output)}
    blocks |= {"features": vars(manifest.features), "standardize": _standardize_facts(manifest.standardize)}
    for key in BLOCKS:
        if getattr(manifest, key) is not None:
            blocks[key] = vars(getattr(manifest, key))
    blocks |= {"score": vars(manifest.score), "score_set_by": manifest.score_set_by, "labels": manifest.labels}
    if manifest.kind in LABEL_KINDS:
        blocks["alarm_labels"] = manifest.alarm_labels
    blocks |= {"data": dict(manifest.data), "metrics": dict(manifest.metrics)}
    blocks |= {"engines": dict(manifest.engines), "seed": manifest.seed}
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in blocks.items()]
    return "{\n  " + ",\n  ".join(lines) + "\n}\n"


def _standardize_facts(standardize: Standardize) -> dict[str, Any]:
    """What is as in every other manifest is not said."""
    facts = dict(vars(standardize))
    if standardize.steps_per_sigma == STEPS_PER_SIGMA:
        del facts["steps_per_sigma"]
    return facts


def checked_text(manifest: Manifest, where: str) -> str:
    """The manifest's text, read back first: ModelError for one that could not be loaded."""
    text = manifest_text(manifest)
    if (size := len(text.encode())) > MAX_MANIFEST_BYTES:
        raise ModelError(
            f"{where}: this {manifest.kind} takes {size} bytes, a manifest has at most {MAX_MANIFEST_BYTES}",
            "Make it smaller: a forest by fewer `trees`, less `depth` or a larger `min_leaf`.",
        )
    read_manifest(text.encode(), where)
    return text


def identity(manifest: Manifest, content: bytes) -> ModelIdentity:
    """Name and hash that decisions carry; where the manifest is the model the hash is of its bytes."""
    return ModelIdentity(manifest.name, manifest.sha256 or hashlib.sha256(content).hexdigest())


def _check_ends(manifest: Manifest, top: Fields) -> None:
    """Input and output of a model file suit its kind."""
    taken, given = manifest.input, manifest.output
    if taken is None or given is None:
        return
    count = len(manifest.features.names)
    if manifest.kind == "autoencoder":
        if taken.shape != (1, count) or given.shape != (1, count):
            raise top.fail("input", f"and output of an autoencoder of {count} features must have shape [1, {count}]")
        if not 1 / MAX_SCALE_RATIO <= given.scale / taken.scale <= MAX_SCALE_RATIO:
            raise top.fail(
                "output.scale", f"is {given.scale}, the input's is {taken.scale}: at most a factor of {MAX_SCALE_RATIO}"
            )
        return
    if taken.shape[:1] != (1,) or math.prod(taken.shape) != count:
        raise top.fail("input.shape", f"is {list(taken.shape)}: {count} features need [1, …] of as many numbers")
    if given.shape != (1, len(manifest.labels)):
        raise top.fail(
            "output.shape", f"is {list(given.shape)}: {len(manifest.labels)} labels need [1, {len(manifest.labels)}]"
        )
    probabilities = manifest.classifier is not None and manifest.classifier.output == "probabilities"
    if probabilities and (given.scale, given.zero_point) != (1 / 256, -128):
        raise top.fail("output", 'of probabilities must have scale 1/256 and zero_point -128; else write "logits"')
