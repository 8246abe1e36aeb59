from __future__ import annotations

import threading

from edge_app.testing.clock import FakeClock


def test_the_clock_stands_still_until_somebody_sleeps():
    clock = FakeClock(start_s=10.0, wall_ms=5000)
    assert (clock.monotonic_s(), clock.wall_ms()) == (10.0, 5000)
    clock.sleep_s(1.5)
    assert (clock.monotonic_s(), clock.wall_ms()) == (11.5, 6500)
    clock.sleep_s(-1.0)
    assert clock.monotonic_s() == 11.5
    assert clock.sleeps_s == [1.5]


def test_waiting_takes_its_whole_time_unless_the_event_is_set():
    clock, event = FakeClock(start_s=0.0), threading.Event()
    assert clock.wait(event, 2.0) is False
    assert clock.monotonic_s() == 2.0
    event.set()
    assert clock.wait(event, 2.0) is True
    assert clock.monotonic_s() == 2.0


def test_the_wall_clock_can_jump_while_the_monotonic_one_goes_on():
    clock = FakeClock(start_s=10.0, wall_ms=0)
    clock.set_wall_ms(1_700_000_000_000)
    clock.advance(1.0)
    assert (clock.monotonic_s(), clock.wall_ms()) == (11.0, 1_700_000_001_000)
