"""What travels with a model: shapes, quantisation, features it was made for, score mapping, where it came from.

One JSON file beside the model, format "edge-app-model/1", documented in docs/reference/models.md. Loading checks every
field; `check_*` compare the manifest with the model file and with the features of the app. All raise ModelError.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_app.core.errors import ModelError
from edge_app.core.results import FeatureSchema, ModelIdentity
from edge_app.inference.graph import Graph, Tensor
from edge_app.inference.manifest_fields import Fields
from edge_app.inference.score import check_knots

FORMAT = "edge-app-model/1"
KINDS = ("autoencoder", "gaussian")
MAX_MANIFEST_BYTES = 1024 * 1024
MAX_FEATURES = 1024

FIX_PAIR = "Model and manifest do not belong together: take both from the same training, or train again."


@dataclass(frozen=True)
class TensorFacts:
    """The model's input or output."""

    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Features:
    """The feature vector the model was made for."""

    plugin: str
    hash: str
    names: tuple[str, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Standardize:
    """How features become steps: ((f - offset) * multiplier + 2^(shift-1)) >> shift."""

    offset: tuple[int, ...]
    """int16 per feature: its healthy value, log2 in Q8."""
    multiplier: tuple[int, ...]
    """1..32767 per feature."""
    shift: int
    """1..30."""


@dataclass(frozen=True)
class Gaussian:
    """Parameters of a gaussian model (see gaussian.py)."""

    whitening: tuple[tuple[int, ...], ...]
    """Rows of int16, as many as features, over the standardized features."""
    shift: int
    """1..30: the whitening's fractional bits."""


@dataclass(frozen=True)
class Score:
    """The mapping of the raw output to the score."""

    kind: str
    """"log2_knots": see score.py."""
    knots: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Manifest:
    """A model's papers; the keys of the JSON file have the same names and order."""

    name: str
    kind: str
    """"autoencoder" or "gaussian"."""
    file: str
    """File name of the model beside the manifest; empty when the manifest is the model (gaussian)."""
    sha256: str
    """Of the model file; empty when the manifest is the model."""
    input: TensorFacts | None
    output: TensorFacts | None
    features: Features
    standardize: Standardize
    score: Score
    score_set_by: str
    """One sentence: how the score mapping was set."""
    gaussian: Gaussian | None = None
    labels: tuple[str, ...] = ()
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
        with path.open("rb") as file:
            content = file.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        raise ModelError(
            f"{path}: cannot read the model's manifest ({error.strerror or error})",
            "The manifest lies beside the model, same name, ending .json; `edge-app train` writes both.",
        ) from error
    if len(content) > MAX_MANIFEST_BYTES:
        raise ModelError(f"{path}: the manifest is larger than {MAX_MANIFEST_BYTES} bytes", FIX_PAIR)
    return content


def read_manifest(content: bytes, where: str) -> Manifest:
    """The manifest in the bytes of a JSON file; `where` names it in messages."""
    top = Fields(_json(content, where), where)
    if (found := top.text("format")) != FORMAT:
        raise top.fail("format", f"is {found!r}, this version reads {FORMAT!r}")
    kind = top.choice("kind", KINDS)
    features = _features(top.block("features"))
    count = len(features.names)
    manifest = Manifest(
        name=top.text("name", pattern=r"[A-Za-z0-9._-]{1,64}"),
        kind=kind,
        file=top.text("file", pattern=r"[A-Za-z0-9._-]{1,128}") if kind == "autoencoder" else "",
        sha256=top.text("sha256", pattern=r"[0-9a-f]{64}") if kind == "autoencoder" else "",
        input=_tensor(top.block("input")) if kind == "autoencoder" else None,
        output=_tensor(top.block("output")) if kind == "autoencoder" else None,
        features=features,
        standardize=_standardize(top.block("standardize"), count),
        score=_score(top.block("score")),
        score_set_by=top.text("score_set_by"),
        gaussian=_gaussian(top.block("gaussian"), count) if kind == "gaussian" else None,
        labels=top.texts("labels", 1000) if "labels" in top.data else (),
        data=top.mapping("data"),
        metrics=top.mapping("metrics"),
        engines=top.mapping("engines"),
        seed=top.integer("seed", 0, 2**63 - 1) if "seed" in top.data else 0,
    )
    if manifest.kind == "autoencoder":
        _check_autoencoder(manifest, top)
    return manifest


def manifest_text(manifest: Manifest) -> str:
    """The JSON text of a manifest: same manifest, same bytes."""
    blocks: dict[str, Any] = {"format": FORMAT, "name": manifest.name, "kind": manifest.kind}
    if manifest.input is not None and manifest.output is not None:
        blocks |= {"file": manifest.file, "sha256": manifest.sha256}
        blocks |= {"input": vars(manifest.input), "output": vars(manifest.output)}
    blocks |= {"features": vars(manifest.features), "standardize": vars(manifest.standardize)}
    if manifest.gaussian is not None:
        blocks["gaussian"] = vars(manifest.gaussian)
    blocks |= {"score": vars(manifest.score), "score_set_by": manifest.score_set_by}
    blocks |= {"labels": manifest.labels, "data": dict(manifest.data), "metrics": dict(manifest.metrics)}
    blocks |= {"engines": dict(manifest.engines), "seed": manifest.seed}
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in blocks.items()]
    return "{\n  " + ",\n  ".join(lines) + "\n}\n"


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write the manifest; it is read back first, so that nothing is written that could not be loaded."""
    text = manifest_text(manifest)
    read_manifest(text.encode(), str(path))
    path.write_text(text, encoding="utf-8")


def identity(manifest: Manifest, content: bytes) -> ModelIdentity:
    """Name and hash that decisions carry; a gaussian model is its manifest, so the hash is of those bytes."""
    return ModelIdentity(manifest.name, manifest.sha256 or hashlib.sha256(content).hexdigest())


def check_hash(manifest: Manifest, data: bytes, where: str) -> None:
    """The model file is the one the manifest describes."""
    found = hashlib.sha256(data).hexdigest()
    if found != manifest.sha256:
        raise ModelError(
            f"{where}: sha256 is {found[:12]}…, the manifest of {manifest.name} says {manifest.sha256[:12]}…", FIX_PAIR
        )


def check_graph(manifest: Manifest, graph: Graph) -> None:
    """Shapes, types, scales and zero points of the model file are the manifest's."""
    for what, facts, tensor in (("input", manifest.input, graph.input), ("output", manifest.output, graph.output)):
        if facts is None:
            continue
        for key, stated, found in _pairs(facts, tensor):
            if stated != found:
                raise ModelError(
                    f"{graph.where}: {what} {key} is {found} in the model file, {stated} in the manifest", FIX_PAIR
                )


def _pairs(facts: TensorFacts, tensor: Tensor) -> list[tuple[str, Any, Any]]:
    """(key, manifest's value, file's value); scales agree when they are the same float32."""
    scale, zero_point = (tensor.scale, tensor.zero_point) if len(tensor.scales) == 1 else (None, None)
    stated_scale = scale if scale is not None and abs(facts.scale - scale) <= 1e-7 * scale else facts.scale
    return [
        ("shape", list(facts.shape), list(tensor.shape)),
        ("dtype", facts.dtype, tensor.dtype),
        ("scale", stated_scale, scale),
        ("zero point", facts.zero_point, zero_point),
    ]


def check_schema(manifest: Manifest, schema: FeatureSchema, where: str) -> None:
    """The app's features are those the model was trained on."""
    if manifest.features.hash == schema.hash:
        return
    raise ModelError(
        f"{where}: the model {manifest.name} was made for other features: {_difference(manifest.features, schema)}",
        "Set `features:` in app.yaml as they were when the model was trained, or train again with `edge-app train`.",
    )


def _difference(features: Features, schema: FeatureSchema) -> str:
    """What differs, in words, first difference first."""
    if features.plugin != schema.plugin:
        return f"plugin {features.plugin}, the app has {schema.plugin}"
    missing = [name for name in features.names if name not in schema.names]
    extra = [name for name in schema.names if name not in features.names]
    parts = []
    if missing:
        parts.append(f"the app lacks {_some(missing)}")
    if extra:
        parts.append(f"the model does not know {_some(extra)}")
    if not parts and features.names != schema.names:
        parts.append("the same features stand in another order")
    settings = json.loads(json.dumps(dict(schema.settings)))
    for key in sorted({*features.settings, *settings}):
        if features.settings.get(key) != settings.get(key):
            parts.append(f"{key} was {features.settings.get(key)}, the app has {settings.get(key)}")
    return "; ".join(parts[:4]) or f"hash {features.hash}, the app has {schema.hash}"


def _some(names: list[str]) -> str:
    """At most three names."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _json(content: bytes, where: str) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a JSON number")

    try:
        return json.loads(content.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ModelError(f"{where}: the manifest is not JSON: {reason}", FIX_PAIR) from error


def _features(block: Fields) -> Features:
    names = block.texts("names", MAX_FEATURES)
    if not names or len(set(names)) != len(names):
        raise block.fail("names", "must be different names, at least one")
    return Features(
        plugin=block.text("plugin"),
        hash=block.text("hash", pattern=r"[0-9a-f]{16}"),
        names=names,
        settings=block.mapping("settings"),
    )


def _tensor(block: Fields) -> TensorFacts:
    return TensorFacts(
        shape=block.integers("shape", 1, 1 << 24, limit=6),
        dtype=block.choice("dtype", ("int8",)),
        scale=block.positive("scale"),
        zero_point=block.integer("zero_point", -128, 127),
    )


def _standardize(block: Fields, count: int) -> Standardize:
    return Standardize(
        offset=block.integers("offset", -32768, 32767, exactly=count),
        multiplier=block.integers("multiplier", 1, 32767, exactly=count),
        shift=block.integer("shift", 1, 30),
    )


def _gaussian(block: Fields, count: int) -> Gaussian:
    rows = block.data.get("whitening")
    if not isinstance(rows, list) or len(rows) != count:
        raise block.fail("whitening", f"must be a list of {count} rows")
    matrix = [Fields({"row": row}, block.where, f"{block.path}whitening {i} ") for i, row in enumerate(rows)]
    return Gaussian(
        whitening=tuple(row.integers("row", -32768, 32767, exactly=count) for row in matrix),
        shift=block.integer("shift", 1, 30),
    )


def _score(block: Fields) -> Score:
    kind = block.choice("kind", ("log2_knots",))
    knots = block.pairs("knots", 256)
    try:
        check_knots(knots)
    except ValueError as error:
        raise block.fail("knots", str(error)) from error
    return Score(kind, knots)


def _check_autoencoder(manifest: Manifest, top: Fields) -> None:
    """An autoencoder gives back as many numbers as it takes, in the same steps."""
    taken, given = manifest.input, manifest.output
    count = len(manifest.features.names)
    if taken is None or given is None or taken.shape != (1, count) or given.shape != (1, count):
        raise top.fail("input", f"and output of an autoencoder of {count} features must have shape [1, {count}]")
    if taken.scale != given.scale:
        raise top.fail("output.scale", f"is {given.scale}, the input's is {taken.scale}: an autoencoder shares them")
