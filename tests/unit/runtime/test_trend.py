"""The hourly summary tells the range of what an extractor wants told."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.core.results import FeatureVector
from edge_app.features.rhythm import Rhythm, RhythmSettings
from edge_app.runtime.trend import Trend
from edge_app.testing.clock import FakeClock
from tests.support.runtime_fakes import Emitted, ScoreInSamples, make_pipeline, window


@pytest.fixture
def rhythm():
    return Rhythm(RhythmSettings("ppg", 30.0), 100.0)


def beats_of(rhythm, bpm):
    return FeatureVector(np.array([rhythm.level("heart_rate_bpm", bpm), 0, 0, 0, 0], np.int16), rhythm.schema)


def test_lowest_highest_and_median_are_told_once(rhythm):
    trend = Trend(rhythm)
    for bpm in (71.0, 58.0, 92.0):
        trend.add(beats_of(rhythm, bpm))
    assert trend.take() == "heart rate 58 to 92 bpm, median 71"
    assert trend.take() == ""


def test_an_extractor_that_wants_nothing_told_has_no_trend():
    trend = Trend(ScoreInSamples())
    trend.add(ScoreInSamples().extract(window(1000)))
    assert trend.take() == ""


def test_the_summary_of_an_hour_ends_with_it(monkeypatch):
    monkeypatch.setattr(ScoreInSamples, "told", ("score",), raising=False)
    emitted = Emitted()
    pipeline = make_pipeline(FakeClock(start_s=0.0), emitted)
    for at_s in range(1, 3601):
        pipeline.judge(window(1000 + at_s % 2, at_s=float(at_s)))
    summary = next(each for each in emitted.decisions if each.event == "summary")
    assert summary.why["text"].endswith("; score 1000 to 1001, median 1000")
