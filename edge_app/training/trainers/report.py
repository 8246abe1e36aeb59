"""What a training says of itself: rows for the terminal, figures for the manifest, the model card."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edge_app.core.units import SCORE_ONE
from edge_app.inference.manifest import Manifest
from edge_app.training.protocols.verdicts import clipped_share
from edge_app.training.trainers.outcome import Outcome, Separation, separation
from edge_app.training.windows.recipes import Task

HEADINGS = (
    "signal",
    "label",
    "windows",
    "median",
    "highest",
    "sustained",
    "alarm",
    "AUROC float",
    "AUROC int8",
    "clip",
)


def outcome_rows(outcomes: list[Outcome], raise_score: int) -> list[tuple[str, ...]]:
    """One row of text a signal, under HEADINGS.

    `sustained` is the highest score that the decider's k of n windows reached and held for its on-delay, `alarm` the
    signal time of the first alarm, `clip` the share of model inputs that met the int8 limits.
    """
    return [_row(each, separation(each, outcomes, raise_score)) for each in outcomes]


def _row(outcome: Outcome, far: Separation) -> tuple[str, ...]:
    verdict, faulty = outcome.shipped, not outcome.healthy
    scores, trail = verdict.scores, verdict.trail
    return (
        outcome.title.rsplit("/", 1)[-1],
        outcome.label,
        f"{len(scores)}/{len(trail.verdicts)}",
        _score(float(np.median(scores))) if len(scores) else "-",
        _score(float(scores.max())) if len(scores) else "-",
        _score(verdict.held) if verdict.held >= 0 else "-",
        f"{verdict.to_alarm_s:.1f} s" if verdict.to_alarm_s is not None else "none",
        _auroc(far.float_auroc) if faulty else "",
        _auroc(far.int8_auroc) if faulty else "",
        f"{100 * clipped_share([verdict]):.1f} %",
    )


def _auroc(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _score(value: float) -> str:
    return f"{value / SCORE_ONE:.3f}"


def metrics_of(outcomes: list[Outcome], raise_score: int) -> dict[str, Any]:
    """Float and int8 figures, for the manifest."""
    faulty = [each for each in outcomes if not each.healthy]
    far = [separation(each, outcomes, raise_score) for each in faulty]
    healthy = [each for each in outcomes if each.healthy]
    highest = [int(each.shipped.scores.max(initial=0)) / SCORE_ONE for each in healthy]
    return {
        "float": {"auroc": _by_title(faulty, [each.float_auroc for each in far])},
        "int8": {
            "auroc": _by_title(faulty, [each.int8_auroc for each in far]),
            "margin": _by_title(faulty, [each.margin for each in far]),
            "healthy_highest": _by_title(healthy, highest),
            "alarms_healthy": sum(len(each.shipped.alarms_s) for each in healthy),
            "faults_alarmed": sum(1 for each in faulty if each.shipped.alarms_s),
            "faults": len(faulty),
            "clipped_percent": round(100 * clipped_share([each.shipped for each in outcomes]), 2),
        },
    }


def _by_title(outcomes: Sequence[Outcome], values: Sequence[float]) -> dict[str, float]:
    return {
        outcome.title: round(value, 4) for outcome, value in zip(outcomes, values, strict=True) if not math.isnan(value)
    }


def model_card(manifest: Manifest, task: Task, outcomes: list[Outcome]) -> str:
    """The card that lies beside the model: what it is for, what it was made of, how well it does, what it is not."""
    app = task.app
    says = (
        f"Anomaly model of the app `{app.app}` {app.version}, pipeline `{task.recipe.pipeline}`: an int8 autoencoder",
        "that knows the healthy machine and nothing else. Written by `edge-app train`; do not edit.",
    )
    changed = "Only healthy signals. Each was also shown changed, as the machine may be on another day: " + _changes(
        manifest.data["augment"]
    )
    lines = card_opening(manifest, task, says, _facts(manifest, task), (changed, ""))
    if outcomes:
        lines += ["## Measured", "", *_measured(task, outcomes), ""]
    return "\n".join(lines)


def card_opening(
    manifest: Manifest, task: Task, says: Sequence[str], facts: Mapping[str, str], of_learning: Sequence[str] = ()
) -> list[str]:
    """The lines every card begins with: what the model is, its facts, what it learnt from, how its score came about.

    `says` are the lines below the name, `facts` what a kind of model adds to the table, `of_learning` lines below the
    recordings.
    """
    features = manifest.features
    rows = {
        **facts,
        "Features": f"{features.plugin}, {len(features.names)} numbers, hash `{features.hash}`",
        "Window": f"{task.pipeline.window.seconds:g} s",
        "Sensor": f"{task.slot.quantity} in {task.slot.unit}, at least {task.slot.min_rate_hz:g} Hz",
        "Seed": str(manifest.seed),
    }
    about = task.recipe.about.strip()
    lines = [f"# {manifest.name}", "", *says, "", *([about, ""] if about else []), "| | |", "| --- | --- |"]
    lines += [f"| {key} | {value} |" for key, value in rows.items()]
    lines += ["", "## Learnt from", "", *learnt_from(manifest.data), "", *of_learning]
    return [*lines, "## Score", "", manifest.score_set_by, ""]


def _facts(manifest: Manifest, task: Task) -> dict[str, str]:
    inputs = len(manifest.features.names)
    pruning = manifest.metrics.get("pruning", {})
    layers = "-".join(map(str, (inputs, *task.recipe.hidden, inputs)))
    return {
        "File": f"`{manifest.file}`, sha256 `{manifest.sha256[:16]}…`",
        "Layers": pruning["after"]["layers"] if pruning.get("taken") else layers,
    }


def learnt_from(data: Mapping[str, Any]) -> list[str]:
    """A line a recording."""
    lines = []
    for key, text in (("train", ""), ("validation", " (validation: chosen by, not learnt from)")):
        for each in data.get(key, ()):
            span = f", {each['span_s'][0]:g} to {each['span_s'][1]:g} s of it" if "span_s" in each else ""
            digest = f", sha256 `{each['sha256'][:16]}…`" if each.get("sha256") else ""
            label = f" [{each['label']}]" if each.get("label") else ""
            lines.append(
                f"- {each['source']}{label}: {each['seconds']:g} s at {each['rate_hz']:g} Hz{span}{digest}{text}"
            )
    if "synthetic" in data:
        lines.append(_made(data))
    if "validation_is" in data:
        lines.append(f"- Validation: {data['validation_is']}.")
    return lines


def _made(data: Mapping[str, Any]) -> str:
    """What was made of the training recordings: ECGs that never were."""
    settings, windows = data["synthetic"], data["synthetic"]["windows"]
    taken = ", ".join(f"{count} {name}" for name, count in windows.items())
    return (
        f"- Synthetic, learnt from too: {settings['copies']} recordings that never were, made of each one above "
        f"(`synthetic` in the recipe, seed {settings['seed']}): its signal with beats moved forward, stretches as in "
        f"fibrillation, ventricular beats of another of them, and noise. Windows taken: {taken}."
    )


def _changes(augment: Mapping[str, Any]) -> str:
    jitter = ", ".join(f"{deviation:g} dB from {from_hz:g} Hz" for from_hz, deviation in augment["jitter_db"])
    return (
        f"shaft speed × {min(augment['speed']):g} to {max(augment['speed']):g}, "
        f"level {min(augment['gain_db']):+g} to {max(augment['gain_db']):+g} dB, each band by itself ({jitter}), "
        f"all bands smoothly ({augment['smooth_db']:g} dB), crest and kurtosis ({augment['shape_db']:g} dB)."
    )


def _measured(task: Task, outcomes: list[Outcome]) -> list[str]:
    raise_score = task.raise_score
    table = [HEADINGS, tuple("---" for _ in HEADINGS), *outcome_rows(outcomes, raise_score)]
    return [
        f"On signals not used in training; windows every {task.pipeline.window.hop_s:g} s unless train.yaml says "
        f"otherwise; threshold {raise_score / SCORE_ONE:.2f}. AUROC: probability that a window of this signal scores",
        "above a window of the healthy signals of this table, had nothing been quantised and as shipped. `sustained`:",
        "the highest score the decider's k of n windows reached and held for its on-delay. `clip`: model inputs that",
        "met the int8 limits.",
        "",
        *("| " + " | ".join(row) + " |" for row in table),
    ]
