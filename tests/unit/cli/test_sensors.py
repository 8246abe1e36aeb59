"""`sensors list|scan|read` and `doctor`'s look at the buses, with wires that are faked and nothing else."""

from __future__ import annotations

import csv
import errno
import json

import pytest

from edge_app.buses import i2c, pcm
from edge_app.cli.main import main
from edge_app.core import clock as core_clock
from edge_app.core.errors import PluginError
from edge_app.testing.clock import FakeClock
from edge_app.testing.fake_chips import FakeADXL345, FakeLSM6DS3
from edge_app.testing.fake_i2c import FakeI2CBus, installed

DEVICE = """\
device: {id: bench, site: lab}
apps: [not_there_yet]
sensors:
  vibration: {plugin: lsm6ds3, bus: 1, address: 0x6A, rate_hz: 416, range_g: 4}
  pump: {plugin: simulated, rate_hz: 1000, axes: 3, duration_s: 1.0}
  file: {plugin: recording, file: nothing.wav}
"""


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A device's file in a folder of its own; time that passes at once."""
    clock = FakeClock()
    monkeypatch.setattr(core_clock, "SystemClock", lambda: clock)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bench.yaml").write_text(DEVICE)
    return clock


@pytest.fixture
def no_sound(monkeypatch):
    def inputs(_):
        raise PluginError("no PortAudio here", "Install it.")

    monkeypatch.setattr(pcm.PortAudio, "inputs", inputs)


@pytest.fixture
def one_bus(monkeypatch):
    monkeypatch.setattr(i2c, "list_buses", lambda: [1])


def test_list_shows_every_plugin_with_its_rates(capsys):
    assert main(["sensors", "list"]) == 0

    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert {"adxl345", "lis3dh", "lsm6ds3", "lsm6dso", "microphone", "mpu6050", "recording", "simulated"} <= set(lines)
    assert "12.5 … 3332" in lines["lsm6ds3"]


def test_list_as_json_names_the_keys(capsys):
    assert main(["sensors", "list", "--json"]) == 0

    plugins = {plugin["name"]: plugin for plugin in json.loads(capsys.readouterr().out)}
    assert plugins["lsm6ds3"]["micropython"] is True
    assert "rate_hz" in plugins["lsm6ds3"]["keys"]


def test_scan_names_who_may_sit_at_an_address_that_answers(bench, no_sound, one_bus, capsys):
    with installed(FakeI2CBus({0x53: FakeADXL345(bench), 0x42: {}})):
        assert main(["sensors", "scan"]) == 0

    out = capsys.readouterr().out
    assert "i2c bus 1: 2 answering" in out
    assert "0x53  ADXL345" in out
    assert "0x42  not a chip edge-app knows" in out
    assert "no PortAudio here" in out


def test_read_prints_level_and_rate_twice_a_second(bench, capsys):
    chip = FakeLSM6DS3(bench, signal=lambda n: (0, 0, 8192))  # 8192 counts of 4 g / 32768: 1 g, nearly: 0.122 mg/LSB
    with installed(FakeI2CBus({0x6A: chip})):
        assert main(["sensors", "read", "bench.yaml", "vibration", "--seconds", "1"]) == 0

    out = capsys.readouterr().out.splitlines()
    assert out[0] == "lsm6ds3 on bus 1 address 0x6A: 1 × 416 Hz, in g"
    assert "rms   0.0000 peak   0.0000 mean   0.9994 g" in out[1]  # 8192 × 0.000122
    assert float(out[1].split()[-4]) == pytest.approx(416, rel=0.01)
    assert out[-1] == "trouble: none"


def test_read_ends_with_the_signal_and_writes_every_sample(bench, tmp_path, capsys):
    assert main(["sensors", "read", "bench.yaml", "pump", "--seconds", "9", "--csv", "out.csv"]) == 0

    rows = list(csv.reader((tmp_path / "out.csv").read_text().splitlines()))
    assert rows[0] == ["time_s", "axis0_g", "axis1_g", "axis2_g"]
    assert len(rows) == 1 + 1000  # 1 s at 1000 Hz
    assert float(rows[-1][0]) == pytest.approx(0.999)
    assert "the signal has ended" in capsys.readouterr().out


def test_read_to_stdout_keeps_people_s_lines_out_of_the_data(bench, capsys):
    assert main(["sensors", "read", "bench.yaml", "pump", "--seconds", "0.1", "--csv", "-"]) == 0

    captured = capsys.readouterr()
    assert captured.out.startswith("time_s,axis0_g")
    assert "simulated pump" in captured.err


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda bus: setattr(bus, "open_errno", errno.EACCES), ("No permission to open /dev/i2c-1", "usermod -aG i2c")),
        (lambda bus: setattr(bus, "open_errno", errno.ENOENT), ("No I2C bus 1", "do_i2c 0")),
        (lambda bus: bus.unplug(0x6A), ("LSM6DS3", "0x6A", "Check")),
        (
            lambda bus: bus.plug(0x6A, FakeADXL345(FakeClock())),
            ("LSM6DS3 expected at bus 1 address 0x6A", "WHO_AM_I read 0x00"),
        ),
        (lambda bus: bus.lock_up(), ("timed out", "pull-ups")),
    ],
    ids=["no permission", "no such bus", "not answering", "wrong chip", "bus locked up"],
)
def test_a_sensor_that_cannot_be_read_is_told_with_what_to_do(bench, tmp_path, capsys, prepare, says):
    bus = FakeI2CBus({0x6A: FakeLSM6DS3(bench)})
    prepare(bus)

    with installed(bus):
        status = main(["sensors", "read", "bench.yaml", "vibration", "--csv", "half.csv"])

    error = capsys.readouterr().err
    assert status == 2
    assert error.startswith("edge-app: error: ")
    for text in says:
        assert text in error
    assert not bus.is_open
    assert not (tmp_path / "half.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("bench.yaml", "vibratoin"),
            ("bench.yaml:3: sensors: nothing is bound to a slot", "Did you mean `vibration`?"),
        ),
        (("bench.yaml", "pump", "--seconds", "-1"), ("--seconds -1 is no length of time",)),
        (("bench.yaml", "pump", "--csv", "no/such/folder.csv"), ("cannot write no/such/folder.csv",)),
        (("bench.yaml", "file"), ("nothing.wav",)),
        (("none.yaml", "pump"), ("none.yaml: there is no such file",)),
    ],
)
def test_a_mistake_in_read_is_told(bench, capsys, arguments, says):
    assert main(["sensors", "read", *arguments]) == 2

    error = capsys.readouterr().err
    for text in says:
        assert text in error
