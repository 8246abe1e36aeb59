"""What the app makes of one recording: scores by the model, alarms by the deployed decider."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.core.stages import Model
from edge_app.core.units import SCORE_ONE
from edge_app.training.metrics import sustained
from edge_app.training.protocols.base import INT8, Case, Curve, ScoreTrace, Trail, events, infer_all


@dataclass(frozen=True)
class Verdict:
    """What one step of the model, and the decider behind it, made of a recording."""

    trail: Trail
    scores: NDArray[np.int64]
    """0..10000 of each judged window that counts."""
    held: int
    """Highest score that the decider's `hits` of `of` windows reached and held for its on-delay: with a threshold below
    it an alarm would have been raised. -1 when there were too few windows."""
    alarms_s: tuple[float, ...]
    """Times of the alarms raised (s)."""
    first_s: float
    """End of the first window the decider was shown (s)."""
    clipped: int
    """Model inputs that met the int8 limits."""

    @property
    def decidable(self) -> bool:
        """Whether it has windows enough for the decider to raise an alarm: the quiet of shorter ones says nothing."""
        return self.held >= 0

    @property
    def to_alarm_s(self) -> float | None:
        """Time from the start of the first window to the alarm (s)."""
        if not self.alarms_s:
            return None
        return self.alarms_s[0] - float(self.trail.start_s[0])


def verdict_of(case: Case, trail: Trail, model: Model, first: int = 0) -> Verdict:
    """Judge a recording as the device would, from window `first` on."""
    inferences = infer_all(model, trail)
    decider = case.front.decider()
    told = events(trail, inferences, decider, first)
    shown = [each for each, index in zip(inferences, trail.judged, strict=True) if index >= first]
    scores = [each.score for each in shown]
    return Verdict(
        trail=trail,
        scores=np.array(scores, np.int64),
        held=_held(case, trail, scores, first),
        alarms_s=tuple(at_s for event, at_s in told if event == "raised"),
        first_s=float(trail.end_s[first]) if first < len(trail.end_s) else 0.0,
        clipped=sum(each.clipped for each in shown),
    )


def _held(case: Case, trail: Trail, scores: Sequence[int], first: int) -> int:
    """See Verdict.held."""
    decider: Any = case.front.decider()
    on_delay_s = float(getattr(case.front.decision.config, "on_delay_s", 0.0))
    apart_s = float(np.median(np.diff(trail.end_s))) if len(trail.end_s) > 1 else 0.0
    delay = math.ceil(on_delay_s / apart_s - 1e-9) if apart_s else 0
    return sustained(scores, int(decider.hits_needed), int(decider.of), delay, _forgotten(decider, trail, first))


def _forgotten(decider: Any, trail: Trail, first: int) -> list[int]:
    """Numbers of the judged windows before which the decider forgot: it was idle, or could not judge, for long."""
    after = {"unknown": int(decider.unknown_after), "idle": int(decider.idle_after)}
    found, judged, run, kind = [], 0, 0, ""
    for verdict in trail.verdicts[first:]:
        if verdict != "judged":
            run = run + 1 if verdict == kind else 1
            kind = verdict
            if run == after[verdict] and judged:
                found.append(judged)
        else:
            judged, run, kind = judged + 1, 0, ""
    return sorted(set(found))


def scores_of(verdicts: Sequence[Verdict]) -> NDArray[np.int64]:
    """Scores of all recordings together."""
    return np.concatenate([np.empty(0, np.int64), *(each.scores for each in verdicts)])


def clipped_share(verdicts: Sequence[Verdict]) -> float:
    """Share of all model inputs that met the int8 limits."""
    inputs = sum(each.trail.features.size for each in verdicts)
    return sum(each.clipped for each in verdicts) / max(1, inputs)


def judged_s(verdict: Verdict) -> float:
    """Signal that was judged (s): the looked-at time less the share of windows that were not judged."""
    trail = verdict.trail
    if not trail.verdicts:
        return 0.0
    return trail.seconds * len(verdict.scores) / len(trail.verdicts)


def facts_of(case: Case, verdict: Verdict, steps: Mapping[str, Verdict]) -> dict[str, Any]:
    trail = verdict.trail
    facts: dict[str, Any] = {"label": trail.label, "group": trail.recording.group, "split": trail.split}
    if trail.span_s is not None:
        facts["span_s"] = [round(edge, 3) for edge in trail.span_s]
    facts |= {"seconds": round(trail.seconds, 3), **trail.counts()}
    for step, each in steps.items():
        prefix = "" if step == INT8 else f"{step}_"
        facts[f"{prefix}median_score"] = _score(np.median(each.scores) if len(each.scores) else None)
        facts[f"{prefix}highest_score"] = _score(each.scores.max() if len(each.scores) else None)
        facts[f"{prefix}sustained_score"] = _score(each.held if each.held >= 0 else None)
        facts[f"{prefix}alarms"] = len(each.alarms_s)
    facts["flagged"] = bool(verdict.alarms_s)
    healthy = case.is_healthy(trail.label)
    facts["right"] = facts["flagged"] != healthy if verdict.decidable or not healthy else None
    facts["first_alarm_s"] = round(verdict.alarms_s[0], 3) if verdict.alarms_s else None
    facts["time_to_alarm_s"] = None if verdict.to_alarm_s is None else round(verdict.to_alarm_s, 3)
    return facts


def _score(value: Any) -> float | None:
    return None if value is None else round(float(value) / SCORE_ONE, 4)


def trace(verdict: Verdict, threshold: int, learnt_until_s: float | None = None) -> ScoreTrace:
    """The score over time of one recording, the shipped model's."""
    trail = verdict.trail
    times = trail.end_s[trail.judged][len(trail.judged) - len(verdict.scores) :]
    curve = Curve(
        "score", tuple(float(each) for each in times), tuple(float(each) / SCORE_ONE for each in verdict.scores)
    )
    title = f"{trail.id} ({trail.label})"
    return ScoreTrace(title, curve, threshold / SCORE_ONE, verdict.alarms_s, learnt_until_s)
