"""The plugins `tflite` and `gaussian`: from configuration and files to a model, and every way that can go wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_files import (
    SCHEMA,
    gaussian_manifest,
    identity_model,
    manifest_for,
    vector,
    write_autoencoder,
    write_manifest,
)
from pydantic import ValidationError

from edge_app.core.errors import ModelError
from edge_app.core.plugin import ModelContext
from edge_app.core.results import FeatureSchema
from edge_app.inference.plugins import GAUSSIAN, TFLITE, GaussianConfig, TfliteConfig


def context(app_dir: Path, schema: FeatureSchema = SCHEMA) -> ModelContext:
    return ModelContext(app_dir, schema)


def test_a_tflite_model_is_made_from_its_file_and_the_manifest_beside_it(tmp_path: Path):
    write_autoencoder(tmp_path)
    model = TFLITE.create(TfliteConfig(file="test.tflite"), context(tmp_path))
    assert model.identity.name == "test_int8"
    assert len(model.identity.sha256) == 64
    assert model.infer(vector(100, 200, -300)).score == 0


def test_a_gaussian_model_is_its_manifest(tmp_path: Path):
    write_manifest(tmp_path / "pump.json", gaussian_manifest())
    model = GAUSSIAN.create(GaussianConfig(file="pump.json"), context(tmp_path))
    assert len(model.identity.sha256) == 64
    assert model.infer(vector(100, 200, -300)).raw == 0


@pytest.mark.parametrize("file", ["/etc/passwd", "../other/model.tflite", "models/../../x", "", "a\\b", "a\0b"])
def test_paths_outside_the_app_are_refused(file: str):
    with pytest.raises(ValidationError, match="inside the app's folder"):
        TfliteConfig(file=file)
    with pytest.raises(ValidationError, match="inside the app's folder"):
        TfliteConfig(file="a.tflite", manifest=file)


def test_a_link_out_of_the_app_is_refused(tmp_path: Path):
    app = tmp_path / "app"
    app.mkdir()
    write_autoencoder(tmp_path)
    (app / "test.tflite").symlink_to(tmp_path / "test.tflite")
    with pytest.raises(ModelError, match="lies outside the app's folder"):
        TFLITE.create(TfliteConfig(file="test.tflite"), context(app))


def test_unknown_keys_and_engines_are_refused():
    with pytest.raises(ValidationError):
        TfliteConfig(file="a.tflite", threads=4)
    with pytest.raises(ValidationError):
        TfliteConfig(file="a.tflite", engine="turbo")


def test_a_missing_model_a_missing_manifest_and_a_foreign_one_are_told_apart(tmp_path: Path):
    with pytest.raises(ModelError, match="cannot read the model file"):
        TFLITE.create(TfliteConfig(file="test.tflite"), context(tmp_path))
    (tmp_path / "test.tflite").write_bytes(identity_model())
    with pytest.raises(ModelError, match="cannot read the model's manifest"):
        TFLITE.create(TfliteConfig(file="test.tflite"), context(tmp_path))
    write_manifest(tmp_path / "test.json", manifest_for(identity_model(), file="other.tflite"))
    with pytest.raises(ModelError, match=r"the manifest is for other\.tflite"):
        TFLITE.create(TfliteConfig(file="test.tflite"), context(tmp_path))


def test_a_damaged_model_is_told_by_its_hash(tmp_path: Path):
    path = write_autoencoder(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="sha256 is"):
        TFLITE.create(TfliteConfig(file="test.tflite"), context(tmp_path))


def test_features_the_model_was_not_made_for_are_refused(tmp_path: Path):
    write_autoencoder(tmp_path)
    other = FeatureSchema("vibration/1", (*SCHEMA.names[:2], "peak_g"), SCHEMA.settings)
    with pytest.raises(ModelError, match="the app lacks rms_g; the model does not know peak_g"):
        TFLITE.create(TfliteConfig(file="test.tflite"), context(tmp_path, other))


def test_the_wrong_plugin_for_a_model_is_named(tmp_path: Path):
    write_manifest(tmp_path / "pump.json", gaussian_manifest())
    (tmp_path / "pump.tflite").write_bytes(identity_model())
    with pytest.raises(ModelError, match="Write `plugin: gaussian`"):
        TFLITE.create(TfliteConfig(file="pump.tflite"), context(tmp_path))
    write_autoencoder(tmp_path)
    with pytest.raises(ModelError, match="Write `plugin: tflite`"):
        GAUSSIAN.create(GaussianConfig(file="test.json"), context(tmp_path))
