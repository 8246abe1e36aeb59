"""The whole runtime on a chip behind a fake wire: at the start a sensor must answer, later it may go and come back."""

from __future__ import annotations

import errno
import math
import threading
import time
from contextlib import contextmanager

import pytest

from edge_app.cli.main import main
from edge_app.config.resolve import load_device
from edge_app.core.clock import SystemClock
from edge_app.core.errors import SensorNotFound
from edge_app.journal.journal import Journal
from edge_app.runtime import build as building
from edge_app.runtime.build import RunOptions, build
from edge_app.runtime.lifecycle import Device
from edge_app.testing.fake_chips import FakeLIS3DH, FakeLSM6DS3
from edge_app.testing.fake_i2c import FakeI2CBus, installed
from tests.support.cli import REPOSITORY, edge_app

LEVEL_WATCH = REPOSITORY / "tests" / "support" / "apps" / "level_watch"

DEVICE = f"""
device: {{id: rig, site: lab}}
apps: [{LEVEL_WATCH}]
sensors:
  vibration: {{plugin: lsm6ds3, bus: 1, address: 0x6A, rate_hz: 3332, range_g: 16, axis: z}}
"""

RMS_G = 0.2
AMPLITUDE = RMS_G * math.sqrt(2) / 488e-6  # LSM6DS3 data sheet, table 3: 0.488 mg a count at ±16 g
TONE = [round(AMPLITUDE * math.sin(2 * math.pi * 50 * index / 3332)) for index in range(3332)]  # whole periods


def tone(index):
    """50 Hz of 0.2 g rms on z."""
    return 0, 0, TONE[index % 3332]


class Events:
    """Decisions as they are committed; the test waits for them."""

    def __init__(self):
        self._all = []
        self._changed = threading.Condition()

    def __call__(self, text, decision):
        with self._changed:
            self._all.append(decision)
            self._changed.notify_all()

    def __iter__(self):
        return iter(list(self._all))

    def wait_for(self, pipeline, event, timeout_s=15, after=None):
        """The first such decision; with `after` the first one behind that decision."""

        def found():
            start = 0 if after is None else self._all.index(after) + 1
            return next((d for d in self._all[start:] if (d.pipeline, d.event) == (pipeline, event)), None)

        with self._changed:
            assert self._changed.wait_for(found, timeout_s), [(d.pipeline, d.event) for d in self._all]
            return found()


@pytest.fixture
def device_file(tmp_path):
    path = tmp_path / "rig.yaml"
    path.write_text(DEVICE)
    return path


@contextmanager
def running(path, tmp_path, **options):
    """The device in this process; gives the device and its decisions."""
    events = Events()
    parts = build(load_device(path), RunOptions(tmp_path / "state", on_decision=events, **options), SystemClock())
    with Device(parts) as device:
        yield device, events


def test_a_chip_at_3332_hz_is_judged_lost_alarmed_about_and_found_again(device_file, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "SILENT_AFTER_S", 2.0)  # ten seconds otherwise
    bus = FakeI2CBus({0x6A: FakeLSM6DS3(SystemClock(), tone)})
    with installed(bus), running(device_file, tmp_path) as (device, events):
        known = events.wait_for("level", "known")
        assert known.score == pytest.approx(10000 * RMS_G, abs=60)  # level_watch: full score at 1 g

        device.wait(3.0)
        assert device.counts()["judged"] >= 4
        assert (device.counts()["unknown"], device.counts()["dropped"]) == (0, 0)

        bus.unplug(0x6A)
        unknown = events.wait_for("level", "unknown")
        assert "LSM6DS3 expected at bus 1 address 0x6A, but nothing answers there" in unknown.why["text"]
        raised = events.wait_for("sensor-vibration", "raised")
        assert raised.level == "alarm"
        assert "bus 1 address 0x6A" in raised.why["text"]
        assert raised.mono_ms - unknown.mono_ms == pytest.approx(2000, abs=1000)  # unknown comes a hop or two later

        bus.plug(0x6A)
        again = events.wait_for("level", "known", after=unknown)
        assert again.score == pytest.approx(10000 * RMS_G, abs=60)
        cleared = events.wait_for("sensor-vibration", "cleared")
        assert "delivers again" in cleared.why["text"]
        assert device.health_fields()["faults"] >= 1
    assert not bus.is_open


def test_sampling_begins_within_a_second_and_nothing_is_lost_while_the_rest_starts(device_file, tmp_path):
    """The chip's FIFO fills while journal, socket and threads start: it holds 0.4 s at this rate."""
    with installed(FakeI2CBus({0x6A: FakeLSM6DS3(SystemClock(), tone)})):
        begun_s = time.monotonic()
        with running(device_file, tmp_path) as (device, _):
            device.wait(1.0)
            reader = device.parts.readers[0]
            assert reader.first_sample_s - begun_s < 1.0
            assert (reader.counts.lost, reader.sensor.counters()["overruns"]) == (0, 0)


WRONG = {
    "no permission": (
        lambda clock: FakeI2CBus({}, open_errno=errno.EACCES),
        "No permission to open /dev/i2c-1",
        "usermod",
    ),
    "no such bus": (lambda clock: FakeI2CBus({}, open_errno=errno.ENOENT), "No I2C bus 1", "raspi-config"),
    "no answer": (lambda clock: FakeI2CBus({}), "0x6A", "wiring"),
    "wrong chip": (lambda clock: FakeI2CBus({0x6A: FakeLIS3DH(clock)}), "WHO_AM_I read 0x33 instead of 0x69", "wiring"),
    "bus too slow": (
        lambda clock: FakeI2CBus({0x6A: FakeLSM6DS3(clock)}, bus_hz=100_000),
        "at 100 kHz the bus carries",
        "i2c_arm_baudrate",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_sensor_that_cannot_be_reached_at_the_start_ends_the_run_before_anything_is_said(
    name, device_file, tmp_path, capsys
):
    make, what, fix = WRONG[name]
    bus = make(SystemClock())
    with installed(bus):
        status = main(["run", str(device_file), "--broker", "none", "--json", "--state-dir", str(tmp_path / "state")])
    said = capsys.readouterr()
    assert (status, said.out) == (2, "")
    assert said.err.startswith("edge-app: error: ")
    assert what in said.err
    assert fix.lower() in said.err.lower()
    assert not bus.is_open
    with Journal(tmp_path / "state" / "rig" / "journal.db") as journal:
        assert journal.depth == 0


def test_a_second_sensor_that_is_missing_lets_go_of_the_first(tmp_path):
    second = tmp_path / "second"
    second.mkdir()
    text = (LEVEL_WATCH / "app.yaml").read_text().replace("level_watch", "second")
    (second / "app.yaml").write_text(
        text.replace("vibration:", "casing:", 1).replace("sensor: vibration", "sensor: casing")
    )
    (second / "plugin.py").write_text((LEVEL_WATCH / "plugin.py").read_text())
    path = tmp_path / "rig.yaml"
    path.write_text(
        DEVICE.replace(f"[{LEVEL_WATCH}]", f"[{LEVEL_WATCH}, {second}]") + "  casing: {plugin: lis3dh, bus: 1}\n"
    )
    bus = FakeI2CBus({0x6A: FakeLSM6DS3(SystemClock(), tone)})
    with installed(bus), pytest.raises(SensorNotFound, match="0x18"), running(path, tmp_path):
        pytest.fail("started")
    assert not bus.is_open


def test_keep_trying_starts_without_the_sensor_and_finds_it_later(device_file, tmp_path):
    bus = FakeI2CBus({0x6A: FakeLSM6DS3(SystemClock(), tone)})
    bus.unplug(0x6A)
    with installed(bus), running(device_file, tmp_path, keep_trying=True) as (_, events):
        unknown = events.wait_for("level", "unknown")
        assert "LSM6DS3 expected at bus 1 address 0x6A, but nothing answers there" in unknown.why["text"]
        bus.plug(0x6A)
        events.wait_for("level", "known", after=unknown)


def test_a_real_bus_that_is_not_there_is_named_with_those_that_are(device_file, tmp_path):
    device_file.write_text(DEVICE.replace("bus: 1", "bus: 251"))
    result = edge_app("run", device_file, "--broker", "none", EDGE_APP_STATE=tmp_path / "state")
    assert (result.returncode, result.stdout) == (2, "")
    assert "No I2C bus 251: /dev/i2c-251 does not exist; buses here: " in result.stderr
    assert "Traceback" not in result.stderr


SOUND_APP = """\
app: sound_level
version: 0.1.0
plugins: plugin.py
sensors:
  sound: {quantity: sound, unit: fs, min_rate_hz: 8000, axes: 1}
pipelines:
  level:
    sensor: sound
    window:   {seconds: 1.0, hop_s: 0.5}
    features: {plugin: loudness}
    model:    {plugin: level}
    decision: {plugin: anomaly}
"""

LOUDNESS = """

class Loudness:
    def __init__(self):
        from edge_app.core.results import FeatureSchema
        self.schema = FeatureSchema("loudness/1", ("rms_g",))

class NoKeys(BaseModel):
    model_config = ConfigDict(extra="forbid")

PLUGINS["features"] = [Plugin("loudness", "rms", NoKeys, lambda config, context: Loudness())]
"""


def test_a_microphone_that_is_missing_ends_the_run_with_what_to_do(tmp_path):
    """Also where PortAudio itself is missing: then that is what is said."""
    app = tmp_path / "sound_level"
    app.mkdir()
    (app / "app.yaml").write_text(SOUND_APP)
    (app / "plugin.py").write_text((LEVEL_WATCH / "plugin.py").read_text() + LOUDNESS)
    path = tmp_path / "ear.yaml"
    path.write_text(
        "device: {id: ear, site: lab}\napps: [sound_level]\n"
        "sensors:\n  sound: {plugin: microphone, device: No Such Microphone}\n"
    )
    result = edge_app("run", path, "--broker", "none", EDGE_APP_STATE=tmp_path / "state")
    assert (result.returncode, result.stdout) == (2, "")
    assert "No Such Microphone" in result.stderr or "PortAudio" in result.stderr
    assert len(result.stderr.strip().splitlines()) >= 2, "what, and how to fix it"
    assert "Traceback" not in result.stderr
