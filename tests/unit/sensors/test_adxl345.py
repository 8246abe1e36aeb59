from __future__ import annotations

from array import array

import pytest

from edge_app.sensors.adxl345 import ADXL345
from edge_app.testing.clock import FakeClock
from edge_app.testing.fake_chips import FakeADXL345
from edge_app.testing.fake_i2c import FakeI2CBus


def opened(rate_hz=800, range_g=16, signal=lambda index: (index, -index, 256), left=()):
    clock = FakeClock()
    chip = FakeADXL345(clock, signal)
    for register, value in left:
        chip.memory[register] = value
    bus = FakeI2CBus({0x53: chip})
    bus.open()
    driver = ADXL345(bus, 0x53, rate_hz, range_g, lambda ms: clock.sleep_s(ms / 1000))
    driver.open()
    return driver, chip, bus, clock


@pytest.mark.parametrize(("range_g", "code", "clips_at"), [(2, 0, 511), (4, 1, 1023), (8, 2, 2047), (16, 3, 4095)])
def test_full_resolution_keeps_the_scale_in_every_range(range_g, code, clips_at):
    driver, chip, _, _ = opened(range_g=range_g)
    assert driver.scale == 0.0039  # "Specifications": 3.9 mg/LSB in all g-ranges, full resolution
    assert driver.full_scale == clips_at  # ±2 g in 10 bits, ±16 g in 13 bits
    assert chip.memory[0x31] == 0x08 | code  # DATA_FORMAT: FULL_RES, right-justified, Range


def test_one_g_on_z_is_read_as_one_g():
    driver, _, _, clock = opened()
    clock.advance(0.01)
    out = array("h", bytes(6 * 32))
    assert driver.read_into(out) > 0
    assert out[2] * driver.scale == pytest.approx(1.0, abs=0.01)  # 256 LSB/g


def test_each_sample_is_taken_by_its_own_burst_over_the_data_registers():
    driver, _, bus, clock = opened()
    clock.advance(0.00876)  # 7 samples
    bus.reads.clear()
    assert driver.read_into(array("h", bytes(6 * 32))) == 7
    assert bus.reads == [(0x53, 0x30, 1), (0x53, 0x39, 1)] + [(0x53, 0x32, 6)] * 7


def test_it_streams_at_the_rate_code_of_the_data_sheet_in_normal_power():
    _, chip, _, _ = opened(rate_hz=400)
    assert chip.memory[0x2C] == 0x0C  # BW_RATE: 400 Hz, not low power
    assert chip.memory[0x2D] == 0x08  # POWER_CTL: measure
    assert chip.memory[0x38] >> 6 == 2  # FIFO_CTL: stream


def test_the_fifo_is_emptied_after_an_overrun_and_goes_on():
    driver, chip, _, clock = opened()
    clock.advance(0.1)  # 80 samples, 33 fit
    out = array("h", bytes(6 * 33))
    assert driver.read_into(out) == 33
    assert driver.overruns == 1
    assert out[0] == chip.samples_made - 33


def test_what_another_program_left_in_the_chip_is_overwritten():
    # there is no reset: low power, left-justified, asleep, trigger mode stay until somebody changes them
    _, chip, _, _ = opened(left=[(0x2C, 0x1F), (0x2D, 0x00), (0x31, 0x04), (0x38, 0xDF)])
    assert chip.memory[0x2C] == 0x0D  # 800 Hz, normal power
    assert chip.memory[0x31] == 0x0B  # full resolution, right-justified, ±16 g
    assert chip.memory[0x38] >> 6 == 2  # stream
