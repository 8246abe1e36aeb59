"""The shipped beat classifier on whole real records, evaluated as a user does: no figure falls below the documents."""

from __future__ import annotations

import json

import pytest
from cli import REPOSITORY, edge_app

APP = REPOSITORY / "apps" / "vital_signs"
pytestmark = [pytest.mark.data, pytest.mark.slow]


@pytest.fixture(scope="module")
def report(shared_data):
    data = str(shared_data / "data" / "mitdb")
    wanted = ("--data", data, "--split", "test", "--case", "beats", "--json")
    done = edge_app("evaluate", str(APP), *wanted, timeout_s=240)  # 15 s on a quiet machine
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_beats_are_found_on_records_never_used(report):
    assert report["int8"]["beat_se"] >= 0.993  # the bar
    assert report["int8"]["beat_ppv"] >= 0.993  # the bar


def test_ventricular_beats_and_accuracy_reach_their_bars(report):
    measured = report["int8"]
    assert measured["ventricular_se"] >= 0.90  # the bar
    assert measured["ventricular_ppv"] >= 0.85  # the bar
    assert measured["accuracy"] >= 0.93  # the bar


def test_supraventricular_beats_fall_short_by_no_more_than_is_told(report):
    # docs/reference/heartbeats.md: 0.495 and 0.360; the bars are 0.75 and 0.40.
    assert report["int8"]["supraventricular_se"] >= 0.48
    assert report["int8"]["supraventricular_ppv"] >= 0.35


def test_int8_costs_no_more_than_a_hundredth(report):
    for name, value in report["int8"].items():
        if name.endswith(("_se", "_ppv", "accuracy")):
            assert abs(value - report["float"][name]) <= 0.01, name


def test_every_record_has_its_own_figures(report):
    records = report["recordings"]
    assert set(records) == {f"mitdb/{name}" for name in (100, 105, 200, 213, 222, 233)}
    assert records["mitdb/222"]["ventricular_se"] is None  # it has no ventricular beat
    assert records["mitdb/213"]["supraventricular_se"] > 0.9
