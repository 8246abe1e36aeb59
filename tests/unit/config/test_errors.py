"""The words of a refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from edge_app.config.errors import MAX_SHOWN, Problems, nearest, together, unit_of, validated
from edge_app.config.load import parse_document
from edge_app.core.errors import ConfigError


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    gain: float = Field(1.0, ge=0, le=10)
    kind: Literal["fast", "slow"] = "fast"


class Keys(BaseModel):
    model_config = ConfigDict(extra="forbid")

    count: int = 3
    names: list[str] = Field(default_factory=list, max_length=2)
    span_hz: tuple[float, float] | None = None
    inner: Inner | None = None
    many: dict[str, Inner] = Field(default_factory=dict)
    password: dict[str, str] | None = None
    broker: str = Field("mqtt://x", max_length=24)


def told(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        validated(Keys, parse_document(text.encode(), Path("/x/keys.yaml")))
    return str(caught.value)


def test_a_right_file_is_a_model_and_a_list_may_stand_for_a_pair():
    keys = validated(Keys, parse_document(b"span_hz: [10, 1250]\nmany: {a: {gain: 2}}\n", Path("/x/keys.yaml")))

    assert keys.span_hz == (10.0, 1250.0)
    assert keys.many["a"].gain == 2.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("count: 2.5", "/x/keys.yaml:1: count: 2.5 is not a whole number\n  Write a whole number, e.g. `count: 3`."),
        ("count: '2'", '/x/keys.yaml:1: count: "2" is not a whole number\n  Write a whole number, e.g. `count: 3`.'),
        ("count:", "/x/keys.yaml:1: count: nothing is not a whole number\n  Write a whole number, e.g. `count: 3`."),
        ("names: a", '/x/keys.yaml:1: names: "a" is not a list'),
        ("names: [a, b, c]", '/x/keys.yaml:1: names: ["a", "b", "c"] is out of range: it must be at most 2 entries'),
        ("names: [a, 7]", '/x/keys.yaml:1: names[1]: 7 is not text\n  Put it in quotes: `names: "7"`.'),
        ("inner: 7", "/x/keys.yaml:1: inner: 7 is not a block of keys"),
        ("inner:\n  gain: 11", "/x/keys.yaml:2: inner.gain: 11 is out of range: it must be at most 10"),
        (
            "inner: {gian: 1}",
            "/x/keys.yaml:1: inner.gian: unknown key\n  Did you mean `gain`? Known here: `gain`, `kind`.",
        ),
        (
            "inner: {kind: fats}",
            '/x/keys.yaml:1: inner.kind: "fats" is not allowed here\n  Did you mean fast? Allowed: fast',
        ),
        ("many: {a: {kind: up}}", '/x/keys.yaml:1: many.a.kind: "up" is not allowed here\n  Allowed: fast, slow.'),
        ("many: {a: {knd: up}}", "/x/keys.yaml:1: many.a.knd: unknown key\n  Did you mean `kind`?"),
        ("span_hz: [1, up]", '/x/keys.yaml:1: span_hz[1]: "up" is not a number (Hz)'),
        ("span_hz: [1]", "/x/keys.yaml:1: span_hz"),
    ],
)
def test_each_mistake_has_its_own_words(text, message):
    assert told(text).startswith(message)


def test_a_password_or_a_login_in_a_url_is_never_printed():
    assert "hunter2" not in told("password: hunter2")
    assert "hunter2" not in told('broker: "mqtt://me:hunter2@broker.example"')


def test_a_long_list_of_problems_is_cut_and_counted():
    problems = Problems()
    document = parse_document(b"a: 1", Path("/x/keys.yaml"))
    for number in range(MAX_SHOWN + 3):
        problems.add(document, (f"key{number}",), "wrong", "Mend it.")

    text = str(together(problems.found))

    assert text.count("wrong") == MAX_SHOWN
    assert text.endswith("… and 3 more problems.")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("rate", "rate_hz"),
        ("sample_rate", "rate_hz"),
        ("raise", "raise_above"),
        ("adress", "address"),
        ("pipelines.a.decision.raise", "pipelines.a.decision.raise_above"),
        ("pipelines.a.decision.xyz", None),
        ("zzz", None),
    ],
)
def test_the_nearest_word_is_the_one_meant(word, meant):
    known = ["rate_hz", "address", "raise_above", "pipelines.a.decision.raise_above", "pipelines.a.decision.hits"]

    assert nearest(word, known) == meant


def test_a_unit_is_read_from_the_name_of_a_key():
    assert [unit_of(key) for key in ("rate_hz", "hop_s", "range_g", "file", "s")] == ["Hz", "seconds", "g", "", ""]
