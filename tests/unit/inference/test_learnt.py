"""The file of a learnt normal: read strictly, whoever wrote it."""

import json

import pytest

from edge_app.core.errors import BaselineError
from edge_app.core.results import LearntNormal
from edge_app.inference.learnt import MAX_BYTES, normal_text, read_normal

NORMAL = LearntNormal(
    offset=(-3, 32767),
    multiplier=(1, 32767),
    shift=14,
    knots=((-5, 0), (100, 2500), (300, 8000)),
    schema="0123456789abcdef",
    model="a" * 64,
    binding="fedcba9876543210",
    windows=1200,
    seconds=600,
    learnt_ms=1_767_225_600_000,
    clock="ntp",
    false_alarms_per_week=0.5,
    tail="exponential",
    wander=(2, 3),
    notes=("how",),
)


def changed(**changes):
    data = json.loads(normal_text(NORMAL)) | changes
    return json.dumps({key: value for key, value in data.items() if value is not ...}).encode()


def test_what_is_written_is_read():
    assert read_normal(normal_text(NORMAL).encode(), "f") == NORMAL


def test_a_normal_may_keep_the_models_multipliers():
    read = read_normal(changed(multiplier=None, shift=None), "f")
    assert (read.multiplier, read.shift) == (None, None)


HOSTILE = {
    "offset too large": changed(offset=[0, 32768]),
    "offset of floats": changed(offset=[0.5, 1]),
    "multiplier zero": changed(multiplier=[0, 1]),
    "multipliers missing": changed(multiplier=[1]),
    "shift without multiplier": changed(multiplier=None),
    "shift too large": changed(shift=31),
    "knots fall": changed(knots=[[5, 8000], [4, 9000]]),
    "one knot": changed(knots=[[0, 0]]),
    "score above one": changed(knots=[[0, 0], [1, 10001]]),
    "model no hash": changed(model="../../etc/passwd"),
    "unknown key": changed(command="rm"),
    "key missing": changed(schema=...),
    "another format": changed(format="edge-app-normal/9"),
    "negative windows": changed(windows=-1),
    "endless rate": changed(false_alarms_per_week=1e400),
    "rate zero": changed(false_alarms_per_week=0),
    "tail unknown": changed(tail="magic"),
    "wander of another length": changed(wander=[1]),
    "long notes": changed(notes=["x" * 1000]),
    "not an object": b"[1, 2]",
    "nested too deeply": b"[" * 100_000,
    "no JSON": b"\x80\x04pickle",
    "empty": b"",
    "half of it": normal_text(NORMAL).encode()[:200],
    "too large": b" " * (MAX_BYTES + 1),
    "NaN": changed().replace(b"0.5", b"NaN"),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_and_damaged_files_are_refused_with_their_name(content):
    with pytest.raises(BaselineError, match=r"learned/0001\.json") as caught:
        read_normal(content, "learned/0001.json")
    assert "edge-app learn" in caught.value.fix
