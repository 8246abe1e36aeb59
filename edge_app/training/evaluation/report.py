"""The report of an evaluation: Markdown for the repository, one HTML file for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_app.core.errors import ConfigError
from edge_app.core.files import write_whole
from edge_app.training.evaluation.evaluate import CaseOutcome, Evaluation
from edge_app.training.evaluation.html_page import page
from edge_app.training.evaluation.tables import (
    case_heading,
    footprint_rows,
    metric_rows,
    overview_rows,
    recording_rows,
    remarks,
)
from edge_app.training.files import write_all

EVALUATED = "## Evaluated"
"""Heading in a model card below which everything is the evaluation's."""


def write_report(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write report.md and report.html, both or none. Raises ModelError when the folder cannot be written to."""
    made = {"report.md": markdown(evaluation).encode(), "report.html": page(evaluation).encode()}
    return write_all(folder, made, "the report")


def check_card_split(split: str) -> None:
    """Raises ConfigError unless the split is test: cards hold figures of recordings the model never met."""
    if split != "test":
        raise ConfigError(
            f"cards hold figures of recordings the model never met, not of split {split}.", "Leave --split out."
        )


def write_cards(evaluation: Evaluation) -> list[Path]:
    """Put the figures into the card of every model measured, in the place of those of an earlier evaluation.

    Raises
    ------
    ConfigError
        The split is not test: cards hold figures of recordings the model never met; or a card cannot be written.
    """
    check_card_split(evaluation.split)
    cards: dict[Path, list[CaseOutcome]] = {}
    for outcome in evaluation.outcomes:
        if outcome.model_file is not None:
            cards.setdefault(outcome.model_file.with_suffix(".md"), []).append(outcome)
    for card, outcomes in cards.items():
        text = _read(card) or f"# {outcomes[0].model_name}\n"
        kept = text.partition(f"\n{EVALUATED}\n")[0].rstrip()
        _write(card, "\n".join([kept, "", EVALUATED, "", *_evaluated(evaluation, outcomes)]).rstrip() + "\n")
    return list(cards)


def with_figures(card: str, before: Path) -> str:
    """A card written anew for a model that stayed the same, with the figures its card held before."""
    figures = _read(before).partition(f"\n{EVALUATED}\n")[2]
    return f"{card.rstrip()}\n\n{EVALUATED}\n{figures}" if figures else card


def _evaluated(evaluation: Evaluation, outcomes: Sequence[CaseOutcome]) -> list[str]:
    lines = [
        f"By `edge-app evaluate`, version {evaluation.version} of the app, on recordings from which nothing was",
        "learnt or chosen; 95 % intervals over recordings.",
        "",
    ]
    for outcome in outcomes:
        lines += [f"### {case_heading(outcome)}", "", *_about(outcome), *_table(metric_rows(outcome)), ""]
        if outcome.footprints:
            lines += [*_table(footprint_rows(outcome)), "", f"Times measured on {evaluation.machine}.", ""]
        lines += [*(f"- {remark}" for remark in remarks(outcome)), ""]
    return lines


def _read(card: Path) -> str:
    """A card as it is, whatever a person wrote into it; "" where there is none."""
    try:
        return card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    except OSError as error:
        raise ConfigError(f"{card}: cannot be read: {error.strerror}.", "Check who may read it.") from error


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise ConfigError(f"cannot write to {path}: {error.strerror}.", "Leave --card out, or make room.") from error


def markdown(evaluation: Evaluation) -> str:
    """The report as Markdown."""
    lines = [f"# {evaluation.app} {evaluation.version}: evaluation, split `{evaluation.split}`", ""]
    lines += [evaluation.summary, ""] if evaluation.summary else []
    if len(evaluation.outcomes) > 1:
        lines += [*_table(overview_rows(evaluation.outcomes)), ""]
    for outcome in evaluation.outcomes:
        lines += [f"## {case_heading(outcome)}", "", *_about(outcome), *_table(metric_rows(outcome)), ""]
        if outcome.footprints:
            lines += [*_table(footprint_rows(outcome)), "", f"Times measured on {evaluation.machine}.", ""]
        lines += [*(f"- {remark}" for remark in remarks(outcome)), ""]
        lines += [*_table(recording_rows(outcome)), ""]
    lines += [f"- {name}: {reason}" for name, reason in evaluation.passed_over.items()]
    return "\n".join(lines).rstrip() + "\n"


def _about(outcome: CaseOutcome) -> list[str]:
    return [outcome.config.about, ""] if outcome.config.about else []


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    heading, *rest = rows
    marked = [heading, tuple("---" for _ in heading), *rest]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in marked]
