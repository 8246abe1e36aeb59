"""Training on labelled recordings: choose windows, check them, and hand them to the trainer of the recipe's kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_app.training.progress import Progress
from edge_app.training.trainers.classes import ClassModel, train_dense
from edge_app.training.trainers.engines import agreement
from edge_app.training.windows.recipes import Task
from edge_app.training.windows.samples import Samples, check_classes, ends_withheld, samples_of, with_synthetic
from edge_app.training.windows.sources import check_apart, items_of


def train_labelled(task: Task, data_dir: Path, seed: int, progress: Progress) -> ClassModel:
    """The classifier, CNN or forest of a recipe.

    Raises
    ------
    EdgeAppError
        What is wrong with recipe or recordings: a class missing in training or validation, a recording in both.
    """
    recipe = task.recipe
    check_installed(recipe.kind)
    train, validation = load_samples(task, data_dir, progress)
    progress.say("windows", f"{_listed(train)}; validation {_listed(validation)}")
    if recipe.kind == "classifier":
        made = train_dense(train, validation, recipe, seed, progress)
    elif recipe.kind == "cnn":
        from edge_app.training.trainers.convolution import train_cnn

        made = train_cnn(train, validation, recipe, seed, progress)
    else:
        from edge_app.training.trainers.forest import train_forest

        made = train_forest(train, validation, recipe, seed, progress)
    data: dict[str, Any] = {"train": list(train.facts), "validation": list(validation.facts)}
    data |= {"windows": train.counts(), "validation_windows": validation.counts(), "unused_windows": train.unused}
    data["classes"] = {name: list(labels) for name, labels in recipe.classes.items()}
    if not recipe.validation:
        data["validation"] = []
        data["validation_is"] = "the last fifth of every training recording: optimistic"
    if "augment" in recipe.model_fields_set:
        data["augment"] = recipe.augment.model_dump(mode="json")
    if recipe.synthetic is not None:
        data["synthetic"] = recipe.synthetic.model_dump(mode="json") | {"windows": _synthetic_counts(train)}
    manifest = replace(made.manifest, data=data)
    if made.tflite:
        engines = agreement(made.tflite, manifest, train.features)
        for engine, found in engines.items():
            same = f"same class in {found['same_class_percent']:g} %"
            progress.say("check", f"{engine}: {found['differing_bytes_percent']:g} % of bytes differ, {same}")
        manifest = replace(manifest, engines=engines)
    return replace(made, manifest=manifest)


def _synthetic_counts(train: Samples) -> dict[str, int]:
    real = sum(int(each["windows"]) for each in train.facts)
    return train.taken(np.arange(real, len(train))).counts()


def check_installed(kind: str) -> None:
    """Before any recording is read: the library that trains a kind is there. Raises PluginError."""
    if kind == "cnn":
        from edge_app.training.trainers.convolution import load_torch

        load_torch()
    if kind == "forest":
        from edge_app.training.trainers.forest import load_forest

        load_forest()


def load_samples(task: Task, data_dir: Path, progress: Progress) -> tuple[Samples, Samples]:
    """Windows to learn from and to choose by."""
    recipe = task.recipe
    items = items_of(recipe.train, task, data_dir)
    others = items_of(recipe.validation, task, data_dir)
    check_apart(items, others, "validation")
    train = samples_of(items, task, progress, changed=True)
    if others:
        train = with_synthetic(train, items, task, progress)
        validation = samples_of(others, task, progress)
    else:
        train, validation = ends_withheld(train, task.pipeline.window.seconds)
    check_classes(train, task.place("train"))
    ends = f"{task.place('train')}: the end of the recordings, kept for validation,"
    check_classes(validation, task.place("validation") if others else ends)
    return train, validation


def _listed(samples: Samples) -> str:
    return ", ".join(f"{name} {count}" for name, count in samples.counts().items())
