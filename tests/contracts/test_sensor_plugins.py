"""Every sensor plugin found keeps the contract of edge_app/testing/contracts.py."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from edge_app.buses.i2c import installed
from edge_app.core.plugin import Plugin, SensorContext
from edge_app.sensors.microphone import Microphone
from edge_app.testing import fake_chips
from edge_app.testing.clock import FakeClock
from edge_app.testing.contracts import SENSOR_CHECKS, SensorRig
from edge_app.testing.fake_i2c import FakeI2CBus
from edge_app.testing.fake_pcm import FakePCM

PLUGINS = {entry.name: entry for entry in metadata.entry_points(group="edge_app.sensors")}
FAKE_CHIPS = {
    "lsm6ds3": fake_chips.FakeLSM6DS3,
    "lsm6dso": fake_chips.FakeLSM6DSO,
    "adxl345": fake_chips.FakeADXL345,
    "mpu6050": fake_chips.FakeMPU6050,
    "lis3dh": fake_chips.FakeLIS3DH,
    "max30102": fake_chips.FakeMAX30102,
}


def chip_rig(plugin: Plugin, tmp_path: Path) -> SensorRig:
    clock = FakeClock()
    config = plugin.config()
    bus = FakeI2CBus({config.address: FAKE_CHIPS[plugin.name](clock)}, number=config.bus)

    def make():
        with installed(bus):  # found by its number, as in a device's file
            return plugin.create(config, SensorContext("vibration", clock, tmp_path))

    return SensorRig(plugin, make, lambda: bus.unplug(config.address), lambda: bus.plug(config.address))


def microphone_rig(plugin: Plugin, tmp_path: Path) -> SensorRig:
    clock, pcm = FakeClock(), FakePCM()
    config = plugin.config(device="USB PnP")

    def hear() -> None:
        clock.advance(0.05)
        pcm.play(np.arange(800, dtype=np.int16))  # 50 ms at 16 kHz

    def make() -> Microphone:
        return Microphone(config.device, config.rate_hz, clock, n_channels=config.axes, pcm=pcm)

    return SensorRig(plugin, make, pcm.unplug, pcm.plug, hear)


def recording_rig(plugin: Plugin, tmp_path: Path) -> SensorRig:
    clock = FakeClock()
    time_s = np.arange(30000) / 3000
    np.save(tmp_path / "sine.npy", np.sin(2 * np.pi * 50 * time_s))
    config = plugin.config(file="sine.npy", rate_hz=3000.0)
    return SensorRig(plugin, lambda: plugin.create(config, SensorContext("vibration", clock, tmp_path)))


def simulated_rig(plugin: Plugin, tmp_path: Path) -> SensorRig:
    clock = FakeClock()
    return SensorRig(plugin, lambda: plugin.create(plugin.config(), SensorContext("vibration", clock, tmp_path)))


RIGS: dict[str, Callable[[Plugin, Path], SensorRig]] = {
    **dict.fromkeys(FAKE_CHIPS, chip_rig),
    "microphone": microphone_rig,
    "recording": recording_rig,
    "simulated": simulated_rig,
}


@pytest.mark.parametrize("check", SENSOR_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", sorted(PLUGINS))
def test_sensor_plugin_keeps_the_contract(name, check, tmp_path):
    assert name in RIGS, f"the sensor plugin {name!r} has no rig here: add one"
    check(RIGS[name](PLUGINS[name].load(), tmp_path))


@pytest.mark.parametrize("name", sorted(FAKE_CHIPS))
def test_a_chip_plugin_names_its_driver_and_the_file_runs_unchanged_on_micropython(name):
    plugin = PLUGINS[name].load()
    module, _, driver = plugin.driver.partition(":")
    found = importlib.import_module(module)
    assert getattr(found, driver).name == plugin.facts["chip"]
    assert plugin.micropython
    assert Path(found.__file__).read_text().startswith("# Runs unchanged on MicroPython.\n")
