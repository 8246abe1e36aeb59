"""From files to models: read, check against each other, choose the engine; each kind is loaded when it is named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_app.core.errors import ModelError
from edge_app.core.results import FeatureSchema, ModelIdentity
from edge_app.inference.graph import read_graph, read_model_file
from edge_app.inference.manifest import (
    FILE_KINDS,
    Manifest,
    identity,
    load_manifest,
    manifest_bytes,
    read_manifest,
)
from edge_app.inference.manifest_checks import check_graph, check_hash, check_schema
from edge_app.inference.tflite import Engine, make_engine

if TYPE_CHECKING:
    from edge_app.inference.autoencoder import Autoencoder
    from edge_app.inference.classifier import Classifier
    from edge_app.inference.forest import ForestModel
    from edge_app.inference.gaussian import GaussianModel
    from edge_app.inference.gmm import GmmModel


def load_tflite(
    file: Path, manifest_path: Path, schema: FeatureSchema, engine: str = "exact"
) -> Autoencoder | Classifier:
    """The autoencoder or classifier in `file`, checked against its manifest and the app's features; or ModelError."""
    data = read_model_file(file)
    manifest = load_manifest(manifest_path)
    _check_kind(manifest, FILE_KINDS, manifest_path)
    if manifest.file != file.name:
        raise ModelError(
            f"{manifest_path}: the manifest is for {manifest.file}, the app names {file.name}",
            "Name the manifest of this very model in `model.manifest`.",
        )
    check_hash(manifest, data, str(file))
    graph = read_graph(data, str(file))
    check_graph(manifest, graph)
    check_schema(manifest, schema, str(manifest_path))
    return file_model(manifest, make_engine(data, str(file), engine, graph))


def file_model(manifest: Manifest, engine: Engine) -> Autoencoder | Classifier:
    """The model of a manifest whose network `engine` runs."""
    if manifest.kind == "classifier":
        from edge_app.inference.classifier import Classifier

        return Classifier(manifest, engine)
    from edge_app.inference.autoencoder import Autoencoder

    return Autoencoder(manifest, engine)


def load_gaussian(manifest_path: Path, schema: FeatureSchema) -> GaussianModel:
    """The Gaussian model in a manifest, checked against the app's features. Raises ModelError."""
    from edge_app.inference.gaussian import GaussianModel

    return GaussianModel(*_whole_model(manifest_path, schema, "gaussian"))


def load_gmm(manifest_path: Path, schema: FeatureSchema) -> GmmModel:
    """The mixture of Gaussians in a manifest, checked against the app's features. Raises ModelError."""
    from edge_app.inference.gmm import GmmModel

    return GmmModel(*_whole_model(manifest_path, schema, "gmm"))


def load_forest(manifest_path: Path, schema: FeatureSchema) -> ForestModel:
    """The forest in a manifest, checked against the app's features. Raises ModelError."""
    from edge_app.inference.forest import ForestModel

    return ForestModel(*_whole_model(manifest_path, schema, "forest"))


def _whole_model(path: Path, schema: FeatureSchema, kind: str) -> tuple[Manifest, ModelIdentity]:
    """A manifest that is itself the model."""
    content = manifest_bytes(path)
    manifest = read_manifest(content, str(path))
    _check_kind(manifest, (kind,), path)
    check_schema(manifest, schema, str(path))
    return manifest, identity(manifest, content)


def _check_kind(manifest: Manifest, kinds: tuple[str, ...], path: Path) -> None:
    if manifest.kind not in kinds:
        plugin = "tflite" if manifest.kind in FILE_KINDS else manifest.kind
        raise ModelError(
            f"{path}: the model is a {manifest.kind}, not a {' or '.join(kinds)}", f"Write `plugin: {plugin}`."
        )
