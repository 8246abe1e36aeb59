from __future__ import annotations

from array import array

import pytest
from pydantic import ValidationError

from edge_app.buses.i2c import installed
from edge_app.core.errors import SensorNotFound
from edge_app.core.plugin import SensorContext
from edge_app.sensors.chips.plugins import MAX30102 as PLUGIN
from edge_app.sensors.max30102 import MAX30102
from edge_app.testing.clock import FakeClock
from edge_app.testing.fake_chips import FakeMAX30102
from edge_app.testing.fake_i2c import FakeI2CBus


def opened(rate_hz=100, range_na=4096, light="ir", led_ma=6.4, signal=lambda index: (20000 + index, 0, 0)):
    clock = FakeClock()
    chip = FakeMAX30102(clock, signal)
    bus = FakeI2CBus({0x57: chip})
    bus.open()
    driver = MAX30102(bus, 0x57, rate_hz, range_na, light, led_ma, lambda ms: clock.sleep_s(ms / 1000))
    driver.open()
    return driver, chip, bus, clock


def test_samples_are_the_upper_15_of_18_bits_in_one_burst():
    driver, _, bus, clock = opened()
    clock.advance(0.0501)  # 5 samples at 100 Hz
    bus.reads.clear()
    out = array("h", bytes(2 * 32))
    assert driver.read_into(out) == 5
    assert list(out[:5]) == [20000, 20001, 20002, 20003, 20004]
    assert bus.reads == [(0x57, 0x04, 3), (0x57, 0x07, 15)]  # pointers together, then three bytes a sample
    assert driver.read_into(out) == 0


def test_full_scale_is_a_saturated_converter():
    driver, _, _, clock = opened(signal=lambda index: (32767, 0, 0))
    clock.advance(0.02)
    out = array("h", bytes(2 * 32))
    driver.read_into(out)
    assert out[0] == driver.full_scale == 32767
    assert driver.scale == 4096 / 32768  # nA a count


@pytest.mark.parametrize(("rate_hz", "code"), [(25, 4), (50, 3), (100, 2), (200, 1), (400, 0)])
def test_the_rate_is_400_hz_averaged(rate_hz, code):
    _, chip, _, _ = opened(rate_hz=rate_hz)
    assert chip.memory[0x08] >> 5 == code  # FIFO Configuration, SMP_AVE: 2 ** code samples
    assert chip.memory[0x0A] == 1 << 5 | 3 << 2 | 3  # 4096 nA, 400 Hz, 411 us
    assert chip.sampling_hz() == rate_hz


@pytest.mark.parametrize(("light", "slot", "lit", "dark"), [("red", 1, 0x0C, 0x0D), ("ir", 2, 0x0D, 0x0C)])
def test_only_the_light_asked_for_is_on_with_its_current(light, slot, lit, dark):
    _, chip, _, _ = opened(light=light, led_ma=6.4)
    assert chip.memory[0x09] == 0x07  # Multi-LED mode
    assert chip.memory[0x11] == slot
    assert (chip.memory[lit], chip.memory[dark]) == (32, 0)  # 6.4 mA in steps of 0.2


def test_after_an_overrun_the_fifo_is_emptied_and_what_follows_is_fresh():
    driver, chip, _, clock = opened()
    clock.advance(0.5)  # 50 samples, 32 fit
    out = array("h", bytes(2 * 32))
    assert driver.read_into(out) == 0
    assert driver.overruns == 1
    clock.advance(0.03)
    assert driver.read_into(out) == 3
    assert out[0] == 20000 + chip.samples_made - 3


def test_closing_puts_the_light_out():
    driver, chip, _, _ = opened()
    driver.close()
    assert chip.memory[0x09] & 0x80  # SHDN


def test_an_older_relative_is_named():
    bus = FakeI2CBus({0x57: {0xFF: b"\x11"}})
    bus.open()
    with pytest.raises(SensorNotFound, match="MAX30100"):
        MAX30102(bus, 0x57, 100, 4096, "ir", 6.4, lambda ms: None).open()


@pytest.mark.parametrize(
    "keys", [{"rate_hz": 90.0}, {"range_na": 3000.0}, {"address": 0x58}, {"led_ma": 60.0}, {"light": "green"}]
)
def test_what_the_chip_cannot_do_is_refused(keys):
    with pytest.raises(ValidationError):
        PLUGIN.config(**keys)


def test_the_plugin_gives_frames_of_one_channel(tmp_path):
    clock = FakeClock()
    bus = FakeI2CBus({0x57: FakeMAX30102(clock, lambda index: (15000, 0, 0))}, number=1)
    with installed(bus):
        sensor = PLUGIN.create(PLUGIN.config(), SensorContext("ppg", clock, tmp_path))
        sensor.open()
        frame = sensor.read(1.0)
    assert (frame.unit, frame.rate_hz, frame.samples.shape[0], int(frame.samples[0, 0])) == ("au", 100.0, 1, 15000)
