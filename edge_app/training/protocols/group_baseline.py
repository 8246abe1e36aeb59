"""Each machine learns its own normal from its healthy recordings; its other recordings are judged.

Leave one recording out: every healthy recording is judged by a normal learnt from the machine's other healthy ones, and
each such normal judges the machine's faults as well, so that AUROC compares scores of one and the same model. Flags of
faults are those of the normal learnt from all healthy recordings, as a device would hold it. Across machines (the
normal of one judges another) is reported beside it: that is what learning on the installed machine is for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import BaselineError
from edge_app.core.stages import Model
from edge_app.training.metrics import auroc, roc, wins
from edge_app.training.protocols.base import INT8, Case, CaseResult, Curve, Roc, Trail
from edge_app.training.protocols.baselines import cycled, learnt, settings_for
from edge_app.training.protocols.bootstrap import Weights
from edge_app.training.protocols.measures import Measures
from edge_app.training.protocols.quiet import measure_quiet
from edge_app.training.protocols.verdicts import Verdict, clipped_share, facts_of, scores_of, trace, verdict_of

MOST_TRACES = 8


@dataclass
class Fold:
    """One healthy recording left out: it, and the machine's faults, judged by the normal of the others."""

    healthy: Verdict
    faults: list[Verdict]


@dataclass
class Machine:
    """All recordings of one machine, judged by one step of the model."""

    name: str
    folds: list[Fold] = field(default_factory=list)
    faults: list[Verdict] = field(default_factory=list)
    """Judged by the normal of all healthy recordings."""
    model: Model | None = None
    """With that normal."""

    @property
    def healthy(self) -> list[Verdict]:
        """Each judged by the normal of the others."""
        return [fold.healthy for fold in self.folds]


def run(case: Case, trails: Sequence[Trail], models: Mapping[str, Model]) -> CaseResult:
    """See the module."""
    result = CaseResult({}, {}, headline=["auroc", "recording_auroc", "flagged", "healthy_recordings_flagged"])
    groups = _grouped(case, trails)
    machines: dict[str, list[Machine]] = {}
    for step, model in models.items():
        machines[step] = [_machine(case, name, group, model, result) for name, group in groups.items()]
        _measure(Measures(result, step), machines[step])
    for index, machine in enumerate(machines[INT8]):
        _describe(case, result, {step: each[index] for step, each in machines.items()}, machine)
    _across(case, result, machines, groups)
    result.figures[:0] = _rocs(machines)
    result.notes = list(dict.fromkeys(result.notes))
    return result


def _grouped(case: Case, trails: Sequence[Trail]) -> dict[str, list[Trail]]:
    found: dict[str, list[Trail]] = {}
    for trail in trails:
        fact = trail.recording.facts.get(case.config.group) if case.config.group else None
        found.setdefault(str(fact if fact is not None else trail.recording.group), []).append(trail)
    return dict(sorted(found.items()))


def _machine(case: Case, name: str, trails: Sequence[Trail], model: Model, result: CaseResult) -> Machine:
    healthy = [trail for trail in trails if case.is_healthy(trail.label)]
    faulty = [trail for trail in trails if not case.is_healthy(trail.label)]
    machine = Machine(name)
    if len(healthy) < 2:
        why = f"{len(healthy)} healthy recordings; nothing can be learnt and left out"
        return _unlearnt(machine, trails, why, result)
    try:
        machine.model = _learnt_from(case, model, healthy)
        for out in healthy:
            fitted = _learnt_from(case, model, [each for each in healthy if each is not out])
            faults = [verdict_of(case, each, fitted) for each in faulty]
            machine.folds.append(Fold(verdict_of(case, out, fitted), faults))
    except BaselineError as error:
        return _unlearnt(Machine(name), trails, f"no normal could be learnt: {error.what}", result)
    machine.faults = [verdict_of(case, each, machine.model) for each in faulty]
    return machine


def _unlearnt(machine: Machine, trails: Sequence[Trail], why: str, result: CaseResult) -> Machine:
    """A machine nothing could be learnt of: its recordings are told, and judged by nothing."""
    result.notes.append(f"{machine.name}: {why}.")
    for trail in trails:
        facts = {"machine": machine.name, "label": trail.label, "seconds": round(trail.seconds, 3), **trail.counts()}
        result.recordings[trail.id] = {**facts, "baseline_refused": why, "flagged": None}
    return machine


def _learnt_from(case: Case, model: Any, trails: Sequence[Trail]) -> Model:
    hop_s = case.config.hop_s or case.front.pipeline.window.hop_s
    unknown = sum(trail.verdicts.count("unknown") for trail in trails)
    idle = sum(trail.verdicts.count("idle") for trail in trails)
    settings = replace(settings_for(case, hop_s, unknown=unknown, idle=idle), in_time=False)
    return learnt(model, cycled([trail.features for trail in trails], settings.overlap), settings)


def _measure(measures: Measures, machines: Sequence[Machine]) -> None:
    useful = [each for each in machines if each.folds and each.faults]
    if useful:
        _auroc(measures, "auroc", useful, lambda verdict: verdict.scores)
        _auroc(measures, "recording_auroc", useful, _held)
        for machine in useful:
            for name, values in (("auroc", lambda verdict: verdict.scores), ("recording_auroc", _held)):
                table, sizes = _table([machine], values)
                found = _share(table, sizes, np.ones(len(sizes), np.int64))
                if not np.isnan(found):
                    measures.value(f"{name}_{machine.name}", found)
    else:
        reason = "no machine has both healthy recordings enough to learn from and faults"
        measures.undefined("auroc", reason)
        measures.undefined("recording_auroc", reason)
    faults = [verdict for machine in machines for verdict in machine.faults]
    measures.share("flagged", sum(bool(each.alarms_s) for each in faults), len(faults))
    healthy = [verdict for machine in machines for verdict in machine.healthy]
    measure_quiet(measures, healthy)
    measures.value("clipped_share", clipped_share(faults + healthy))


def _held(verdict: Verdict) -> NDArray[np.int64]:
    return np.array([verdict.held] if verdict.decidable else [], np.int64)


def _auroc(measures: Measures, name: str, machines: Sequence[Machine], values: Any) -> None:
    table, sizes = _table(machines, values)
    units = [f"h {fold.healthy.trail.id}" for machine in machines for fold in machine.folds]
    strata = [f"healthy {machine.name}" for machine in machines for _ in machine.folds]
    units += [f"f {verdict.trail.id}" for machine in machines for verdict in machine.faults]
    strata += [f"fault {machine.name}" for machine in machines for _ in machine.faults]
    measures.figure(name, lambda weights: _share(table, sizes, weights), units, strata)


def _table(machines: Sequence[Machine], values: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pairs won, and pairs in all, of every healthy unit (row) against every fault of its machine (column)."""
    count = sum(len(machine.folds) + len(machine.faults) for machine in machines)
    won, pairs = np.zeros((count, count)), np.zeros((count, count))
    row, column = 0, sum(len(machine.folds) for machine in machines)
    for machine in machines:
        for index, fold in enumerate(machine.folds):
            for place, fault in enumerate(fold.faults):
                one, other = values(fold.healthy), values(fault)
                won[row + index, column + place] = wins(one, other)
                pairs[row + index, column + place] = len(one) * len(other)
        row, column = row + len(machine.folds), column + len(machine.faults)
    return won, pairs


def _share(won: NDArray[np.float64], pairs: NDArray[np.float64], weights: Weights) -> float:
    total = weights @ pairs @ weights
    return float(weights @ won @ weights / total) if total else float("nan")


def _describe(case: Case, result: CaseResult, steps: Mapping[str, Machine], machine: Machine) -> None:
    """Facts and plots of one machine's recordings."""
    for kind in ("healthy", "faults"):
        for index, verdict in enumerate(getattr(machine, kind)):
            same = {step: getattr(each, kind)[index] for step, each in steps.items() if getattr(each, kind)}
            result.recordings[verdict.trail.id] = {"machine": machine.name, **facts_of(case, verdict, same)}
    doubtful = (
        sorted(machine.healthy, key=lambda each: -each.held)[:2]
        + sorted(machine.faults, key=lambda each: each.held)[:2]
    )
    room = max(0, MOST_TRACES - len(result.figures))
    result.figures += [trace(each, case.front.raise_score) for each in doubtful if len(each.scores)][:room]


def _across(
    case: Case, result: CaseResult, machines: Mapping[str, list[Machine]], groups: Mapping[str, list[Trail]]
) -> None:
    """The normal of one machine on another: AUROC there, and how many of its healthy recordings are flagged."""
    flagged = []
    for step, each in machines.items():
        for one in each:
            for other, trails in groups.items():
                if one.model is None or other == one.name:
                    continue
                verdicts = [verdict_of(case, trail, one.model) for trail in trails]
                healthy = [verdict for verdict in verdicts if case.is_healthy(verdict.trail.label)]
                faults = [verdict for verdict in verdicts if not case.is_healthy(verdict.trail.label)]
                found = auroc(scores_of(healthy), scores_of(faults))
                if not np.isnan(found):
                    Measures(result, step).value(f"across_auroc_{one.name}_to_{other}", found)
                if healthy and step == INT8:
                    alarmed = sum(bool(verdict.alarms_s) for verdict in healthy)
                    flagged.append(f"{one.name} on {other} {alarmed} of {len(healthy)}")
    if flagged:
        result.notes.append(
            f"Healthy recordings flagged by the normal of another machine, without a claim: {', '.join(flagged)}."
        )


def _rocs(machines: Mapping[str, list[Machine]]) -> list[Roc]:
    found = []
    for index, machine in enumerate(machines[INT8]):
        curves = []
        for step, each in machines.items():
            x, y = roc(scores_of(each[index].healthy), scores_of(each[index].faults))
            if x:
                curves.append(Curve(step, tuple(x), tuple(y)))
        if curves:
            found.append(Roc(f"ROC of {machine.name}, own baseline, scores of all folds together", tuple(curves)))
    return found
