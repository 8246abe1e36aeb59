"""Which kind is it? Window by window, and for each recording by the majority of its windows.

Recordings whose label belongs to no class of the model are judged too, but count neither as right nor as wrong: what
was said of them is told. A model may say that a window is unclear; that counts as not found, and is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.core.results import Inference
from edge_app.core.stages import Model
from edge_app.core.units import SCORE_ONE
from edge_app.training import metrics
from edge_app.training.metrics import Counts
from edge_app.training.protocols.base import INT8, Calibration, Case, CaseResult, Confusion, Trail, infer_all
from edge_app.training.protocols.bootstrap import pooled
from edge_app.training.protocols.measures import Measures

UNCLEAR = "unclear"


@dataclass(frozen=True)
class Typed:
    """What one step of the model said of one recording."""

    trail: Trail
    truth: str
    """Its class; "" when its label belongs to none."""
    said: tuple[str, ...]
    """The class told for each judged window; UNCLEAR where none was."""
    sure: tuple[float, ...]
    """Probability told for it, 0..1."""

    def counts(self, classes: Sequence[str]) -> dict[str, int]:
        """How often each class was said."""
        return {name: self.said.count(name) for name in (*classes, UNCLEAR) if name in self.said}

    def majority(self, classes: Sequence[str]) -> str:
        """The class most windows were of, UNCLEAR when no class leads."""
        counts = self.counts(classes)
        if not counts:
            return UNCLEAR
        best = max(counts.values())
        leaders = [name for name, count in counts.items() if count == best]
        return leaders[0] if len(leaders) == 1 else UNCLEAR


def run(case: Case, trails: Sequence[Trail], models: Mapping[str, Model]) -> CaseResult:
    """See the module."""
    classes = tuple(name for name in case.classes if name != UNCLEAR) or tuple(sorted({each.label for each in trails}))
    result = CaseResult(
        {}, {}, headline=["recording_accuracy", "recordings_wrong", "balanced_accuracy", "accuracy", "macro_f1"]
    )
    typed = {step: [_typed(case, trail, model, classes) for trail in trails] for step, model in models.items()}
    for step, found in typed.items():
        _measure(Measures(result, step), found, classes)
    for index, each in enumerate(typed[INT8]):
        result.recordings[each.trail.id] = _facts(each, {step: found[index] for step, found in typed.items()}, classes)
    _draw(result, typed[INT8], classes)
    outside = sorted({each.trail.label for each in typed[INT8] if not each.truth})
    if outside:
        result.notes.append(
            f"Of no class of the model, told in the table but not counted as right or wrong: {', '.join(outside)}."
        )
    return result


def _typed(case: Case, trail: Trail, model: Model, classes: Sequence[str]) -> Typed:
    inferences = infer_all(model, trail)
    said = tuple(each.label if each.label in classes else UNCLEAR for each in inferences)
    truth = case.class_of(trail.label) if case.classes else trail.label
    return Typed(trail, truth if truth in classes else "", said, tuple(_sure(each) for each in inferences))


def _sure(inference: Inference) -> float:
    return dict(inference.shares).get(inference.label, 0) / SCORE_ONE


def _table(found: Sequence[Typed], classes: Sequence[str]) -> NDArray[np.int64]:
    """Confusion of each recording's windows: (n_recordings, n_classes, n_classes + 1), the last column unclear."""
    columns = (*classes, UNCLEAR)
    tables = [metrics.confusion([each.truth] * len(each.said), each.said, classes, columns) for each in found]
    return np.array(tables, np.int64).reshape(len(found), len(classes), len(columns))


def _measure(measures: Measures, typed: Sequence[Typed], classes: Sequence[str]) -> None:
    found = [each for each in typed if each.truth and each.said]
    groups = [each.trail.recording.group for each in found]
    tables = _table(found, classes)

    for name, figure in (
        ("accuracy", metrics.accuracy),
        ("balanced_accuracy", metrics.balanced_accuracy),
        ("macro_f1", metrics.macro_f1),
    ):
        if len({each.truth for each in found}) < 2 and name != "accuracy":
            measures.undefined(name, "one class only")
        else:
            measures.figure(name, pooled(tables, figure), groups)
    for index, name in enumerate(classes):
        if name not in {each.truth for each in found}:
            continue
        measures.figure(f"recall_{name}", pooled(tables, partial(_at, metrics.recalls, index)), groups)
        measures.figure(f"precision_{name}", pooled(tables, partial(_at, metrics.precisions, index)), groups)
    majorities = [each.majority(classes) for each in found]
    right = sum(told == each.truth for told, each in zip(majorities, found, strict=True))
    measures.share("recording_accuracy", right, len(found))
    measures.share("recordings_unclear", majorities.count(UNCLEAR), len(found))
    wrong = sum(told not in (each.truth, UNCLEAR) for told, each in zip(majorities, found, strict=True))
    measures.share("recordings_wrong", wrong, len(found))
    sure = [value for each in found for value, told in zip(each.sure, each.said, strict=True) if told != UNCLEAR]
    good = [told == each.truth for each in found for told in each.said if told != UNCLEAR]
    if sure and any(sure):
        measures.value("expected_calibration_error", metrics.calibration(sure, good)[0])


def _at(figures: Callable[[Counts], NDArray[np.float64]], index: int, counts: Counts) -> float:
    return float(figures(counts)[index])


def _facts(each: Typed, steps: Mapping[str, Typed], classes: Sequence[str]) -> dict[str, Any]:
    trail = each.trail
    facts: dict[str, Any] = {"label": trail.label, "group": trail.recording.group, "split": trail.split}
    facts |= {"seconds": round(trail.seconds, 3), **trail.counts(), "class": each.truth or None}
    for step, found in steps.items():
        prefix = "" if step == INT8 else f"{step}_"
        majority = found.majority(classes)
        facts[f"{prefix}type"] = majority
        facts[f"{prefix}type_share"] = round(found.said.count(majority) / len(found.said), 4) if found.said else None
    facts["right_type"] = facts["type"] == each.truth if each.truth else None
    facts["said"] = each.counts(classes)
    return facts


def _draw(result: CaseResult, typed: Sequence[Typed], classes: Sequence[str]) -> None:
    found = [each for each in typed if each.truth and each.said]
    if not found:
        return
    columns = (*classes, UNCLEAR)
    windows = _table(found, classes).sum(axis=0)
    whole = metrics.confusion(
        [each.truth for each in found], [each.majority(classes) for each in found], classes, columns
    )
    for title, counts, unit in (("Recordings", whole, "recordings"), ("Windows", windows, "windows")):
        rows = tuple(tuple(int(value) for value in row) for row in counts)
        result.figures.append(Confusion(f"{title}: true class against told", tuple(classes), columns, rows, unit))
    sure = [value for each in found for value, told in zip(each.sure, each.said, strict=True) if told != UNCLEAR]
    good = [told == each.truth for each in found for told in each.said if told != UNCLEAR]
    if any(sure):
        result.figures.append(Calibration("Calibration, window by window", metrics.calibration(sure, good)[1]))
