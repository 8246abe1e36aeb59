"""The card beside a model that tells classes apart, or knows the healthy machine by distances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge_app.inference.manifest import Manifest
from edge_app.training.trainers.outcome import Outcome
from edge_app.training.trainers.report import HEADINGS, card_opening, outcome_rows
from edge_app.training.windows.recipes import Task

KINDS = {
    "classifier": "an int8 network that tells classes apart",
    "forest": "decision trees that tell classes apart",
    "gaussian": "the Mahalanobis distance to the healthy machine",
    "gmm": "the distance to the nearest of several Gaussians of the healthy machine",
}


def class_card(manifest: Manifest, task: Task, outcomes: Sequence[Outcome] = ()) -> str:
    """What the model is for, what it was made of, how well it does on validation windows, what shrinking cost."""
    says = (
        f"Model of the app `{task.app.app}` {task.app.version}, pipeline `{task.recipe.pipeline}`:",
        f"{KINDS[manifest.kind]}. Written by `edge-app train`; do not edit.",
    )
    lines = card_opening(manifest, task, says, _facts(manifest))
    if manifest.labels:
        lines += ["## Measured on validation windows", "", *_classes(manifest), ""]
    if outcomes:
        table = [HEADINGS, tuple("---" for _ in HEADINGS), *outcome_rows(list(outcomes), task.raise_score)]
        lines += ["## Measured", "", *("| " + " | ".join(row) + " |" for row in table), ""]
    return "\n".join([*lines, *shrinking(manifest.metrics)])


def _facts(manifest: Manifest) -> dict[str, str]:
    facts = {"File": f"`{manifest.file}`, sha256 `{manifest.sha256[:16]}…`"} if manifest.file else {}
    if manifest.labels:
        facts["Classes"] = ", ".join(manifest.labels)
        facts["Alarm"] = ", ".join(manifest.alarm_labels) or "none: it only names the type"
    return facts


def _classes(manifest: Manifest) -> list[str]:
    metrics = manifest.metrics
    lines = ["| | float | int8 |", "| --- | --- | --- |"]
    lines += [
        f"| {name} | {metrics['float'][name]:.4f} | {metrics['int8'][name]:.4f} |"
        for name in ("macro_f1", "balanced_accuracy", "accuracy")
    ]
    lines += ["", "| class | windows | sensitivity | precision |", "| --- | --- | --- | --- |"]
    for name, found in metrics["int8"]["classes"].items():
        shares = (f"{found[key]:.4f}" if key in found else "-" for key in ("sensitivity", "precision"))
        lines.append(f"| {name} | {found['windows']} | " + " | ".join(shares) + " |")
    return lines


def shrinking(metrics: Mapping[str, Any]) -> list[str]:
    """What pruning and quantising cost."""
    lines: list[str] = []
    if "pruning" in metrics:
        lines += ["## Pruning", "", str(metrics["pruning"]["reason"]), ""]
    if metrics.get("layers"):
        lines += ["## Quantising", "", "int8 against float, layer by layer (6 dB are one bit):", ""]
        lines += ["| layer | SNR | clipped |", "| --- | --- | --- |"]
        lines += [
            f"| {each['layer']} | {each['snr_db']:g} dB | {each['clipped_percent']:g} % |" for each in metrics["layers"]
        ]
        lines.append("")
    return lines
