"""From files to models: read, check against each other, choose the engine."""

from __future__ import annotations

from pathlib import Path

from edge_app.core.errors import ModelError
from edge_app.core.results import FeatureSchema
from edge_app.inference.autoencoder import Autoencoder
from edge_app.inference.gaussian import GaussianModel
from edge_app.inference.graph import read_graph, read_model_file
from edge_app.inference.manifest import Manifest, identity, load_manifest, manifest_bytes, read_manifest
from edge_app.inference.manifest_checks import check_graph, check_hash, check_schema
from edge_app.inference.tflite import make_engine


def load_tflite(file: Path, manifest_path: Path, schema: FeatureSchema, engine: str = "exact") -> Autoencoder:
    """The autoencoder in `file`, checked against its manifest and the app's features. Raises ModelError."""
    data = read_model_file(file)
    manifest = load_manifest(manifest_path)
    _check_kind(manifest, "autoencoder", manifest_path)
    if manifest.file != file.name:
        raise ModelError(
            f"{manifest_path}: the manifest is for {manifest.file}, the app names {file.name}",
            "Name the manifest of this very model in `model.manifest`.",
        )
    check_hash(manifest, data, str(file))
    graph = read_graph(data, str(file))
    check_graph(manifest, graph)
    check_schema(manifest, schema, str(manifest_path))
    return Autoencoder(manifest, make_engine(data, str(file), engine, graph))


def load_gaussian(manifest_path: Path, schema: FeatureSchema) -> GaussianModel:
    """The Gaussian model in a manifest, checked against the app's features. Raises ModelError."""
    content = manifest_bytes(manifest_path)
    manifest = read_manifest(content, str(manifest_path))
    _check_kind(manifest, "gaussian", manifest_path)
    check_schema(manifest, schema, str(manifest_path))
    return GaussianModel(manifest, identity(manifest, content))


def _check_kind(manifest: Manifest, kind: str, path: Path) -> None:
    if manifest.kind != kind:
        plugin = {"autoencoder": "tflite", "gaussian": "gaussian"}[manifest.kind]
        raise ModelError(f"{path}: the model is a {manifest.kind}, not a {kind}", f"Write `plugin: {plugin}`.")
