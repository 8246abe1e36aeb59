from __future__ import annotations

import struct
from array import array

import pytest

from edge_app.sensors.lsm6ds3 import LSM6DS3
from edge_app.testing.clock import FakeClock
from edge_app.testing.fake_chips import FakeLSM6DS3
from edge_app.testing.fake_i2c import FakeI2CBus


def opened(rate_hz=3332, range_g=16, signal=lambda index: (index, index, index)):
    clock = FakeClock()
    chip = FakeLSM6DS3(clock, signal)
    bus = FakeI2CBus({0x6A: chip})
    bus.open()
    driver = LSM6DS3(bus, 0x6A, rate_hz, range_g, lambda ms: clock.sleep_s(ms / 1000))
    driver.open()
    return driver, chip, bus, clock


@pytest.mark.parametrize(("range_g", "milli_g", "code"), [(2, 0.061, 0), (4, 0.122, 2), (8, 0.244, 3), (16, 0.488, 1)])
def test_scale_and_range_code_are_those_of_the_data_sheet(range_g, milli_g, code):
    driver, chip, _, _ = opened(range_g=range_g)
    assert driver.scale == pytest.approx(milli_g / 1000)  # "Mechanical characteristics", LA_So
    assert chip.memory[0x10] >> 2 & 3 == code  # CTRL1_XL (10h) FS_XL
    assert driver.full_scale == 32767


def test_one_g_on_z_is_read_as_one_g():
    one_g = round(1000 / 0.488)  # 2049 counts at 16 g
    driver, _, _, clock = opened(signal=lambda index: (0, 0, one_g))
    clock.advance(0.01)
    out = array("h", bytes(6 * 64))
    n_samples = driver.read_into(out)
    assert n_samples > 0
    assert out[2] * driver.scale == pytest.approx(1.0, abs=0.0005)


def test_the_fifo_runs_in_continuous_mode_at_the_sensors_rate_without_the_gyroscope():
    _, chip, _, _ = opened(rate_hz=3332)
    assert chip.memory[0x10] >> 4 == 9  # CTRL1_XL ODR_XL: 3.33 kHz
    assert chip.memory[0x0A] == 9 << 3 | 6  # FIFO_CTRL5: ODR_FIFO 3.3 kHz, continuous
    assert chip.memory[0x08] == 1  # FIFO_CTRL3: accelerometer undecimated, gyroscope out
    assert chip.memory[0x11] >> 4 == 0  # CTRL2_G ODR_G: gyroscope off
    assert chip.memory[0x12] & 0x44 == 0x44  # CTRL3_C: BDU and IF_INC


def test_a_batch_takes_one_status_read_and_one_burst():
    driver, _, bus, clock = opened()
    clock.advance(0.0101)  # 33 samples at 3332 Hz
    bus.reads.clear()
    assert driver.read_into(array("h", bytes(6 * 64))) == 33
    assert bus.reads == [(0x6A, 0x3A, 4), (0x6A, 0x3E, 33 * 6)]


def test_a_read_cut_short_in_the_middle_of_a_sample_is_realigned_by_the_pattern():
    driver, chip, _, clock = opened(signal=lambda index: (100, 200, 300))
    clock.advance(0.01)
    chip.read(0x3E, 2)  # somebody took X of the first sample: the next word is Y, pattern 1
    out = array("h", bytes(6 * 64))
    n_samples = driver.read_into(out)
    assert out[: 3 * n_samples].tolist() == [100, 200, 300] * n_samples


def test_after_an_overrun_the_fifo_begins_anew_with_the_newest_samples():
    driver, chip, _, clock = opened()
    clock.advance(0.5)  # 1666 samples; the FIFO holds 1365
    out = array("h", bytes(6 * 1365))
    assert driver.read_into(out) == 0
    assert driver.overruns == 1
    made = chip.samples_made
    clock.advance(0.0031)  # 10 samples
    assert driver.read_into(out) == 10
    assert out[0:30:3].tolist() == list(range(made, made + 10))


def test_the_status_word_counts_up_to_4095_words():
    driver, chip, _, clock = opened()
    clock.advance(1364.5 / 3332)
    assert struct.unpack("<H", chip.read(0x3A, 2))[0] & 0x0FFF == 1364 * 3
    assert driver.read_into(array("h", bytes(6 * 1365))) == 1364
