"""Recordings a recipe names: chosen, cut, and refused when they do not fit the app."""

from __future__ import annotations

import shutil
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_app.cli.main import main
from edge_app.config.recipe import Source
from edge_app.core.errors import RecordingError
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.windows import sources
from edge_app.training.windows.recipes import Task, load_tasks
from edge_app.training.windows.sources import items_of


@pytest.fixture
def app(tmp_path: Path, repository: Path) -> Path:
    shutil.copy(repository / "apps" / "simulated_pump" / "app.yaml", tmp_path)
    (tmp_path / "train.yaml").write_text(
        "pipeline: pump\nname: toy\nkind: gaussian\ntrain:\n  - {file: normal.csv, rate_hz: 3332}\n"
    )
    return tmp_path


@pytest.fixture
def task(app: Path) -> Task:
    return load_tasks(app)[0]


def recording(name: str, label: str, unit: str = "g", **facts: object) -> Recording:
    counts = np.random.RandomState(len(name)).randint(-999, 999, (1, 20000)).astype(np.int16)
    return Recording(
        f"rig/{name}",
        "rig",
        label,
        name,
        lambda: Signal(f"rig/{name}", counts, 16 / 32768, 3332.0, unit, "5" * 64),
        split="train",
        facts=facts,
    )


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> list[Recording]:
    found = [recording("a", "healthy", rpm=1800), recording("bb", "outer", load_hp=3), recording("ccc", "outer")]
    monkeypatch.setattr(sources, "_recordings", lambda data_dir, dataset: found)
    return found


def test_a_source_chooses_recordings_by_label_and_fact(rig: list[Recording], task: Task, tmp_path: Path) -> None:
    outer = items_of([Source(dataset="rig", labels=["outer"])], task, tmp_path)
    assert [(each.title, each.label) for each in outer] == [("rig/bb", "outer"), ("rig/ccc", "outer")]
    assert [each.title for each in items_of([Source(dataset="rig", where={"load_hp": [3]})], task, tmp_path)] == [
        "rig/bb"
    ]


def test_a_choice_that_leaves_nothing_says_what_there_is(rig: list[Recording], task: Task, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"label inner; there is: healthy, outer"):
        items_of([Source(dataset="rig", labels=["inner"])], task, tmp_path)


def test_a_span_is_cut_and_the_hash_stays_that_of_the_whole(rig: list[Recording], task: Task, tmp_path: Path) -> None:
    (item,) = items_of([Source(dataset="rig", labels=["healthy"], span_s=(1.0, 3.0))], task, tmp_path)
    signal = item.load()
    assert signal.seconds == pytest.approx(2.0, abs=0.001)
    assert item.plain(signal, 7) == {
        "source": "rig/a",
        "label": "healthy",
        "seconds": 2.0,
        "rate_hz": 3332.0,
        "windows": 7,
        "span_s": [1.0, 3.0],
        "sha256": "5" * 64,
    }


def test_the_shaft_turns_as_the_recording_says(rig: list[Recording], task: Task, tmp_path: Path) -> None:
    item, _, slow = items_of([Source(dataset="rig")], task, tmp_path)
    assert item.machine(None) == {"shaft_hz": 30.0}  # 1800 rpm
    assert slow.machine(None) == {}


def test_a_recording_in_another_unit_is_refused(rig: list[Recording], task: Task, tmp_path: Path) -> None:
    rig.append(recording("sound", "healthy", unit="fs"))
    *_, sound = items_of([Source(dataset="rig")], task, tmp_path)
    with pytest.raises(RecordingError, match=r"rig/sound: is in fs, the app computes in g"):
        sound.load()


def recipe(app: Path, text: str) -> None:
    (app / "train.yaml").write_text(f"pipeline: pump\nname: toy\n{text}")


def test_a_choice_that_leaves_nothing_is_placed_in_the_recipe(rig: list[Recording], app: Path) -> None:
    recipe(
        app,
        "kind: gaussian\ntrain:\n  - {dataset: rig, labels: [healthy]}\nvalidation:\n  - {dataset: rig, split: val}\n",
    )
    task = load_tasks(app)[0]
    with pytest.raises(RecordingError, match=r"train\.yaml:7: validation\[0\]: none of 3 recordings has split val"):
        items_of(task.recipe.validation, task, app)


def test_a_file_that_is_not_there_is_placed_in_the_recipe_and_looked_for_below_data(
    app: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(app), "--data", str(app)]) == 2
    told = capsys.readouterr().err
    assert f"train.yaml:5: train[0]: there is no recording {app}/normal.csv" in told
    assert "--data" in told


def test_a_missing_class_is_placed_in_the_recipe(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe(
        app,
        "kind: classifier\nclasses: {normal: [healthy], inner: [inner]}\nalarm: [inner]\n"
        "train:\n  - {simulated: pump, rate_hz: 3332, seconds: 20}\n",
    )
    assert main(["train", str(app), "--data", str(app)]) == 2
    told = capsys.readouterr().err
    assert "train.yaml:6: train holds only one class: no window of inner (windows: normal" in told


def test_a_recording_below_the_rate_or_a_window_of_the_app_is_named(
    rig: list[Recording], task: Task, tmp_path: Path
) -> None:
    whole = np.random.RandomState(1).randint(-999, 999, (1, 20000)).astype(np.int16)
    slow = Signal("rig/slow", whole, 16 / 32768, 1666.0, "g")
    short = Signal("rig/short", whole[:, :2000], 16 / 32768, 3332.0, "g")
    for signal, told in ((slow, "rig/slow: 1666 Hz are below the 3200 Hz"), (short, "rig/short: 0.60 s are less than")):
        rig[:] = [replace(rig[0], load=lambda signal=signal: signal)]
        (item,) = items_of([Source(dataset="rig")], task, tmp_path)
        with pytest.raises(RecordingError, match=told):
            item.load()


@pytest.mark.parametrize("rubbish", ["nan", "inf", "banana"])
def test_a_number_that_is_none_is_refused_and_nothing_is_written(
    app: Path, rubbish: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{0.1 * np.sin(0.3 * n):.4f}" for n in range(9000)]
    rows[4000] = rubbish
    (app / "normal.csv").write_text("z\n" + "\n".join(rows) + "\n")
    assert main(["train", str(app), "--data", str(app)]) == 2
    assert "normal.csv" in capsys.readouterr().err
    assert not (app / "models").exists()


def test_a_machine_at_rest_gives_nothing_to_learn_from(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with wave.open(str(app / "normal.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(3332)
        file.writeframes(np.random.RandomState(1).randint(-2, 3, 20000).astype("<i2").tobytes())
    (app / "train.yaml").write_text((app / "train.yaml").read_text().replace("normal.csv", "normal.wav"))
    assert main(["train", str(app), "--data", str(app)]) == 2
    assert "no window can be learnt from (all below the gate" in capsys.readouterr().err


def test_an_empty_folder_is_told_from_a_wrong_choice(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (app / "train.yaml").write_text(
        "pipeline: pump\nname: toy\nkind: gaussian\ntrain:\n  - {dataset: cwru, labels: [healthy]}\n"
    )
    (app / "data").mkdir()
    assert main(["train", str(app), "--data", str(app / "data")]) == 2
    assert "the folder is empty" in capsys.readouterr().err
    (app / "data" / "mine.csv").write_text("z\n1\n2\n")
    assert main(["train", str(app), "--data", str(app / "data")]) == 2
    assert "Other CSV, NPZ and MAT files are named one by one: {file: NAME" in capsys.readouterr().err
