"""The whole training, on half a minute of simulated pump; on real recordings: tests/integration/test_training.py."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from edge_app.cli.main import main
from edge_app.config.apps import load_app
from edge_app.inference.load import load_tflite
from edge_app.training.recipes import load_task

RECIPE = """pipeline: pump
name: pump_int8
hop_s: 0.25
train:
  - {simulated: pump, rate_hz: 3332, seconds: 30, profile: steady, name: pump}
augment: {copies: 4, speed: [0.98, 1.0, 1.02], gain_db: [-1, 1]}
model: {hidden: [8, 3, 8], epochs: 10}
evaluate:
  - {simulated: pump, rate_hz: 3332, seed: 2, seconds: 12, profile: steady, name: another hour}
  - {simulated: pump, rate_hz: 3332, seed: 3, seconds: 30, profile: steady, fault: outer, label: fault}
"""


@pytest.fixture
def app(tmp_path: Path, repository: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    shutil.copy(repository / "apps" / "simulated_pump" / "app.yaml", folder)
    (folder / "train.yaml").write_text(RECIPE)
    return folder


def test_a_training_writes_model_manifest_and_card_that_the_app_takes(
    app: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(app)]) == 0
    out = capsys.readouterr().out
    for step in ("features", "windows", "train", "quantise", "score", "evaluate", "check"):
        assert f"\n{step}" in "\n" + out
    assert "another hour" in out
    assert sorted(each.name for each in (app / "models").iterdir()) == [
        "pump_int8.json",
        "pump_int8.md",
        "pump_int8.steps.npz",
        "pump_int8.tflite",
    ]
    load_app(app)
    schema = load_task(app).extractor(3332.0, 16 / 32768).schema
    load_tflite(app / "models" / "pump_int8.tflite", app / "models" / "pump_int8.json", schema)
    manifest = json.loads((app / "models" / "pump_int8.json").read_text())
    assert manifest["metrics"]["int8"]["faults_alarmed"] == 1
    assert manifest["data"]["train"][0]["seconds"] == 30.0
    card = (app / "models" / "pump_int8.md").read_text()
    assert "another hour" in card
    assert manifest["sha256"][:16] in card


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(app: Path, tmp_path: Path) -> None:
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        assert main(["train", str(app), "--seed", seed, "--out", str(tmp_path / name)]) == 0
    for suffix in ("tflite", "json", "md"):
        a, b, c = ((tmp_path / name / f"pump_int8.{suffix}").read_bytes() for name in "abc")
        assert a == b
        assert a != c


def test_what_cannot_be_trained_writes_nothing(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (app / "train.yaml").write_text(RECIPE.replace("simulated: pump, rate_hz: 3332, seconds: 30", "file: missing.wav"))
    assert main(["train", str(app)]) == 2
    assert "missing.wav" in capsys.readouterr().err
    assert not (app / "models").exists()


def test_signals_too_short_to_withhold_a_part_are_refused(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (app / "train.yaml").write_text(RECIPE.replace("seconds: 30, profile: steady, name", "seconds: 1.5, name"))
    assert main(["train", str(app)]) == 2
    assert "too short to withhold a part" in capsys.readouterr().err
    assert not (app / "models").exists()


def test_a_data_folder_that_is_none_is_named(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(app), "--data", str(app / "nowhere")]) == 2
    assert "is not a folder" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named_before_anything_is_learnt(
    app: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("a file")
    assert main(["train", str(app), "--out", str(tmp_path / "taken" / "models")]) == 2
    said = capsys.readouterr()
    assert "taken is not a folder" in said.err
    assert "--out" in said.err
    assert said.out == ""
