"""From a window to a decision: the order of the stages, what is counted, what is said."""

from dataclasses import replace

import pytest

from edge_app.core.errors import ControlError
from edge_app.core.frames import Quality
from edge_app.testing.clock import FakeClock
from tests.support.runtime_fakes import Emitted, make_pipeline, window

MEDIANS = [([], None), ([4200], 0.42), ([1, 9999, 5000], 0.5), ([1000, 3000], 0.1)]


@pytest.fixture
def emitted():
    return Emitted()


@pytest.fixture
def clock():
    return FakeClock(start_s=0.0)


def test_a_score_above_the_threshold_raises_and_one_below_clears(clock, emitted):
    pipeline = make_pipeline(clock, emitted)
    for at_s, score in enumerate([1000, 9000, 9500, 1000], start=1):
        pipeline.judge(window(score, at_s=float(at_s)))
    assert emitted.events[-2:] == [("bearing", "raised"), ("bearing", "cleared")]
    raised, cleared = emitted.decisions[-2:]
    assert (raised.score, raised.state, raised.level, raised.mono_ms, raised.window_ms) == (
        9000,
        "active",
        "alarm",
        2000,
        1000,
    )
    assert (cleared.score, cleared.state, cleared.level) == (1000, "normal", "ok")
    assert raised.wall_ms - cleared.wall_ms == -2000
    assert pipeline.counts.alarms == 1


def test_a_window_that_cannot_be_judged_is_unknown_and_never_reaches_the_model(clock, emitted):
    pipeline = make_pipeline(clock, emitted)
    pipeline.judge(window(1000))
    judgement = pipeline.judge(window(9999, at_s=2.0, quality=Quality(10, ("312 samples lost",), judgeable=False)))
    assert (judgement.verdict, judgement.inference) == ("unknown", None)
    last = emitted.decisions[-1]
    assert (last.event, last.state, last.score, last.quality) == ("unknown", "unknown", -1, 10)
    assert "312 samples lost" in last.why["text"]


def test_a_window_whose_features_are_doubted_is_unknown_with_the_extractors_reason(clock, emitted):
    pipeline = make_pipeline(clock, emitted)
    plain = pipeline.extractor.extract
    pipeline.extractor.extract = lambda window: replace(plain(window), doubts=("pulse shapes do not repeat",))
    judgement = pipeline.judge(window(9999))
    assert (judgement.verdict, judgement.inference) == ("unknown", None)
    assert emitted.decisions[-1].why["text"] == "Cannot judge: pulse shapes do not repeat."


def test_a_machine_below_its_gate_is_idle_and_not_judged(clock, emitted):
    pipeline = make_pipeline(clock, emitted, gate_above=50)
    pipeline.judge(window(1000, level=100))
    assert pipeline.judge(window(9999, level=50, at_s=2.0)).verdict == "idle"
    assert emitted.decisions[-1].event == "idle"
    assert (pipeline.counts.judged, pipeline.counts.idle, pipeline.counts.unknown) == (1, 1, 0)


def test_every_decision_carries_the_state_to_keep(clock, emitted):
    pipeline = make_pipeline(clock, emitted)
    pipeline.judge(window(9000))
    fresh = make_pipeline(clock, Emitted())
    assert fresh.decider.restore(emitted.states["app/bearing"], 0)
    assert fresh.decider.state == "active"


def test_once_an_hour_of_signal_a_summary_says_that_silence_means_health(clock, emitted):
    pipeline = make_pipeline(clock, emitted)
    for at_s in range(1, 7202):
        pipeline.judge(window(1000, at_s=float(at_s)))
    summaries = [decision for decision in emitted.decisions if decision.event == "summary"]
    assert [summary.mono_ms for summary in summaries] == [3_600_000, 7_200_000]
    assert summaries[1].why["judged"] == 3600
    assert summaries[0].why["text"].startswith("last hour: 3600 windows judged, 0 could not be judged, 0 idle")


@pytest.mark.parametrize(
    ("scores", "median"), [([], None), ([4200], 0.42), ([1, 9999, 5000], 0.5), ([1000, 3000], 0.1)]
)
def test_the_median_is_exact_and_the_lower_of_two(clock, emitted, scores, median):
    pipeline = make_pipeline(clock, emitted)
    for at_s, score in enumerate(scores, start=1):
        pipeline.judge(window(score, at_s=float(at_s)))
    assert pipeline.counts.median_score() == median


def test_an_acknowledgement_is_an_event_and_one_out_of_place_a_clear_refusal(clock, emitted):
    pipeline = make_pipeline(clock, emitted)
    with pytest.raises(ControlError):
        pipeline.command("ack")
    pipeline.judge(window(9000))
    pipeline.command("ack")
    assert emitted.decisions[-1].event == "acked"
    assert "acked" in emitted.decisions[-1].flags


def test_why_explains_a_window_about_which_nothing_was_said(clock, emitted):
    pipeline = make_pipeline(clock, emitted)
    assert pipeline.why()["why"]["text"] == "no window has been formed yet"
    pipeline.judge(window(1000))
    pipeline.judge(window(2000, at_s=2.0))
    report = pipeline.why()
    assert (report["verdict"], report["score"], report["state"]) == ("judged", 2000, "normal")
    assert "below 0.80" in report["why"]["text"]


def test_a_childs_alarm_is_not_told_while_its_parents_stands(clock, emitted):
    parent = make_pipeline(clock, emitted, name="parent")
    child = make_pipeline(clock, emitted, name="child")
    parent.children.append(child)
    parent.judge(window(9000, at_s=1.0))
    child.judge(window(9000, at_s=2.0))
    assert ("child", "raised") not in emitted.events
    assert child.decider.state == "active"
