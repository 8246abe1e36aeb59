"""The float steps beside the shipped model: the same contract, nearly the same scores, the same learnt normal."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.inference.load import load_tflite
from edge_app.inference.manifest import load_manifest
from edge_app.training.protocols.float_models import FloatModel, is_quantised, steps_of


@pytest.fixture
def pump(repository: Path) -> Path:
    return repository / "apps" / "simulated_pump" / "models" / "pump_int8.tflite"


def schema_of(file: Path) -> FeatureSchema:
    features = load_manifest(file.with_suffix(".json")).features
    return FeatureSchema(features.plugin, features.names, dict(features.settings))


def vectors(file: Path, count: int) -> list[FeatureVector]:
    """Windows around the healthy centre, some far out."""
    schema = schema_of(file)
    centre = np.array(load_manifest(file.with_suffix(".json")).standardize.offset)
    random = np.random.RandomState(5)
    rows = centre + random.standard_normal((count, len(centre))) * np.linspace(20, 400, count)[:, None]
    return [FeatureVector(row.astype(np.int16), schema) for row in np.clip(rows, -32768, 32767)]


def test_the_steps_stand_in_the_order_they_were_made_and_the_shipped_one_last(pump: Path):
    model = load_tflite(pump, pump.with_suffix(".json"), schema_of(pump))

    steps, missing = steps_of(model, pump)

    assert next(iter(steps)) == "trained"
    assert list(steps)[-1] == "int8"
    assert missing == ""


def test_float_and_int8_scores_are_close(pump: Path):
    model = load_tflite(pump, pump.with_suffix(".json"), schema_of(pump))
    steps, _ = steps_of(model, pump)
    last_float = list(steps.values())[-2]
    assert isinstance(last_float, FloatModel)
    shown = vectors(pump, 40)

    floats = np.array([each.score for each in last_float.infer_many(shown)])
    ints = np.array([model.infer(each).score for each in shown])

    assert np.median(np.abs(floats - ints)) < 200  # of 10000
    assert [last_float.infer(each).score for each in shown] == floats.tolist()


def test_without_the_float_weights_the_reason_says_what_to_do(pump: Path, tmp_path: Path):
    for file in (pump, pump.with_suffix(".json")):
        shutil.copy(file, tmp_path)
    copy = tmp_path / pump.name

    steps, missing = steps_of(load_tflite(copy, copy.with_suffix(".json"), schema_of(pump)), copy)

    assert list(steps) == ["int8"]
    assert missing == "pump_int8.steps.npz is missing: `edge-app train` writes the float steps"


def test_a_rule_has_no_float_step():
    rule = object()

    steps, missing = steps_of(rule, None)

    assert list(steps.values()) == [rule]
    assert "whole numbers" in missing


def test_a_rule_and_a_forest_are_whole_numbers_from_the_start():
    forest, network = (SimpleNamespace(manifest=SimpleNamespace(kind=kind)) for kind in ("forest", "classifier"))

    assert [is_quantised(each) for each in (object(), forest, network)] == [False, False, True]
