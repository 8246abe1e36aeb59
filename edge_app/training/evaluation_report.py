"""The report of an evaluation: Markdown for the repository, one HTML file for people."""

from __future__ import annotations

from pathlib import Path

from edge_app.core.errors import ConfigError
from edge_app.training.evaluation import Evaluation
from edge_app.training.evaluation_html import page
from edge_app.training.evaluation_tables import case_heading, footprint_rows, metric_rows, recording_rows, remarks


def write_report(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write report.md and report.html. Raises ConfigError when the folder cannot be written to."""
    texts = {"report.md": markdown(evaluation), "report.html": page(evaluation)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            partial = folder / f".{name}.partial"
            partial.write_text(text, encoding="utf-8")
            partial.replace(folder / name)
    except OSError as error:
        raise ConfigError(
            f"cannot write to {folder}: {error.strerror}.", "Choose another folder with --out."
        ) from error
    return [folder / name for name in texts]


def markdown(evaluation: Evaluation) -> str:
    """The report as Markdown."""
    lines = [f"# {evaluation.app} {evaluation.version}: evaluation, split `{evaluation.split}`", ""]
    lines += [evaluation.summary, ""] if evaluation.summary else []
    for outcome in evaluation.outcomes:
        lines += [f"## {case_heading(outcome)}", "", *_table(metric_rows(outcome)), ""]
        if outcome.footprints:
            lines += [*_table(footprint_rows(outcome)), "", f"Times measured on {evaluation.machine}.", ""]
        lines += [*(f"- {remark}" for remark in remarks(outcome)), ""]
        lines += [*_table(recording_rows(outcome)), ""]
    lines += [f"- {name}: {reason}" for name, reason in evaluation.passed_over.items()]
    return "\n".join(lines).rstrip() + "\n"


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    heading, *rest = rows
    marked = [heading, tuple("---" for _ in heading), *rest]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in marked]
