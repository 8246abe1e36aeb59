from __future__ import annotations

from array import array

import pytest

from edge_app.sensors.mpu6050 import MPU6050
from edge_app.testing.clock import FakeClock
from edge_app.testing.fake_chips import FakeMPU6050
from edge_app.testing.fake_i2c import FakeI2CBus


def opened(rate_hz=1000, range_g=2, signal=lambda index: (index, -index, 16384)):
    clock = FakeClock()
    chip = FakeMPU6050(clock, signal)
    bus = FakeI2CBus({0x68: chip})
    bus.open()
    driver = MPU6050(bus, 0x68, rate_hz, range_g, lambda ms: clock.sleep_s(ms / 1000))
    driver.open()
    return driver, chip, bus, clock


@pytest.mark.parametrize(
    ("range_g", "counts_per_g", "code"), [(2, 16384, 0), (4, 8192, 1), (8, 4096, 2), (16, 2048, 3)]
)
def test_scale_and_range_code_are_those_of_the_register_map(range_g, counts_per_g, code):
    driver, chip, _, _ = opened(range_g=range_g)
    assert driver.scale == 1 / counts_per_g  # Registers 59 to 64, "LSB Sensitivity"
    assert chip.memory[0x1C] >> 3 & 3 == code  # Register 28 AFS_SEL


@pytest.mark.parametrize(
    ("rate_hz", "filter_code", "divider"),
    [(1000, 0, 7), (500, 1, 1), (250, 2, 3), (200, 2, 4), (125, 3, 7), (100, 3, 9), (50, 4, 19)],
)
def test_rate_is_divided_from_8_khz_without_and_1_khz_with_the_filter(rate_hz, filter_code, divider):
    _, chip, _, _ = opened(rate_hz=rate_hz)
    assert (chip.memory[0x1A] & 7, chip.memory[0x19]) == (filter_code, divider)
    assert (8000 if filter_code == 0 else 1000) / (1 + divider) == rate_hz  # Register 25
    bandwidth_hz = (260, 184, 94, 44, 21)[filter_code]  # Register 26, accelerometer
    assert bandwidth_hz < rate_hz / 2


def test_it_wakes_with_the_stable_clock_and_only_the_accelerometer_in_the_fifo():
    _, chip, _, _ = opened()
    assert chip.memory[0x6B] == 0x01  # Register 107: awake, PLL with X gyroscope
    assert chip.memory[0x23] == 0x08  # Register 35: ACCEL_FIFO_EN alone
    assert chip.memory[0x6A] & 0x40  # Register 106: FIFO_EN


def test_big_endian_counts_arrive_in_the_machines_order():
    driver, _, _, clock = opened(signal=lambda index: (258, -2, 16384))
    clock.advance(0.0051)
    out = array("h", bytes(6 * 16))
    assert driver.read_into(out) == 5
    assert out[:15].tolist() == [258, -2, 16384] * 5


def test_an_overflow_leaves_bytes_out_of_step_so_the_fifo_is_begun_anew():
    driver, chip, _, clock = opened()
    clock.advance(0.2)  # 200 samples are 1200 bytes, 1024 fit, and 1024 is no multiple of 6
    out = array("h", bytes(6 * 170))
    assert driver.read_into(out) == 0
    assert driver.overruns == 1
    made = chip.samples_made
    clock.advance(0.0101)
    assert driver.read_into(out) == 10
    assert out[:30:3].tolist() == list(range(made, made + 10))
