"""The report as one HTML page: all inline, nothing fetched, no script; light and dark, wide and narrow."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from html import escape

from edge_app.core.wording import counted
from edge_app.training.evaluation.evaluate import CaseOutcome, Evaluation
from edge_app.training.evaluation.names import STEP_WORDS, protocol_words, words
from edge_app.training.evaluation.plain import difference
from edge_app.training.evaluation.style import STYLE
from edge_app.training.evaluation.svg import MOST_POINTS, draw, swatch
from edge_app.training.evaluation.tables import (
    delta_text,
    footprint_rows,
    headline,
    is_wrong,
    metric_rows,
    overview_rows,
    recording_rows,
    remarks,
    value_text,
)
from edge_app.training.protocols.base import INT8, Confusion, Figure, Roc, ScoreTrace

MOST_CARDS = 4
MOST_CLASSES = 5
"""Confusions of more classes take the whole width."""
_CODE = re.compile(r"`([^`]*)`")
_INTERVAL = re.compile(r" (\([^()]* to [^()]*\)|measured|counted)$")
_SMALL = r" <small>\1</small>"


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
        _overview(evaluation),
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


def _overview(evaluation: Evaluation) -> str:
    """What every case came to, with a way to it."""
    if len(evaluation.outcomes) < 2:
        return ""
    heading, *rows = overview_rows(evaluation.outcomes)
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heading)
    body = "".join(
        f"<tr><td><a href='#{escape(row[0], quote=True)}'>{escape(row[0])}</a></td>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    table = (
        f"<div class='scroll'><table class='words'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
    return f"<section><h2>Overview</h2>{table}</section>"


def _section(outcome: CaseOutcome) -> str:
    config, recordings = outcome.config, outcome.result.recordings
    facts = (f"pipeline {config.pipeline}", protocol_words(config.protocol), counted(len(recordings), "recording"))
    name = escape(config.name, quote=True)
    parts = [
        f"<section id='{name}'><h2>{name}</h2>",
        f"<p class='soft'>{escape(' · '.join(facts))} · model {escape(outcome.model_name)} "
        f"<code>{outcome.model_sha256[:12]}</code></p>",
        f"<p class='lead'>{_marked(config.about)}</p>" if config.about else "",
        _cards(outcome),
        "<h3>Figures</h3>",
        _table(metric_rows(outcome), css="figures"),
        _list(remarks(outcome)),
        f"<h3>From float to int8</h3>{_table(footprint_rows(outcome))}" if outcome.footprints else "",
        _pictures(outcome.result.figures),
        "<h3>Recordings, the worst first</h3>",
        _table(recording_rows(outcome), wrong={name for name, facts in recordings.items() if is_wrong(facts)}),
        "</section>",
    ]
    return "\n".join(part for part in parts if part)


def _cards(outcome: CaseOutcome) -> str:
    """The figures that matter most, large."""
    metrics = outcome.result.metrics[INT8]
    changed = difference(outcome)
    cards = []
    for name in headline(outcome)[:MOST_CARDS]:
        value, _, interval = value_text(metrics, name).partition(" (")
        lines = [f"95 %: {interval.removesuffix(')')}"] if interval else []
        if name in changed:
            change = delta_text(changed[name], name)
            lines.append("the same in float" if change == "0" else f"{change} against float")
        small = "".join(f"<span>{escape(line)}</span>" for line in lines)
        label = f"<strong>{escape(words(name))}</strong>"
        cards.append(f"<div class='card'><b>{escape(value)}</b>{label}{small}</div>")
    return f"<div class='cards'>{''.join(cards)}</div>" if cards else ""


def _marked(text: str) -> str:
    """Text with its `code` as such."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _list(lines: Sequence[str]) -> str:
    items = "".join(f"<li>{_marked(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if lines else ""


def _table(rows: Sequence[Sequence[str]], wrong: Collection[str] = (), css: str = "") -> str:
    """A table that scrolls sideways within itself; rows of the names in `wrong` stand out."""
    if not rows:
        return ""
    heading, *rest = rows
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heading)
    body = "".join(
        ("<tr class='wrong'>" if row[0] in wrong else "<tr>")
        + "".join(f"<td>{_INTERVAL.sub(_SMALL, escape(cell))}</td>" for cell in row)
        + "</tr>"
        for row in rest
    )
    kind = f" class='{css}'" if css else ""
    return f"<div class='scroll'><table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _pictures(figures: Sequence[Figure]) -> str:
    """All plots, scores over time below the others; what their lines mean stands once above them."""
    if not figures:
        return ""
    traces = [each for each in figures if isinstance(each, ScoreTrace)]
    others = [each for each in figures if not isinstance(each, ScoreTrace)]
    steps = dict.fromkeys(curve.name for each in others if isinstance(each, Roc) for curve in each.curves)
    keys = [(_STEP_LINES.get(step, "shipped"), STEP_WORDS.get(step, step)) for step in steps]
    of_traces = [("shipped thin", "score"), ("threshold", "threshold"), ("alarm", "alarm raised")]
    of_traces += [("learnt", "normal learnt here")] if any(each.learnt_until_s is not None for each in traces) else []
    if any(len(each.curve.x) > MOST_POINTS for each in traces):
        of_traces.append(("spread", "lowest to highest score"))
    parts = ["<h3>Plots</h3>", _keys(keys), _plots(others)]
    return "".join([*parts, *((_keys(of_traces), _plots(traces, "traces")) if traces else ())])


_STEP_LINES = {INT8: "shipped", "trained": "trained", "pruned": "pruned"}


def _keys(keys: Sequence[tuple[str, str]]) -> str:
    """A legend: (class of the line or area, what it means)."""
    if not keys:
        return ""
    items = "".join(f"<span>{swatch(css)}{escape(text)}</span>" for css, text in keys)
    return f"<div class='keys'>{items}</div>"


def _plots(figures: Sequence[Figure], css: str = "") -> str:
    return f"<div class='plots {css}'>{''.join(_figure(each) for each in figures)}</div>" if figures else ""


def _figure(figure: Figure) -> str:
    wide = " class='wide'" if isinstance(figure, Confusion) and len(figure.predicted) > MOST_CLASSES else ""
    return f"<figure{wide}><figcaption>{escape(figure.title)}</figcaption>{draw(figure)}</figure>"


def _passed_over(evaluation: Evaluation) -> str:
    if not evaluation.passed_over:
        return ""
    lines = [f"{name}: {reason}" for name, reason in evaluation.passed_over.items()]
    return f"<section><h2>Not measured here</h2>{_list(lines)}</section>"
