"""How often the app cries wolf: false alarms per day of healthy signal, stated with how much of it there was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge_app.core.stages import Model
from edge_app.training.protocols.base import INT8, Case, CaseResult, Trail
from edge_app.training.protocols.bootstrap import most_events
from edge_app.training.protocols.measures import Measures
from edge_app.training.protocols.verdicts import Verdict, clipped_share, facts_of, judged_s, trace, verdict_of

DAY_S = 86400.0


MOST_TRACES = 6
"""Score plots in a report: the recordings that came nearest to an alarm."""


def run(case: Case, trails: Sequence[Trail], models: Mapping[str, Model]) -> CaseResult:
    """Judge the healthy recordings; those of other labels are left out and named."""
    sound = [trail for trail in trails if case.is_healthy(trail.label)]
    verdicts = {step: [verdict_of(case, trail, model) for trail in sound] for step, model in models.items()}
    headline = ["false_alarms", "false_alarms_per_day", "false_alarms_per_day_at_most", "healthy_hours"]
    result = CaseResult({}, {}, headline=headline)
    for step, found in verdicts.items():
        measures = Measures(result, step)
        measure_quiet(measures, found)
        measures.value("clipped_share", clipped_share(found))
    for index, each in enumerate(verdicts[INT8]):
        result.recordings[each.trail.id] = facts_of(case, each, {step: all_[index] for step, all_ in verdicts.items()})
    loudest = sorted((each for each in verdicts[INT8] if len(each.scores)), key=lambda each: -each.held)
    result.figures = [trace(each, case.front.raise_score) for each in loudest[:MOST_TRACES]]
    left_out = sorted({trail.label for trail in trails if not case.is_healthy(trail.label)})
    if left_out:
        result.notes.append(f"Only healthy recordings count here; left out: {', '.join(left_out)}.")
    return result


def measure_quiet(measures: Measures, healthy: Sequence[Verdict]) -> None:
    """False alarms of healthy recordings, with their exposure (judged time) and a 95 % upper bound of their rate.

    Recordings too short for any alarm are no evidence of quiet and do not count.
    """
    short = any(len(each.scores) and not each.decidable for each in healthy)
    healthy = [each for each in healthy if each.decidable]
    exposure_s = sum(judged_s(each) for each in healthy)
    alarms = sum(len(each.alarms_s) for each in healthy)
    if exposure_s <= 0:
        reason = "no healthy recording is long enough for the decider to raise an alarm"
        measures.undefined("false_alarms", reason if short else "no healthy signal was judged")
        return
    days = exposure_s / DAY_S
    measures.count("false_alarms", alarms)
    measures.share("healthy_recordings_flagged", sum(bool(each.alarms_s) for each in healthy), len(healthy))
    measures.value("healthy_hours", exposure_s / 3600.0, digits=6)
    measures.value("false_alarms_per_hour", alarms / days / 24.0)
    measures.value("false_alarms_per_day", alarms / days)
    measures.value("false_alarms_per_day_at_most", most_events(alarms) / days)
