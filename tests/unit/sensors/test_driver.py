"""What all chip drivers promise, each against the behaving model of its chip."""

from __future__ import annotations

import errno
from array import array
from itertools import pairwise
from types import SimpleNamespace

import pytest

from edge_app.core.errors import BusError, ConfigError, SensorNotFound
from edge_app.sensors.adxl345 import ADXL345
from edge_app.sensors.driver import choose
from edge_app.sensors.lis3dh import LIS3DH
from edge_app.sensors.lsm6ds3 import LSM6DS3
from edge_app.sensors.lsm6dso import LSM6DSO
from edge_app.sensors.mpu6050 import MPU6050
from edge_app.testing import fake_chips
from edge_app.testing.clock import FakeClock
from edge_app.testing.fake_i2c import FakeI2CBus

CHIPS = [
    (LSM6DS3, fake_chips.FakeLSM6DS3),
    (LSM6DSO, fake_chips.FakeLSM6DSO),
    (ADXL345, fake_chips.FakeADXL345),
    (MPU6050, fake_chips.FakeMPU6050),
    (LIS3DH, fake_chips.FakeLIS3DH),
]
every_chip = pytest.mark.parametrize(("driver_class", "model"), CHIPS, ids=[driver.name for driver, _ in CHIPS])


def rig(driver_class, model, *, rate_hz=None, range_g=2, signal=fake_chips.counting):
    """A driver on a fake bus, its chip and its clock."""
    clock = FakeClock()
    address = driver_class.addresses[0]
    chip = model(clock, signal)
    bus = FakeI2CBus({address: chip})
    bus.open()
    rate_hz = rate_hz or driver_class.rates[-1][0]
    driver = driver_class(bus, address, rate_hz, range_g, lambda ms: clock.sleep_s(ms / 1000))
    return SimpleNamespace(driver=driver, chip=chip, bus=bus, clock=clock, address=address)


@every_chip
def test_the_constructor_does_not_touch_the_bus(driver_class, model):
    here = rig(driver_class, model)
    assert (here.bus.reads, here.bus.writes) == ([], [])


@every_chip
def test_a_silent_address_is_not_found_with_place_and_remedy(driver_class, model):
    here = rig(driver_class, model)
    here.bus.unplug(here.address)
    with pytest.raises(SensorNotFound) as caught:
        here.driver.open()
    assert caught.value.what == (
        f"{driver_class.name} expected at bus 1 address 0x{here.address:02X}, but nothing answers there."
    )
    assert f"`address: 0x{driver_class.addresses[1]:02X}`" in caught.value.fix


@every_chip
def test_another_chip_at_the_address_is_not_found_and_never_written_to(driver_class, model):
    here = rig(driver_class, model)
    register = model.identity[0]
    here.chip.memory[register] = 0x00
    with pytest.raises(SensorNotFound) as caught:
        here.driver.open()
    name = driver_class.identity[0].upper()
    assert f"but {name} read 0x00 instead of 0x{model.identity[1]:02X}" in caught.value.what
    assert here.bus.writes == []


def test_a_relative_of_the_chip_is_called_by_its_name():
    here = rig(LSM6DS3, fake_chips.FakeLSM6DS3)
    here.chip.memory[0x0F] = 0x6C
    with pytest.raises(SensorNotFound, match=r"WHO_AM_I read 0x6C \(LSM6DSO\) instead of 0x69"):
        here.driver.open()


@every_chip
def test_a_bus_that_is_locked_up_is_a_bus_error_and_not_a_missing_sensor(driver_class, model):
    here = rig(driver_class, model)
    here.bus.lock_up()
    with pytest.raises(BusError) as caught:
        here.driver.open()
    assert caught.value.kind == "timeout"


@every_chip
def test_what_was_configured_can_be_read_back(driver_class, model):
    for rate_hz, _ in driver_class.rates:
        for range_g, _ in driver_class.ranges:
            here = rig(driver_class, model, rate_hz=rate_hz, range_g=range_g)
            here.driver.open()
            assert (here.driver.rate_hz, here.driver.range_g) == (rate_hz, range_g)
            assert here.driver.settings()
            assert all(wanted == held for _, wanted, held in here.driver.settings())
            assert here.chip.sampling_hz() == pytest.approx(rate_hz)  # as the chip understands its registers


@every_chip
def test_a_chip_that_forgets_its_settings_is_refused(driver_class, model):
    class Forgetful(model):
        def write(self, register, data):
            super().write(register, data)
            for name in ("rate_code", "rate_divider"):
                if hasattr(driver_class, name) and getattr(driver_class, name).register == register:
                    self.memory[register] ^= getattr(getattr(driver_class, name), "mask", 0xFF) & 0x11

    with pytest.raises((SensorNotFound, BusError), match="does not keep its settings"):
        rig(driver_class, Forgetful).driver.open()


@every_chip
def test_no_sample_is_lost_or_doubled_at_any_rate(driver_class, model):
    for rate_hz, _ in driver_class.rates:
        here = rig(driver_class, model, rate_hz=rate_hz)
        here.driver.open()
        out = array("h", bytes(6 * 200))
        numbers: list[int] = []
        while len(numbers) < 100:
            here.clock.advance(0.4 * driver_class.fifo_samples / rate_hz / 3)
            numbers += out[0 : 3 * here.driver.read_into(out) : 3]
        assert {(later - earlier) % 1000 for earlier, later in pairwise(numbers)} == {1}
        assert here.driver.overruns == 0


@every_chip
def test_axes_come_interleaved_with_their_signs(driver_class, model):
    here = rig(driver_class, model, signal=lambda index: (-32768, 32767, -1))
    here.driver.open()
    here.clock.advance(10 / here.driver.rate_hz)
    out = array("h", bytes(6 * 32))
    n_samples = here.driver.read_into(out)
    assert n_samples >= 9
    assert out[: 3 * n_samples].tolist() == [-32768, 32767, -1] * n_samples


@every_chip
def test_never_more_is_read_than_fits_and_the_rest_stays_in_the_fifo(driver_class, model):
    here = rig(driver_class, model)
    here.driver.open()
    here.clock.advance(10.2 / here.driver.rate_hz)
    out = array("h", bytes(6 * 4))
    counts = [here.driver.read_into(out) for _ in range(4)]
    assert counts == [4, 4, 2, 0]


@every_chip
def test_an_overrun_is_counted_and_the_samples_after_it_are_whole(driver_class, model):
    here = rig(driver_class, model)
    here.driver.open()
    here.clock.advance(2.0 * driver_class.fifo_samples / here.driver.rate_hz)  # twice what the FIFO holds
    out = array("h", bytes(6 * 2048))
    here.driver.read_into(out)
    assert here.driver.overruns == 1
    here.clock.advance(10 / here.driver.rate_hz)
    n_samples = here.driver.read_into(out)
    assert n_samples >= 9
    assert here.driver.overruns == 1
    x, y, z = (out[axis : 3 * n_samples : 3] for axis in range(3))
    assert all(a == -b for a, b in zip(x, y, strict=True))
    assert set(z) == {1000}


@every_chip
def test_closing_puts_the_chip_to_sleep_and_is_quiet_when_it_is_gone(driver_class, model):
    here = rig(driver_class, model)
    here.driver.open()
    here.driver.close()
    assert here.chip.sampling_hz() == 0
    here.bus.unplug(here.address)
    here.driver.close()


RESETS = [
    (LSM6DS3, fake_chips.FakeLSM6DS3, 0x12, 0x01),  # CTRL3_C SW_RESET
    (LSM6DSO, fake_chips.FakeLSM6DSO, 0x12, 0x01),  # CTRL3_C SW_RESET
    (MPU6050, fake_chips.FakeMPU6050, 0x6B, 0x80),  # PWR_MGMT_1 DEVICE_RESET; ADXL345 and LIS3DH have none
]


@pytest.mark.parametrize(("driver_class", "model", "register", "bit"), RESETS)
def test_a_reset_that_never_ends_is_given_up(driver_class, model, register, bit):
    class Stuck(model):
        def answer(self, asked, length):
            data = bytearray(super().answer(asked, length))
            if asked == register:
                data[0] |= bit
            return bytes(data)

    here = rig(driver_class, Stuck)
    started_s = here.clock.monotonic_s()
    with pytest.raises(BusError, match="did not finish its reset within") as caught:
        here.driver.open()
    assert caught.value.kind == "timeout"
    assert here.clock.monotonic_s() - started_s < 0.5


@every_chip
def test_a_failing_transfer_is_passed_on(driver_class, model):
    here = rig(driver_class, model)
    here.driver.open()
    here.bus.fail(errno.EREMOTEIO)
    with pytest.raises(BusError):
        here.driver.read_into(array("h", bytes(6 * 32)))


@every_chip
def test_a_rate_or_range_the_chip_does_not_have_is_refused_with_those_it_has(driver_class, model):
    with pytest.raises(ConfigError) as caught:
        rig(driver_class, model, rate_hz=777)
    assert driver_class.name in caught.value.what
    assert str(driver_class.rates[0][0]) in caught.value.fix
    with pytest.raises(ConfigError, match="range_g: 3"):
        rig(driver_class, model, range_g=3)


def test_a_setting_is_chosen_within_one_percent_and_never_a_power_of_ten_off():
    rates = ((1.6, 11), (1666, 8))
    assert choose(rates, 1660, "chip", "rate_hz", "Hz") == (1666, 8)
    assert choose(rates, 1.6, "chip", "rate_hz", "Hz") == (1.6, 11)
    with pytest.raises(ConfigError):
        choose(rates, 1600, "chip", "rate_hz", "Hz")


@pytest.mark.parametrize(
    ("driver_class", "bus_hz", "fastest"),
    [
        (ADXL345, 400_000, 800),  # data sheet, "I2C"
        (ADXL345, 100_000, 200),  # data sheet, "I2C"
        (LSM6DS3, 400_000, 3332),  # 54 bits · 3332 Hz = 180 kbit/s of 300
        (LSM6DS3, 100_000, 833),  # 54 bits · 1666 Hz = 90 kbit/s, more than 75
        (LSM6DSO, 400_000, 3332),  # 63 bits · 3332 Hz = 210 kbit/s of 300
        (LSM6DSO, 270_000, 1666),  # 210 kbit/s are more than 202.5
        (LSM6DS3, 270_000, 3332),  # 180 kbit/s are not: no tag
        (MPU6050, 100_000, 1000),  # 54 kbit/s of 75
        (LIS3DH, 100_000, 1344),  # 72.6 kbit/s of 75
    ],
)
def test_the_bus_clock_bounds_the_rate(driver_class, bus_hz, fastest):
    assert driver_class.max_rate_hz(bus_hz) == fastest


@every_chip
def test_steady_reading_makes_no_new_slices(driver_class, model):
    here = rig(driver_class, model)
    here.driver.open()
    out = array("h", bytes(6 * 64))
    here.clock.advance(8.2 / here.driver.rate_hz)
    here.driver.read_into(out)
    views = dict(here.driver._views)
    here.clock.advance(8.0 / here.driver.rate_hz)
    here.driver.read_into(out)
    assert here.driver._views == views  # on a microcontroller each would be garbage
