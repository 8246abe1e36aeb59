"""One sensor's loop: frames to windows, and what happens when the sensor fails."""

import threading

import pytest

from edge_app.core.errors import SensorNotFound
from edge_app.runtime.lane import MAILBOX_WINDOWS, Lane
from edge_app.runtime.reader import BACKOFF_FIRST_S, Reader
from edge_app.runtime.watchdog import Watchdog
from edge_app.testing.clock import FakeClock
from edge_app.windowing import Windower
from tests.support.runtime_fakes import Emitted, ScriptedSensor, lost, make_pipeline

SECOND = [100, 1000, 3, -3]  # level, score, and something that is no flat line


def make_reader(clock, sensor, *, inline=True):
    emitted = Emitted()
    pipeline = make_pipeline(clock, emitted)
    lane = Lane(Windower(4.0, 1.0, 1.0), pipeline, 1.0, clock, quick_s=0.0, inline=inline)
    heard = []
    reader = Reader(
        "vibration",
        sensor,
        [lane],
        clock,
        Watchdog(clock, ["vibration"]),
        on_signal=lambda present, problem, now_s: heard.append((present, problem)),
    )
    return reader, pipeline, heard, emitted


def test_a_recording_is_read_to_its_end_and_the_sensor_closed():
    clock = FakeClock()
    sensor = ScriptedSensor(clock, [SECOND, SECOND, SECOND])
    reader, pipeline, _, _ = make_reader(clock, sensor)
    reader.run(threading.Event())
    assert (pipeline.counts.windows, pipeline.counts.judged) == (3, 3)
    assert (reader.counts.samples, reader.counts.bytes) == (12, 24)
    assert sensor.closed == 1


def test_a_lost_sensor_is_reopened_and_the_pipeline_decides_unknown_meanwhile():
    clock = FakeClock()
    sensor = ScriptedSensor(clock, [SECOND, lost(), SECOND, SECOND])
    reader, pipeline, heard, emitted = make_reader(clock, sensor)
    reader.run(threading.Event())
    assert (sensor.opened, reader.counts.faults, reader.counts.reopens) == (2, 1, 1)
    assert pipeline.counts.judged == 3
    assert pipeline.counts.unknown == 1  # half a second of back-off: one hop of one second is told
    assert (False, "scripted sensor does not answer") in heard
    unknown = next(decision for decision in emitted.decisions if decision.event == "unknown")
    assert "scripted sensor does not answer" in unknown.why["text"]


def test_waits_between_attempts_double_with_jitter_up_to_half_a_minute():
    clock = FakeClock()
    absent = [SensorNotFound("open", "") for _ in range(8)]
    sensor = ScriptedSensor(clock, [*absent, SECOND])
    reader, _, _, _ = make_reader(clock, sensor)
    start_s = clock.monotonic_s()
    reader.run(threading.Event())
    waited_s = clock.monotonic_s() - start_s - 1.0  # one second of signal
    expected_s = sum(min(BACKOFF_FIRST_S * 2**n, 30.0) for n in range(8))  # 0.5 1 2 4 8 16 30 30
    assert 0.75 * expected_s <= waited_s <= 1.25 * expected_s + 8 * 0.25


def test_stopping_ends_a_wait_at_once():
    clock = FakeClock()
    sensor = ScriptedSensor(clock, [SensorNotFound("open", "") for _ in range(100)])
    reader, _, _, _ = make_reader(clock, sensor)
    stop = threading.Event()
    reader._on_signal = lambda *_: stop.set()
    reader.run(stop)
    assert sensor.opened == 1


def test_a_worker_that_falls_behind_costs_whole_windows_and_they_are_counted():
    clock = FakeClock()
    sensor = ScriptedSensor(clock, [SECOND] * (MAILBOX_WINDOWS + 3))
    reader, pipeline, _, _ = make_reader(clock, sensor, inline=False)  # nobody empties the mailbox
    reader.run(threading.Event())
    assert pipeline.counts.dropped == 3
    assert reader.lanes[0].mailbox.qsize() == MAILBOX_WINDOWS


def test_a_worker_judges_what_waits_and_ends_when_told():
    clock = FakeClock()
    sensor = ScriptedSensor(clock, [SECOND, SECOND])
    reader, pipeline, _, _ = make_reader(clock, sensor, inline=False)
    reader.run(threading.Event())
    reader.lanes[0].mailbox.put(None)
    reader.lanes[0].work(pytest.fail)
    assert pipeline.counts.judged == 2


def test_a_sensor_opened_before_the_loop_is_not_opened_again():
    clock = FakeClock()
    sensor = ScriptedSensor(clock, [SECOND])
    reader, pipeline, _, _ = make_reader(clock, sensor)
    reader.open()
    reader.run(threading.Event())
    assert (sensor.opened, pipeline.counts.judged) == (1, 1)


def test_opening_before_the_loop_raises_what_the_sensor_says():
    clock = FakeClock()
    reader, _, heard, _ = make_reader(clock, ScriptedSensor(clock, [SensorNotFound("open", "Look at the wiring.")]))
    with pytest.raises(SensorNotFound, match="wiring"):
        reader.open()
    assert not heard
