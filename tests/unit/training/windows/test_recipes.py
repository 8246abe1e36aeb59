"""What a person is told about a recipe that cannot be followed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from edge_app.core.errors import ConfigError, RecordingError
from edge_app.training.windows.datasets import load_signal
from edge_app.training.windows.healthy import changed
from edge_app.training.windows.recipes import load_tasks

RECIPE = """pipeline: pump
name: toy
train:
  - {simulated: pump, rate_hz: 3332, seconds: 5}
"""


@pytest.fixture
def app(tmp_path: Path, repository: Path) -> Path:
    shutil.copy(repository / "apps" / "simulated_pump" / "app.yaml", tmp_path)
    (tmp_path / "train.yaml").write_text(RECIPE)
    return tmp_path


def test_an_app_needs_no_model_to_be_trained(app: Path) -> None:
    task = load_tasks(app)[0]
    assert task.raise_score == 8000
    assert task.slot.unit == "g"
    assert task.extractor(3332.0, 16 / 32768).schema.names[0] == "rms_g"


def test_an_app_without_recipe_is_told_where_to_find_one(app: Path) -> None:
    (app / "train.yaml").unlink()
    with pytest.raises(ConfigError, match=r"has no train\.yaml"):
        load_tasks(app)[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("pipeline: pump", "pipeline: pmup"), r"no pipeline `pmup`[\s\S]*pump"),
        (("seconds: 5}", "seconds: 5, label: fault}"), "not healthy"),
        (("seconds: 5}", "seconds: 5, fault: inner}"), "not healthy"),
        (("simulated: pump, ", ""), "either `file` or `simulated`"),
        (("simulated: pump", "simulated: pump, file: x.mat"), "either `file` or `simulated`"),
        (("name: toy", "name: ../toy"), "name"),
        (("seconds: 5", "secnods: 5"), "secnods"),
    ],
)
def test_a_wrong_recipe_is_answered_with_file_and_line(app: Path, change: tuple[str, str], told: str) -> None:
    (app / "train.yaml").write_text(RECIPE.replace(*change))
    with pytest.raises(ConfigError, match=told) as caught:
        load_tasks(app)[0]
    assert "train.yaml:" in str(caught.value)


def test_a_recipe_in_the_apps_place_is_answered_with_the_apps_folder(app: Path) -> None:
    with pytest.raises(ConfigError, match=r"train\.yaml is no app: it has no key `app`") as error:
        load_tasks(app / "train.yaml")[0]
    assert str(app) in error.value.fix


def test_a_recipe_that_is_a_link_in_a_circle_is_no_recipe(app: Path) -> None:
    (app / "app.yaml").write_text((app / "app.yaml").read_text() + "recipe: circle.yaml\n")
    (app / "circle.yaml").symlink_to("circle.yaml")
    with pytest.raises(ConfigError, match=r"there is no recipe circle\.yaml in the app's folder"):
        load_tasks(app)[0]


def test_one_label_where_a_list_is_wanted_is_shown_as_a_list(app: Path) -> None:
    (app / "train.yaml").write_text(
        "pipeline: pump\nname: toy\nkind: gaussian\ntrain:\n  - {dataset: own, labels: normal}\n"
    )
    with pytest.raises(ConfigError, match=r'labels: "normal" is not a list\n  Write a list: `labels: \[normal\]`'):
        load_tasks(app)[0]


def test_copies_that_would_fill_the_memory_are_refused_with_their_place(app: Path, monkeypatch) -> None:
    text = "pipeline: pump\nname: toy\ntrain:\n  - {file: x.wav}\naugment: {copies: 1000}\n"
    (app / "train.yaml").write_text(text)
    windows = np.zeros((6000, 10), np.int16)
    with pytest.raises(ConfigError, match=r"train\.yaml:5: augment\.copies: 1000 copies .* are 60 million numbers"):
        changed(windows, None, load_tasks(app)[0], seed=1)


def test_a_span_beyond_the_end_is_refused(app: Path) -> None:
    (app / "train.yaml").write_text(RECIPE.replace("seconds: 5}", "seconds: 5, span_s: [2, 9]}"))
    task = load_tasks(app)[0]
    with pytest.raises(RecordingError, match=r"lasts 5\.00 s, the span ends at 9 s"):
        load_signal(task.recipe.train[0], task, app)


def test_less_than_a_window_is_refused(app: Path) -> None:
    (app / "train.yaml").write_text(RECIPE.replace("seconds: 5}", "seconds: 5, span_s: [2, 2.5]}"))
    task = load_tasks(app)[0]
    with pytest.raises(RecordingError, match=r"0\.50 s are less than one window of 1 s"):
        load_signal(task.recipe.train[0], task, app)


def test_only_the_span_is_ever_seen(app: Path) -> None:
    (app / "train.yaml").write_text(RECIPE.replace("seconds: 5}", "seconds: 5, span_s: [1, 3]}"))
    task = load_tasks(app)[0]
    whole = load_signal(task.recipe.train[0].model_copy(update={"span_s": None}), task, app)
    part = load_signal(task.recipe.train[0], task, app)
    assert part.counts.tobytes() == whole.counts[:, 3332 : 3 * 3332].tobytes()
