"""Messages carry the time of the signal, not of the computation."""

from edge_app.runtime.timebase import TimeBase
from edge_app.testing.clock import FakeClock


def test_a_live_window_has_the_wall_time_of_its_end_even_when_judged_late():
    clock = FakeClock()
    base = TimeBase(clock, paced=True)
    end_s = clock.monotonic_s() + 1.0
    clock.sleep_s(1.25)  # judged 0.25 s after its end
    assert base.wall_ms(end_s) == clock.wall_ms() - 250
    assert base.mono_ms(end_s) == 1000


def test_a_replay_that_runs_ahead_of_the_clock_keeps_its_own_seconds():
    clock = FakeClock()
    base = TimeBase(clock, paced=False)
    start_s, start_ms = clock.monotonic_s(), clock.wall_ms()
    assert base.wall_ms(start_s + 3600.0) == start_ms + 3_600_000


def test_time_before_the_start_counts_as_the_start():
    clock = FakeClock()
    base = TimeBase(clock, paced=True)
    assert base.mono_ms(clock.monotonic_s() - 5.0) == 0


def test_the_clock_is_asked_how_good_it_is_once_a_second_not_with_every_decision(monkeypatch):
    answers = iter(["rtc", "ntp"])
    monkeypatch.setattr("edge_app.runtime.timebase.clock_quality", lambda wall_ms: next(answers))
    clock = FakeClock()
    base = TimeBase(clock, paced=True)
    assert [base.clock_name() for _ in range(3)] == ["rtc", "rtc", "rtc"]
    clock.sleep_s(1.0)
    assert [base.clock_name() for _ in range(2)] == ["ntp", "ntp"]
