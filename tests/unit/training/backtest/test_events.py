"""What counts as a true alarm, a false one and a missed event; what an events file may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_app.core.errors import ConfigError
from edge_app.runtime.backtest import VERDICTS, Told, Track
from edge_app.training.backtest.events import (
    Truth,
    compare,
    judged_s,
    read_events,
    truth_of,
    truth_of_file,
    truth_of_spans,
)
from edge_app.training.backtest.figures import alarms_of, figures

HEALTHY = ("healthy", "normal")


def track(seconds: int, alarms: list[float], verdict: str = "judged", learnt_until_s: float = 0.0) -> Track:
    """Windows of 1 s every 0.5 s, alarms raised at these times and cleared 1 s later."""
    made = Track("bearing", learnt_until_s=learnt_until_s)
    for index in range(2 * seconds - 1):
        made.order.append(index)
        made.verdicts.append(VERDICTS.index(verdict))
        made.scores.append(100)
        made.start_s.append(index / 2)
        made.end_s.append(index / 2 + 1)
    for at_s in alarms:
        made.told += [Told("raised", at_s, 9000), Told("cleared", at_s + 1, 100)]
    return made


def test_several_alarms_in_one_event_count_once_and_the_delay_is_that_of_the_first():
    truth = Truth(events=((20.0, 60.0),), normal=((0.0, 20.0), (60.0, 100.0)))

    found = compare(track(100, [25.0, 30.0, 40.0]), truth, tolerance_s=0)

    assert (found.events, found.found, found.true_alarms, found.false_alarms) == (1, 1, 3, 0)
    assert found.delays_s == [5.0]
    assert figures([found])["precision"] == 1.0  # 1 event found of 1 + 0 false alarms


def test_an_alarm_before_an_event_is_false_even_when_it_still_stands_in_it():
    found = compare(track(100, [19.5]), Truth(((20.0, 60.0),), ((0.0, 20.0), (60.0, 100.0))), tolerance_s=5)

    assert (found.found, found.false_alarms) == (0, 1)
    assert found.missed == [(20.0, 60.0)]


def test_an_alarm_soon_after_an_event_belongs_to_it_and_one_later_does_not():
    truth = Truth(((20.0, 22.0),), ((0.0, 20.0), (22.0, 100.0)))

    assert compare(track(100, [24.9]), truth, tolerance_s=3).found == 1
    assert compare(track(100, [25.1]), truth, tolerance_s=3).false_alarms == 1


def test_alarms_of_a_recording_whose_label_says_nothing_are_not_counted():
    found = compare(track(10, [5.0]), truth_of("run_to_failure", 10.0, HEALTHY), tolerance_s=0)

    assert (found.true_alarms, found.false_alarms, found.other_alarms, found.normal_s) == (0, 0, 1, 0.0)
    assert figures([found])["undefined"]["false_alarms_per_day"] == "no normal signal was judged"


def test_normal_signal_is_counted_once_though_windows_overlap_and_only_where_it_was_judged():
    whole = ((0.0, 10.0),)

    assert judged_s(track(10, []), whole, 0.0) == pytest.approx(10.0)
    assert judged_s(track(10, []), ((4.0, 6.0),), 0.0) == pytest.approx(2.0)
    assert judged_s(track(10, []), whole, from_s=7.0) == pytest.approx(3.0)
    assert judged_s(track(10, [], verdict="unknown"), whole, 0.0) == 0.0


def test_what_lies_before_the_end_of_learning_does_not_count():
    truth = Truth(events=((2.0, 4.0), (50.0, 60.0)), normal=((0.0, 2.0), (4.0, 50.0)))

    found = compare(track(100, [3.0, 8.0, 52.0], learnt_until_s=10.0), truth, tolerance_s=0)

    assert (found.events, found.found, found.false_alarms) == (1, 1, 0)


def test_false_alarms_per_day_have_an_exact_interval():
    found = compare(track(100, [5.0]), truth_of("normal", 100.0, HEALTHY), tolerance_s=0)

    per_day = 86400 / 100
    told = figures([found])
    assert told["false_alarms_per_day"] == pytest.approx(per_day, rel=1e-4)
    # Garwood: one event seen, 95 % interval 0.0253 to 5.572
    assert told["false_alarms_per_day_ci95"] == pytest.approx([0.0253 * per_day, 5.572 * per_day], rel=2e-3)


def test_labelled_parts_of_a_session_are_events_and_normal_time():
    truth = truth_of_spans([("normal", 0.0, 5.0), ("imbalance", 5.0, 9.0), ("", 9.0, 10.0)], HEALTHY)

    assert truth == Truth(events=((5.0, 9.0),), normal=((0.0, 5.0),))


def test_all_time_an_events_file_does_not_name_is_normal():
    assert truth_of_file(((0.0, 2.0), (5.0, 6.0)), 8.0).normal == ((2.0, 5.0), (6.0, 8.0))


def test_an_alarm_that_stands_at_the_end_has_no_end():
    made = track(10, [3.0])
    made.told.append(Told("raised", 9.0, 8500, kind="inner"))

    alarms = alarms_of(compare(made, truth_of("inner", 10.0, HEALTHY), 0.0))

    assert [(each["raised_s"], each["cleared_s"]) for each in alarms] == [(3.0, 4.0), (9.0, None)]
    assert alarms[1]["type"] == "inner"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_an_events_file_names_recordings_by_their_last_part(tmp_path: Path):
    path = write(tmp_path / "e.csv", "recording,start_s,end_s\nB1,5,9\nown/B2,1,2\nB1,1,2\n")

    assert read_events(path, ["own/B1", "own/B2"]) == {"own/B1": ((1.0, 2.0), (5.0, 9.0)), "own/B2": ((1.0, 2.0),)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("recording,start_s\nB1,5\n", "e.csv:1: the column end_s is missing"),
        ("recording,start_s,end_s\nB1,9,5\n", "e.csv:2: 9 to 5 is no stretch of time"),
        ("recording,start_s,end_s\nB1,a,5\n", "e.csv:2: a to 5 is no stretch of time"),
        ("recording,start_s,end_s\nB1,1\n", "e.csv:2: 1 to None is no stretch of time"),
        ("recording,start_s,end_s\nB11,1,2\n", "e.csv:2: there is no recording B11"),
        ("recording,start_s,end_s\nB1,1,5\nB1,4,6\n", "two events of own/B1 overlap"),
    ],
)
def test_a_wrong_events_file_is_refused_with_its_line(tmp_path: Path, text: str, words: str):
    with pytest.raises(ConfigError) as refused:
        read_events(write(tmp_path / "e.csv", text), ["own/B1"])

    assert words in refused.value.what
    assert refused.value.fix
