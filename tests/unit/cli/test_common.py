"""What several verbs print alike."""

from __future__ import annotations

import json
import math

from edge_app.cli.common import print_json


def test_json_is_strict(capsys):
    print_json({"nan": math.nan, "far": [math.inf, 1.0], "deep": {"pair": (1, -math.inf)}})
    found = json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest_fail(word))
    assert found == {"nan": None, "far": [None, 1.0], "deep": {"pair": [1, None]}}


def pytest_fail(word):
    raise AssertionError(f"{word} is no JSON")
