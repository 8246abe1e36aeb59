"""Each run learns its own normal from its beginning; the rest of it is judged.

For machines that run to failure: when, as a share of the run, did the alarm come, and did any come before? A baseline
that `edge-app learn` would refuse is refused here, too: its run is not judged, and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edge_app.core.errors import BaselineError
from edge_app.core.stages import Model
from edge_app.training.protocols.base import INT8, Case, CaseResult, Trail
from edge_app.training.protocols.baselines import learnt, settings_for, spacing_s
from edge_app.training.protocols.measures import Measures
from edge_app.training.protocols.quiet import measure_quiet
from edge_app.training.protocols.verdicts import Verdict, clipped_share, facts_of, trace, verdict_of

DEFAULT_SHARE = 0.25


def run(case: Case, trails: Sequence[Trail], models: Mapping[str, Model]) -> CaseResult:
    """See the module."""
    result = CaseResult({}, {}, headline=["runs_alarmed", "first_alarm_life_median", "first_alarm_life_earliest"])
    verdicts: dict[str, list[Verdict]] = {step: [] for step in models}
    refused: dict[str, str] = {}
    for trail in trails:
        first = baseline_windows(case, trail)
        try:
            found = {step: _judged(case, trail, model, first) for step, model in models.items()}
        except BaselineError as error:
            refused[trail.id] = error.what
            facts = {"label": trail.label, "seconds": round(trail.seconds, 3), **trail.counts()}
            result.recordings[trail.id] = {**facts, "baseline_refused": error.what, "flagged": None}
            continue
        for step, verdict in found.items():
            verdicts[step].append(verdict)
        until_s = float(trail.end_s[first - 1])
        result.recordings[trail.id] = _facts(case, found, first, until_s)
        result.figures.append(trace(found[INT8], case.front.raise_score, until_s))
    for step, each in verdicts.items():
        _measure(case, Measures(result, step), each, len(refused), len(trails))
    result.notes += [
        f"{name}: no normal could be learnt, so nothing was judged: {why}." for name, why in refused.items()
    ]
    return result


def baseline_windows(case: Case, trail: Trail) -> int:
    """How many windows, from the first on, the normal is learnt from."""
    baseline = case.config.baseline
    if baseline.seconds is not None:
        until_s = float(trail.start_s[0]) + baseline.seconds
    else:
        began_s, ends_s = float(trail.start_s[0]), float(trail.end_s[-1])
        until_s = began_s + (baseline.share or DEFAULT_SHARE) * (ends_s - began_s)
    return max(1, int(np.count_nonzero(trail.end_s <= until_s + 1e-9)))


def _judged(case: Case, trail: Trail, model: Model, first: int) -> Verdict:
    shown = trail.verdicts[:first]
    settings = settings_for(case, spacing_s(trail), unknown=shown.count("unknown"), idle=shown.count("idle"))
    values = trail.features[: shown.count("judged")]
    return verdict_of(case, trail, learnt(model, values, settings), first)


def _facts(case: Case, found: Mapping[str, Verdict], first: int, until_s: float) -> dict[str, Any]:
    facts = facts_of(case, found[INT8], found)
    life = [round(each, 4) for each in alarms_of_life(found[INT8])]
    del facts["time_to_alarm_s"], facts["right"]
    return facts | {
        "baseline_windows": first,
        "baseline_until_s": round(until_s, 3),
        "first_alarm_life": life[0] if life else None,
        "alarms_life": life,
    }


def alarms_of_life(verdict: Verdict) -> list[float]:
    """When alarms were raised, as share of the run from its first to its last window."""
    began_s, ends_s = float(verdict.trail.start_s[0]), float(verdict.trail.end_s[-1])
    return [(at_s - began_s) / (ends_s - began_s) for at_s in verdict.alarms_s]


def _measure(case: Case, measures: Measures, verdicts: Sequence[Verdict], refused: int, runs: int) -> None:
    failing = [each for each in verdicts if not case.is_healthy(each.trail.label)]
    measures.share("baselines_learnt", runs - refused, runs)
    measures.share("runs_alarmed", sum(bool(each.alarms_s) for each in failing), len(failing))
    firsts = [alarms_of_life(each)[0] for each in failing if each.alarms_s]
    if firsts:
        measures.value("first_alarm_life_median", float(np.median(firsts)))
        measures.value("first_alarm_life_earliest", min(firsts))
        measures.value("first_alarm_life_latest", max(firsts))
    measures.count("alarms", sum(len(each.alarms_s) for each in failing))
    healthy = [each for each in verdicts if case.is_healthy(each.trail.label)]
    if healthy:
        measure_quiet(measures, healthy)
    measures.value("clipped_share", clipped_share(verdicts))
