"""What several verbs print alike."""

from __future__ import annotations

import json
import math

import pytest

from edge_app.cli.common import marks, print_json


def test_json_is_strict(capsys):
    print_json({"nan": math.nan, "far": [math.inf, 1.0], "deep": {"pair": (1, -math.inf)}})
    found = json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest_fail(word))
    assert found == {"nan": None, "far": [None, 1.0], "deep": {"pair": [1, None]}}


def pytest_fail(word):
    raise AssertionError(f"{word} is no JSON")


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_words_are_coloured_for_people_who_have_not_said_no(variables, coloured, monkeypatch):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    assert ("\x1b[" in marks()["ok"]) == coloured
