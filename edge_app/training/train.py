"""`edge-app train`: from an app's recipes to models with their manifests and cards, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge_app.core.errors import ModelError
from edge_app.inference.manifest import Manifest, checked_text, load_manifest
from edge_app.training.evaluation.report import with_figures
from edge_app.training.files import check_place, write_all
from edge_app.training.network.layers import Layers
from edge_app.training.network.steps import steps_bytes
from edge_app.training.progress import Progress
from edge_app.training.trainers.anomaly import train_anomaly
from edge_app.training.trainers.card import class_card, shrinking
from edge_app.training.trainers.classes import check_size
from edge_app.training.trainers.labelled import train_labelled
from edge_app.training.trainers.outcome import Outcome
from edge_app.training.trainers.report import model_card
from edge_app.training.windows.recipes import Task, load_tasks
from edge_app.training.windows.sources import items_of


@dataclass(frozen=True)
class Result:
    """What came of training one recipe."""

    manifest: Manifest
    written: list[Path]
    outcomes: list[Outcome] = field(default_factory=list)
    """Signals the model was measured on, for models of the healthy machine."""
    raise_score: int = 0

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        facts = {"name": self.manifest.name, "kind": self.manifest.kind, "sha256": self.manifest.sha256}
        return facts | {"metrics": dict(self.manifest.metrics), "written": [str(path) for path in self.written]}


def train(
    app_dir: Path,
    data_dir: Path,
    *,
    progress: Progress,
    out_dir: Path | None = None,
    seed: int | None = None,
    only: str | None = None,
) -> list[Result]:
    """Train the models an app's recipes describe and write them, each when it is done.

    Parameters
    ----------
    app_dir : Path
        The app's folder, with app.yaml and its recipes.
    data_dir : Path
        Where the recipes' recordings lie.
    progress : Progress
        Told of each step.
    out_dir : Path, optional
        Where to write instead of the app's `models` folder.
    seed : int, optional
        Instead of the recipes'.
    only : str, optional
        Name of the one model to train.

    Raises
    ------
    EdgeAppError
        What is wrong with app, recipe or recordings. Of that model nothing is written then.
    """
    tasks = load_tasks(app_dir, only)
    folder = out_dir if out_dir is not None else tasks[0].app_dir / "models"
    check_place(folder)
    if len(tasks) > 1:
        _check_sources(tasks, data_dir)
    found = []
    for task in tasks:
        if len(tasks) > 1:
            progress.say("recipe", f"{task.recipe.name}: {task.recipe.kind} of pipeline {task.recipe.pipeline}")
        found.append(_train_one(task, data_dir, folder, task.recipe.seed if seed is None else seed, progress))
    return found


def _check_sources(tasks: Sequence[Task], data_dir: Path) -> None:
    """What any of the recipes names is there, before the first of the models is replaced. Raises RecordingError."""
    for task in tasks:
        for sources in (task.recipe.train, task.recipe.validation, task.recipe.evaluate):
            items_of(sources, task, data_dir)


def _train_one(task: Task, data_dir: Path, folder: Path, seed: int, progress: Progress) -> Result:
    if task.recipe.tells_classes:
        made = train_labelled(task, data_dir, seed, progress)
        manifest = _with_known_engines(made.manifest, folder)
        written = _write(folder, manifest, made.tflite, made.steps, class_card(manifest, task), task)
        return Result(manifest, written)
    anomaly = train_anomaly(task, data_dir, seed, progress)
    manifest = _with_known_engines(anomaly.learnt.manifest, folder)
    if manifest.kind == "autoencoder":
        card = "\n".join([model_card(manifest, task, anomaly.outcomes), *shrinking(manifest.metrics)])
    else:
        card = class_card(manifest, task, anomaly.outcomes)
    written = _write(folder, manifest, anomaly.learnt.tflite, anomaly.learnt.steps, card, task)
    return Result(manifest, written, anomaly.outcomes, task.raise_score)


def _write(
    folder: Path, manifest: Manifest, tflite: bytes, steps: Mapping[str, Layers], card: str, task: Task
) -> list[Path]:
    """Model, manifest, card and float steps, all or none. The manifest is read back first."""
    name = manifest.name
    text = checked_text(manifest, f"{name}.json").encode()
    check_size(len(tflite or text), task.recipe)
    files = {f"{name}.tflite": tflite} if tflite else {}
    if _holds(folder / f"{name}.json", text):
        card = with_figures(card, folder / f"{name}.md")
    files |= {f"{name}.json": text, f"{name}.md": card.encode()}
    if steps:
        files[f"{name}.steps.npz"] = steps_bytes(steps)
    return write_all(folder, files)


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _with_known_engines(manifest: Manifest, folder: Path) -> Manifest:
    """With what other interpreters gave for this very model when it was trained elsewhere."""
    try:
        before = load_manifest(folder / f"{manifest.name}.json")
    except ModelError:
        return manifest
    if before.sha256 != manifest.sha256 or not before.sha256:
        return manifest
    return replace(manifest, engines=dict(before.engines) | dict(manifest.engines))
