"""Whether a manifest, a model file and an app's features belong together. All checks raise ModelError."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from edge_app.core.errors import ModelError
from edge_app.core.results import FeatureSchema
from edge_app.inference.graph import Graph, Tensor
from edge_app.inference.manifest import FIX_PAIR, Features, Manifest, TensorFacts


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
