from __future__ import annotations

from array import array

import pytest

from edge_app.sensors.lsm6dso import LSM6DSO
from edge_app.testing.clock import FakeClock
from edge_app.testing.fake_chips import FakeLSM6DSO
from edge_app.testing.fake_i2c import FakeI2CBus


def opened(rate_hz=3332, range_g=16, signal=lambda index: (index, -index, 7)):
    clock = FakeClock()
    chip = FakeLSM6DSO(clock, signal)
    bus = FakeI2CBus({0x6A: chip})
    bus.open()
    driver = LSM6DSO(bus, 0x6A, rate_hz, range_g, lambda ms: clock.sleep_s(ms / 1000))
    driver.open()
    return driver, chip, bus, clock


@pytest.mark.parametrize(("range_g", "milli_g", "code"), [(2, 0.061, 0), (4, 0.122, 2), (8, 0.244, 3), (16, 0.488, 1)])
def test_scale_and_range_code_are_those_of_the_data_sheet(range_g, milli_g, code):
    driver, chip, _, _ = opened(range_g=range_g)
    assert driver.scale == pytest.approx(milli_g / 1000)  # "Mechanical characteristics", LA_So
    assert chip.memory[0x10] >> 2 & 3 == code  # CTRL1_XL (10h) FS_XL
    assert chip.memory[0x17] & 2 == 0  # CTRL8_XL XL_FS_MODE: the range above counts


def test_the_fifo_batches_the_accelerometer_only_at_its_rate_in_continuous_mode():
    _, chip, _, _ = opened(rate_hz=833)
    assert chip.memory[0x10] >> 4 == 7  # CTRL1_XL ODR_XL: 833 Hz
    assert chip.memory[0x09] == 7  # FIFO_CTRL3: BDR_GY 0, BDR_XL 833 Hz
    assert chip.memory[0x0A] & 7 == 6  # FIFO_CTRL4: continuous
    assert chip.memory[0x18] & 2  # CTRL9_XL: no I3C on an I2C bus


def test_words_with_another_tag_are_left_out():
    driver, chip, _, clock = opened(signal=lambda index: (5, -6, 7))
    clock.advance(0.0031)  # 10 samples
    chip.foreign_words = 3
    out = array("h", bytes(6 * 64))
    assert driver.read_into(out) == 10
    assert out[:30].tolist() == [5, -6, 7] * 10


def test_a_full_fifo_of_512_words_is_read_in_bursts_of_64():
    driver, _, bus, clock = opened()
    clock.advance(512.5 / 3332)
    bus.reads.clear()
    assert driver.read_into(array("h", bytes(6 * 512))) == 512
    assert bus.reads == [(0x6A, 0x3A, 2)] + [(0x6A, 0x78, 64 * 7)] * 8


def test_after_an_overrun_the_newest_512_samples_are_still_good():
    driver, chip, _, clock = opened()
    clock.advance(0.2)  # 666 samples
    out = array("h", bytes(6 * 512))
    assert driver.read_into(out) == 512
    assert driver.overruns == 1
    last = chip.samples_made - 1
    assert out[0 : 3 * 512 : 3].tolist() == list(range(last - 511, last + 1))
    clock.advance(0.0031)
    assert driver.read_into(out) == 10
    assert driver.overruns == 1
