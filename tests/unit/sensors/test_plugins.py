"""What people may write about a sensor, and what they are told when it cannot be."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from edge_app.core.plugin import SensorContext
from edge_app.sensors import plugins
from edge_app.sensors.chips import plugins as chips
from edge_app.testing.clock import FakeClock

CHIPS = [chips.LSM6DS3, chips.LSM6DSO, chips.ADXL345, chips.MPU6050, chips.LIS3DH]
every_chip = pytest.mark.parametrize("plugin", CHIPS, ids=lambda plugin: plugin.name)


def configured(plugin, **keys):
    """As read from a file: JSON values, nothing converted."""
    return plugin.config.model_validate_json(json.dumps(keys), strict=True)


def refusal(plugin, **keys):
    with pytest.raises(ValidationError) as caught:
        configured(plugin, **keys)
    return caught.value.errors()[0]["msg"]


@every_chip
def test_a_chip_needs_no_key_at_all_and_runs_as_fast_as_it_can(plugin):
    config = configured(plugin)
    assert config.rate_hz == max(plugin.facts["rates_hz"])
    assert config.address == plugin.facts["addresses"][0]
    assert (config.bus, config.axis, config.range_g) == (1, "z", 16)


@every_chip
def test_every_rate_range_and_address_of_the_chip_is_accepted(plugin):
    for rate_hz in plugin.facts["rates_hz"]:
        assert configured(plugin, rate_hz=rate_hz).rate_hz == rate_hz
    for range_g in plugin.facts["ranges_g"]:
        assert configured(plugin, range_g=range_g).range_g == range_g
    for address in plugin.facts["addresses"]:
        assert configured(plugin, address=address).address == address


@every_chip
def test_other_values_are_refused_with_those_allowed(plugin):
    chip = plugin.facts["chip"]
    assert f"an {chip} has" in refusal(plugin, rate_hz=777)
    assert f"an {chip} has 2, 4, 8 or 16 g" in refusal(plugin, range_g=3)
    assert f"an {chip} sits at 0x{plugin.facts['addresses'][0]:02X} or 0x" in refusal(plugin, address=0x42)
    assert "twice" in refusal(plugin, axis="xx")
    assert "Extra inputs" in refusal(plugin, rate=100)
    assert "valid number" in refusal(plugin, rate_hz="fast")


def test_a_rounded_rate_is_taken_for_the_chips_own():
    assert configured(chips.LSM6DS3, rate_hz=3330).rate_hz == 3332
    assert configured(chips.LSM6DS3, rate_hz=1660).rate_hz == 1666


def test_an_adxl345_too_fast_for_its_bus_clock_is_refused():
    assert configured(chips.ADXL345, bus_hz=400_000, rate_hz=800).rate_hz == 800
    message = refusal(chips.ADXL345, bus_hz=100_000, rate_hz=400)
    assert "at a bus clock of 100000 Hz an ADXL345 may run at 200 Hz at most" in message
    assert "16" not in str(chips.ADXL345.facts["rates_hz"])  # 1600 Hz is for SPI only


@every_chip
def test_creating_a_chip_opens_nothing(plugin, tmp_path):
    sensor = plugin.create(configured(plugin, bus=250), SensorContext("vibration", FakeClock(), tmp_path))
    assert sensor.name == f"{plugin.name} on bus 250 address 0x{plugin.facts['addresses'][0]:02X}"
    assert sensor.counters()["reopens"] == 0


def test_creating_a_microphone_needs_no_sound_library(tmp_path):
    config = configured(plugins.MICROPHONE, device="USB", rate_hz=48000)
    sensor = plugins.MICROPHONE.create(config, SensorContext("sound", FakeClock(), tmp_path))
    assert (sensor.name, sensor.rate_hz, sensor.unit) == ("microphone USB", 48000, "fs")


def test_a_recording_takes_its_unit_from_the_app_and_its_path_from_the_devices_folder(tmp_path):
    config = configured(plugins.RECORDING, file="a.npy", rate_hz=100)
    sensor = plugins.RECORDING.create(config, SensorContext("sound", FakeClock(), tmp_path, unit="fs"))
    assert sensor.unit == "fs"
    assert "a.npy" in sensor.name


def test_only_recordings_and_simulations_run_faster_than_time():
    unpaced = {
        plugin.name
        for plugin in (*CHIPS, plugins.MICROPHONE, plugins.RECORDING, plugins.SIMULATED)
        if plugin.facts.get("unpaced")
    }
    assert unpaced == {"recording", "simulated"}


@every_chip
def test_the_reference_page_tells_rates_addresses_and_bus_limits_of_the_chip(plugin, repository):
    lines = (repository / "docs" / "reference" / "sensors.md").read_text().splitlines()
    about = [line for line in lines if f"`{plugin.name}`" in line and line.startswith("|")]
    told, bus, *_ = about
    rates = " ".join(f"{rate:g}" for rate in plugin.facts["rates_hz"])
    assert rates in told.replace("*", "")
    driver = plugin.config.driver
    assert f"| {driver.fifo_samples} (" in told
    assert f"| {driver.max_rate_hz(400_000):g} Hz" in bus
    assert f"| {driver.max_rate_hz(100_000):g} Hz" in bus
    assert any(all(f"`0x{address:02X}`" in line for address in driver.addresses) for line in about)
