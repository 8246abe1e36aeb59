"""The whole training, on half a minute of simulated pump; on real recordings: tests/integration/test_training.py."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_app.cli.main import main
from edge_app.config.apps import load_app
from edge_app.inference.load import load_tflite
from edge_app.training.network.layers import parameters
from edge_app.training.network.steps import load_steps
from edge_app.training.trainers.learners import AutoencoderTrainer
from edge_app.training.windows.recipes import load_tasks

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


TYPES = """pipeline: pump
name: pump_types
kind: classifier
hop_s: 0.25
train:
  - {simulated: pump, rate_hz: 3332, seconds: 60, seed: 1, profile: steady, span_s: [20, 60]}
  - {simulated: pump, rate_hz: 3332, seconds: 60, seed: 2, profile: steady, fault: outer, label: outer,
     span_s: [20, 60]}
classes: {healthy: [healthy], outer: [outer]}
alarm: [outer]
model: {hidden: [12], epochs: 30, batch: 16}
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
    schema = load_tasks(app)[0].extractor(3332.0, 16 / 32768).schema
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


def test_figures_of_an_evaluation_stay_in_the_card_as_long_as_the_model_does(app: Path) -> None:
    card = app / "models" / "pump_int8.md"
    assert main(["train", str(app), "--seed", "7"]) == 0
    evaluated = card.read_text() + "\n## Evaluated\n\nAUROC 1.0\n"
    card.write_text(evaluated)

    assert main(["train", str(app), "--seed", "7"]) == 0
    assert card.read_text() == evaluated
    assert main(["train", str(app), "--seed", "8"]) == 0
    assert "## Evaluated" not in card.read_text()


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


def with_recipes(app: Path, **recipes: str) -> None:
    """The app with these recipes instead of train.yaml."""
    text = (app / "app.yaml").read_text()
    names = ", ".join(f"{name}.yaml" for name in recipes)
    (app / "app.yaml").write_text(text.replace("sensors:", f"recipe: [{names}]\nsensors:", 1))
    for name, recipe in recipes.items():
        (app / f"{name}.yaml").write_text(recipe)


def test_a_classifier_goes_from_recordings_to_a_model_that_names_classes(app: Path) -> None:
    with_recipes(app, types=TYPES)
    assert main(["train", str(app)]) == 0

    schema = load_tasks(app)[0].extractor(3332.0, 16 / 32768).schema
    model = load_tflite(app / "models" / "pump_types.tflite", app / "models" / "pump_types.json", schema)
    assert model.manifest.kind == "classifier"
    assert model.manifest.alarm_labels == ("outer",)
    metrics = model.manifest.metrics
    assert metrics["float"]["macro_f1"] > 0.9
    assert abs(metrics["float"]["macro_f1"] - metrics["int8"]["macro_f1"]) <= 0.05  # three of sixty-two windows
    assert [each["layer"] for each in metrics["layers"]] == ["1 dense 12", "2 dense 2", "3 softmax 2"]
    assert list(load_steps(app / "models" / "pump_types.steps.npz")) == ["trained"]
    card = (app / "models" / "pump_types.md").read_text()
    assert "optimistic" in card  # no validation recordings were named
    assert "| 1 dense 12 |" in card


def test_an_ensemble_becomes_one_network_as_wide_as_all_of_them(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_recipes(app, types=TYPES.replace("hidden: [12], epochs: 30", "hidden: [6], ensemble: 2, epochs: 15"))
    assert main(["train", str(app)]) == 0
    assert "classifier 37-12-2, 2 networks in one, best epoch" in capsys.readouterr().out
    manifest = json.loads((app / "models" / "pump_types.json").read_text())
    assert manifest["metrics"]["layers"][0]["layer"] == "1 dense 12"
    first, second = load_steps(app / "models" / "pump_types.steps.npz")["trained"][0].weights.reshape(2, 6, 37)  # type: ignore[union-attr]
    assert not np.array_equal(first, second)  # each began from a seed of its own


@pytest.mark.parametrize("kind", ["gaussian", "gmm", "forest"])
def test_models_without_a_file_are_their_manifest(app: Path, kind: str) -> None:
    distance = RECIPE.replace("name: pump_int8", f"name: toy\nkind: {kind}").replace("model: ", "# ")
    recipe = (
        TYPES.replace("kind: classifier", "kind: forest").replace("model: ", "# ") if kind == "forest" else distance
    )
    with_recipes(app, toy=recipe.replace("name: pump_types", "name: toy"))
    assert main(["train", str(app)]) == 0
    assert sorted(each.name for each in (app / "models").iterdir()) == ["toy.json", "toy.md"]
    assert json.loads((app / "models" / "toy.json").read_text())["kind"] == kind


def test_a_recording_that_one_recipe_lacks_is_told_before_any_model_is_replaced(
    app: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking = TYPES.replace("train:\n", "train:\n  - {file: gone.wav}\n")
    assert lacking != TYPES
    with_recipes(app, train=RECIPE, types=lacking)
    assert main(["train", str(app), "--data", str(app)]) == 2
    assert "train[0]: there is no recording" in capsys.readouterr().err
    assert not (app / "models").exists()


def test_all_recipes_of_an_app_are_trained_or_the_one_named(
    app: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_recipes(app, train=RECIPE, types=TYPES)
    assert main(["train", str(app), "--json", "--out", str(tmp_path / "both")]) == 0
    told = capsys.readouterr()
    assert [each["name"] for each in json.loads(told.out)["models"]] == ["pump_int8", "pump_types"]
    assert "features" in told.err

    assert main(["train", str(app), "--only", "pump_types", "--out", str(tmp_path / "one")]) == 0
    one = sorted(each.name for each in (tmp_path / "one").iterdir())
    assert [each for each in one if each.startswith("pump_int8")] == []
    for name in one:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "both" / name).read_bytes()

    assert main(["train", str(app), "--only", "pump_typse"]) == 2
    assert "Did you mean pump_types?" in capsys.readouterr().err


def test_a_recipe_that_is_not_there_is_named(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_recipes(app, types=TYPES)
    (app / "types.yaml").unlink()
    assert main(["train", str(app)]) == 2
    assert "there is no recipe types.yaml in the app's folder" in capsys.readouterr().err


def test_an_autoencoder_stops_where_withheld_windows_are_explained_best(
    app: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = (app / "train.yaml").read_text()
    (app / "train.yaml").write_text(recipe + "stop: {patience: 1}\n")
    assert main(["train", str(app)]) == 0
    told = re.search(
        r"^stop +(\d+) epochs leave least of \d+ withheld windows unexplained", capsys.readouterr().out, re.M
    )
    assert told
    stopped = (app / "models" / "pump_int8.tflite").read_bytes()

    (app / "train.yaml").write_text(re.sub(r"epochs: \d+", f"epochs: {told[1]}", recipe))
    assert main(["train", str(app)]) == 0
    assert (app / "models" / "pump_int8.tflite").read_bytes() == stopped


def test_the_metric_of_classes_is_none_of_an_autoencoder(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (app / "train.yaml").open("a") as recipe:
        recipe.write("stop: {metric: accuracy}\n")
    assert main(["train", str(app)]) == 2
    assert "`stop.metric` is of classes" in capsys.readouterr().err


def test_pruning_is_tried_on_withheld_windows_and_written_down(app: Path) -> None:
    (app / "train.yaml").write_text(RECIPE + "prune: {keep: [0.5, 1.0, 0.5], epochs: 3, margin: 0.05}\n")
    assert main(["train", str(app)]) == 0
    pruning = json.loads((app / "models" / "pump_int8.json").read_text())["metrics"]["pruning"]
    assert pruning["taken"]
    assert pruning["after"]["layers"] == "37-4-3-4-37"
    assert pruning["after"]["bytes"] < pruning["before"]["bytes"]
    assert "same_size_from_scratch" in pruning
    assert list(load_steps(app / "models" / "pump_int8.steps.npz")) == ["trained", "pruned"]
    assert "## Pruning" in (app / "models" / "pump_int8.md").read_text()


def test_pruning_that_costs_too_much_leaves_the_model_as_it_was(
    app: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AutoencoderTrainer, "metric", lambda self, layers: parameters(layers) / 1000)
    (app / "train.yaml").write_text(RECIPE + "prune: {keep: 0.5, epochs: 1}\n")
    assert main(["train", str(app)]) == 0
    assert "was refused" in capsys.readouterr().out
    pruning = json.loads((app / "models" / "pump_int8.json").read_text())["metrics"]["pruning"]
    assert not pruning["taken"]
    assert list(load_steps(app / "models" / "pump_int8.steps.npz")) == ["trained"]


def test_faults_at_hand_judge_the_pruning(app: Path) -> None:
    validation = """validation:
  - {simulated: pump, rate_hz: 3332, seed: 8, seconds: 20, profile: steady}
  - {simulated: pump, rate_hz: 3332, seed: 9, seconds: 40, profile: steady, fault: outer, label: fault,
     span_s: [20, 40]}
"""
    (app / "train.yaml").write_text(RECIPE + validation + "prune: {keep: [0.5, 1.0, 0.5], epochs: 3, scratch: false}\n")
    assert main(["train", str(app)]) == 0
    pruning = json.loads((app / "models" / "pump_int8.json").read_text())["metrics"]["pruning"]
    assert pruning["metric"] == "AUROC of the validation windows"
    assert pruning["before"]["value"] > 0.9
    assert "same_size_from_scratch" not in pruning


def test_a_model_larger_than_allowed_is_not_written(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (app / "train.yaml").write_text(RECIPE + "max_bytes: 1000\n")
    assert main(["train", str(app)]) == 2
    assert "the recipe allows 1000: nothing is written" in capsys.readouterr().err
    assert not (app / "models").exists()


def test_a_class_nothing_is_recorded_of_is_refused(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes = TYPES.replace("outer: [outer]}", "outer: [outer], inner: [inner]}")
    with_recipes(app, types=classes)
    assert main(["train", str(app)]) == 2
    assert "no window of inner" in capsys.readouterr().err
    assert not (app / "models").exists()


def test_a_model_of_the_healthy_machine_learns_from_no_other_label(
    app: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (app / "train.yaml").write_text(RECIPE.replace("name: pump}", "name: pump, label: worn}"))
    assert main(["train", str(app)]) == 2
    assert "which is not healthy" in capsys.readouterr().err


def test_a_training_that_is_killed_leaves_the_model_that_was_there(app: Path) -> None:
    assert main(["train", str(app)]) == 0
    before = {each.name: each.read_bytes() for each in (app / "models").iterdir()}
    (app / "train.yaml").write_text(RECIPE.replace("epochs: 10", "epochs: 10000").replace("seconds: 30", "seconds: 31"))
    command = [sys.executable, "-m", "edge_app.cli.main", "train", str(app)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as training:
        assert training.stdout is not None
        for line in training.stdout:
            if line.startswith("windows"):
                break
        training.kill()
    assert {each.name: each.read_bytes() for each in (app / "models").iterdir()} == before


@pytest.mark.parametrize(
    ("said", "instead", "key"),
    [
        ("hop_s: 0.25", "hop_s: 1.0e-9", "hop_s"),
        ("hop_s: 0.25", "hop_s: 1.0e+9", "hop_s"),
        ("hidden: [8, 3, 8]", "hidden: [0]", "model.hidden[0]"),
        ("hidden: [8, 3, 8]", "hidden: [100000000]", "model.hidden[0]"),
        ("speed: [0.98, 1.0, 1.02]", "speed: [0.0]", "augment.speed[0]"),
        ("gain_db: [-1, 1]", "gain_db: [1000]", "augment.gain_db[0]"),
        ("seconds: 30,", "seconds: 1.0e+12,", "train[0].seconds"),
        ("seed: 2", "seed: -2", "evaluate[0].seed"),
    ],
)
def test_numbers_that_make_no_sense_are_refused_with_their_key(
    app: Path, capsys: pytest.CaptureFixture[str], said: str, instead: str, key: str
) -> None:
    (app / "train.yaml").write_text(RECIPE.replace(said, instead, 1))

    assert main(["train", str(app)]) == 2

    assert f"{key}: " in capsys.readouterr().err


def test_a_validation_by_what_was_learnt_from_is_refused_for_every_kind(
    app: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times_s, values_g = np.arange(9000) / 3332, np.random.RandomState(1).randn(9000)
    np.savetxt(app / "a.csv", np.column_stack([times_s, values_g]), "%.6f,%.5g", header="time_s,z_g", comments="")
    sources = "train: [{file: a.csv}]\nvalidation: [{file: a.csv}]\n"
    (app / "train.yaml").write_text(f"pipeline: pump\nname: pump_int8\nhop_s: 0.25\n{sources}")

    assert main(["train", str(app), "--data", str(app)]) == 2

    assert "a.csv stands in `train` and in `validation`" in capsys.readouterr().err
    assert not (app / "models").exists()
