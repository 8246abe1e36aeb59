"""A silent sensor is an alarm of its own."""

import pytest

from edge_app.decision.anomaly import AnomalyDecider
from edge_app.runtime.sensor_alarm import SILENT_AFTER_S, SensorAlarm
from edge_app.runtime.timebase import TimeBase
from edge_app.runtime.voice import Identity
from edge_app.testing.clock import FakeClock
from tests.support.runtime_fakes import Emitted


def make_alarm(clock, emitted):
    decider = AnomalyDecider(5000, 5000, on_delay_ms=round(SILENT_AFTER_S * 1000))
    identity = Identity("app", "1.0.0", "sensor-vibration")
    return SensorAlarm(identity, "vibration", decider, TimeBase(clock, paced=True), emitted)


@pytest.fixture
def parts():
    clock, emitted = FakeClock(start_s=0.0), Emitted()
    return clock, make_alarm(clock, emitted), emitted


def silent_for(clock, alarm, seconds):
    for _ in range(seconds):
        clock.sleep_s(1.0)
        alarm.hear(False, "no answer at 0x6A", clock.monotonic_s())


def test_ten_seconds_of_silence_raise_it_with_the_reason(parts):
    clock, alarm, emitted = parts
    silent_for(clock, alarm, 12)
    assert emitted.events == [("sensor-vibration", "raised")]
    decision = emitted.decisions[0]
    assert decision.why["text"] == "sensor vibration: no answer at 0x6A"
    assert (decision.level, decision.quality, decision.model) == ("alarm", 0, None)


def test_a_short_break_says_nothing(parts):
    clock, alarm, emitted = parts
    silent_for(clock, alarm, 5)
    alarm.hear(True, "", clock.monotonic_s())
    silent_for(clock, alarm, 5)
    assert emitted.events == []


def test_the_first_frame_after_silence_clears_it(parts):
    clock, alarm, emitted = parts
    silent_for(clock, alarm, 12)
    clock.sleep_s(1.0)
    alarm.hear(True, "", clock.monotonic_s())
    assert emitted.events[-1] == ("sensor-vibration", "cleared")
    assert emitted.decisions[-1].why["text"] == "sensor vibration delivers again"


def test_an_alarm_that_stood_before_a_restart_is_cleared_by_the_first_frame_after_it(parts):
    clock, alarm, emitted = parts
    silent_for(clock, alarm, 12)
    restarted = make_alarm(clock, emitted)
    assert restarted.decider.restore(emitted.states["app/sensor-vibration"], 12_000)
    restarted.hear(True, "", clock.monotonic_s())
    assert emitted.events == [("sensor-vibration", "raised"), ("sensor-vibration", "cleared")]


def test_a_signal_that_is_there_from_the_start_says_nothing(parts):
    clock, alarm, emitted = parts
    for _ in range(3):
        clock.sleep_s(1.0)
        alarm.hear(True, "", clock.monotonic_s())
    assert emitted.events == []


def test_the_end_of_a_shelf_is_told_while_the_signal_is_there(parts):
    clock, alarm, emitted = parts
    alarm.hear(True, "", clock.monotonic_s())
    alarm.command("shelve", 1)
    for _ in range(61):
        clock.sleep_s(1.0)
        alarm.hear(True, "", clock.monotonic_s())
    assert emitted.events == [("sensor-vibration", "shelved"), ("sensor-vibration", "unshelved")]
