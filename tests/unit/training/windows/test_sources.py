"""Recordings a recipe names: chosen, cut, and refused when they do not fit the app."""

from __future__ import annotations

import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

from edge_app.cli.main import main
from edge_app.config.recipe import Source
from edge_app.core.errors import RecordingError
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.windows import sources
from edge_app.training.windows.recipes import Task, load_task
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
    return load_task(app)


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
