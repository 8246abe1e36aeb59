"""Does the score tell faults from healthy machines, and does the deployed decider raise its alarm for them?

AUROC window by window over all recordings together, and recording by recording by the score the decider lives off (the
highest that `hits` of `of` windows reached). A recording is flagged when the decider raises an alarm in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edge_app.core.stages import Model
from edge_app.core.wording import counted
from edge_app.training.metrics import roc, wins
from edge_app.training.protocols.base import INT8, Case, CaseResult, Curve, Figure, Roc, Trail
from edge_app.training.protocols.bootstrap import Weights
from edge_app.training.protocols.measures import Measures
from edge_app.training.protocols.quiet import measure_quiet
from edge_app.training.protocols.verdicts import Verdict, clipped_share, facts_of, scores_of, trace, verdict_of

MOST_TRACES = 8
"""Score plots in a report: of healthy ones and of faults those nearest to being judged wrong."""


def run(case: Case, trails: Sequence[Trail], models: Mapping[str, Model]) -> CaseResult:
    """See the module."""
    verdicts = {step: [verdict_of(case, trail, model) for trail in trails] for step, model in models.items()}
    return result_of(case, verdicts)


def result_of(case: Case, verdicts: Mapping[str, list[Verdict]]) -> CaseResult:
    """Figures of recordings judged already, by step."""
    result = CaseResult({}, {}, headline=["auroc", "recording_auroc", "flagged", "false_alarms"])
    for step, found in verdicts.items():
        _measure(case, Measures(result, step), found)
    for index, each in enumerate(verdicts[INT8]):
        result.recordings[each.trail.id] = facts_of(case, each, {step: all_[index] for step, all_ in verdicts.items()})
    result.figures = figures(case, verdicts)
    _warn(result, verdicts[INT8])
    return result


def _measure(case: Case, measures: Measures, verdicts: Sequence[Verdict]) -> None:
    healthy, faulty = _parted(case, verdicts)
    _auroc(case, measures, "auroc", [each for each in verdicts if len(each.scores)], lambda each: each.scores)
    long_enough = [each for each in verdicts if each.decidable]
    _auroc(case, measures, "recording_auroc", long_enough, lambda each: np.array([each.held], np.int64))
    measures.share("flagged", sum(bool(each.alarms_s) for each in faulty), len(faulty))
    times = [each.to_alarm_s for each in faulty if each.to_alarm_s is not None]
    if times:
        measures.value("median_time_to_alarm_s", float(np.median(times)))
        measures.value("longest_time_to_alarm_s", float(np.max(times)))
    measure_quiet(measures, healthy)
    measures.value("clipped_share", clipped_share(verdicts))


def _parted(case: Case, verdicts: Sequence[Verdict]) -> tuple[list[Verdict], list[Verdict]]:
    healthy = [each for each in verdicts if case.is_healthy(each.trail.label)]
    return healthy, [each for each in verdicts if not case.is_healthy(each.trail.label)]


def _auroc(
    case: Case,
    measures: Measures,
    name: str,
    verdicts: Sequence[Verdict],
    values: Callable[[Verdict], NDArray[np.int64]],
) -> None:
    """AUROC of recordings that have something to compare; without healthy ones or faults the reason."""
    healthy, faulty = _parted(case, verdicts)
    missing = "a healthy recording" if not healthy else "a fault" if not faulty else ""
    if missing:
        what = "judged window of" if name == "auroc" else "windows enough for a decision of"
        measures.undefined(name, f"one class only: no {what} {missing}")
        return
    groups = [each.trail.recording.group for each in verdicts]
    strata = ["healthy" if case.is_healthy(each.trail.label) else "fault" for each in verdicts]
    measures.figure(name, weighted_auroc(case, verdicts, values), groups, strata)


def weighted_auroc(
    case: Case, verdicts: Sequence[Verdict], values: Callable[[Verdict], NDArray[np.int64]]
) -> Callable[[Weights], float]:
    """AUROC of all windows together, each recording counted as often as its weight says."""
    scores = [values(each) for each in verdicts]
    sizes = np.array([len(each) for each in scores], np.float64)
    sound = np.array([case.is_healthy(each.trail.label) for each in verdicts], bool)
    table = np.zeros((len(verdicts), len(verdicts)))
    for row in np.flatnonzero(sound):
        for column in np.flatnonzero(~sound):
            table[row, column] = wins(scores[row], scores[column])

    def statistic(weights: Weights) -> float:
        pairs = (weights * sizes)[sound].sum() * (weights * sizes)[~sound].sum()
        return float(weights @ table @ weights / pairs) if pairs else float("nan")

    return statistic


def figures(case: Case, verdicts: Mapping[str, list[Verdict]]) -> list[Figure]:
    """ROC of every step, and the score over time of the recordings nearest to being judged wrong."""
    curves = []
    for step, found in verdicts.items():
        healthy, faulty = (scores_of(part) for part in _parted(case, found))
        x, y = roc(healthy, faulty)
        if x:
            curves.append(Curve(step, tuple(x), tuple(y)))
    drawn: list[Figure] = [Roc("ROC, window by window", tuple(curves))] if curves else []
    threshold = case.front.raise_score

    def doubt(verdict: Verdict) -> float:
        far = threshold - verdict.held
        return -far if case.is_healthy(verdict.trail.label) else far

    drawable = [each for each in verdicts[INT8] if len(each.scores)]
    for part in _parted(case, drawable):
        drawn += [trace(each, threshold) for each in sorted(part, key=doubt, reverse=True)[: MOST_TRACES // 2]]
    return drawn


def _warn(result: CaseResult, verdicts: Sequence[Verdict]) -> None:
    short = [each.trail.id for each in verdicts if each.held < 0]
    if short:
        result.notes.append(
            f"{counted(len(short), 'recording')} of too few judged windows for the decider, can never be flagged: "
            + ", ".join(short[:5])
            + (" …" if len(short) > 5 else ".")
        )
