"""How a simulated machine is run: points, ramps, stops and the wander between."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.sensors.sim_operation import PROFILES, Operation


def course(operation, seconds, step_s=1.0):
    """(speed, load) every second, shape (seconds, 2)."""
    return np.array([operation.at(step_s * (k + 1)) for k in range(round(seconds / step_s))])


def test_a_steady_machine_wanders_a_little_around_nominal():
    speed, load = course(Operation("steady", 1), 7200).T
    assert (speed.mean(), load.mean()) == pytest.approx((1.0, 1.0), abs=0.01)
    assert speed.std() == pytest.approx(0.002, rel=0.3)
    assert load.std() == pytest.approx(0.03, rel=0.3)


def test_a_varying_machine_visits_many_points_within_its_bounds_and_never_stops():
    speed, load = course(Operation("varying", 2), 24 * 3600, step_s=10.0).T
    assert 0.83 < speed.min() < 0.87
    assert 0.97 < speed.max() < 1.02
    assert 0.4 < load.min() < 0.6
    assert 1.0 < load.max() < 1.3


def test_a_cycling_machine_stops_for_minutes_and_starts_again():
    speed, _ = course(Operation("cycling", 3), 6 * 3600).T
    stopped = np.concatenate(([0], (speed == 0).astype(int), [0]))
    lengths = np.flatnonzero(np.diff(stopped) == -1) - np.flatnonzero(np.diff(stopped) == 1)
    assert lengths.size >= 5
    assert all(100 < length < 610 for length in lengths[:-1])
    assert speed[:60].min() > 0.8


def test_a_schedule_is_followed_with_ramps():
    operation = Operation("varying", 4, [(0.0, 1.0, 0.9), (100.0, 0.8, 0.5), (200.0, 0.0, 0.0)])
    speed, load = course(operation, 300).T
    assert (speed[98], load[98]) == pytest.approx((1.0, 0.9), abs=0.08)
    assert 0.82 < speed[99] < 0.99  # on its way
    assert (speed[150], load[150]) == pytest.approx((0.8, 0.5), abs=0.08)
    assert speed[200] > 0.15
    assert (speed[215:] == 0).all()
    assert (load[215:] == 0).all()


@pytest.mark.parametrize("profile", PROFILES)
def test_the_same_seed_gives_the_same_course(profile):
    assert np.array_equal(course(Operation(profile, 5), 3600), course(Operation(profile, 5), 3600))
    assert not np.array_equal(course(Operation(profile, 5), 3600), course(Operation(profile, 6), 3600))
