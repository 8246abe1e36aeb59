"""A wrong configuration ends the real program: exit code 2, file, line, key, remedy in the message, nothing written."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

APP = """\
app: bearings
version: 1.0.0
sensors:
  vibration: {quantity: acceleration, unit: g, min_rate_hz: 3200}
pipelines:
  drive_end:
    sensor: vibration
    window: {seconds: 1.0, hop_s: 0.5}
    features: {plugin: vibration, band_hz: [10, 1500], bands: 32}
    model: {plugin: tflite, file: models/net.tflite}
    decision: {plugin: anomaly, raise_above: 0.80, clear_below: 0.60}
tunable: [pipelines.drive_end.decision.raise_above]
"""

DEVICE = """\
device: {id: pump-7, site: plant-a}
apps: [bearings]
sensors:
  vibration: {plugin: lsm6ds3, bus: 1, address: 0x6A, rate_hz: 3332, range_g: 16, axis: z}
publish: {broker: "mqtt://127.0.0.1:1883"}
"""


@dataclass
class Case:
    """One mistake: what is replaced in which file, and what the message must hold."""

    name: str
    file: str
    old: str
    new: str
    says: tuple[str, ...]


DEVICE_CASES = [
    Case(
        "unknown key",
        "pump-7.yaml",
        "rate_hz: 3332",
        "rate_khz: 3.3",
        ("pump-7.yaml:4: sensors.vibration.rate_khz: unknown key", "Did you mean `rate_hz`?"),
    ),
    Case(
        "wrong type",
        "pump-7.yaml",
        "rate_hz: 3332",
        "rate_hz: fast",
        (
            'pump-7.yaml:4: sensors.vibration.rate_hz: "fast" is not a number (Hz)',
            "Write a number, e.g. `rate_hz: 3332`.",
        ),
    ),
    Case(
        "value a chip cannot do",
        "pump-7.yaml",
        "rate_hz: 3332",
        "rate_hz: 5000",
        ("pump-7.yaml:4: sensors.vibration.rate_hz: 5000 is not possible", "3332 Hz"),
    ),
    Case(
        "slot not bound",
        "pump-7.yaml",
        "vibration: {",
        "vibes: {",
        (
            "pump-7.yaml:3: sensors: no sensor is bound to the slot `vibration`",
            "of the app bearings",
            "{plugin: lsm6ds3",
        ),
    ),
    Case(
        "sensor too slow for the app",
        "pump-7.yaml",
        "rate_hz: 3332",
        "rate_hz: 416",
        ("pump-7.yaml:4: sensors.vibration.rate_hz: 416 Hz is too slow for bearings", "Write `rate_hz: 3332`."),
    ),
    Case(
        "sensor of another unit",
        "pump-7.yaml",
        "{plugin: lsm6ds3, bus: 1, address: 0x6A, rate_hz: 3332, range_g: 16, axis: z}",
        "{plugin: microphone, rate_hz: 16000}",
        (
            "pump-7.yaml:4: sensors.vibration: microphone delivers fs, but bearings wants g",
            "Bind a sensor that delivers g",
        ),
    ),
    Case(
        "override of something not tunable",
        "pump-7.yaml",
        "publish:",
        "override: {pipelines.drive_end.window.seconds: 2}\npublish:",
        (
            "pump-7.yaml:5: override.pipelines.drive_end.window.seconds: bearings does not let",
            "Tunable: pipelines.drive",
        ),
    ),
    Case(
        "override of the wrong type",
        "pump-7.yaml",
        "publish:",
        "override: {pipelines.drive_end.decision.raise_above: high}\npublish:",
        ('pump-7.yaml:5: pipelines.drive_end.decision.raise_above: "high" is not a number', "Write a number"),
    ),
    Case(
        "unknown plugin",
        "pump-7.yaml",
        "plugin: lsm6ds3",
        "plugin: lsm6ds33",
        ("pump-7.yaml:4: sensors.vibration.plugin: there is no sensor plugin `lsm6ds33`", "Did you mean `lsm6ds3`?"),
    ),
    Case(
        "a password in the broker's URL",
        "pump-7.yaml",
        "mqtt://127.0.0.1:1883",
        "mqtt://pump:s3cret@127.0.0.1",
        ("pump-7.yaml:5: publish.broker", "password"),
    ),
    Case(
        "a password in the file",
        "pump-7.yaml",
        'publish: {broker: "mqtt://127.0.0.1:1883"}',
        'publish: {broker: "mqtt://127.0.0.1", username: pump, password: s3cret}',
        ("pump-7.yaml:5: publish.password", "{env: EDGE_MQTT_PASSWORD}"),
    ),
    Case(
        "plaintext over a network",
        "pump-7.yaml",
        "mqtt://127.0.0.1:1883",
        "mqtt://broker.plant-a",
        ("pump-7.yaml:5: publish: mqtt://broker.plant-a would send everything unencrypted", "Use mqtts://"),
    ),
    Case(
        "an app that is not there",
        "pump-7.yaml",
        "apps: [bearings]",
        "apps: [../bearing]",
        ("pump-7.yaml:2: apps[0]: there is no app.yaml in",),
    ),
    Case(
        "an alias bomb",
        "pump-7.yaml",
        "device:",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\ndevice:",
        ("pump-7.yaml:1: an anchor (`&a`) is used.", "Write the value out"),
    ),
    Case("a tab", "pump-7.yaml", "  vibration:", "\tvibration:", ("pump-7.yaml:4: a tab", "two spaces")),
    Case(
        "a key twice",
        "pump-7.yaml",
        "apps:",
        "apps: []\napps:",
        ("pump-7.yaml:3: the key `apps` stands here a second",),
    ),
]

APP_CASES = [
    Case(
        "wrong unit",
        "bearings/app.yaml",
        "unit: g",
        "unit: m/s2",
        ('bearings/app.yaml:4: sensors.vibration.unit: "m/s2" is not allowed here', "Allowed: g, fs, au."),
    ),
    Case(
        "unknown feature plugin",
        "bearings/app.yaml",
        "plugin: vibration",
        "plugin: vibrations",
        (
            "bearings/app.yaml:9: pipelines.drive_end.features.plugin: there is no feature plugin",
            "Did you mean `vibration`?",
        ),
    ),
    Case(
        "missing model",
        "bearings/app.yaml",
        "models/net.tflite",
        "models/other.tflite",
        ("bearings/app.yaml:10: pipelines.drive_end.model.file:", "other.tflite is missing", "holds models/net.tflite"),
    ),
    Case(
        "model outside the app",
        "bearings/app.yaml",
        "models/net.tflite",
        "../../etc/passwd",
        ("bearings/app.yaml:10: pipelines.drive_end.model.file", "inside the app's folder"),
    ),
    Case(
        "thresholds that contradict each other",
        "bearings/app.yaml",
        "clear_below: 0.60",
        "clear_below: 0.90",
        ("bearings/app.yaml:11: pipelines.drive_end.decision: clear_below 0.9 is above raise_above 0.8",),
    ),
    Case(
        "tunable of a key that is none",
        "bearings/app.yaml",
        "decision.raise_above]",
        "decision.raise]",
        ("bearings/app.yaml:12: tunable[0]:", "Did you mean `pipelines.drive_end.decision.raise_above`?"),
    ),
]


@pytest.fixture
def world(tmp_path) -> Path:
    app = tmp_path / "bearings"
    (app / "models").mkdir(parents=True)
    (app / "models" / "net.tflite").write_bytes(b"TFL3")
    (app / "app.yaml").write_text(APP)
    (tmp_path / "pump-7.yaml").write_text(DEVICE)
    return tmp_path


def edge_app(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"EDGE_APP_STATE": str(folder / "state")}
    return subprocess.run(
        [sys.executable, "-m", "edge_app.cli.main", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def assert_refused(done: subprocess.CompletedProcess, folder: Path, before: set[Path], says: tuple[str, ...]) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("edge-app: error: ")
    assert "\n  " in done.stderr, "the remedy stands on a line of its own"
    for text in says:
        assert text in done.stderr
    assert set(folder.rglob("*")) == before, "nothing is written, no state folder either"


@pytest.mark.parametrize("case", DEVICE_CASES + APP_CASES, ids=lambda case: case.name)
def test_a_mistake_is_refused_with_place_and_remedy(world, case):
    path = world / case.file
    text = path.read_text()
    assert case.old in text
    path.write_text(text.replace(case.old, case.new))
    before = set(world.rglob("*"))

    done = edge_app(world, "check", "pump-7.yaml")

    assert_refused(done, world, before, case.says)
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize("case", [DEVICE_CASES[0], DEVICE_CASES[4], APP_CASES[2]], ids=lambda case: case.name)
def test_run_refuses_what_check_refuses_and_makes_no_journal(world, case):
    path = world / case.file
    path.write_text(path.read_text().replace(case.old, case.new))
    before = set(world.rglob("*"))

    assert_refused(edge_app(world, "run", "pump-7.yaml"), world, before, case.says)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("nested brackets", b"device: " + b"[" * 5000, ("pump-7.yaml:1: nested deeper than 32 levels",)),
        ("more than 64 KiB", DEVICE.encode() + b"#" * 65536, ("pump-7.yaml is larger than 64 KiB",)),
        ("not UTF-8", DEVICE.encode() + b"# K\xf6ln\n", ("pump-7.yaml:6: byte", "0xF6", "UTF-8")),
        ("empty", b"", ("pump-7.yaml:1: the file is empty",)),
        ("not YAML", b"device: {id: pump-7\nsensors: [\n", ("pump-7.yaml:", "not valid YAML")),
        ("binary", bytes(range(256)), ("pump-7.yaml:2: byte 128 (0x80)",)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_hostile_or_damaged_file_is_refused(world, name, content, says):
    (world / "pump-7.yaml").write_bytes(content)
    before = set(world.rglob("*"))

    assert_refused(edge_app(world, "check", "pump-7.yaml"), world, before, says)


def test_a_missing_file_names_the_nearest_one(world):
    before = set(world.rglob("*"))

    assert_refused(edge_app(world, "run", "pump7.yaml"), world, before, ("there is no such file", "pump-7.yaml?"))


def test_check_goes_through_all_files_and_says_which_are_right(world):
    (world / "bad.yaml").write_text("device: {id: X}\n")

    done = edge_app(world, "check", "bad.yaml", "nothing.yaml")

    assert done.returncode == 2
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["error", "error"]
    assert "bad.yaml:1: device.site: the key is missing" in done.stderr
    assert "nothing.yaml: there is no such file" in done.stderr


def test_five_thousand_brackets_cost_less_than_50_ms(world):
    from edge_app.config.load import load_document
    from edge_app.core.errors import ConfigError

    path = world / "deep.yaml"
    path.write_text("a: " + "[" * 5000)

    began_s = time.process_time()
    with pytest.raises(ConfigError):
        load_document(path)
    assert time.process_time() - began_s < 0.050
