"""The report as one HTML page: all inline, nothing fetched, no script; light and dark, wide and narrow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from edge_app.training.evaluation.evaluate import CaseOutcome, Evaluation
from edge_app.training.evaluation.plain import difference
from edge_app.training.evaluation.svg import draw
from edge_app.training.evaluation.tables import (
    footprint_rows,
    metric_rows,
    number_text,
    recording_rows,
    remarks,
    words,
)
from edge_app.training.protocols.base import INT8, Figure, ScoreTrace

MOST_CARDS = 4
_CODE = re.compile(r"`([^`]*)`")

STYLE = """
:root { color-scheme: light dark; --bg: #f6f7f9; --card: #ffffff; --ink: #1b2430; --soft: #5b6776; --line: #dde2e8;
  --accent: #0b6bcb; --accent-soft: #dcebfb; --warm: #c2410c; --good: #15803d; --grid: #e8ebef; --mid: #7a8797; }
@media (prefers-color-scheme: dark) { :root { --bg: #10151b; --card: #182029; --ink: #e6ebf1; --soft: #9aa7b6;
  --line: #2b3642; --accent: #5aa9f5; --accent-soft: #1c3149; --warm: #fb8a4b; --good: #4ade80; --grid: #25303b;
  --mid: #8593a3; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto,
  "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 8px 0 4px; } h2 { font-size: 1.3rem; margin: 0 0 2px; }
h3 { font-size: 1rem; margin: 28px 0 8px; } p { margin: 6px 0; } .soft { color: var(--soft); }
.tag { display: inline-block; background: var(--accent-soft); color: var(--accent); border-radius: 999px;
  padding: 1px 10px; font-size: .82rem; font-weight: 600; margin-right: 6px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 20px; margin: 20px 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 16px 0 4px; }
.card { border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; }
.card b { display: block; font-size: 1.75rem; line-height: 1.15; font-variant-numeric: tabular-nums; }
.card span { display: block; color: var(--soft); font-size: .86rem; }
.scroll { overflow-x: auto; margin: 8px 0; -webkit-overflow-scrolling: touch; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: right; padding: 6px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; } tr:last-child td { border-bottom: 0; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--card); }
@media (max-width: 640px) {
  th:first-child, td:first-child { white-space: normal; min-width: 8.5em; overflow-wrap: anywhere; }
  section { padding: 16px 12px; } }
.bad { color: var(--warm); font-weight: 600; } ul { margin: 8px 0; padding-left: 20px; } li { margin: 4px 0; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); gap: 16px; }
.plots + .plots { margin-top: 20px; }
.traces { grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
figure { margin: 0; min-width: 0; }
figcaption { font-size: .88rem; color: var(--soft); margin-bottom: 2px; overflow-wrap: anywhere; }
svg { display: block; width: 100%; height: auto; max-width: 400px; }
.traces svg { max-width: 560px; }
svg text { fill: var(--soft); font-size: 11px; } svg .axis { font-size: 11.5px; } svg .key { font-size: 12px; }
.grid { stroke: var(--grid); stroke-width: 1; } .guess { stroke: var(--mid); stroke-dasharray: 2 4; fill: none; }
.curve { fill: none; stroke-width: 2.2; stroke-linejoin: round; } .thin { stroke-width: 1.4; }
.shipped { stroke: var(--accent); } .trained { stroke: var(--mid); stroke-dasharray: 6 4; }
.pruned { stroke: var(--good); stroke-dasharray: 2 3; } .point, .bubble { fill: var(--accent); }
.bubble { fill-opacity: .75; } .threshold { stroke: var(--warm); stroke-dasharray: 6 4; fill: none; }
.alarm { stroke: var(--warm); stroke-width: 1.2; fill: none; } .alarm-dot { fill: var(--warm); }
.learnt { fill: var(--good); fill-opacity: .12; } .cell { fill: var(--grid); } .cell.right { fill: var(--accent); }
.cell.wrong { fill: var(--warm); } svg .count { fill: var(--ink); font-size: 16px; font-weight: 600; }
svg .part { font-size: 11px; } svg .strong { fill: var(--card); } footer { color: var(--soft); font-size: .85rem; }
@media print { body { background: #fff; } section { break-inside: avoid; } }
"""


def page(evaluation: Evaluation) -> str:
    """The whole page; same evaluation, same bytes."""
    title = f"{evaluation.app} {evaluation.version}"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}: evaluation</title><style>{STYLE}</style></head><body><main>",
        f"<header><p class='soft'>Evaluation by edge-app</p><h1>{escape(title)}</h1>",
        f"<p>{escape(evaluation.summary)}</p>" if evaluation.summary else "",
        f"<p><span class='tag'>split: {escape(evaluation.split)}</span>{_met(evaluation.split)}</p></header>",
        *(_section(outcome) for outcome in evaluation.outcomes),
        _passed_over(evaluation),
        f"<footer><p>Times measured on {escape(evaluation.machine)}. Intervals are 95 %, over recordings or groups "
        "of them, never over windows: bootstrap with a fixed seed for figures, exact binomial for shares of "
        "recordings, exact Poisson for rates of rare events.</p></footer>",
        "</main></body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _met(split: str) -> str:
    texts = {
        "test": "recordings from which nothing was learnt or chosen",
        "val": "recordings by which something was chosen: these figures flatter",
        "train": "recordings the model learnt from: these figures say nothing about others",
        "all": "all recordings, those learnt from among them: these figures flatter",
    }
    return escape(texts[split])


def _section(outcome: CaseOutcome) -> str:
    config = outcome.config
    count = len(outcome.result.recordings)
    parts = [
        f"<section id='{escape(config.name, quote=True)}'><h2>{escape(config.name)}</h2>",
        f"<p class='soft'>pipeline {escape(config.pipeline)} · protocol {escape(config.protocol)} · "
        f"{count} recordings · model {escape(outcome.model_name)} <code>{outcome.model_sha256[:12]}</code></p>",
        _cards(outcome),
        _list(remarks(outcome)),
        "<h3>Figures</h3>",
        _table(metric_rows(outcome)),
    ]
    if outcome.footprints:
        parts += ["<h3>From float to int8</h3>", _table(footprint_rows(outcome))]
    figures = outcome.result.figures
    if figures:
        traces = [each for each in figures if isinstance(each, ScoreTrace)]
        others = [each for each in figures if not isinstance(each, ScoreTrace)]
        parts += ["<h3>Plots</h3>", _plots(others), _plots(traces, "traces")]
    parts += ["<h3>Recordings</h3>", _table(recording_rows(outcome), mark_no=True), "</section>"]
    return "\n".join(part for part in parts if part)


def _cards(outcome: CaseOutcome) -> str:
    """The figures that matter most, large."""
    metrics = outcome.result.metrics[INT8]
    changed = difference(outcome)
    cards = []
    for name in [each for each in outcome.result.headline if metrics.get(each) is not None][:MOST_CARDS]:
        pair, bounds = metrics.get(f"{name}_of"), metrics.get(f"{name}_ci95")
        value = f"{pair[0]} of {pair[1]}" if pair else number_text(metrics[name])
        lines = [f"95 %: {bounds[0]:.3g} to {bounds[1]:.3g}"] if bounds else []
        lines += [f"{changed[name]:+.4f} against float"] if name in changed else []
        small = "".join(f"<span>{escape(line)}</span>" for line in lines)
        cards.append(f"<div class='card'><span>{escape(words(name))}</span><b>{escape(value)}</b>{small}</div>")
    return f"<div class='cards'>{''.join(cards)}</div>" if cards else ""


def _list(lines: Sequence[str]) -> str:
    items = "".join("<li>" + _CODE.sub(r"<code>\1</code>", escape(line)) + "</li>" for line in lines)
    return f"<ul>{items}</ul>" if lines else ""


def _table(rows: Sequence[Sequence[str]], *, mark_no: bool = False) -> str:
    """A table that scrolls sideways within itself; with `mark_no` answers of "no" stand out where right is asked."""
    if not rows:
        return ""
    heading, *rest = rows
    right = [name.startswith("right") for name in heading]
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heading)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td class='bad'>{escape(cell)}</td>" if mark_no and flag and cell == "no" else f"<td>{escape(cell)}</td>"
            for cell, flag in zip(row, right, strict=True)
        )
        + "</tr>"
        for row in rest
    )
    return f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _plots(figures: Sequence[Figure], css: str = "") -> str:
    return f"<div class='plots {css}'>{''.join(_figure(each) for each in figures)}</div>" if figures else ""


def _figure(figure: Figure) -> str:
    return f"<figure><figcaption>{escape(figure.title)}</figcaption>{draw(figure)}</figure>"


def _passed_over(evaluation: Evaluation) -> str:
    if not evaluation.passed_over:
        return ""
    lines = [f"{name}: {reason}" for name, reason in evaluation.passed_over.items()]
    return f"<section><h2>Not measured here</h2>{_list(lines)}</section>"
