"""The one JSON object of `edge-app evaluate --json`: plain values, named metrics, intervals beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from edge_app.training.evaluation.evaluate import CaseOutcome, Evaluation
from edge_app.training.protocols.base import INT8


def plain(evaluation: Evaluation) -> dict[str, Any]:
    """The whole evaluation as JSON values.

    "float" and "int8" hold the metrics of all cases, as `case.metric` where the app has several cases; a metric that
    one case alone gives stands there by its bare name, too. "float" is the step that was quantised; where nothing was
    (rules, forests) the figures are the same in both.
    """
    found: dict[str, Any] = _finite(
        {
            "app": evaluation.app,
            "version": evaluation.version,
            "split": evaluation.split,
            "data": str(evaluation.data_dir),
            "float": _metrics(evaluation, quantised=False),
            "int8": _metrics(evaluation, quantised=True),
            "recordings": recordings(evaluation),
            "cases": [_case(each) for each in evaluation.outcomes],
            "passed_over": evaluation.passed_over,
            "machine": evaluation.machine,
        }
    )
    return found


def _metrics(evaluation: Evaluation, *, quantised: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    owners: dict[str, int] = {}
    for outcome in evaluation.outcomes:
        step = INT8 if quantised or not outcome.quantised else outcome.float_step
        metrics: Mapping[str, Any] = outcome.result.metrics.get(step or "", {})
        for name, value in metrics.items():
            owners[name] = owners.get(name, 0) + 1
            found[name if evaluation.single else f"{outcome.name}.{name}"] = value
    if not evaluation.single:
        found |= {key.partition(".")[2]: value for key, value in found.items() if owners[key.partition(".")[2]] == 1}
    return found


def recordings(evaluation: Evaluation) -> dict[str, Any]:
    """What was found about each recording, and its file in the folder of recordings.

    One that several cases judged has the facts of each under `cases`.
    """
    by_id: dict[str, dict[str, Any]] = {}
    trails = [trail for outcome in evaluation.outcomes for trail in outcome.chosen.trails]
    files = {trail.id: trail.recording.facts["file"] for trail in trails if "file" in trail.recording.facts}
    for outcome in evaluation.outcomes:
        for name, facts in outcome.result.recordings.items():
            by_id.setdefault(name, {})[outcome.name] = facts
    found: dict[str, Any] = {}
    for name, by_case in sorted(by_id.items()):
        merged: dict[str, Any] = {"file": files[name]} if name in files else {}
        for facts in by_case.values():
            merged |= {key: value for key, value in facts.items() if key not in merged}
        found[name] = merged if len(by_case) == 1 else {**merged, "cases": by_case}
    return found


def _case(outcome: CaseOutcome) -> dict[str, Any]:
    config, result = outcome.config, outcome.result
    facts: dict[str, Any] = {
        "case": config.name,
        "protocol": config.protocol,
        "pipeline": config.pipeline,
        "part": config.part,
        "about": config.about,
        "model": {"name": outcome.model_name, "sha256": outcome.model_sha256},
        "recordings": len(result.recordings),
        "metrics": result.metrics,
        "difference": difference(outcome),
        "undefined": result.undefined,
        "notes": result.notes,
        "footprint": {step: each.plain() for step, each in outcome.footprints.items()},
        "other_split": outcome.chosen.other_split,
        "left_out": outcome.chosen.left_out,
    }
    if config.set:
        facts["set"] = dict(config.set)
    if outcome.no_float:
        facts["no_float"] = outcome.no_float
    return facts


def difference(outcome: CaseOutcome) -> dict[str, float]:
    """What quantising changed in each figure: int8 less the float step that was quantised."""
    floats: Mapping[str, Any] = outcome.result.metrics.get(outcome.float_step or "", {})
    ints = outcome.result.metrics[INT8]
    return {
        name: round(ints[name] - value, 4)
        for name, value in floats.items()
        if isinstance(value, int | float) and isinstance(ints.get(name), int | float)
    }


def _finite(value: Any) -> Any:
    """Without NaN and infinities, which JSON has no word for."""
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
