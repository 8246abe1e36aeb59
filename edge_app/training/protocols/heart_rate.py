"""Heart rate and its variability against a reference, window by window; irregular rhythm where the rhythm is known.

The reference is either the beats of an annotated ECG, or the intervals of a chest strap. A strap's list says how long
each interval was and not when: it is laid from the recording's start on, one interval after the other. Windows of which
the reference covers less than `COVER` are not compared. What the app does not judge is not compared either, but
counted: `accepted_share` is the share of all windows it judges, and each recording lists the reasons for the others.

Reference intervals go through the same rule of normal intervals as the app's own (dsp/rhythm.py); of an annotated ECG
only intervals between two normal beats do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.core.stages import Model
from edge_app.dsp.rhythm import NOTHING, normal, rmssd_us, sdnn_us
from edge_app.training.importers.base import Reference
from edge_app.training.metrics import auroc
from edge_app.training.protocols.base import INT8, Case, CaseResult, Scatter, Trail, events, infer_all
from edge_app.training.protocols.measures import Measures

COVER = 0.8
"""Share of a window that reference intervals must cover."""
NORMAL_SYMBOLS = frozenset("NLRej")
"""Beats of normal origin. Source: ANSI/AAMI EC57, class N."""
FIBRILLATION, FLUTTER = "(AFIB", "(AFL"
MOST_AF, LEAST_AF = 0.9, 0.05
"""A window counts as fibrillation from this share of it on, and as other rhythm up to that one (flutter included)."""
VARIABILITY = ("sdnn_ms", "rmssd_ms")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """Reference intervals of a recording."""

    start_s: Floats
    """When each began (s)."""
    length_us: NDArray[np.int64]
    """How long it was (µs)."""
    normal: NDArray[np.bool_]
    """Whether it may count for variability."""
    laid_end_to_end: bool
    """Whether `start_s` is known only by adding up."""

    def within(self, start_s: float, end_s: float) -> dict[str, float] | None:
        """Rate and variability of the intervals that lie wholly in a window; None when they cover too little of it."""
        ends_s = self.start_s + self.length_us / 1e6
        chosen = (self.start_s >= start_s) & (ends_s <= end_s)
        lengths = [int(each) for each in self.length_us[chosen]]
        if len(lengths) < 2 or sum(lengths) / 1e6 < COVER * (end_s - start_s):
            return None
        keep = [bool(a and b) for a, b in zip(normal(lengths), self.normal[chosen], strict=True)]
        found = {"heart_rate_bpm": 60e6 * len(lengths) / sum(lengths)}
        if sum(keep) >= 2:
            found |= {"sdnn_ms": sdnn_us(lengths, keep) / 1000, "rmssd_ms": rmssd_us(lengths, keep) / 1000}
        return found


def truth_of(reference: Reference, rate_hz: float) -> Truth | None:
    """Intervals of a reference; None when it holds none."""
    if reference.beats is not None and len(reference.beats) > 1:
        places_s = np.asarray(reference.beats, np.float64) / rate_hz
        sound = np.array([symbol in NORMAL_SYMBOLS for symbol in reference.symbols], np.bool_)
        lengths = np.rint(1e6 * np.diff(places_s)).astype(np.int64)
        return Truth(places_s[:-1], lengths, sound[:-1] & sound[1:], False)
    if reference.rr_ms is not None and len(reference.rr_ms):
        lengths = np.rint(1000.0 * reference.rr_ms).astype(np.int64)
        starts_s = np.concatenate(([0.0], np.cumsum(lengths[:-1]) / 1e6))
        return Truth(starts_s, lengths, np.ones(len(lengths), np.bool_), True)
    return None


@dataclass(frozen=True)
class Compared:
    """One recording: what the app measured, and what was true, of each judged window with a reference."""

    trail: Trail
    truth: Truth
    measured: Mapping[str, Floats]
    """By feature; NaN where there is nothing to compare."""
    true: Mapping[str, Floats]

    def errors(self, name: str) -> Floats:
        """Measured minus true of the windows where both are known."""
        found = self.measured[name] - self.true[name]
        return np.asarray(found[~np.isnan(found)])


def run(case: Case, trails: Sequence[Trail], models: Mapping[str, Model]) -> CaseResult:
    """Compare every recording that has a reference; the others are named."""
    result = CaseResult({}, {}, headline=["hr_mae_bpm", "accepted_share", "sdnn_mae_ms", "rmssd_mae_ms"])
    compared: list[Compared] = []
    for trail in trails:
        reference = trail.recording.reference() if trail.recording.reference is not None else None
        truth = truth_of(reference, trail.rate_hz) if reference is not None else None
        if truth is None:
            result.notes.append(f"{trail.id} has no reference and is left out.")
            continue
        compared.append(compare(trail, truth))
    for step, model in models.items():
        measures = Measures(result, step)
        _measure(measures, compared)
        _measure_irregular(measures, compared, model)
    for each in compared:
        channel = {"channel": case.config.channel} if case.config.channel else {}
        told = events(each.trail, infer_all(models[INT8], each.trail), case.front.decider())
        alarms = sum(event == "raised" for event, _ in told)
        result.recordings[each.trail.id] = {**channel, **_facts(each), "alarms": alarms}
    _note(result, compared)
    points = [
        (float(true), float(measured))
        for each in compared
        for true, measured in zip(each.true["heart_rate_bpm"], each.measured["heart_rate_bpm"], strict=True)
        if not np.isnan(true)
    ]
    result.figures = [Scatter("Heart rate of each window", "reference (bpm)", "measured (bpm)", tuple(points))]
    return result


def compare(trail: Trail, truth: Truth) -> Compared:
    """The judged windows of a recording beside their reference."""
    names = ("heart_rate_bpm", *VARIABILITY)
    measured = {name: np.full(len(trail.vectors), np.nan) for name in names}
    true = {name: np.full(len(trail.vectors), np.nan) for name in names}
    for number, (index, vector) in enumerate(zip(trail.judged, trail.vectors, strict=True)):
        found = truth.within(float(trail.start_s[index]), float(trail.end_s[index]))
        for name, value in (found or {}).items():
            level = int(vector.values[trail.schema.names.index(name)])
            if level == NOTHING:
                continue
            measured[name][number] = trail.extractor.physical(name, level)
            true[name][number] = value
    return Compared(trail, truth, measured, true)


def _measure(measures: Measures, compared: Sequence[Compared]) -> None:
    groups = [each.trail.recording.group for each in compared]
    windows = np.array([len(each.trail.verdicts) for each in compared], np.float64)
    accepted = np.array([len(each.trail.judged) for each in compared], np.float64)
    measures.figure("accepted_share", _ratio(accepted, windows), groups)
    measures.share("recordings_judged", int((accepted > 0).sum()), len(compared))
    for name, short in (("heart_rate_bpm", "hr"), ("sdnn_ms", "sdnn"), ("rmssd_ms", "rmssd")):
        unit = name.rsplit("_", 1)[1]
        errors = [each.errors(name) for each in compared]
        counts = np.array([len(each) for each in errors], np.float64)
        total = np.array([np.abs(each).sum() for each in errors])
        signed = np.array([each.sum() for each in errors])
        measures.figure(f"{short}_mae_{unit}", _ratio(total, counts), groups)
        measures.figure(f"{short}_bias_{unit}", _ratio(signed, counts), groups)
        every = np.abs(np.concatenate(errors)) if errors else np.empty(0)
        if every.size:
            measures.value(f"{short}_p95_{unit}", float(np.quantile(every, 0.95)))
        if short == "hr" and every.size:
            measures.count("windows_compared", int(every.size))


def _ratio(above: Floats, below: Floats) -> Callable[[NDArray[np.int64]], float]:
    """Σ above / Σ below over recordings, each as often as its weight says."""

    def statistic(weights: NDArray[np.int64]) -> float:
        total = float((weights * below).sum())
        return float((weights * above).sum()) / total if total else float("nan")

    return statistic


def _measure_irregular(measures: Measures, compared: Sequence[Compared], model: Model) -> None:
    """Windows of fibrillation and of other rhythms that the app calls irregular; only where rhythms are annotated."""
    known = [(each.trail, shares) for each in compared if (shares := rhythm_shares(each.trail)) is not None]
    if not known:
        return
    kinds, called, levels = [], [], []
    for trail, (fibrillation, flutter) in known:
        index = trail.schema.names.index("irregularity")
        for number, inference in enumerate(infer_all(model, trail)):
            af = fibrillation[number] >= MOST_AF
            if af or fibrillation[number] + flutter[number] <= LEAST_AF:
                kinds.append(af)
                called.append("irregular" in inference.label)
                levels.append(int(trail.vectors[number].values[index]))
    is_af, is_called, level = np.array(kinds, bool), np.array(called, bool), np.array(levels, np.float64)
    measures.count("af_windows", int(is_af.sum()))
    measures.count("other_windows", int((~is_af).sum()))
    if is_af.any():
        measures.value("af_called_irregular", float(is_called[is_af].mean()))
    if not is_af.all():
        measures.value("other_called_irregular", float(is_called[~is_af].mean()))
    if is_af.any() and not is_af.all():
        measures.value("af_auroc", auroc(level[~is_af], level[is_af]))


def rhythm_shares(trail: Trail) -> tuple[Floats, Floats] | None:
    """Share of fibrillation and of flutter in each judged window; None when the rhythm is not annotated."""
    reference = trail.recording.reference() if trail.recording.reference is not None else None
    if reference is None or not reference.rhythms:
        return None
    starts_s = [sample / trail.rate_hz for sample, _ in reference.rhythms]
    ends_s = [*starts_s[1:], float("inf")]
    found = np.zeros((2, len(trail.judged)))
    for number, index in enumerate(trail.judged):
        low, high = trail.start_s[index], trail.end_s[index]
        for (_, rhythm), begin, end in zip(reference.rhythms, starts_s, ends_s, strict=True):
            if rhythm in (FIBRILLATION, FLUTTER):
                common = max(0.0, min(high, end) - max(low, begin))
                found[0 if rhythm == FIBRILLATION else 1, number] += common / (high - low)
    return found[0], found[1]


def _facts(each: Compared) -> dict[str, Any]:
    trail = each.trail
    found: dict[str, Any] = {"split": trail.split, **trail.counts()}
    windows = len(trail.verdicts)
    found["accepted_share"] = round(len(trail.judged) / windows, 4) if windows else None
    for name, short in (("heart_rate_bpm", "hr"), ("sdnn_ms", "sdnn"), ("rmssd_ms", "rmssd")):
        unit = name.rsplit("_", 1)[1]
        errors, true = each.errors(name), each.true[name]
        found[f"{short}_windows_compared"] = int(errors.size)
        found[f"{short}_mae_{unit}"] = round(float(np.abs(errors).mean()), 4) if errors.size else None
        if errors.size:
            found[f"{short}_reference_{unit}"] = round(float(np.nanmean(true)), 2)
            found[f"{short}_measured_{unit}"] = round(float(np.nanmean(each.measured[name])), 2)
    return found


def _note(result: CaseResult, compared: Sequence[Compared]) -> None:
    judged = sum(len(each.trail.judged) for each in compared)
    with_truth = sum(int((~np.isnan(each.true["heart_rate_bpm"])).sum()) for each in compared)
    if judged > with_truth:
        result.notes.append(
            f"{judged - with_truth} of {judged} judged windows are not compared: the reference covers less than "
            f"{COVER:.0%} of them."
        )
    if any(each.truth.laid_end_to_end for each in compared):
        result.notes.append(
            "A chest strap's intervals carry no times: they are laid end to end from the recording's start."
        )
    refused = sorted({each.trail.id for each in compared if not len(each.trail.judged)})
    if refused:
        result.notes.append(f"Not one window was accepted of {', '.join(refused)}; the reasons stand with each.")
    if INT8 in result.metrics:
        result.notes.append("Heart rate is a feature: it is the same before and after any quantisation.")
