"""From healthy signals to a model of the healthy machine: features, learning, score mapping, measuring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_app.core.units import SCORE_ONE
from edge_app.training.progress import Progress
from edge_app.training.trainers.engines import compare_engines
from edge_app.training.trainers.learn import Learnt, infer_all, knots_for, with_score
from edge_app.training.trainers.learners import learner_of
from edge_app.training.trainers.outcome import Outcome, outcomes_of, trails_of
from edge_app.training.trainers.report import metrics_of
from edge_app.training.windows.datasets import Features
from edge_app.training.windows.healthy import Healthy, load_healthy, split
from edge_app.training.windows.recipes import Task
from edge_app.training.windows.sources import check_apart, items_of

PARTS = 2
"""The end of each training signal is withheld in turn to see what unseen healthy windows look like."""

LearnFrom = Callable[[Features], Learnt]
"""A whole learning from healthy windows: change, standardise, train, quantise."""


@dataclass(frozen=True)
class Anomaly:
    """What came of a training on healthy signals."""

    learnt: Learnt
    outcomes: list[Outcome]


def train_anomaly(task: Task, data_dir: Path, seed: int, progress: Progress) -> Anomaly:
    """The model of a recipe of one class, with its score mapping and its figures.

    Raises
    ------
    EdgeAppError
        What is wrong with recipe or recordings.
    """
    items = items_of(task.recipe.train, task, data_dir)
    for what in ("validation", "evaluate"):
        check_apart(items, items_of(getattr(task.recipe, what), task, data_dir), what)
    healthy = load_healthy(task, data_dir, progress)
    learner = learner_of(task.recipe)
    learnt = learner.learn(healthy, task, data_dir, seed, progress)
    learnt = map_score(learnt, healthy, task, lambda shown: learner.again(shown, healthy, task, seed), progress)
    trails = trails_of(task, data_dir)
    outcomes = outcomes_of(trails, task, learnt.model(), learnt.float_model())
    if outcomes:
        progress.say("evaluate", f"{len(trails)} signals, {sum(len(each.verdicts) for each in trails)} windows")
    data: dict[str, Any] = {"train": healthy.facts, "windows": len(healthy.features)}
    if "augment" in task.recipe.model_fields_set or task.recipe.kind == "autoencoder":
        data["augment"] = task.recipe.augment.model_dump(mode="json")
    metrics = metrics_of(outcomes, task.raise_score) | dict(learnt.manifest.metrics)
    learnt = replace(learnt, manifest=replace(learnt.manifest, data=data, metrics=metrics))
    if learnt.tflite:
        engines = compare_engines(learnt, learnt.inputs(healthy.features), trails, task)
        for engine, found in engines.items():
            same = f", same events in {found['same_events']} of {found['signals']} signals" if found["signals"] else ""
            progress.say("check", f"{engine}: {found['differing_bytes_percent']:g} % of bytes differ{same}")
        learnt = replace(learnt, manifest=replace(learnt.manifest, engines=engines))
    return Anomaly(learnt, outcomes)


def map_score(learnt: Learnt, healthy: Healthy, task: Task, again: LearnFrom, progress: Progress) -> Learnt:
    """Set the score by windows the judging model has not seen: each end of the signals withheld in turn."""
    raws: list[int] = []
    for part in range(PARTS):
        shown, withheld = split(healthy.parts, task.pipeline.window.seconds, part)
        progress.at("score", part, PARTS)
        raws += [each.raw for each in infer_all(again(shown).model(), withheld, healthy.schema)]
    knots = knots_for(raws, task.recipe.score, task.raise_score)
    sentence = (
        f"Threshold {task.raise_score / SCORE_ONE:.2f} lies {task.recipe.score.safety:g} times beyond the distance "
        f"that 95 % of {len(raws)} healthy windows, withheld from training in turn, stay below; their median scores "
        f"{task.recipe.score.healthy:g}."
    )
    distances = np.sqrt(np.array(raws, np.float64))
    middle, most = np.quantile(distances, [0.5, 0.95])
    progress.say(
        "score",
        f"withheld healthy windows: distance {middle:.1f} median, {most:.1f} for 95 %, {distances.max():.1f} most",
    )
    return with_score(learnt, knots, sentence)
