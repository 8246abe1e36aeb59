"""Models made elsewhere: what fits is measured and gets its manifest, what does not is named with a way out."""

from __future__ import annotations

import json
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tflite_builder import ModelBuilder

from edge_app.cli.main import main
from edge_app.config.apps import load_app
from edge_app.config.trial import try_app
from edge_app.core.errors import ConfigError, ModelError, RecordingError
from edge_app.inference.manifest import load_manifest
from edge_app.training.import_model import Wanted, import_model

SAMPLES = 64
APP = """
app: listener
version: 1.0.0
sensors:
  ear: {quantity: sound, unit: fs, min_rate_hz: 2000, axes: 1}
pipelines:
  hum:
    sensor: ear
    window: {seconds: 0.25, hop_s: 0.25}
    features: {plugin: waveform, samples: 64, rate_hz: 1000, top_hz: 400}
    model: {plugin: tflite, file: models/mine.tflite}
    decision: {plugin: anomaly, raise_above: 0.8, clear_below: 0.6}
"""


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    """An app that takes 64 samples of sound, and ten seconds of healthy noise."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.yaml").write_text(APP)
    random = np.random.RandomState(1)
    for label, count in (("normal", 2), ("broken", 1)):
        folder = tmp_path / "data" / label
        folder.mkdir(parents=True)
        for number in range(count):
            with wave.open(str(folder / f"{number}.wav"), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes(random.normal(0, 3000, 40000).astype("<i2").tobytes())
    return Wanted(tmp_path / "mine.tflite", tmp_path / "app", "hum", tmp_path / "data")


def autoencoder(inputs: int = SAMPLES, output_scale: float = 0.04) -> bytes:
    """Gives back what it takes, in steps of another size, as converters write it."""
    b = ModelBuilder()
    x = b.tensor([1, inputs], 0.05, 3)
    w = b.constant(np.eye(inputs, dtype=np.int8), np.full(inputs, 1.0).tolist())  # per channel
    y = b.tensor([1, inputs], output_scale, -7)
    b.operator("FULLY_CONNECTED", [x, w], [y])
    return b.build([x], [y])


def convolution(*, softmax: bool = True) -> bytes:
    """A small 1-D network on [1, 64, 1, 1] of two classes, with a QUANTIZE in front as converters leave it."""
    random = np.random.RandomState(2)
    b = ModelBuilder()
    x = b.tensor([1, SAMPLES, 1, 1], 0.06, 0)
    q = b.tensor([1, SAMPLES, 1, 1], 0.05, 1)
    b.operator("QUANTIZE", [x], [q])
    weights = b.constant(random.randint(-127, 128, (4, 5, 1, 1)).astype(np.int8), [0.01] * 4)
    y = b.tensor([1, 30, 1, 4], 0.05, -128)
    options = {"padding": 1, "stride_w": 1, "stride_h": 2, "fused": 1, "dilation_w": 1, "dilation_h": 1}
    b.operator("CONV_2D", [q, weights, -1], [y], **options)
    m = b.tensor([1, 4], 0.05, -128)
    b.operator("MEAN", [y, b.constant(np.array([1, 2], np.int32))], [m], keep_dims=False)
    logits = b.tensor([1, 2], 0.1, 0)
    b.operator("FULLY_CONNECTED", [m, b.constant(random.randint(-127, 128, (2, 4)).astype(np.int8), 0.05)], [logits])
    if not softmax:
        return b.build([x], [logits])
    p = b.tensor([1, 2], 1 / 256, -128)
    b.operator("SOFTMAX", [logits], [p], beta=1.0)
    return b.build([x], [p])


def test_an_autoencoder_gets_inputs_score_and_papers_and_the_app_runs_it(wanted: Wanted):
    wanted.file.write_bytes(autoencoder())
    imported = import_model(wanted)
    # Two recordings of 5 s in steps of 0.25 s: 40 windows.
    assert imported.windows == 40
    # 64 bytes in and 64 out live at the same time.
    assert imported.arena_bytes == 128
    assert imported.bytes == len(autoencoder()) == (wanted.app_dir / "models" / "mine.tflite").stat().st_size
    manifest = load_manifest(wanted.app_dir / "models" / "mine.json")
    assert manifest == imported.manifest
    assert manifest.kind == "autoencoder"
    assert "the median at 0.25" in manifest.score_set_by
    assert try_app(load_app(wanted.app_dir)) == []
    # noise of unit variance in steps of 0.05 fits ±6.4 deviations: nothing is clipped
    assert imported.clipped_percent == 0.0
    # every interpreter found here ran it
    assert all("differing_bytes_percent" in found for found in manifest.engines.values())


def test_a_convolution_of_two_classes_is_imported_with_its_labels(wanted: Wanted):
    for softmax in (True, False):
        wanted.file.write_bytes(convolution(softmax=softmax))
        imported = import_model(replace(wanted, labels=("normal", "broken"), alarm_labels=("broken",)))
        manifest = imported.manifest
        assert (manifest.kind, manifest.labels, manifest.alarm_labels) == (
            "classifier",
            ("normal", "broken"),
            ("broken",),
        )
        assert manifest.classifier is not None
        assert manifest.classifier.output == ("probabilities" if softmax else "logits")
        assert manifest.input is not None
        assert manifest.input.shape == (1, SAMPLES, 1, 1)
        assert try_app(load_app(wanted.app_dir)) == []


def test_stated_moments_are_taken_instead_of_measured_ones(wanted: Wanted, tmp_path: Path):
    wanted.file.write_bytes(autoencoder())
    path = tmp_path / "moments.json"
    path.write_text(json.dumps({"mean": [10.0] * SAMPLES, "std": [512.0] * SAMPLES}))
    imported = import_model(replace(wanted, moments=path))
    standardize = imported.manifest.standardize
    assert set(standardize.offset) == {10}
    # one step of 0.05 is 25.6 counts
    assert standardize.multiplier[0] / 2**standardize.shift == pytest.approx(1 / 25.6, rel=1e-3)
    path.write_text('{"mean": [1], "std": [2]}')
    with pytest.raises(ModelError, match=r"mean \[1\] and std \[1\] for 64 features"):
        import_model(replace(wanted, moments=path))
    path.write_text('{"mean": [1], "std": [NaN]}')
    with pytest.raises(ModelError, match="NaN is not a JSON number"):
        import_model(replace(wanted, moments=path))


def test_a_model_that_is_fed_otherwise_is_warned_of_by_its_clipped_inputs(wanted: Wanted, tmp_path: Path):
    wanted.file.write_bytes(autoencoder())
    path = tmp_path / "moments.json"
    path.write_text(json.dumps({"mean": [0.0] * SAMPLES, "std": [64.0] * SAMPLES}))
    imported = import_model(replace(wanted, moments=path))
    assert imported.clipped_percent > 10
    assert "do not fit into int8" in imported.warnings[0]


@pytest.mark.parametrize(("mean", "std"), [(1e308, 1.0), (0.0, 1e-300), (0.0, 1e300)])
def test_moments_beyond_what_integer_features_can_be_are_refused(
    wanted: Wanted, tmp_path: Path, mean: float, std: float
):
    wanted.file.write_bytes(autoencoder())
    path = tmp_path / "moments.json"
    path.write_text(json.dumps({"mean": [mean] * SAMPLES, "std": [std] * SAMPLES}))
    with pytest.raises(ModelError, match="features are 16-bit integers: a mean lies within ±32768"):
        import_model(replace(wanted, moments=path))


def float_model() -> bytes:
    b = ModelBuilder()
    x = b.tensor([1, SAMPLES], None, dtype="float32")
    w = b.constant(np.eye(SAMPLES, dtype=np.float32))
    y = b.tensor([1, SAMPLES], None, dtype="float32")
    b.operator("FULLY_CONNECTED", [x, w], [y])
    return b.build([x], [y])


def with_tanh() -> bytes:
    b = ModelBuilder()
    x, y, z = b.tensor([1, SAMPLES], 0.05), b.tensor([1, SAMPLES], 0.05), b.tensor([1, SAMPLES], 0.05)
    w = b.constant(np.eye(SAMPLES, dtype=np.int8), 1.0)
    b.operator("FULLY_CONNECTED", [x, w], [y])
    b.operator("LOGISTIC", [y], [z])
    return b.build([x], [z])


def with_sizes(takes: list[int], gives: list[int]) -> bytes:
    b = ModelBuilder()
    x, y = b.tensor(takes, 0.05), b.tensor(gives, 0.05)
    b.operator("FULLY_CONNECTED", [x, b.constant(np.eye(SAMPLES, dtype=np.int8), 1.0)], [y])
    return b.build([x], [y])


def without_operators() -> bytes:
    b = ModelBuilder()
    x = b.tensor([1, SAMPLES], 0.05)
    return b.build([x], [x])


@pytest.mark.parametrize(
    ("content", "labels", "message", "fix"),
    [
        (float_model(), (), "its input is float32, not int8", "representative_dataset"),
        (with_tanh(), (), "operator 1 is LOGISTIC, which the engines do not run", "softmax"),
        (autoencoder(32), (), r"takes \[1, 32\], pipeline hum gives 64 features", "features"),
        (convolution(), (), r"gives \[1, 2\] for 64 features: no autoencoder", "--labels"),
        (convolution(), ("a", "b", "c"), r"gives \[1, 2\], but 3 labels", "one label per output"),
        (autoencoder(output_scale=5.0), (), "at most a factor of 64", "models.md"),
        (autoencoder()[:900], (), "mine.tflite", "damaged"),
        (b"", (), "mine.tflite", "damaged"),
        (with_sizes([-1, SAMPLES], [-1, SAMPLES]), (), r"shape \[-1, 64\]: a size is left open", "a batch of 1"),
        (with_sizes([1, 1, SAMPLES], [1, SAMPLES]), (), r"takes \[1, 1, 64\]; an autoencoder takes", "reshaping"),
        (without_operators(), (), "has no operators: its output is its input", "Convert"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), (), "is a Keras model in HDF5, not TensorFlow Lite", "Convert"),
        (b"PK\x03\x04" + bytes(99), (), "is a zip archive, as Keras .* and PyTorch", "Convert"),
        (b"\x08\x07\x12\x07pytorch" + bytes(99), (), "is an ONNX model", "Convert"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    wanted: Wanted, content: bytes, labels: tuple[str, ...], message: str, fix: str
):
    wanted.file.write_bytes(content)
    with pytest.raises(ModelError, match=message) as error:
        import_model(replace(wanted, labels=labels))
    assert fix in error.value.fix
    assert not (wanted.app_dir / "models").exists()


@pytest.mark.parametrize(
    ("change", "message", "fix"),
    [
        ({"name": "../evil"}, r"a model cannot be called '\.\./evil'", "--name evil"),
        ({"file": Path("my model.tflite")}, "a model cannot be called 'my model'", "--name my_model"),
        ({"alarm_labels": ("inner",)}, "--alarm names inner, but the model's classes are not named", "--labels"),
        ({"part": "diagnose"}, "--part diagnose takes a model that tells classes apart", "--labels"),
        ({"normal": ()}, "--normal names no label", "--normal normal"),
        ({"file": Path("gone.tflite")}, r"gone\.tflite: there is no such file", "Name the .tflite file"),
        ({"file": Path("/")}, "a model cannot be called ''", "--name my_model"),
        ({"file": Path("/dev")}, "/dev: is a folder", "Convert"),
        ({"file": Path("/dev/zero")}, "/dev/zero: is a pipe or a device", "file first"),
    ],
)
def test_what_contradicts_itself_is_refused_before_any_recording_is_read(
    wanted: Wanted, change: dict[str, object], message: str, fix: str
):
    with pytest.raises((ConfigError, ModelError), match=message) as error:
        import_model(replace(wanted, **change, data_dir=Path("/nowhere")))
    assert fix in error.value.fix


def test_a_trained_model_is_not_replaced_since_its_float_steps_would_stay(wanted: Wanted):
    wanted.file.write_bytes(autoencoder())
    import_model(wanted)
    import_model(wanted)  # over an imported one: as often as wanted
    (wanted.app_dir / "models" / "mine.steps.npz").write_bytes(b"of a training")
    with pytest.raises(ConfigError, match=r"mine is a model that was trained here: mine\.steps\.npz") as error:
        import_model(wanted)
    assert "--name mine_imported" in error.value.fix


def test_recordings_that_were_not_used_are_named(wanted: Wanted):
    wanted.file.write_bytes(autoencoder())
    damaged = wanted.data_dir / "normal" / "2.wav"
    damaged.write_bytes((wanted.data_dir / "normal" / "1.wav").read_bytes()[:2000])
    imported = import_model(wanted)
    assert imported.manifest.data["recordings"] == ["wav/normal/0", "wav/normal/1"]
    assert imported.warnings[0].startswith(f"not used: wav/normal/2: {damaged}: damaged or cut short")


def test_alarm_labels_must_be_labels(wanted: Wanted):
    wanted.file.write_bytes(convolution())
    with pytest.raises(ModelError, match="alarm_labels must be different names out of normal, broken"):
        import_model(replace(wanted, labels=("normal", "broken"), alarm_labels=("gone",)))


def test_without_healthy_recordings_the_labels_that_are_there_are_named(wanted: Wanted):
    wanted.file.write_bytes(autoencoder())
    with pytest.raises(RecordingError, match="no recording is labelled fine; there are: broken, normal"):
        import_model(replace(wanted, normal=("fine",)))


def test_the_command_prints_what_it_found(wanted: Wanted, capsys: pytest.CaptureFixture[str]):
    wanted.file.write_bytes(autoencoder())
    places = ["--app", str(wanted.app_dir), "--pipeline", "hum", "--data", str(wanted.data_dir)]
    assert main(["import-model", str(wanted.file), *places]) == 0
    printed = capsys.readouterr().out
    assert "autoencoder mine: " in printed
    assert "model: {plugin: tflite, file: models/mine.tflite}" in printed
    assert main(["import-model", str(wanted.file), *places, "--json", "--name", "other"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "other"
    assert main(["import-model", str(wanted.file), *places[:-1], "/nowhere"]) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert main(["import-model", str(wanted.file), *places, "--labels", ", ,"]) == 2
    assert "--labels , ,: names nothing" in capsys.readouterr().err
