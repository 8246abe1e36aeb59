"""A wrong model or recording ends the real program: exit code 2, what, where and how to fix it, nothing written."""

from __future__ import annotations

import hashlib
import json
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from cli import edge_app
from model_files import identity_model, manifest_for, write_manifest

from edge_app.config.registry import find
from edge_app.core.plugin import FeatureContext
from edge_app.inference.manifest import Features, Standardize, TensorFacts

APP = """\
app: level
version: 1.0.0
sensors:
  vibration: {quantity: acceleration, unit: g, min_rate_hz: 3200}
pipelines:
  level:
    sensor: vibration
    window: {seconds: 1.0, hop_s: 0.5}
    features: {plugin: vibration, band_hz: [10, 1500], bands: 8}
    model: {plugin: tflite, file: models/test.tflite}
    decision: {plugin: anomaly}
"""

DEVICE = """\
device: {id: rig, site: lab}
apps: [level]
sensors:
  vibration: {plugin: recording, file: good.wav}
"""

SCALE = float(np.float32(0.05))


@pytest.fixture
def world(tmp_path) -> Path:
    """An app whose model gives back its input, its manifest, a device, and two seconds of noise as a WAV file."""
    models = tmp_path / "level" / "models"
    models.mkdir(parents=True)
    (tmp_path / "level" / "app.yaml").write_text(APP)
    (tmp_path / "rig.yaml").write_text(DEVICE)
    plugin = find("features", "vibration")
    context = FeatureContext(3332.0, 16 / 32768, "g", 1, 1.0, 3200.0)
    schema = plugin.create(plugin.config(band_hz=(10, 1500), bands=8), context).schema
    count = len(schema.names)
    model = identity_model(features=count)
    (models / "test.tflite").write_bytes(model)
    manifest = manifest_for(
        model,
        input=TensorFacts((1, count), "int8", SCALE, 2),
        output=TensorFacts((1, count), "int8", SCALE, -3),
        features=Features(schema.plugin, schema.hash, schema.names, dict(schema.settings)),
        standardize=Standardize((0,) * count, (1024,) * count, 12),
    )
    write_manifest(models / "test.json", manifest)
    write_wav(tmp_path / "good.wav", np.random.RandomState(1).randint(-3000, 3000, 8000))
    return tmp_path


def write_wav(path: Path, values: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(4000)
        file.writeframes(values.astype("<i2").tobytes())


def refused(world: Path, verb: str, *arguments: str) -> str:
    """What a refused run says; it leaves nothing behind."""
    before = set(world.rglob("*"))
    done = edge_app(verb, "rig.yaml", *arguments, cwd=world, EDGE_APP_STATE=world / "state")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("edge-app: error: ")
    journals = [path for path in set(world.rglob("*")) - before if path.is_file()]
    assert not journals, "nothing half-written"
    return done.stderr


def change_manifest(world: Path, change) -> None:
    path = world / "level" / "models" / "test.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def replace_model(world: Path, data: bytes) -> None:
    """Another model file, and a manifest that agrees with its hash: only what is inside is wrong."""
    (world / "level" / "models" / "test.tflite").write_bytes(data)
    change_manifest(world, lambda manifest: manifest.update(sha256=hashlib.sha256(data).hexdigest()))


def test_the_world_is_right_before_anything_is_made_wrong(world):
    done = edge_app("check", "level", "rig.yaml", cwd=world)
    assert done.returncode == 0, done.stderr

    done = edge_app("run", "rig.yaml", "--speed", "max", "--broker", "none", "--json", cwd=world, EDGE_APP_STATE=world)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["windows"] == 3  # 2 s in windows of 1 s every 0.5 s


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_missing_model_is_named(world, verb):
    (world / "level" / "models" / "test.tflite").unlink()

    text = refused(world, verb)

    assert "level/app.yaml:10: pipelines.level.model.file: level/models/test.tflite is missing" in text
    assert "edge-app train level" in text


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_missing_manifest_is_named(world, verb):
    (world / "level" / "models" / "test.json").unlink()

    assert "test.json" in refused(world, verb)


def test_a_model_that_was_changed_after_its_manifest_is_refused(world):
    path = world / "level" / "models" / "test.tflite"
    path.write_bytes(path.read_bytes() + b"\0")

    text = refused(world, "check")

    assert "level/app.yaml: pipelines.level: " in text
    assert "sha256" in text.lower()


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("shape", lambda manifest: manifest["input"].update(shape=[1, 3]), "shape"),
        ("dtype", lambda manifest: manifest["input"].update(dtype="float32"), "int8"),
        ("scale", lambda manifest: manifest["input"].update(scale=0.5), "scale"),
        ("zero point", lambda manifest: manifest["output"].update(zero_point=0), "zero"),
        ("feature hash", lambda manifest: manifest["features"].update(hash="0" * 16), "feature"),
        ("knots that fall", lambda manifest: manifest["score"].update(knots=[[9, 0], [3, 10000]]), "knots"),
        ("format", lambda manifest: manifest.update(format="other/9"), "format"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_manifest_that_disagrees_is_refused_and_says_in_what(world, name, change, says):
    change_manifest(world, change)

    text = refused(world, "check")

    assert "pipelines.level" in text
    assert says in text


def test_a_model_made_for_other_features_is_refused(world):
    path = world / "level" / "app.yaml"
    path.write_text(APP.replace("bands: 8", "bands: 9"))

    text = refused(world, "run")

    assert "feature" in text
    assert "band_" in text


def test_a_manifest_that_is_no_json_is_refused(world):
    (world / "level" / "models" / "test.json").write_text("{")

    assert "test.json" in refused(world, "check")


@pytest.mark.parametrize("keep", [0, 4, 40, 0.5, 0.99])
def test_a_truncated_model_is_refused(world, keep):
    data = (world / "level" / "models" / "test.tflite").read_bytes()
    replace_model(world, data[: keep if isinstance(keep, int) else int(len(data) * keep)])

    assert "test.tflite" in refused(world, "check")


def test_a_hostile_model_is_refused(world):
    replace_model(world, struct.pack("<I", 2**31 - 5) + b"TFL3" + b"\xff" * 5000)

    assert "test.tflite" in refused(world, "run")


def test_a_missing_recording_is_named(world):
    text = refused(world, "run", "--replay", "vibration=nothing.wav", "--speed", "max", "--broker", "none")

    assert "nothing.wav" in text


@pytest.mark.parametrize("name", ["cut.wav", "nan.csv", "empty.csv", "words.csv", "cut.npz"])
def test_a_damaged_recording_is_refused(world, name):
    good = (world / "good.wav").read_bytes()
    np.savez(world / "good.npz", a=np.zeros(4000))
    contents = {
        "cut.wav": good[: len(good) // 2],
        "nan.csv": b"x\n" + b"0.1\n" * 3000 + b"nan\n" * 2000,
        "empty.csv": b"",
        "words.csv": b"time,signal\nnot,numbers\n",
        "cut.npz": (world / "good.npz").read_bytes()[:300],
    }
    (world / name).write_bytes(contents[name])

    text = refused(world, "run", "--replay", f"vibration={name},rate_hz=4000", "--speed", "max", "--broker", "none")

    assert name in text


@pytest.mark.parametrize(
    ("replay", "says"),
    [
        ("vibration", "--replay vibration"),
        ("sound=good.wav", "has no slot `sound`"),
        ("vibration=good.wav,rate_hz=fast", "rate_hz=fast"),
        ("vibration=good.wav,channel=left", "left"),
        ("vibration=good.wav,rate=4000", "rate_hz"),
    ],
)
def test_a_replay_that_makes_no_sense_is_refused(world, replay, says):
    assert says in refused(world, "run", "--replay", replay, "--speed", "max", "--broker", "none")
