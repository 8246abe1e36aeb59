"""What the bearing app answers to its own questions beside faults: the part, wear over a life, a slow cheap sensor."""

from __future__ import annotations

import json
import sys

import pytest

from edge_app.training.importers.find import recordings_in
from tests.support.cli import REPOSITORY, edge_app

sys.path.append(str(REPOSITORY / "benchmarks"))
import bearing_parts

pytestmark = pytest.mark.data

APP = REPOSITORY / "apps" / "predictive_maintenance"
WITHOUT_A_LINE = ("_B007_", "_B014_", "_B021_", "_OR014")
"""Ball faults, and the outer race's of 0.014 inch, show no defect line (Smith and Randall 2015)."""


def evaluated(shared_data, case: str, split: str = "test"):
    done = edge_app("evaluate", APP, "--data", shared_data / "data", "--case", case, "--split", split, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_races_are_named_where_a_line_exists_and_no_part_is_named_wrongly(shared_data):
    report = evaluated(shared_data, "types", "all")
    assert report["int8"]["recordings_wrong_of"] == [0, 19]
    for name, facts in report["recordings"].items():
        expected = "unclear" if any(each in name for each in WITHOUT_A_LINE) else facts["class"]
        assert facts["type"] == expected, name


def test_a_bearing_is_told_before_it_fails_by_the_normal_of_its_own_first_quarter(shared_data):
    (life,) = evaluated(shared_data, "wear")["recordings"].values()
    assert life["baseline_windows"] == 8
    assert 0.90 <= life["alarms_life"][0] <= 0.975
    earlier = evaluated(shared_data, "wear", "train")["recordings"]["femto/Bearing1_1"]
    assert 0.25 < earlier["first_alarm_life"] < 1  # it degrades gradually, from the middle of its life on


def test_a_fan_behind_a_cheap_slow_sensor_raises_nothing_while_it_is_well(shared_data):
    figures = evaluated(shared_data, "fan")["int8"]
    assert figures["healthy_recordings_flagged_of"] == [0, 14]


@pytest.mark.parametrize("way", ["3332 Hz filtered", "3332 Hz folded"])
def test_as_slow_as_a_mems_chip_the_same_rule_names_fewer_parts_and_none_wrongly(shared_data, way):
    """Sizes 007 and 021, on which the slow band was chosen; what is named in most windows of a recording."""
    rate_hz, filtered = bearing_parts.WAYS[way]
    found = {}
    for recording in recordings_in(shared_data / "data" / "cwru", "cwru"):
        if recording.facts.get("rpm") and not any(each in recording.id for each in ("_B", "014", "normal")):
            signal = recording.load()
            counts = bearing_parts.slowed(
                signal.counts[0] * float(signal.scale), signal.rate_hz, rate_hz, filtered=filtered
            )
            said = bearing_parts.named(counts, rate_hz, recording.facts["rpm"] / 60)
            assert set(said) <= {"", recording.label}, recording.id
            found[recording.id] = 2 * said.count(recording.label) > len(said)
    assert len(found) == 8
    assert sum(found.values()) >= (5 if filtered else 8)
