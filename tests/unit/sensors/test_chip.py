"""The adapter: a chip driver as a sensor of frames."""

from __future__ import annotations

import errno
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from edge_app.core.errors import BusError, ConfigError, SensorLost, SensorNotFound
from edge_app.sensors.adxl345 import ADXL345
from edge_app.sensors.chip import ChipSensor, SampleClock
from edge_app.sensors.lsm6ds3 import LSM6DS3
from edge_app.testing.clock import FakeClock
from edge_app.testing.fake_chips import FakeADXL345, FakeLSM6DS3, counting
from edge_app.testing.fake_i2c import FakeI2CBus


def rig(*, axis="z", rate_hz=3332, signal=counting, rate_error=0.0, bus_hz=400_000, opened=True, told_hz=None):
    clock = FakeClock()
    chip = FakeLSM6DS3(clock, signal, rate_error=rate_error)
    bus = FakeI2CBus({0x6A: chip}, bus_hz=bus_hz)
    driver = LSM6DS3(bus, 0x6A, rate_hz, 16, lambda ms: clock.sleep_s(ms / 1000))
    sensor = ChipSensor(driver, bus, clock, axis=axis, bus_hz=told_hz)
    if opened:
        sensor.open()
    return SimpleNamespace(sensor=sensor, chip=chip, bus=bus, clock=clock, driver=driver)


def test_a_frame_carries_what_its_reader_needs():
    here = rig(axis="xyz")
    frame = here.sensor.read(2.0)
    assert frame.samples.shape == (3, 166)  # 50 ms at 3332 Hz
    assert frame.samples.dtype == np.int16
    assert (frame.unit, frame.rate_hz, frame.full_scale, frame.lost) == ("g", 3332, 32767, 0)
    assert frame.scale == pytest.approx(0.000488)
    assert here.sensor.name == "lsm6ds3 on bus 1 address 0x6A"


@pytest.mark.parametrize(("axis", "first"), [("x", [1]), ("z", [3]), ("xyz", [1, 2, 3]), ("zx", [3, 1])])
def test_axes_are_chosen_and_ordered_by_their_letters(axis, first):
    here = rig(axis=axis, signal=lambda index: (1, 2, 3))
    frame = here.sensor.read(2.0)
    assert frame.samples[:, 0].tolist() == first
    assert here.sensor.n_axes == len(axis)
    assert frame.samples.flags.c_contiguous


@pytest.mark.parametrize("axis", ["", "w", "xx", "xyzx"])
def test_an_axis_that_is_none_is_refused(axis):
    with pytest.raises(ConfigError, match="axis"):
        rig(axis=axis, opened=False)


def test_a_minute_of_frames_holds_every_sample_once():
    here = rig(axis="x")
    numbers = np.concatenate([here.sensor.read(2.0).samples[0] for _ in range(1200)])
    assert set(np.diff(numbers.astype(int)) % 1000) == {1}
    assert here.sensor.counters() == {"overruns": 0, "nacks": 0, "timeouts": 0, "failures": 0, "reopens": 0}


def test_the_fifo_is_looked_at_every_50_ms_or_before_it_is_40_percent_full():
    assert rig().sensor.poll_s == 0.05  # 1365 samples last 410 ms
    clock = FakeClock()
    bus = FakeI2CBus({0x53: FakeADXL345(clock)})
    fast = ChipSensor(ADXL345(bus, 0x53, 800, 16, None), bus, clock)
    assert fast.poll_s == pytest.approx(0.4 * 32 / 800)  # 16 ms: the FIFO lasts 40 ms


def test_a_slow_sensor_gives_a_frame_as_soon_as_there_is_a_sample():
    here = rig(rate_hz=12.5)  # a sample every 80 ms
    before_s = here.clock.monotonic_s()
    assert here.sensor.read(2.0).length == 1
    assert here.clock.monotonic_s() - before_s <= 0.1


@pytest.mark.parametrize("rate_error", [-0.05, 0.0, 0.03])
def test_times_follow_the_machines_clock_although_the_chips_oscillator_is_off(rate_error):
    here = rig(rate_error=rate_error)
    start_s = here.clock.monotonic_s()
    for _ in range(1200):  # a minute
        frame = here.sensor.read(2.0)
    now_s = here.clock.monotonic_s()
    true_end_s = frame.start_s + frame.length / (3332 * (1 + rate_error))
    assert true_end_s == pytest.approx(now_s, abs=0.002)  # counting alone would be 3 s off at 5 %
    assert now_s - start_s == pytest.approx(60, abs=0.5)


def test_times_are_even_although_the_reader_is_now_and_then_late():
    here = rig()
    late = np.random.default_rng(7)
    frames = []
    for _ in range(200):
        here.clock.advance(float(late.uniform(0, 0.01)))
        frames.append(here.sensor.read(2.0))
    gaps_s = [later.start_s - earlier.end_s for earlier, later in pairwise(frames)]
    assert max(abs(gap_s) for gap_s in gaps_s) < 0.0003  # a sample lasts 0.3 ms


def test_an_overrun_is_counted_and_told_with_the_next_frame_as_an_unknown_loss():
    here = rig()
    here.sensor.read(2.0)
    here.clock.advance(1.0)  # the reader was away for longer than the FIFO lasts
    frame = here.sensor.read(2.0)
    assert frame.lost == -1
    assert here.sensor.read(2.0).lost == 0
    assert here.sensor.counters()["overruns"] == 1
    assert frame.end_s == pytest.approx(here.clock.monotonic_s() - 0.05, abs=0.002)


def test_a_single_nack_is_noise_counted_and_told_but_no_end():
    here = rig()
    here.sensor.read(2.0)
    here.bus.fail(errno.EREMOTEIO)
    frame = here.sensor.read(2.0)
    assert frame.lost == -1
    assert here.sensor.counters()["nacks"] == 1


def test_a_burst_cut_short_never_mixes_axes():
    here = rig(axis="xyz", signal=lambda index: (100, 200, 300))
    here.bus.fail(errno.EREMOTEIO, after=1)  # the status is read, the burst fails
    here.chip.read(0x3E, 2)
    frame = here.sensor.read(2.0)
    assert set(map(tuple, frame.samples.T.tolist())) == {(100, 200, 300)}


def test_three_failures_in_a_row_lose_the_sensor():
    here = rig()
    here.bus.fail(errno.EREMOTEIO, times=3)
    with pytest.raises(SensorLost) as caught:
        here.sensor.read(2.0)
    assert caught.value.what.startswith("lsm6ds3 on bus 1 address 0x6A is lost. I2C bus 1 address 0x6A")
    assert isinstance(caught.value.__cause__, BusError)
    assert here.sensor.counters()["nacks"] == 3


def test_a_locked_up_bus_loses_the_sensor_and_is_counted_as_time_outs():
    here = rig()
    here.bus.lock_up()
    with pytest.raises(SensorLost, match="holds the bus"):
        here.sensor.read(2.0)
    assert here.sensor.counters()["timeouts"] == 3
    here.sensor.close()
    here.bus.release()
    here.sensor.open()
    assert here.sensor.read(2.0).length > 0


def test_a_bus_that_is_gone_loses_the_sensor_at_once():
    here = rig()
    here.bus.fail(errno.ENODEV)
    with pytest.raises(SensorLost):
        here.sensor.read(2.0)
    assert here.sensor.counters()["failures"] == 1


def test_unplugged_and_plugged_in_again_it_is_configured_anew():
    here = rig()
    here.sensor.read(2.0)
    here.bus.unplug(0x6A)
    with pytest.raises(SensorLost):
        here.sensor.read(2.0)
    here.sensor.close()
    with pytest.raises(SensorNotFound, match="nothing answers there"):
        here.sensor.open()
    assert not here.bus.is_open
    here.bus.plug(0x6A)
    here.sensor.open()
    assert here.sensor.read(2.0).lost == 0
    assert here.sensor.counters()["reopens"] == 1


def test_a_chip_that_lost_its_power_for_a_moment_answers_but_is_silent_and_so_is_lost():
    here = rig()
    here.sensor.read(2.0)
    here.bus.plug(0x6A)  # powered anew: asleep
    before_s = here.clock.monotonic_s()
    with pytest.raises(SensorLost, match="answers but delivered no sample for 2 s"):
        here.sensor.read(2.0)
    assert here.clock.monotonic_s() - before_s == pytest.approx(2.0, abs=0.06)


def test_a_rate_the_bus_cannot_carry_is_refused_with_the_rate_it_can():
    here = rig(bus_hz=100_000, opened=False)
    with pytest.raises(ConfigError) as caught:
        here.sensor.open()
    assert "at 100 kHz the bus carries 833 Hz" in caught.value.what
    assert "i2c_arm_baudrate=400000" in caught.value.fix
    assert not here.bus.is_open
    assert here.bus.writes == []


def test_the_configured_bus_clock_counts_where_the_device_tree_is_silent():
    with pytest.raises(ConfigError):
        rig(bus_hz=None, told_hz=100_000)
    rig(bus_hz=None)


def test_closing_twice_is_fine_and_reading_afterwards_is_a_clear_error():
    here = rig()
    here.sensor.close()
    here.sensor.close()
    assert not here.bus.is_open
    with pytest.raises(SensorLost, match="is closed"):
        here.sensor.read(1.0)


def test_more_than_one_buffer_full_is_read_without_a_pause():
    here = rig(axis="x")
    here.clock.advance(0.4)  # 1332 samples wait, two buffers of 666
    first = here.sensor.read(2.0)
    slept = len(here.clock.sleeps_s)
    second = here.sensor.read(2.0)
    assert len(here.clock.sleeps_s) == slept
    assert (int(second.samples[0, 0]) - int(first.samples[0, -1])) % 1000 == 1
    assert second.start_s == pytest.approx(first.end_s)


def test_the_sample_clock_starts_anew_after_time_it_cannot_explain():
    times = SampleClock(1000.0)
    assert times.date(100, 10.0, drained=True) == (9.9, 0)
    start_s, missed = times.date(100, 11.0, drained=True)  # 1 s later 100 samples: 900 are missing
    assert start_s == pytest.approx(10.9)
    assert missed == 900


def test_the_sample_clock_measures_the_rate():
    times = SampleClock(1000.0)
    for batch in range(2000):
        times.date(51, 10.0 + batch * 0.05, drained=True)  # 1020 Hz
    assert times.rate_hz == pytest.approx(1020, rel=0.001)


def test_one_late_batch_is_not_believed_for_long():
    times = SampleClock(1000.0)
    times.date(50, 10.02, drained=True)  # the machine was busy for 20 ms
    for batch in range(1, 150):
        start_s, missed = times.date(50, 10.0 + batch * 0.05, drained=True)
        assert missed == 0
    assert start_s + 0.05 == pytest.approx(10.0 + 149 * 0.05, abs=0.0002)
    assert times.rate_hz == pytest.approx(1000, rel=0.0005)
