"""What a finished model does on signals it never saw: windows, alarms, and how well scores separate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_app.core.units import SCORE_ONE
from edge_app.inference.score import ScoreMap
from edge_app.training.datasets import Signal, windows
from edge_app.training.learn import Learnt
from edge_app.training.recipes import Task


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


def run_signal(signal: Signal, label: str, task: Task, learnt: Learnt, hop_s: float | None = None) -> Outcome:
    """Judge a signal as the device would, windows every `hop_s` instead of the app's hop when it is given (s)."""
    extractor, model, decider = task.extractor(signal.rate_hz, signal.scale), learnt.model(), task.decider()
    gate = task.pipeline.gate
    index = extractor.schema.names.index(gate.feature) if gate else -1
    lowest = extractor.level(gate.feature, gate.above) if gate else 0
    rows, scores, alarms, total, clipped = [], [], [], 0, 0
    for window in windows(signal, task, hop_s or task.pipeline.window.hop_s):
        total += 1
        verdict, score = "unknown", -1
        if window.quality.judgeable:
            features = extractor.extract(window)
            verdict = "idle"
            if gate is None or features.values[index] > lowest:
                inference = model.infer(features)
                verdict, score = "judged", inference.score
                rows.append(features.values)
                scores.append(score)
                clipped += inference.clipped
        if "raised" in decider.step(verdict, score, round(window.end_s * 1000)):
            alarms.append(window.end_s)
    return Outcome(
        title=signal.title,
        label=label,
        seconds=signal.seconds,
        windows=total,
        judged=len(scores),
        scores=np.array(scores, np.int64),
        float_scores=_float_scores(learnt, rows),
        clipped=clipped,
        inputs=len(rows) * len(extractor.schema.names),
        alarms=len(alarms),
        first_alarm_s=alarms[0] if alarms else None,
        hits_score=sustained(scores, int(decider.hits_needed), int(decider.of)),
    )


def _float_scores(learnt: Learnt, rows: list[NDArray[np.int16]]) -> NDArray[np.int64]:
    if not rows:
        return np.zeros(0, np.int64)
    score_map = ScoreMap(learnt.manifest.score.knots)
    raws = np.minimum(learnt.float_raw(np.array(rows, np.int16)), 2.0**31 - 1)
    return np.array([score_map.score(int(raw)) for raw in np.rint(raws)], np.int64)


def sustained(scores: list[int], hits: int, of: int) -> int:
    """Highest score that at least `hits` of any `of` windows in a row reach; -1 for fewer windows than hits."""
    best = -1
    for end in range(hits, len(scores) + 1):
        recent = sorted(scores[max(0, end - of) : end], reverse=True)
        if len(recent) >= hits:
            best = max(best, recent[hits - 1])
    return best


def auroc(healthy: NDArray[np.int64], faulty: NDArray[np.int64]) -> float:
    """Probability that a faulty window scores above a healthy one, ties counted half (Mann and Whitney).

    NaN when either is empty.
    """
    if not len(healthy) or not len(faulty):
        return float("nan")
    ordered = np.sort(healthy)
    below = np.searchsorted(ordered, faulty, side="left")
    not_above = np.searchsorted(ordered, faulty, side="right")
    return float((below.sum() + not_above.sum()) / (2 * len(healthy) * len(faulty)))


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
