"""`edge-app train`: from an app's recipe to a model with its manifest and card, step by step."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_app.core.errors import ModelError
from edge_app.core.results import FeatureSchema
from edge_app.core.units import SCORE_ONE
from edge_app.inference.autoencoder import Standardizer
from edge_app.inference.manifest import Manifest, load_manifest, write_manifest
from edge_app.training.augment import FeatureKinds, change_features, change_raw, kinds_of
from edge_app.training.datasets import Features, Windows, features_of, load_signal
from edge_app.training.engines import compare_engines
from edge_app.training.evaluate import Outcome, Trail, outcome_of, trail_of
from edge_app.training.importers.base import Signal
from edge_app.training.learn import Learnt, infer_all, knots_for, learn, standardize_of, with_score
from edge_app.training.recipes import Task, load_task
from edge_app.training.report import data_facts, metrics_of, model_card

Say = Callable[[str, str], None]
"""Called at each step with its name and figures."""

PARTS = 2
"""The end of each training signal is withheld in turn to see what unseen healthy windows look like."""
WITHHELD = 5 / 12
"""Share of a signal withheld."""


@dataclass(frozen=True)
class Result:
    """What came of a training."""

    learnt: Learnt
    outcomes: list[Outcome]
    raise_score: int
    written: list[Path]


@dataclass(frozen=True)
class _Set:
    """All windows of the training signals: one Windows per signal and change of the raw counts."""

    parts: list[Windows]
    schema: FeatureSchema
    kinds: FeatureKinds
    signals: list[Signal]

    @property
    def features(self) -> Features:
        return np.concatenate([each.features for each in self.parts])


def train(app_dir: Path, data_dir: Path, *, out_dir: Path | None = None, seed: int | None = None, say: Say) -> Result:
    """Train the model an app's recipe describes and write it.

    Parameters
    ----------
    app_dir : Path
        The app's folder, with app.yaml and train.yaml.
    data_dir : Path
        Where the recipe's files lie.
    out_dir : Path, optional
        Where to write instead of the app's `models` folder.
    seed : int, optional
        Instead of the recipe's.
    say : callable
        Told of each step.

    Raises
    ------
    EdgeAppError
        What is wrong with app, recipe or recordings. Nothing is written then.
    """
    task = load_task(app_dir)
    folder = out_dir if out_dir is not None else task.app_dir / "models"
    _check_place(folder)
    seed = task.recipe.seed if seed is None else seed
    healthy = _load_training_set(task, data_dir, say)
    learnt = _learn(healthy, task, seed, say)
    learnt = _map_score(learnt, healthy, task, seed, say)
    trails = _load_evaluation(task, data_dir)
    outcomes = [outcome_of(trail, task, learnt) for trail in trails]
    say("evaluate", f"{len(outcomes)} signals, {sum(each.windows for each in outcomes)} windows")
    engines = _check_engines(learnt, healthy, trails, task, say)
    learnt = _complete(learnt, healthy, task, outcomes)
    learnt, written = _write(learnt, task, outcomes, folder, engines)
    return Result(learnt, outcomes, task.raise_score, written)


def _load_training_set(task: Task, data_dir: Path, say: Say) -> _Set:
    """Features of every training signal at every speed and level of the recipe."""
    augment = task.recipe.augment
    parts, signals = [], []
    schema = FeatureSchema("", ())
    for source in task.recipe.train:
        signal = load_signal(source, task, data_dir)
        signals.append(signal)
        extractor = task.extractor(signal.rate_hz, signal.scale)
        schema = extractor.schema
        for speed in augment.speed:
            for gain_db in augment.gain_db:
                parts.append(features_of(change_raw(signal, speed, gain_db), task, task.recipe.hop_s, extractor))
        say("features", f"{signal.title}: {signal.seconds:.1f} s at {signal.rate_hz:g} Hz")
    found = _Set(parts, schema, kinds_of(schema), signals)
    changes = len(augment.speed) * len(augment.gain_db)
    say("windows", f"{len(found.features)} of {len(schema.names)} features, {changes} speeds and levels")
    return found


def _learn(healthy: _Set, task: Task, seed: int, say: Say) -> Learnt:
    learnt = _learn_from(healthy.features, healthy, task, seed)
    sizes = "-".join(str(each) for each in (len(healthy.schema.names), *task.recipe.hidden))
    say("train", f"autoencoder {sizes}-{len(healthy.schema.names)}, loss {learnt.loss:.3f} σ²")
    say("quantise", f"int8, {len(learnt.tflite)} bytes")
    return learnt


def _learn_from(features: Features, healthy: _Set, task: Task, seed: int) -> Learnt:
    """Change the windows, standardise, train, quantise."""
    random = np.random.RandomState(seed)
    changed = change_features(features, healthy.kinds, task.recipe.augment, random)
    standardize = standardize_of(changed, healthy.kinds, task.recipe.model)
    return learn(changed, healthy.schema, standardize, task.recipe.model, task.recipe.name, seed)


def _map_score(learnt: Learnt, healthy: _Set, task: Task, seed: int, say: Say) -> Learnt:
    """Set the score by windows the judging model has not seen: each end of the signals withheld in turn."""
    raws: list[int] = []
    for part in range(PARTS):
        shown, withheld = _split(healthy.parts, task.pipeline.window.seconds, part)
        judge = _learn_from(shown, healthy, task, seed)
        raws += [each.raw for each in infer_all(judge.model(), withheld, healthy.schema)]
    knots = knots_for(raws, task.recipe.score, task.raise_score)
    sentence = (
        f"Threshold {task.raise_score / SCORE_ONE:.2f} lies {task.recipe.score.safety:g} times beyond the distance "
        f"that 95 % of {len(raws)} healthy windows, withheld from training in turn, stay below; their median scores "
        f"{task.recipe.score.healthy:g}."
    )
    distances = np.sqrt(np.array(raws, np.float64))
    middle, most = np.quantile(distances, [0.5, 0.95])
    say(
        "score",
        f"withheld healthy windows: distance {middle:.1f} median, {most:.1f} for 95 %, {distances.max():.1f} most",
    )
    return with_score(learnt, knots, sentence)


def _split(parts: list[Windows], window_s: float, part: int) -> tuple[Features, Features]:
    """Windows shown and withheld; windows that overlap both are in neither."""
    shown, withheld = [], []
    for each in parts:
        end_s = float(each.start_s[-1]) + window_s
        if part == 0:
            edge_s = end_s * (1.0 - WITHHELD)
            shown.append(each.features[each.start_s + window_s <= edge_s])
            withheld.append(each.features[each.start_s >= edge_s])
        else:
            edge_s = end_s * WITHHELD
            shown.append(each.features[each.start_s >= edge_s])
            withheld.append(each.features[each.start_s + window_s <= edge_s])
    found = np.concatenate(shown), np.concatenate(withheld)
    if not len(found[0]) or not len(found[1]):
        raise ModelError(
            f"the training signals are too short to withhold a part of them: windows of {window_s:g} s do not fit.",
            f"Give at least {window_s / WITHHELD:.1f} s of one signal.",
        )
    return found


def _load_evaluation(task: Task, data_dir: Path) -> list[Trail]:
    """Features of every signal the model is measured on, one signal in memory at a time."""
    sources = task.recipe.evaluate
    return [trail_of(load_signal(each, task, data_dir), each.label, task, each.hop_s) for each in sources]


def _check_engines(learnt: Learnt, healthy: _Set, trails: list[Trail], task: Task, say: Say) -> dict[str, Any]:
    inputs = np.clip(Standardizer(learnt.standardize).steps(healthy.features), -128, 127).astype(np.int8)
    engines = compare_engines(learnt, inputs, trails, task)
    for engine, found in engines.items():
        same = f"same events in {found['same_events']} of {found['signals']} signals"
        say("check", f"{engine}: {found['differing_bytes_percent']:g} % of bytes differ, {same}")
    return engines


def _complete(learnt: Learnt, healthy: _Set, task: Task, outcomes: list[Outcome]) -> Learnt:
    """The manifest with data and figures."""
    data = data_facts(task, healthy.signals, len(healthy.features))
    metrics = metrics_of(outcomes, task.raise_score)
    return replace(learnt, manifest=replace(learnt.manifest, data=data, metrics=metrics))


def _write(
    learnt: Learnt, task: Task, outcomes: list[Outcome], folder: Path, engines: dict[str, Any]
) -> tuple[Learnt, list[Path]]:
    name = task.recipe.name
    paths = [folder / f"{name}.tflite", folder / f"{name}.json", folder / f"{name}.md"]
    manifest = replace(learnt.manifest, engines=_known_engines(paths[1], learnt.manifest) | engines)
    card = model_card(manifest, task, outcomes)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths[0].write_bytes(learnt.tflite)
        write_manifest(paths[1], manifest)
        paths[2].write_text(card, encoding="utf-8")
    except OSError as error:
        raise _cannot_write(folder, error) from error
    return replace(learnt, manifest=manifest), paths


def _check_place(folder: Path) -> None:
    """Before anything is learnt: nobody waits minutes to hear that the result has no place."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise _cannot_write(folder, NotADirectoryError(errno.ENOTDIR, f"{there} is not a folder"))
    if not os.access(there, os.W_OK | os.X_OK):
        raise _cannot_write(folder, PermissionError(errno.EACCES, f"{there} is not writable for this user"))


def _cannot_write(folder: Path, error: OSError) -> ModelError:
    return ModelError(
        f"{folder}: the model cannot be written: {error.strerror}.", "Name a folder you may write with --out."
    )


def _known_engines(path: Path, manifest: Manifest) -> dict[str, Any]:
    """What other interpreters gave for this very model when it was trained elsewhere."""
    try:
        before = load_manifest(path)
    except ModelError:
        return {}
    return dict(before.engines) if before.sha256 == manifest.sha256 else {}
