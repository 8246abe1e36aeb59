from __future__ import annotations

from array import array

import pytest

from edge_app.sensors.lis3dh import LIS3DH
from edge_app.testing.clock import FakeClock
from edge_app.testing.fake_chips import FakeLIS3DH
from edge_app.testing.fake_i2c import FakeI2CBus


def opened(rate_hz=1344, range_g=2, signal=lambda index: (16 * index, 0, 16000), left=()):
    clock = FakeClock()
    chip = FakeLIS3DH(clock, signal)
    for register, value in left:
        chip.memory[register] = value
    bus = FakeI2CBus({0x18: chip})
    bus.open()
    driver = LIS3DH(bus, 0x18, rate_hz, range_g, lambda ms: clock.sleep_s(ms / 1000))
    driver.open()
    return driver, chip, bus, clock


@pytest.mark.parametrize(("range_g", "milli_g_per_digit", "code"), [(2, 1, 0), (4, 2, 1), (8, 4, 2), (16, 12, 3)])
def test_scale_is_that_of_a_12_bit_digit_in_the_upper_bits_of_16(range_g, milli_g_per_digit, code):
    driver, chip, _, _ = opened(range_g=range_g)
    assert driver.scale * 16 == pytest.approx(milli_g_per_digit / 1000)  # "Mechanical characteristics", So
    assert driver.full_scale == 2047 * 16
    assert chip.memory[0x23] == 0x80 | code << 4 | 0x08  # CTRL_REG4: BDU, FS, HR


def test_one_g_on_z_is_read_as_one_g():
    driver, _, _, clock = opened()
    clock.advance(0.01)
    out = array("h", bytes(6 * 32))
    assert driver.read_into(out) > 0
    assert out[2] * driver.scale == pytest.approx(1.0)  # 1000 digits of 1 mg, times 16


def test_a_batch_is_one_burst_with_the_increment_bit_set():
    driver, _, bus, clock = opened()
    clock.advance(10.5 / 1344)
    bus.reads.clear()
    assert driver.read_into(array("h", bytes(6 * 32))) == 10
    assert bus.reads == [(0x18, 0x2F, 1), (0x18, 0xA8, 60)]  # 0xA8 is OUT_X_L with bit 7


def test_all_axes_stream_in_high_resolution_not_low_power():
    _, chip, _, _ = opened()
    assert chip.memory[0x20] == 9 << 4 | 7  # CTRL_REG1: 1344 Hz, no LPen, three axes
    assert chip.memory[0x24] & 0x40  # CTRL_REG5: FIFO_EN
    assert chip.memory[0x2E] >> 6 == 2  # FIFO_CTRL_REG: stream


def test_a_full_fifo_of_32_gives_all_of_them_although_the_level_has_five_bits():
    driver, chip, _, clock = opened()
    clock.advance(100 / 1344)
    out = array("h", bytes(6 * 32))
    assert driver.read_into(out) == 32
    assert driver.overruns == 1
    assert out[0] // 16 == chip.samples_made - 32


def test_what_another_program_left_in_the_chip_is_overwritten():
    # there is no reset: low power with one axis, no high resolution, bypass stay until somebody changes them
    _, chip, _, _ = opened(left=[(0x20, 0x59), (0x23, 0x30), (0x2E, 0x00)])
    assert chip.memory[0x20] == 9 << 4 | 7  # 1344 Hz, normal power, three axes
    assert chip.memory[0x23] == 0x88  # BDU, ±2 g, HR
    assert chip.memory[0x2E] >> 6 == 2  # stream
