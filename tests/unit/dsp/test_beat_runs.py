"""Runs of early beats: expected values are worked out beside each test."""

from __future__ import annotations

import pytest

from edge_app.core.units import LOG2_ONE
from edge_app.dsp.beat_runs import (
    EARLY_SHIFT,
    FRACTION_BITS,
    MOST_Q8,
    RATIOS,
    SHARES,
    RunTracker,
    runs,
    start_reference,
)


def test_the_reference_begins_with_the_upper_median_of_the_first_six():
    assert start_reference([300, 100, 200, 150, 250, 350, 999]) == 250  # 100 150 200 | 250 300 350


def test_one_premature_beat_is_a_run_of_one_and_hardly_moves_the_reference():
    tracker = RunTracker(256)
    tracker.push(128)  # half of the reference: log2 is -1
    assert (tracker.length, tracker.onset) == (1, -LOG2_ONE)
    assert tracker.reference == (256 << FRACTION_BITS) - (128 << FRACTION_BITS >> EARLY_SHIFT)  # one sample less
    tracker.push(384)  # the pause: ends the run
    assert (tracker.length, tracker.onset) == (0, 0)


def test_a_run_is_early_all_along_and_keeps_the_onset_of_its_first_beat():
    intervals = [256] * 10 + [128] * 10
    # of each early beat the reference keeps 127/128 of the difference of 128 samples: after 9 it is 128 + 128 · 0.932
    found = runs(intervals, len(intervals) - 1, 400)
    assert found["run_length"] == 886  # log2(1 + 10) · 256 = 885.6
    assert found["run_onset"] == -LOG2_ONE
    assert found["run_before"] == pytest.approx(-0.950 * LOG2_ONE, abs=2)  # log2(128 / 247.3)
    assert found["run_step"] == 0
    assert found["run_early_share"] == pytest.approx(9 / 19 * 256, abs=1)


def test_a_slow_drift_is_no_run():
    intervals, tracker = [300 - k for k in range(60)], RunTracker(300)
    for interval in intervals:
        tracker.push(interval)
        assert tracker.length == 0
    # an eighth of the difference each time lags 8 intervals behind, less the one just pushed
    assert tracker.reference / (1 << FRACTION_BITS) == pytest.approx(241 + 7, abs=1)


def test_a_long_pause_moves_the_reference_by_a_32nd_of_three_tenths():
    tracker = RunTracker(320)
    tracker.push(3200)
    assert tracker.reference / (1 << FRACTION_BITS) == 320 + 96 / 32


def test_an_unknown_interval_after_the_beat_is_believed_to_be_long():
    assert runs([200] * 8, 7, 400)["run_after"] == LOG2_ONE
    assert runs([200] * 8, 7, 100)["run_after"] == 0
    assert runs([200] * 8, 7, 400)["run_after_that"] == 0


def test_the_first_interval_has_none_before_it():
    found = runs([100, 200, 200, 200, 200, 200], 0, 400)
    assert (found["run_before"], found["run_step"], found["run_before_that"]) == (-LOG2_ONE, 0, 0)
    assert found["run_shorter_share"] == 128  # not known: half


def test_an_even_rhythm_is_even_and_an_early_beat_is_the_shortest():
    found = runs([256] * 20 + [181, 331], 20, 400)
    assert (found["run_uneven"], found["run_uneven_quarter"], found["run_spread"]) == (0, 0, 0)
    assert found["run_next"] == found["run_before"] == -128  # log2(181 / 256) is -0.5
    assert found["run_deviation"] == -512  # more than eight deviations
    assert found["run_shorter_share"] == 0


def test_all_values_are_named_and_held_within_four():
    found = runs([1, 60000] * 20, 20, 60000)
    assert set(found) == {*RATIOS, *SHARES}
    assert all(abs(each) <= MOST_Q8 for each in found.values())
