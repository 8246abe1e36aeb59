"""The schema files agree with the models, and with the files that come with edge-app."""

from __future__ import annotations

import json

import jsonschema
import pytest

from edge_app.config.jsonschema import documented, schemas
from edge_app.config.load import load_document
from edge_app.config.schema import AppConfig, DeviceConfig, QualityConfig
from edge_app.windowing import QualityLimits


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return schemas()


def test_the_schema_files_in_the_repository_are_fresh(made, repository):
    folder = repository / "configs" / "schema"

    stale = [name for name, text in made.items() if (folder / name).read_text() != text]

    assert not stale, "run `edge-app schema`"
    assert sorted(path.name for path in folder.glob("*.json")) == sorted(made)


def test_every_schema_is_a_valid_schema(made):
    for text in made.values():
        jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_every_device_and_app_of_the_repository_fits_its_schema(made, repository):
    for pattern, name in (
        ("configs/devices/*.yaml", "device.json"),
        ("apps/*/app.yaml", "app.json"),
        ("apps/*/train.yaml", "train.json"),
    ):
        validator = jsonschema.Draft202012Validator(json.loads(made[name]))
        found = list(repository.glob(pattern))
        assert found
        for path in found:
            validator.validate(load_document(path).data)


def test_a_wrong_key_of_a_plugin_does_not_fit(made, repository):
    data = load_document(repository / "configs" / "devices" / "pump-7.yaml").data
    validator = jsonschema.Draft202012Validator(json.loads(made["device.json"]))

    data["sensors"]["vibration"]["rate_khz"] = 3.3

    assert not validator.is_valid(data)


def test_a_plugin_of_somebody_else_may_have_any_keys(made, repository):
    data = load_document(repository / "configs" / "devices" / "pump-7.yaml").data

    data["sensors"]["vibration"] = {"plugin": "their_sensor", "gain": 3}

    jsonschema.Draft202012Validator(json.loads(made["device.json"])).validate(data)


@pytest.mark.parametrize("model", [AppConfig, DeviceConfig])
def test_every_key_of_ours_says_what_it_means(model):
    pending, seen = [model], set()
    while pending:
        here = pending.pop()
        seen.add(here)
        assert set(documented(here)) == set(here.model_fields), here
        pending += [found for found in _blocks(here) if found not in seen]


def _blocks(model):
    from edge_app.config.errors import block_of

    for field in model.model_fields.values():
        block = block_of(field.annotation)
        if isinstance(block, type):
            yield block
        elif block is not None:
            inner = block_of(block.__args__[-1])
            if isinstance(inner, type):
                yield inner


def test_quality_limits_are_those_of_the_windower():
    limits = QualityLimits()

    assert QualityConfig().model_dump() == {name: getattr(limits, name) for name in QualityConfig.model_fields}
    assert set(QualityConfig.model_fields) == set(limits.__dataclass_fields__)
