"""A model's papers: what is written can be read, what is wrong is named with file, key and remedy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from model_files import NAMES, SCHEMA, gaussian_manifest, identity_model, manifest_for, write_manifest

from edge_app.core.errors import ModelError
from edge_app.core.results import FeatureSchema
from edge_app.inference.graph import read_graph
from edge_app.inference.manifest import (
    MAX_MANIFEST_BYTES,
    load_manifest,
    manifest_text,
    read_manifest,
)
from edge_app.inference.manifest_checks import check_graph, check_hash, check_schema

MODEL = identity_model()


def refused(text: str | bytes) -> str:
    with pytest.raises(ModelError) as error:
        read_manifest(text if isinstance(text, bytes) else text.encode(), "models/test.json")
    assert error.value.what.startswith("models/test.json: ")
    assert error.value.fix
    return str(error.value)


def changed(path: str, value: Any) -> str:
    """The good manifest's text with one key replaced, or removed when the value is `...`."""
    data = json.loads(manifest_text(manifest_for(MODEL)))
    *parents, last = path.split(".")
    block = data
    for parent in parents:
        block = block[parent]
    if value is ...:
        del block[last]
    else:
        block[last] = value
    return json.dumps(data)


@pytest.mark.parametrize("manifest", [manifest_for(MODEL), gaussian_manifest()], ids=["autoencoder", "gaussian"])
def test_what_is_written_is_read_back_and_written_again_to_the_same_bytes(tmp_path: Path, manifest: Any):
    path = tmp_path / "test.json"
    write_manifest(path, manifest)
    assert load_manifest(path) == manifest
    assert manifest_text(load_manifest(path)) == path.read_text()


def test_nothing_is_written_that_could_not_be_read(tmp_path: Path):
    path = tmp_path / "test.json"
    with pytest.raises(ModelError):
        write_manifest(path, replace(manifest_for(MODEL), sha256="short"))
    assert not path.exists()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("format", "edge-app-model/2", "format is 'edge-app-model/2', this version reads 'edge-app-model/1'"),
        ("name", ..., "name is missing"),
        ("name", "../up", "name is '../up'"),
        ("kind", "tree", "kind is 'tree', allowed: autoencoder, classifier, gaussian, gmm, forest"),
        ("file", "/etc/passwd", "file is '/etc/passwd'"),
        ("sha256", "abc", "sha256 is 'abc'"),
        ("input.shape", [1, 2], "must have shape [1, 3]"),
        ("input.dtype", "float32", "input.dtype is 'float32', allowed: int8"),
        ("input.scale", 0, "input.scale is 0, expected a positive number"),
        ("input.scale", True, "input.scale is True"),
        ("input.zero_point", 200, "input.zero_point is 200, expected a whole number from -128 to 127"),
        ("output.scale", 5.0, "output.scale is 5.0, the input's is 0.05"),
        ("features.hash", "xyz", "features.hash is 'xyz'"),
        ("features.names", ["a", "a", "b"], "features.names must be different names"),
        ("features.names", [1, 2, 3], "features.names holds 1"),
        ("standardize.offset", [1, 2], "standardize.offset has 2 numbers, expected 3"),
        ("standardize.offset", [1, 2, 2.5], "standardize.offset[2] is 2.5"),
        ("standardize.multiplier", [1, 2, 32768], "standardize.multiplier[2] is 32768"),
        ("standardize.shift", 31, "standardize.shift is 31"),
        ("score.kind", "logistic", "score.kind is 'logistic', allowed: log2_knots"),
        ("score.knots", [[1024, 0]], "score.knots 1 knots, at least 2"),
        ("score.knots", [[1024, 0], [1024, 10]], "knot 1 (1024, 10) does not rise"),
        ("score.knots", [[1024, 9], [2048, 8]], "knot 1 (2048, 8) does not rise"),
        ("score.knots", [[1024, 0], [2048, 10001]], "knot 1 has score 10001"),
        ("score.knots", [[1024, 0], [2048]], "score.knots[1] is [2048], expected two whole numbers"),
        ("score_set_by", "", "score_set_by is ''"),
        ("input", [], "input must be an object"),
        ("data", [], "data must be an object"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_found_and_what_is_allowed(path: str, value: Any, message: str):
    assert message in refused(changed(path, value))


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "null", '{"format": NaN}', "[" * 5000, '{"a":' * 5000, b"\xff\xfe{", b"\x00" * 100]
)
def test_what_is_not_a_manifest_is_refused_without_a_traceback(text: str | bytes):
    refused(text)


def test_a_missing_or_huge_manifest_is_a_model_error(tmp_path: Path):
    with pytest.raises(ModelError, match="cannot read the model's manifest"):
        load_manifest(tmp_path / "none.json")
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(MAX_MANIFEST_BYTES + 1)
    with pytest.raises(ModelError, match="larger than 1048576 bytes"):
        load_manifest(large)


def test_another_model_file_is_told_by_its_hash():
    manifest = manifest_for(MODEL)
    check_hash(manifest, MODEL, "test.tflite")
    with pytest.raises(ModelError, match=r"sha256 is .*, the manifest of test_int8 says"):
        check_hash(manifest, MODEL + b"\0", "test.tflite")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (identity_model(features=4), r"input shape is \[1, 4\] in the model file, \[1, 3\] in the manifest"),
        (identity_model(scale=0.051), r"input scale is 0\.050\d* in the model file, 0\.0500\d* in the manifest"),
        (identity_model(zero_in=5), "input zero point is 5 in the model file, 2 in the manifest"),
        (identity_model(zero_out=5), "output zero point is 5 in the model file, -3 in the manifest"),
    ],
)
def test_shape_scale_and_zero_point_must_be_those_of_the_file(model: bytes, message: str):
    check_graph(manifest_for(MODEL), read_graph(MODEL, "test.tflite"))
    with pytest.raises(ModelError, match=message):
        check_graph(manifest_for(MODEL), read_graph(model, "test.tflite"))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (FeatureSchema("audio/1", NAMES, SCHEMA.settings), "plugin vibration/1, the app has audio/1"),
        (FeatureSchema("vibration/1", NAMES[:2], SCHEMA.settings), "the app lacks rms_g"),
        (FeatureSchema("vibration/1", (*NAMES, "peak_g"), SCHEMA.settings), "the model does not know peak_g"),
        (FeatureSchema("vibration/1", NAMES[::-1], SCHEMA.settings), "the same features stand in another order"),
        (FeatureSchema("vibration/1", NAMES, {**SCHEMA.settings, "bands": 3}), "bands was 2, the app has 3"),
    ],
)
def test_other_features_are_told_apart_by_name(schema: FeatureSchema, message: str):
    check_schema(manifest_for(MODEL), SCHEMA, "test.json")
    with pytest.raises(ModelError, match=message):
        check_schema(manifest_for(MODEL), schema, "test.json")


def test_steps_of_a_deviation_are_said_where_they_are_not_twelve() -> None:
    manifest = manifest_for(MODEL)
    assert "steps_per_sigma" not in manifest_text(manifest)
    other = replace(manifest, standardize=replace(manifest.standardize, steps_per_sigma=24))
    assert read_manifest(manifest_text(other).encode(), "m.json").standardize.steps_per_sigma == 24
    with pytest.raises(ModelError, match=r"standardize\.steps_per_sigma"):
        read_manifest(manifest_text(other).replace('"steps_per_sigma": 24', '"steps_per_sigma": 0').encode(), "m.json")
