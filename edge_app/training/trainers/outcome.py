"""What a finished model does on signals it never saw: windows, alarms, and how well scores separate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_app.core.results import FeatureSchema, Inference
from edge_app.core.stages import Model
from edge_app.core.units import SCORE_ONE
from edge_app.inference.score import ScoreMap
from edge_app.training.importers.base import Signal
from edge_app.training.metrics import auroc, sustained
from edge_app.training.trainers.learn import Learnt, infer_all
from edge_app.training.windows.datasets import screened
from edge_app.training.windows.recipes import Task


@dataclass(frozen=True)
class Outcome:
    """One signal through the whole pipeline: quality, features, gate, model, decider."""

    title: str
    label: str
    seconds: float
    windows: int
    judged: int
    scores: NDArray[np.int64]
    """0..10000 of each judged window, int8 model."""
    float_scores: NDArray[np.int64]
    """The same had nothing been quantised."""
    clipped: int
    """Model inputs that met the int8 limits."""
    inputs: int
    """Model inputs in all."""
    alarms: int
    first_alarm_s: float | None
    """Signal time of the first alarm (s)."""
    hits_score: int
    """Highest score that `hits` of `of` windows in a row reached: what the decider lives off."""


@dataclass(frozen=True)
class Trail:
    """A signal's windows as far as the model does not matter: quality, features, gate."""

    title: str
    label: str
    seconds: float
    verdicts: list[tuple[str, int]]
    """Verdict of each window ("judged", "idle", "unknown") and its end (ms)."""
    features: NDArray[np.int16]
    """int16 (n_judged, n_features)."""
    schema: FeatureSchema


def trail_of(signal: Signal, label: str, task: Task, hop_s: float | None = None) -> Trail:
    """Windows every `hop_s` (s) instead of the app's hop when it is given."""
    extractor = task.extractor(signal.rate_hz, signal.scale)
    rows, steps = [], []
    for each in screened(signal, task, hop_s or task.pipeline.window.hop_s, extractor):
        steps.append((each.verdict, round(each.window.end_s * 1000)))
        if each.vector is not None:
            rows.append(each.vector.values)
    features = np.array(rows, np.int16).reshape(len(rows), len(extractor.schema.names))
    return Trail(signal.title, label, signal.seconds, steps, features, extractor.schema)


def judge(trail: Trail, task: Task, model: Model) -> tuple[list[Inference], list[tuple[str, int]]]:
    """What the model says of each judged window, and the events the decider tells, with their times (ms)."""
    inferences = infer_all(model, trail.features, trail.schema)
    decider, at, events = task.decider(), 0, []
    for verdict, end_ms in trail.verdicts:
        score = -1
        if verdict == "judged":
            score = inferences[at].score
            at += 1
        events += [(event, end_ms) for event in decider.step(verdict, score, end_ms)]
    return inferences, events


def outcome_of(trail: Trail, task: Task, learnt: Learnt) -> Outcome:
    """Judge a signal as the device would."""
    inferences, events = judge(trail, task, learnt.model())
    scores = [each.score for each in inferences]
    alarms_ms = [end_ms for event, end_ms in events if event == "raised"]
    decider = task.decider()
    return Outcome(
        title=trail.title,
        label=trail.label,
        seconds=trail.seconds,
        windows=len(trail.verdicts),
        judged=len(scores),
        scores=np.array(scores, np.int64),
        float_scores=_float_scores(learnt, trail.features),
        clipped=sum(each.clipped for each in inferences),
        inputs=int(trail.features.size),
        alarms=len(alarms_ms),
        first_alarm_s=alarms_ms[0] / 1000 if alarms_ms else None,
        hits_score=sustained(scores, int(decider.hits_needed), int(decider.of)),
    )


def _float_scores(learnt: Learnt, features: NDArray[np.int16]) -> NDArray[np.int64]:
    score_map = ScoreMap(learnt.manifest.score.knots)
    raws = np.minimum(learnt.float_raw(features), 2.0**31 - 1)
    return np.array([score_map.score(int(raw)) for raw in np.rint(raws)], np.int64)


@dataclass(frozen=True)
class Separation:
    """How far one faulty signal stands from the healthy ones."""

    float_auroc: float
    int8_auroc: float
    margin: float
    """Sustained score less the raise threshold (0..1 units)."""


def separation(outcome: Outcome, outcomes: list[Outcome], raise_score: int) -> Separation:
    """Against all healthy windows of the evaluation."""
    healthy = [each for each in outcomes if each.label == "healthy"]
    if not healthy:
        return Separation(float("nan"), float("nan"), (outcome.hits_score - raise_score) / SCORE_ONE)
    floats = np.concatenate([each.float_scores for each in healthy])
    ints = np.concatenate([each.scores for each in healthy])
    return Separation(
        auroc(floats, outcome.float_scores),
        auroc(ints, outcome.scores),
        (outcome.hits_score - raise_score) / SCORE_ONE,
    )
