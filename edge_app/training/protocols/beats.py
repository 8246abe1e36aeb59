"""Every heartbeat against the cardiologists' annotation: was it found, and was it called what it is?

Counted as ANSI/AAMI EC57 says; docs/reference/heartbeats.md, "How beats are counted", has it in words. A detected beat
is every window about a beat, judged or not. Gross figures pool the beats of all recordings, `_mean` ones
are means of the recordings' own. The last seconds of a recording, from which no window can come any more, are left out.
Records with paced beats have figures of their own, and are in no others: EC57 leaves them out. Where records of
MIT-BIH's DS2 stand beside others, `ds2_` figures are theirs alone: those compare with published results on DS2.

Source: ANSI/AAMI EC57:2012, "Testing and reporting performance results of cardiac rhythm and ST segment measurement
algorithms" (150 ms, classes, ventricular flutter); P. de Chazal et al., IEEE Trans. Biomed. Eng. 51(7), 2004 (which
confusions of fusion and unknown beats count).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.beat_windowing import AFTER_S
from edge_app.core.stages import Model
from edge_app.training.importers.base import Reference
from edge_app.training.protocols.base import Case, CaseResult, Confusion, Trail, infer_all
from edge_app.training.protocols.bootstrap import pooled
from edge_app.training.protocols.measures import Measures

Ints = NDArray[np.int64]
Figure = Callable[[Ints], float]
"""A figure of a table of counts, NaN where it is not defined."""

TOLERANCE_S = 0.150
"""EC57: a detected beat is the reference beat at most this far away."""
LEARNING_S = 300.0
"""EC57 lets a device learn for so long; `_after_5min` figures leave it out."""
PACED = "/"
"""Annotation of a beat that a pacemaker made."""
FLUTTER = "(VFL"
"""Rhythm in which no single beat is annotated."""
SYMBOLS = {"normal": "NLRej", "ventricular": "VE", "supraventricular": "AaJS", "fusion": "F"}
"""EC57's classes; every other beat is unknown."""
NORMAL, VENTRICULAR, SUPRAVENTRICULAR, FUSION, UNKNOWN, NO_BEAT = range(6)
TRUE = ("normal", "ventricular", "supraventricular", "fusion", "unknown", "no beat")
UNJUDGED, MISSED = 3, 4
TOLD = ("normal", "ventricular", "supraventricular", "not judged", "not found")


@dataclass(frozen=True)
class Matched:
    """A recording's detected beats and what each is."""

    trail: Trail
    true: Ints
    """Of each detected beat that counts: index of its class in TRUE."""
    window: Ints
    """Index of its window."""
    place_s: NDArray[np.float64]
    """When it came (s from the beginning of the recording, as all times here)."""
    missed: Ints
    """Classes of the reference beats nobody found."""
    missed_s: NDArray[np.float64]
    paced: bool
    """Whether the record has paced beats."""


def run(case: Case, trails: Sequence[Trail], models: Mapping[str, Model]) -> CaseResult:
    """Compare every recording that has annotated beats; the others are named."""
    del case  # classes are EC57's
    result = CaseResult({}, {}, headline=[*("beat_se", "beat_ppv"), *(name for name in FIGURES if "beat" not in name)])
    matched = []
    for trail in trails:
        reference = trail.recording.reference() if trail.recording.reference is not None else None
        if reference is None or reference.beats is None:
            result.notes.append(f"{trail.id} has no annotated beats and is left out.")
        else:
            matched.append(match(trail, reference))
    counted = np.array([not each.paced for each in matched], bool)
    for step, model in models.items():
        tables = np.array([_table(each, model) for each in matched], np.int64).reshape(-1, len(TRUE), len(TOLD))
        _measure(Measures(result, step), [each for each in matched if not each.paced], tables[counted])
        _measure_ds2(Measures(result, step), [each for each in matched if not each.paced], tables[counted])
        for each, table in zip(matched, tables, strict=True):
            _tell(result.recordings.setdefault(each.trail.id, _facts(each)), step, table)
        if step == "int8" and counted.any():
            rows = tuple(tuple(int(count) for count in row) for row in tables[counted].sum(axis=0))
            result.figures.append(Confusion("Beats: what they are against what was told", TRUE, TOLD, rows, "beats"))
    paced = [each.trail.id for each in matched if each.paced]
    if paced:
        result.notes.append(f"With paced beats, so in no figure but their own: {', '.join(paced)}.")
    result.notes += [
        "Fusion and unknown beats count neither for nor against ventricular +P, unknown ones not against "
        "supraventricular +P; in accuracy they are errors, in accuracy among normal, ventricular and supraventricular "
        "they are left out.",
        "Beats not found or not judged count against sensitivity and accuracy, false detections against precision "
        "and accuracy.",
    ]
    return result


def match(trail: Trail, reference: Reference) -> Matched:
    """Pairs of detected and reference beats, nearest first, each beat once."""
    assert reference.beats is not None
    began_s = trail.began_s
    until_s = began_s + trail.seconds - AFTER_S - TOLERANCE_S
    true_s = np.asarray(reference.beats, np.float64) / trail.rate_hz
    classes = np.array([class_of(symbol) for symbol in reference.symbols], np.int64)
    windows = np.flatnonzero(trail.focus >= 0)
    found_s = trail.focus[windows] / trail.rate_hz
    partner = nearest_pairs(found_s, true_s, TOLERANCE_S)
    flutter = _flutter(reference, trail.rate_hz)
    kind = np.where(partner >= 0, classes[partner] if len(classes) else NO_BEAT, NO_BEAT)
    counts = found_s <= until_s
    counts &= (partner >= 0) | ~_inside(found_s, flutter, TOLERANCE_S)
    lost = np.setdiff1d(np.arange(len(true_s)), partner[partner >= 0])
    lost = lost[(true_s[lost] >= began_s) & (true_s[lost] <= until_s) & ~_inside(true_s[lost], flutter, 0.0)]
    paced = PACED in reference.symbols
    return Matched(trail, kind[counts], windows[counts], found_s[counts], classes[lost], true_s[lost], paced)


def class_of(symbol: str) -> int:
    """Index in TRUE of an annotation code."""
    for index, codes in enumerate(SYMBOLS.values()):
        if symbol in codes:
            return index
    return UNKNOWN


def nearest_pairs(found: NDArray[np.float64], true: NDArray[np.float64], tolerance: float) -> Ints:
    """Of each found time the index of its true one, -1 for none; the nearest pairs are made first."""
    pairs = []
    for index, time in enumerate(found):
        first, last = np.searchsorted(true, (time - tolerance, time + tolerance), side="left")
        pairs += [(abs(time - true[other]), index, other) for other in range(first, min(last + 1, len(true)))]
    partner = np.full(len(found), -1, np.int64)
    taken: set[int] = set()
    for distance, index, other in sorted(pairs):
        if distance <= tolerance and partner[index] < 0 and other not in taken:
            partner[index] = other
            taken.add(other)
    return partner


def _flutter(reference: Reference, rate_hz: float) -> list[tuple[float, float]]:
    starts = [sample / rate_hz for sample, _ in reference.rhythms]
    ends = [*starts[1:], float("inf")][: len(starts)]
    return [
        (start, end) for (_, name), start, end in zip(reference.rhythms, starts, ends, strict=True) if name == FLUTTER
    ]


def _inside(times: NDArray[np.float64], spans: list[tuple[float, float]], margin: float) -> NDArray[np.bool_]:
    found = np.zeros(len(times), bool)
    for start, end in spans:
        found |= (times >= start - margin) & (times <= end + margin)
    return found


def _table(each: Matched, model: Model) -> Ints:
    """Counts (6, 5): rows TRUE, columns TOLD."""
    told = np.full(len(each.trail.verdicts), UNJUDGED, np.int64)
    for index, inference in zip(each.trail.judged, infer_all(model, each.trail), strict=True):
        told[index] = TOLD.index(inference.label) if inference.label in TOLD[:UNJUDGED] else UNJUDGED
    table = np.zeros((len(TRUE), len(TOLD)), np.int64)
    np.add.at(table, (each.true, told[each.window]), 1)
    table[:, MISSED] = np.bincount(each.missed, minlength=len(TRUE))
    return table


def _share(part: Any, whole: Any) -> float:
    return float(part) / float(whole) if whole else float("nan")


def _found(table: Ints) -> float:
    beats = table[:NO_BEAT]
    return _share(beats[:, :MISSED].sum(), beats.sum())


def counts_of(table: Ints) -> dict[str, dict[str, int]]:
    """True positives, false positives and false negatives behind the figures: added up over recordings, they pool."""
    real = table[:NO_BEAT]
    found = {"beat": (real[:, :MISSED].sum(), table[NO_BEAT, :MISSED].sum(), real[:, MISSED].sum())}
    for name, (of, against) in COUNTED.items():
        found[name] = (table[of, of], table[list(against), of].sum(), table[of].sum() - table[of, of])
    return {name: dict(zip(("tp", "fp", "fn"), map(int, counts), strict=True)) for name, counts in found.items()}


def _true_share(table: Ints) -> float:
    return _share(table[:NO_BEAT, :MISSED].sum(), table[:, :MISSED].sum())


def _sensitivity(of: int) -> Figure:
    return lambda table: _share(table[of, of], table[of].sum())


def _precision(of: int, against: tuple[int, ...]) -> Figure:
    return lambda table: _share(table[of, of], table[of, of] + table[list(against), of].sum())


def _accuracy(table: Ints) -> float:
    right = sum(int(table[each, each]) for each in (NORMAL, VENTRICULAR, SUPRAVENTRICULAR))
    false_unjudged = table[NO_BEAT, UNJUDGED]
    return _share(right, table.sum() - false_unjudged)


def _accuracy_nsv(table: Ints) -> float:
    kept = table.copy()
    kept[[FUSION, UNKNOWN]] = 0
    return _accuracy(kept)


COUNTED = {
    "ventricular": (VENTRICULAR, (NORMAL, SUPRAVENTRICULAR, NO_BEAT)),
    "supraventricular": (SUPRAVENTRICULAR, (NORMAL, VENTRICULAR, FUSION, NO_BEAT)),
}
"""Of each class told apart, its index and the true classes that count against its precision when called so."""
FIGURES: dict[str, Figure] = {
    "beat_se": _found,
    "beat_ppv": _true_share,
    "ventricular_se": _sensitivity(VENTRICULAR),
    "ventricular_ppv": _precision(*COUNTED["ventricular"]),
    "supraventricular_se": _sensitivity(SUPRAVENTRICULAR),
    "supraventricular_ppv": _precision(*COUNTED["supraventricular"]),
    "accuracy": _accuracy,
    "accuracy_nsv": _accuracy_nsv,
}


def _measure_ds2(measures: Measures, matched: Sequence[Matched], tables: Ints) -> None:
    """Gross figures of the records of DS2, where there are others beside them."""
    ds2 = np.array([each.trail.recording.facts.get("set") == "DS2" for each in matched], bool)
    if 0 < ds2.sum() < len(matched):
        groups = [each.trail.recording.group for each, there in zip(matched, ds2, strict=True) if there]
        for name, figure in FIGURES.items():
            measures.figure(f"ds2_{name}", pooled(tables[ds2], figure), groups)


def _measure(measures: Measures, matched: Sequence[Matched], tables: Ints) -> None:
    groups = [each.trail.recording.group for each in matched]
    for name, figure in FIGURES.items():
        measures.figure(name, pooled(tables, figure), groups)
    for name, figure in FIGURES.items():
        own = np.array([figure(table) for table in tables])
        if len(own) and not np.isnan(own).all():
            measures.value(f"{name}_mean", float(np.nanmean(own)))
    late = np.array([_after(each, LEARNING_S) for each in matched], np.int64).reshape(-1, 3)
    found, lost, false = (int(each) for each in late.sum(axis=0))
    if found:
        measures.value("beat_se_after_5min", found / (found + lost))
        measures.value("beat_ppv_after_5min", found / (found + false))
    measures.count("beats", int(tables[:, :NO_BEAT].sum()))
    measures.count("beats_not_judged", int(tables[:, :NO_BEAT, UNJUDGED].sum()))


def _after(each: Matched, start_s: float) -> tuple[int, int, int]:
    """Beats found, beats missed and false detections from so long (s) after the start of what was looked at."""
    from_s = each.trail.began_s + start_s
    late = each.place_s >= from_s
    real = each.true != NO_BEAT
    return int((late & real).sum()), int((each.missed_s >= from_s).sum()), int((late & ~real).sum())


def _facts(each: Matched) -> dict[str, Any]:
    known = each.trail.recording.facts.get("set")
    facts = {"split": each.trail.split, **({"set": known} if known else {})}
    return facts | ({"paced": True} if each.paced else {}) | each.trail.counts()


def _tell(facts: dict[str, Any], step: str, table: Ints) -> None:
    """A recording's figures; those of float steps with the step's name in front."""
    prefix = "" if step == "int8" else f"{step}_"
    for name, figure in FIGURES.items():
        value = figure(table)
        facts[prefix + name] = None if np.isnan(value) else round(value, 4)
    facts[f"{prefix}counts"] = counts_of(table)
    if step == "int8":
        beats = table[:NO_BEAT]
        facts["beats"] = int(beats.sum())
        facts["detected"] = int(table[:, :MISSED].sum())
        facts["missed"] = int(beats[:, MISSED].sum())
        facts["false"] = int(table[NO_BEAT].sum())
        facts["confusion"] = {
            true: {told: int(count) for told, count in zip(TOLD, row, strict=True) if count}
            for true, row in zip(TRUE, table, strict=True)
            if row.any()
        }
