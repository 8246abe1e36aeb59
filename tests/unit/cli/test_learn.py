"""What `edge-app learn` says of normals."""

from __future__ import annotations

from edge_app.cli.learn import compare_text, history_text


def test_the_history_tells_a_span_in_a_unit_that_says_something():
    kept = {"number": 1, "learnt": "2026-11-22 21:36:30 UTC", "clock": "rtc", "windows": 107, "seconds": 54}
    kept |= {"false_alarms_per_week": 1.0, "tail": "exponential"}

    shown = history_text({"app": "a", "pipe": "p", "normal": 1, "normals": [kept]})

    assert (
        shown
        == "*    1  2026-11-22 21:36:30 UTC (clock rtc)  107 windows in 54 s, 1 false alarm a week, exponential tail"
    )


def test_what_is_to_know_of_the_normal_that_serves_stands_below_it():
    kept = {"learnt": "2026-11-22 21:36:30 UTC", "clock": "rtc", "windows": 107, "seconds": 54, "tail": "exponential"}
    kept |= {"false_alarms_per_week": 1.0, "notes": ["flagged: lasting changes from about 14 dB in one band"]}
    normals = [kept | {"number": 1}, kept | {"number": 2}]

    lines = history_text({"app": "a", "pipe": "p", "normal": 2, "normals": normals}).splitlines()

    assert [line[:6].strip() for line in lines] == ["1", "*    2", ""]
    assert lines[2].strip() == "flagged: lasting changes from about 14 dB in one band"


def test_two_normals_stand_one_below_the_other_where_a_terminal_is_narrow(monkeypatch):
    monkeypatch.setattr("edge_app.cli.learn.columns", lambda stream: 40)
    facts = {"false_alarms_per_week": 1.0, "threshold_db": 37.8, "median_score": 2500, "windows_above": 0, "alarms": 0}
    answer = {"new": facts | {"number": 1}, "old": facts | {"number": None}, "windows": 107, "shifts_db": []}

    lines = compare_text(answer).splitlines()

    assert max(map(len, lines)) <= 40
    assert lines[0] == "  shipped  normal 1"
    assert lines[lines.index("threshold (dB of the model's output)") + 1] == "  37.8     37.8"
