"""`edge-app doctor` names each check and what to do about a failed one."""

from __future__ import annotations

import errno
import json
import shutil
from collections import namedtuple

import pytest

from edge_app.buses import i2c, pcm
from edge_app.cli import doctor_checks as checks
from edge_app.cli.main import main
from edge_app.core.errors import PluginError
from edge_app.testing.clock import FakeClock
from edge_app.testing.fake_chips import FakeLSM6DS3
from edge_app.testing.fake_i2c import FakeI2CBus, installed

APP = """\
app: level
version: 1.0.0
plugins: plugin.py
sensors: {vibration: {quantity: acceleration, unit: g, min_rate_hz: 400}}
pipelines:
  level:
    sensor: vibration
    window: {seconds: 1, hop_s: 1}
    features: {plugin: mine}
    model: {plugin: mine}
    decision: {plugin: mine}
"""

PLUGIN = """\
from types import SimpleNamespace
from pydantic import BaseModel
from edge_app.core.plugin import Plugin
from edge_app.core.results import FeatureSchema
class Keys(BaseModel, extra="forbid"): pass
extractor = SimpleNamespace(schema=FeatureSchema("mine/1", ("rms_g",)))
MINE = Plugin("mine", "mine", Keys, lambda config, context: extractor)
PLUGINS = {group: [MINE] for group in ("features", "models", "deciders")}
"""

DEVICE = """\
device: {id: bench, site: lab}
apps: [level]
sensors:
  vibration: {plugin: lsm6ds3, bus: 1, address: 0x6A, rate_hz: 416}
publish: {broker: "mqtt://127.0.0.1:1"}
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A device's file in a folder of its own, a machine with one bus and no sound."""

    def no_sound(_):
        raise PluginError("no PortAudio here", "Install it.")

    monkeypatch.setenv("EDGE_APP_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(i2c, "list_buses", lambda: [1])
    monkeypatch.setattr(pcm.PortAudio, "inputs", no_sound)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "level").mkdir()
    (tmp_path / "level" / "app.yaml").write_text(APP)
    (tmp_path / "level" / "plugin.py").write_text(PLUGIN)
    (tmp_path / "bench.yaml").write_text(DEVICE)
    return tmp_path


def doctor(capsys, *arguments) -> tuple[int, dict[str, dict]]:
    status = main(["doctor", "--json", *arguments])
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] == (status == 0)
    return status, {check["name"]: check for check in found["checks"]}


def test_without_a_device_the_machine_alone_is_examined(machine, capsys):
    with installed(FakeI2CBus({0x6A: {}})):
        status, found = doctor(capsys)

    assert status == 0
    assert set(found) == {
        "python",
        "numpy",
        "interpreter",
        "memory",
        "clock",
        "journal folder",
        "disk",
        "i2c bus 1",
        "sound",
    }
    assert "0x6A (LSM6DS3 or LSM6DSO)" in found["i2c bus 1"]["detail"]
    assert not (machine / "state").exists(), "looking makes nothing"


def test_with_a_device_its_sensors_and_broker_are_reached(machine, capsys):
    with installed(FakeI2CBus({0x6A: FakeLSM6DS3(FakeClock())})):
        status, found = doctor(capsys, "bench.yaml")

    assert found["configuration"]["status"] == "ok"
    assert found["sensor vibration"]["detail"] == "lsm6ds3 on bus 1 address 0x6A, 416 Hz"
    assert found["broker: name"]["status"] == "ok"
    assert found["broker: TCP"]["status"] == "fail"  # nobody listens on port 1
    assert found["broker: TCP"]["remedy"]
    assert "broker: TLS" not in found, "the first failure ends the stages"
    assert status == 1


def test_a_sensor_that_does_not_answer_fails_with_a_remedy(machine, capsys):
    with installed(FakeI2CBus({})):
        status, found = doctor(capsys, "bench.yaml")

    assert status == 1
    assert found["i2c bus 1"]["detail"] == "answering: nobody"
    assert found["sensor vibration"]["status"] == "fail"
    assert found["sensor vibration"]["remedy"]


def test_no_permission_on_a_bus_the_device_needs_fails_and_on_another_warns(machine, capsys):
    with installed(FakeI2CBus({}, open_errno=errno.EACCES)):
        _, found = doctor(capsys, "bench.yaml")
        assert found["i2c bus 1"]["status"] == "fail"
        assert "usermod -aG i2c" in found["i2c bus 1"]["remedy"]

        status, found = doctor(capsys)
        assert (status, found["i2c bus 1"]["status"]) == (0, "warn")


def test_a_wrong_configuration_is_a_finding_and_the_other_checks_go_on(machine, capsys):
    (machine / "bench.yaml").write_text(DEVICE.replace("rate_hz: 416", "rate_hz: fast"))

    with installed(FakeI2CBus({})):
        status, found = doctor(capsys, "bench.yaml")

    assert status == 1
    assert "bench.yaml:4: sensors.vibration.rate_hz" in found["configuration"]["detail"]
    assert "disk" in found


def test_a_person_reads_one_line_a_check_and_a_count(machine, capsys):
    with installed(FakeI2CBus({}, open_errno=errno.EACCES)):
        main(["doctor", "bench.yaml"])

    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("fail i2c bus 1") for line in lines)
    assert any(line.strip().startswith("→ Add the user to the group") for line in lines)
    assert lines[-1].endswith("with a warning")


@pytest.mark.parametrize(
    ("wall_ms", "quality", "status", "date"),
    [
        (0, "none", "fail", "1970-01-01 00:00"),
        (1_000_000_000_000, "none", "fail", "2001-09-09 01:46"),
        (1_709_164_800_000, "rtc", "warn", "2024-02-29 00:00"),  # a leap day
        (1_767_225_599_000, "ntp", "ok", "2025-12-31 23:59"),
    ],
)
def test_a_clock_is_judged_by_its_date_and_who_keeps_it(wall_ms, quality, status, date):
    check = checks.judge_clock(wall_ms, quality)

    assert check.status == status
    assert date in check.detail
    assert (status == "ok") == (check.remedy == "")


@pytest.mark.parametrize(("version", "status"), [((3, 10, 9), "fail"), ((3, 11, 0), "ok"), ((3, 14, 0), "warn")])
def test_a_version_of_python_is_judged(version, status):
    assert checks.judge_python(version, "/usr/bin/python3").status == status


def test_a_full_disk_fails_with_the_space_that_is_needed(machine, monkeypatch):
    Usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 10 * 1024 * 1024))

    *_, disk = checks.state_folder(None, 16 * 1024 * 1024)

    assert (disk.status, disk.detail.split(" at ")[0]) == ("fail", "10 MiB free")
    assert "Free 48 MiB" in disk.remedy  # 16 for the journal, 32 to spare


def test_a_folder_that_cannot_be_written_fails(machine, monkeypatch):
    monkeypatch.setattr(checks.os, "access", lambda *_: False)

    (folder,) = checks.state_folder(None, 1)

    assert folder.status == "fail"
    assert "not writable" in folder.detail


def test_little_memory_fails(tmp_path, monkeypatch):
    path = tmp_path / "meminfo"
    path.write_text("MemTotal:  500000 kB\nMemAvailable:  40000 kB\nHugePages_Total:  0\n")
    counts = checks.meminfo(path)
    monkeypatch.setattr(checks, "meminfo", lambda: counts)

    assert counts["MemAvailable"] == 40000 * 1024
    assert checks.memory().status == "fail"


def test_an_interpreter_that_cannot_be_loaded_says_why(monkeypatch):
    from edge_app.inference import tflite

    broken = {"tflite-runtime": ("2.14.0", "AttributeError: _ARRAY_API not found in numpy")}
    monkeypatch.setattr(tflite, "interpreters", lambda: broken)

    found = list(checks.interpreter())

    assert [check.status for check in found] == ["ok", "warn", "ok"]  # numpy, the interpreter, our own engine instead
    assert "numpy<2" in found[1].remedy
