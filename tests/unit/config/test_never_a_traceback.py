"""Whatever stands in a file: it loads, or an error of ours says what is wrong. Nothing else is ever raised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_app.config.load import load_document, parse_document
from edge_app.config.resolve import load_device
from edge_app.core.errors import EdgeAppError

VALUES = [
    None,
    True,
    -1,
    0,
    10**29,
    1e308,
    0.5,
    "",
    "x",
    "../x",
    "x.y",
    "\x7f",
    [],
    [None],
    [[]],
    {},
    {"a": 1},
    {"plugin": "chip"},
]


def paths(data, here=()):
    """Every place in a file, blocks and lists included."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*here, key)
        yield from paths(value, (*here, key))


def refusal(action) -> EdgeAppError | None:
    """The error of ours an action ends with, if any; whatever else it raises fails the test."""
    try:
        action()
    except EdgeAppError as error:
        return error
    return None


def replaced(data, path, value):
    copy = json.loads(json.dumps(data))
    block = copy
    for part in path[:-1]:
        block = block[part]
    block[path[-1]] = value
    return copy


@pytest.mark.parametrize("which", ["app_file", "device_file"])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_any_value_at_any_key_loads_or_is_refused_with_a_remedy(world, which, value):
    world.device(add="override: {pipelines.drive_end.decision.raise_above: 0.9}\njournal: {max_bytes: 1000000}\n")
    file: Path = getattr(world, which)
    data = load_document(file).data

    for path in paths(data):
        file.write_text(yaml.safe_dump(replaced(data, path, value), sort_keys=False))
        error = refusal(lambda: load_device(world.device_file))
        assert error is None or (error.fix and "yaml:" in error.what), (path, error)


@pytest.mark.parametrize("which", ["app_file", "device_file"])
def test_any_key_that_is_missing_or_misspelt_is_no_surprise(world, which):
    file: Path = getattr(world, which)
    data = load_document(file).data

    for path in paths(data):
        without = replaced(data, path, None)
        block = without
        for part in path[:-1]:
            block = block[part]
        value = block.pop(path[-1])
        for changed in (without, None):
            if changed is None:
                if not isinstance(block, dict):
                    continue
                block[f"{path[-1]}x"] = value
            file.write_text(yaml.safe_dump(without, sort_keys=False))
            error = refusal(lambda: load_device(world.device_file))
            assert error is None or error.fix, (path, error)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="ab:-[]{}'\"#&*!|> \n\t?,.0x~%@`", max_size=120).map(str.encode))
def test_any_bytes_are_read_or_refused(raw):
    documents = []
    error = refusal(lambda: documents.append(parse_document(raw, Path("/x/any.yaml"))))

    assert error.fix if error else json.dumps(documents[0].data, allow_nan=False).startswith("{")
