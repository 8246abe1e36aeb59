"""Features that wander for hours without an alarm."""

import numpy as np
import pytest

from edge_app.runtime.drift import SUSTAINED, WARM_UP, Drift

NAMES = tuple(f"band_{each}_{each + 1}_hz" for each in range(20))
STEPS = 12
"""Counts of a feature are steps here: multiplier 1, shift 0."""


def followed(*, wander=()):
    drift = Drift(NAMES, hop_s=4.0)  # every window is taken
    drift.follow("base", [100] * 20, [1] * 20, 0, wander)
    return drift


def hours(drift, count, moved=0, features=20, seed=1):
    """Windows with a spread of 12 steps around the baseline, some features moved; how often drift was told."""
    noise = np.random.RandomState(seed).normal(0, STEPS, (count, 20))
    noise[:, :features] += moved
    return sum(drift.take(np.rint(100 + row).astype(np.int16)) for row in noise)


def test_a_machine_that_stays_as_it_was_never_drifts():
    assert hours(followed(), 20_000) == 0


def test_a_lasting_change_is_told_once_and_only_after_hours():
    drift = followed()
    assert hours(drift, WARM_UP) == 0
    assert hours(drift, SUSTAINED, moved=24) == 0  # two hours outside are not over yet
    assert hours(drift, 4000, moved=24) == 1
    assert drift.told
    assert drift.finding().count == 20
    # 24 counts of a band: 24 / 256 octaves of power, 3.0103 dB each.
    assert drift.finding().top[0][1] == pytest.approx(3, abs=1)


def test_a_change_that_ends_is_not_told_again_before_it_has_ended():
    drift = followed()
    hours(drift, 8000, moved=24)
    assert drift.told
    assert hours(drift, 6000, moved=0) == 0
    assert not drift.told
    assert hours(drift, 8000, moved=24) == 1


def test_one_feature_alone_does_not_count():
    assert hours(followed(), 10_000, moved=60, features=1) == 0
    assert hours(followed(), 10_000, moved=60, features=2) == 1  # 10 % of 20


def test_a_machine_that_stood_steady_while_learning_is_watched_more_closely():
    assert hours(followed(), 10_000, moved=9) == 0
    assert hours(followed(wander=[1] * 20), 10_000, moved=9) == 1
    assert hours(followed(wander=[4] * 20), 10_000, moved=9) == 0  # 5 · 4 steps are beyond the widest band


def test_a_new_baseline_begins_anew():
    drift = followed()
    hours(drift, 8000, moved=24)
    drift.follow("new", [124] * 20, [1] * 20, 0)
    assert not drift.told
    assert hours(drift, 8000, moved=24) == 0


def test_it_goes_on_after_a_restart():
    drift, again = followed(), followed()
    hours(drift, 1000, moved=24)
    assert again.restore(drift.snapshot())
    # Outside from the first window on, told when the warm-up is over: 1000 + 1048.
    assert hours(again, 1800, moved=24, seed=2) == hours(drift, 1800, moved=24, seed=2) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"baseline": "other"},
        {"v": 2},
        {"mean": [0] * 19},
        {"mean": ["x"] * 20},
        {"mean": [1 << 60] * 20},
        {"taken": -1},
        {"told": 1},
        {"outside": None},
    ],
)
def test_a_damaged_or_foreign_snapshot_changes_nothing(change):
    drift = followed()
    hours(drift, 100, moved=24)
    before = drift.snapshot()
    assert not drift.restore({**before, **change})
    assert drift.snapshot() == before


def test_windows_between_are_passed_over():
    drift = Drift(NAMES, hop_s=0.5)
    for _ in range(80):
        drift.take(np.zeros(20, np.int16))
    assert drift.taken == 10  # one in eight: every 4 s


def test_features_at_their_limits_do_not_overflow():
    drift = Drift(NAMES, hop_s=4.0)
    drift.follow("base", [-32768] * 20, [32767] * 20, 1)
    assert sum(drift.take(np.full(20, 32767, np.int16)) for _ in range(6000)) == 1
