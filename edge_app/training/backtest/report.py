"""A backtest's findings as JSON, as tables for a terminal, and as a curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from edge_app.config.resolved import ResolvedApp
from edge_app.core.wording import counted, figure_text, span_text
from edge_app.training.backtest.events import Outcome
from edge_app.training.backtest.figures import figures, recording_facts
from edge_app.training.backtest.run import Question, Result, Variant
from edge_app.training.evaluation.svg import Axes, ticks

Figures = dict[str, Any]
Rows = list[tuple[str, ...]]
_WIDTH, _HEIGHT = 60, 12
_SCALE = 7
"""Columns left of a curve."""
_LABEL = (40.0, 14.0)
"""Room of a label in a picture (px)."""
_STYLE = (
    "<style>svg{font:12px sans-serif;background:#fff}.grid{stroke:#ddd}.curve{fill:none;stroke:#1f6fb2;stroke-width:2}"
    ".tick{fill:#555;font-size:11px}.dot{fill:#1f6fb2}</style>"
)


def pipelines_of(results: Sequence[Result]) -> list[str]:
    """Pipelines that judged something, in the order of the app."""
    return list(dict.fromkeys(name for result in results for name in (result.outcomes[0] if result.outcomes else {})))


def figures_of(results: Sequence[Result], variant: int, pipeline: str) -> Figures:
    """Of one pipeline in one variant."""
    return figures([each for _, each in _outcomes(results, variant, pipeline)])


def _outcomes(results: Sequence[Result], variant: int, pipeline: str) -> list[tuple[Result, Outcome]]:
    return [(each, each.outcomes[variant][pipeline]) for each in results if pipeline in _first(each)]


def _first(result: Result) -> dict[str, Outcome]:
    return result.outcomes[0] if result.outcomes else {}


def sweep_of(question: Question) -> list[int]:
    """Variants of the sweep."""
    return [index for index, variant in enumerate(question.variants) if variant.swept]


def plain(app: ResolvedApp, question: Question, results: Sequence[Result]) -> dict[str, Any]:
    """One JSON object."""
    sweep = sweep_of(question)
    names = pipelines_of(results)
    report: dict[str, Any] = {
        "app": app.name,
        "version": app.version,
        "pipelines": {name: figures_of(results, 0, name) for name in names},
        "what_if": None,
        "sweep": [],
        "recordings": {result.id: _recording(result) for result in results if not result.left_out},
        "left_out": {result.id: result.left_out for result in results if result.left_out},
    }
    set_only = [index for index in range(1, len(question.variants)) if index not in sweep]
    if set_only:
        report["what_if"] = {
            "set": dict(question.variants[set_only[0]].changes),
            "pipelines": {name: figures_of(results, set_only[0], name) for name in names},
        }
    report["sweep"] = [
        {
            "set": dict(question.variants[index].changes),
            "pipelines": {name: figures_of(results, index, name) for name in names},
        }
        for index in sweep
    ]
    return report


def _recording(result: Result) -> dict[str, Any]:
    facts: dict[str, Any] = {"label": result.label, "seconds": round(result.seconds, 3)}
    if result.remarks:
        facts["remarks"] = result.remarks
    return facts | {"pipelines": {name: recording_facts(each) for name, each in result.outcomes[0].items()}}


# --- for a terminal ---------------------------------------------------------------------------------------------------


def title(app: ResolvedApp, results: Sequence[Result]) -> str:
    """One line: what was replayed."""
    judged = [result for result in results if not result.left_out]
    seconds = sum(result.seconds for result in judged)
    return f"{app.name} {app.version}: {counted(len(judged), 'recording')}, {span_text(seconds)}"


def what_ifs(question: Question) -> list[str]:
    """Whole keys of what was set differently; the tables' headings hold their last words only."""
    swept = [question.variants[index].name.partition("=") for index in sweep_of(question)]
    found = [f"what if: {variant.name}" for variant in question.variants[1:] if not variant.swept]
    return found + ([f"what if: {swept[0][0]} from {swept[0][2]} to {swept[-1][2]}"] if swept else [])


def tables(question: Question, results: Sequence[Result]) -> list[Rows]:
    """Of each pipeline: figures side by side, one line a recording, the sweep. The first row holds the headings."""
    sweep = sweep_of(question)
    shown = [index for index in range(len(question.variants)) if index not in sweep]
    found: list[Rows] = []
    for name in pipelines_of(results):
        columns = [figures_of(results, index, name) for index in shown]
        head = (f"PIPELINE {name}", *(_short(question.variants[index]) for index in shown))
        found += [[head, *_figure_rows(columns)], [_RECORDING_HEAD, *_recording_rows(results, name)]]
        found += [_sweep_rows(question, results, name, sweep)] if sweep else []
    return found


def _short(variant: Variant) -> str:
    """A variant by the last words of its keys; whole keys tear every table."""
    return ", ".join(f"{key.rpartition('.')[2]}={value}" for key, value in variant.changes.items()) or variant.name


def _figure_rows(columns: Sequence[Figures]) -> list[tuple[str, ...]]:
    rows: dict[str, Callable[[Figures], str]] = {
        "events found": lambda f: f"{f['events_found']} of {f['events']}",
        "recall (95 % interval)": lambda f: _with(f["recall"], f["recall_ci95"]),
        "precision (95 % interval)": lambda f: _with(f["precision"], f["precision_ci95"]),
        "delay, median and longest": lambda f: f"{_time(f['delay_median_s'])}, {_time(f['delay_max_s'])}",
        "false alarms": lambda f: str(f["false_alarms"]),
        "normal signal judged": lambda f: span_text(86400 * f["normal_days"]),
        "false alarms a day (95 %)": lambda f: _with(f["false_alarms_per_day"], f["false_alarms_per_day_ci95"]),
        "alarms that count nowhere": lambda f: str(f["uncounted_alarms"]),
        "windows unknown, idle": lambda f: f"{_percent(f['unknown_share'])}, {_percent(f['idle_share'])}",
    }
    return [(title, *(show(column) for column in columns)) for title, show in rows.items()]


_RECORDING_HEAD = ("RECORDING", "LABEL", "SECONDS", "WINDOWS", "UNKNOWN", "IDLE", "EVENTS", "FALSE", "ALARMS AT (s)")


def _recording_rows(results: Sequence[Result], pipeline: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for result, each in _outcomes(results, 0, pipeline):
        raised = [told for told in each.told if told.event == "raised" and told.at_s > each.learnt_until_s]
        alarms = " ".join(f"{told.at_s:.1f}" + (f" ({told.kind})" if told.kind else "") for told in raised[:4])
        note = (" …" if len(raised) > 4 else "") + (f"  not learnt: {each.refused}" if each.refused else "")
        rows.append(
            (
                result.id,
                result.label or "-",
                f"{result.seconds:.1f}",
                str(each.windows),
                str(each.unknown),
                str(each.idle),
                f"{each.found}/{each.events}",
                str(each.false_alarms),
                (alarms or "-") + note,
            )
        )
    return rows


def _sweep_rows(question: Question, results: Sequence[Result], pipeline: str, sweep: Sequence[int]) -> Rows:
    swept = question.variants[sweep[0]].name.partition("=")[0]
    head = f"WHAT IF {swept.rpartition('.')[2]}"
    rows: Rows = [(head, "RECALL", "PRECISION", "FALSE A DAY", "DELAY", "FALSE ALARMS")]
    for index in sweep:
        found = figures_of(results, index, pipeline)
        rows.append(
            (
                question.variants[index].name.partition("=")[2],
                _number(found["recall"]),
                _number(found["precision"]),
                _number(found["false_alarms_per_day"]),
                _time(found["delay_median_s"]),
                str(found["false_alarms"]),
            )
        )
    return rows


def _number(value: float | None) -> str:
    return "-" if value is None else figure_text(value)


def _with(value: float | None, bounds: Sequence[float] | None) -> str:
    return _number(value) + (
        f" ({figure_text(bounds[0])} to {figure_text(bounds[1])})" if bounds and value is not None else ""
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else span_text(seconds)


# --- the curve --------------------------------------------------------------------------------------------------------


def curve_points(question: Question, results: Sequence[Result]) -> dict[str, list[tuple[float, float, str]]]:
    """By pipeline: (false alarms a day, recall, variant) of the sweep, where both are defined."""
    found = {}
    for name in pipelines_of(results):
        points = []
        for index in sweep_of(question):
            each = figures_of(results, index, name)
            if each["recall"] is not None and each["false_alarms_per_day"] is not None:
                points.append((each["false_alarms_per_day"], each["recall"], question.variants[index].name))
        found[name] = points
    return found


NO_CURVE = "no curve: it needs events and normal signal"


def curve_text(question: Question, results: Sequence[Result], width: int | None = None) -> str:
    """Recall against false alarms a day in characters, one plot a pipeline, no wider than `width` columns."""
    across = _WIDTH if width is None else max(10, min(_WIDTH, width - _SCALE))
    plots = []
    for name, points in curve_points(question, results).items():
        if not points:
            plots.append(f"{name}: {NO_CURVE}")
            continue
        most = max(x for x, _, _ in points) or 1.0
        grid = [[" "] * across for _ in range(_HEIGHT)]
        for x, y, _ in points:
            grid[round((1 - y) * (_HEIGHT - 1))][round(x / most * (across - 1))] = "●"
        labels = {0: "1.0", _HEIGHT - 1: "0.0"}
        lines = [f"{name}: recall"]
        lines += [f"{labels.get(row, ''):>5} │{''.join(cells).rstrip()}" for row, cells in enumerate(grid)]
        lines += [f"      └{'─' * across}", f"       0{figure_text(most):>{across - 1}}"]
        lines += [f"{'false alarms a day':>{_SCALE + across}}"]
        plots.append("\n".join(lines))
    return "\n\n".join(plots)


def curve_svg(question: Question, results: Sequence[Result]) -> str:
    """The same as one picture, of the first pipeline that has one."""
    points = next((each for each in curve_points(question, results).values() if each), [])
    most = max((x for x, _, _ in points), default=0.0) or 1.0
    axes = Axes((0.0, 1.1 * most), (0.0, 1.0), 560, 360, "recall against false alarms a day")
    axes.frame("false alarms a day", "recall of events", ticks((0.0, 1.1 * most), 6), (0.0, 0.25, 0.5, 0.75, 1.0))
    if points:
        axes.line([(x, y) for x, y, _ in points], "curve")
    else:
        axes.text(60, 40, NO_CURVE)
    labelled: list[tuple[float, float]] = []
    for x, y, name in points:
        axes.dot((x, y), "dot", title=f"{name}: recall {figure_text(y)}, {figure_text(x)} false alarms a day")
        right, down = axes.at(x, y)
        if all(abs(right - at) > _LABEL[0] or abs(down - level) > _LABEL[1] for at, level in labelled):
            axes.text(right + 7, down + 14, name.partition("=")[2], "tick")
            labelled.append((right, down))
    picture = axes.svg()
    head, _, body = picture.partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg">{_STYLE}{body}\n'
