"""Tables of an evaluation as rows of text: the terminal, the Markdown report and the HTML page show the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge_app.core.wording import counted, figure_text, span_text
from edge_app.training.evaluation.evaluate import CaseOutcome
from edge_app.training.evaluation.names import STEP_WORDS, fact_words, protocol_words, words
from edge_app.training.evaluation.plain import difference
from edge_app.training.protocols.base import INT8, ScoreTrace

HIDDEN = ("false_alarms_per_hour", "clipped_share")
"""Metrics left to the JSON."""
_UNITS = ("_ms", "_bpm", "_s", "_per_day", "_at_most")
"""Endings of metrics that are measured in something: three figures of them say all there is."""
RATES = ("false_alarms_per_day", "false_alarms_per_day_at_most")
RATE_HOURS = 1.0
"""With less healthy signal than this (h) rates a day are left to the JSON: they would say nothing."""
FACTS = ("label", "verdict", "class", "type", "machine", "seconds", "windows", "judged", "unknown")
"""Facts of recordings that come first, whatever the protocol."""
_PASSED_OVER = (
    *("file", "group", "split", "span_s", "idle", "reasons", "right", "right_type", "flagged", "alarms", "set"),
    *("baseline_refused", "trained_alarms", "pruned_alarms"),
    *("hr_windows_compared", "sdnn_windows_compared", "rmssd_windows_compared"),
)


def case_heading(outcome: CaseOutcome) -> str:
    """One line: what was measured on what."""
    count = counted(len(outcome.result.recordings), "recording")
    return f"{outcome.name}: {protocol_words(outcome.config.protocol)}, pipeline {outcome.config.pipeline}, {count}"


def metric_names(outcome: CaseOutcome) -> list[str]:
    """Figures worth a row: headline first, then the others."""
    names = list(outcome.result.metrics[INT8])
    hidden = HIDDEN if _long_enough(outcome) else (*HIDDEN, *RATES)
    own = [name for name in names if not name.endswith(("_ci95", "_of")) and name not in hidden]
    first = [name for name in outcome.result.headline if name in own]
    return first + [name for name in own if name not in first]


def headline(outcome: CaseOutcome) -> list[str]:
    """Figures that matter most and have a value; where none of them has, those there are."""
    metrics = outcome.result.metrics[INT8]
    first = [name for name in outcome.result.headline if metrics.get(name) is not None]
    return first or [name for name in metric_names(outcome) if metrics[name] is not None]


def _long_enough(outcome: CaseOutcome) -> bool:
    """Whether there was healthy signal enough to speak of rates a day."""
    return float(outcome.result.metrics[INT8].get("healthy_hours") or 0.0) >= RATE_HOURS


def metric_rows(outcome: CaseOutcome) -> list[tuple[str, ...]]:
    """One row a figure, one column a step, and what quantising changed."""
    metrics = outcome.result.metrics
    steps = list(metrics)
    changed = difference(outcome)
    heading = ("figure", *(STEP_WORDS.get(step, step) for step in steps), *(("int8 - float",) if changed else ()))
    rows = [heading]
    for name in metric_names(outcome):
        cells = [value_text(metrics[step], name) for step in steps]
        delta = (delta_text(changed[name], name) if name in changed else "",) if changed else ()
        rows.append((words(name), *cells, *delta))
    return rows


def value_text(metrics: Mapping[str, Any], name: str) -> str:
    """A figure with its interval: "0.9812 (0.94 to 1.00)", "6 of 6 (0.54 to 1.00)"."""
    value = metrics.get(name)
    if value is None:
        return "not defined" if name in metrics else ""
    if name == "healthy_hours":
        return span_text(3600 * value)
    pair = metrics.get(f"{name}_of")
    text = f"{pair[0]} of {pair[1]}" if pair else _measured_text(value, name)
    bounds = metrics.get(f"{name}_ci95")
    return f"{text} ({bounds[0]:.3g} to {bounds[1]:.3g})" if bounds else text


def _measured_text(value: Any, name: str) -> str:
    return figure_text(value) if isinstance(value, float) and name.endswith(_UNITS) else number_text(value)


def delta_text(change: float, name: str) -> str:
    """What quantising changed: "-0.0003", "0"."""
    if abs(change) < 0.00005:
        return "0"
    sign = "+" if change > 0 else "-"
    return sign + (figure_text(abs(change)) if name.endswith(_UNITS) else f"{abs(change):.4f}")


def number_text(value: Any) -> str:
    """A number of four figures at most; what is nearly one is not called one."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float) or value in (0.0, 1.0):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if 0.99995 <= value < 1:
        return "> 0.9999"
    return f"{value:.4f}" if abs(value) < 1 else figure_text(value, 4)


def recording_rows(outcome: CaseOutcome, *, float_steps: bool = True) -> list[tuple[str, ...]]:
    """One row a recording, the worst first, one column a plain fact; those of the float steps last, or not at all."""
    recordings = {
        name: facts | ({"verdict": verdict(facts)} if verdict(facts) else {})
        for name, facts in outcome.result.recordings.items()
    }
    threshold = next((each.threshold for each in outcome.result.figures if isinstance(each, ScoreTrace)), 0.0)
    columns = list(dict.fromkeys(key for facts in recordings.values() for key in facts))
    plain = [key for key in columns if key not in _PASSED_OVER and _is_plain(recordings, key)]
    steps = tuple(f"{step}_" for step in outcome.result.metrics if step != INT8)
    ordered = [key for key in FACTS if key in plain] + [key for key in plain if key not in FACTS]
    of_steps = [key for key in ordered if key.startswith(steps)] if float_steps else []
    ordered = [key for key in ordered if not key.startswith(steps)] + of_steps
    ordered = [key for key in ordered if not _says_nothing(key, recordings)]
    heading = ("recording", *(fact_words(key) for key in ordered))
    return [heading] + [
        (name, *(_cell(facts.get(key), key) for key in ordered))
        for name, facts in sorted(recordings.items(), key=lambda item: badness(item[0], item[1], threshold))
    ]


def _says_nothing(key: str, recordings: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a column would only repeat another one, or hold nothing but zeros."""
    if key == "unknown":
        return not any(facts.get(key) for facts in recordings.values())
    other = {"judged": "windows", "time_to_alarm_s": "first_alarm_s"}.get(key, "")
    return bool(other) and all(facts.get(key) == facts.get(other) for facts in recordings.values())


def verdict(facts: Mapping[str, Any]) -> str:
    """What a recording's answer is worth, in a word or two; "" where a protocol does not say."""
    if facts.get("baseline_refused"):
        return "no normal learnt"
    if "right_type" in facts:
        unclear = facts.get("type") in (None, "unclear")
        return "right" if facts["right_type"] else "unclear" if unclear else "WRONG"
    if "flagged" not in facts:
        return ""
    if facts["flagged"] is None:
        return "not judged"
    right = facts.get("right")
    if right is None:
        return "flagged" if facts["flagged"] else "no answer" if "right" in facts else "not flagged"
    if facts["flagged"]:
        return "flagged" if right else "FALSE ALARM"
    return "quiet" if right else "MISSED"


def is_wrong(facts: Mapping[str, Any]) -> bool:
    """Whether the answer was wrong."""
    return facts.get("right") is False or facts.get("right_type") is False


def badness(name: str, facts: Mapping[str, Any], threshold: float = 0.0) -> tuple[int, float, str]:
    """Key of an order in which the worst recording comes first: wrong, no answer, then by how far off or how close."""
    refused = bool(facts.get("baseline_refused")) or facts.get("accepted_share") == 0
    no_answer = refused or ("right" in facts and facts["right"] is None)
    return (0 if is_wrong(facts) else 1 if no_answer else 2, _goodness(facts, threshold), name)


def _goodness(facts: Mapping[str, Any], threshold: float) -> float:
    """Higher is better, within recordings of one case."""
    if isinstance(facts.get("hr_mae_bpm"), float):
        return -float(facts["hr_mae_bpm"])
    for key in ("accuracy", "type_share"):
        if isinstance(facts.get(key), float):
            return float(facts[key])
    score = float(facts.get("sustained_score") or facts.get("highest_score") or 0.0)
    is_fault = bool(facts.get("flagged")) != is_wrong(facts)
    return score - threshold if is_fault else threshold - score


def _is_plain(recordings: Mapping[str, Mapping[str, Any]], key: str) -> bool:
    return all(not isinstance(facts.get(key), dict | list | tuple) for facts in recordings.values())


def _cell(value: Any, key: str) -> str:
    if key == "seconds" and isinstance(value, float):
        return f"{value:.1f}"
    return "-" if value is None else _measured_text(value, key)


def footprint_rows(outcome: CaseOutcome) -> list[tuple[str, ...]]:
    """From float to int8: size, memory, time, and of each step the first headline figure that a step changed."""
    if not outcome.footprints:
        return []
    name = _telling(outcome)
    rows = [("step", "size", "RAM for activations", "time of one run", *((words(name),) if name else ()))]
    for step, each in outcome.footprints.items():
        ram = "-" if each.ram_bytes is None else f"{bytes_text(each.ram_bytes)} counted"
        figure = (value_text(outcome.result.metrics.get(step, {}), name),) if name else ()
        size = f"{bytes_text(each.bytes)} {each.bytes_how}"
        rows.append((STEP_WORDS.get(step, step), size, ram, f"{each.latency_us:.0f} µs measured", *figure))
    return rows


def _telling(outcome: CaseOutcome) -> str | None:
    """The first headline figure that is not the same in all steps; the first of all when none differs."""
    names = headline(outcome)
    by_step = outcome.result.metrics.values()
    changed = (name for name in names if len({metrics.get(name) for metrics in by_step}) > 1)
    return next(changed, names[0] if names else None)


def bytes_text(count: int) -> str:
    """Bytes with a blank between thousands."""
    return f"{count:,} B".replace(",", " ")


def remarks(outcome: CaseOutcome) -> list[str]:
    """Sentences below the tables: why there is no figure or interval, what was left out, notes of the protocol."""
    found = list(outcome.result.notes)
    by_reason: dict[str, list[str]] = {}
    for name, reason in outcome.result.undefined.items():
        by_reason.setdefault(reason, []).append(words(name.removesuffix("_ci95")))
    found += [f"{'; '.join(dict.fromkeys(names))}: {reason}." for reason, names in by_reason.items()]
    if not _long_enough(outcome) and "healthy_hours" in outcome.result.metrics[INT8]:
        span = span_text(3600 * outcome.result.metrics[INT8]["healthy_hours"])
        found.append(f"{span} of healthy signal: far too short to speak of false alarms a day.")
    found += [_unjudged(outcome)] if _unjudged(outcome) else []
    looked_at = {trail.id for trail in outcome.chosen.trails}
    for part, names in outcome.chosen.other_split.items():
        whole = [name for name in names if name not in looked_at]
        for which, several in (
            (whole, "recordings"),
            ([f"a part of {each}" for each in names if each in looked_at], "parts"),
        ):
            if which:
                told = which[0] if len(which) == 1 else f"{len(which)} {several}"
                found.append(f"In `{part}`, so not in these figures: {told}.")
    if outcome.chosen.left_out:
        listed = [f"{name} ({reason})" for name, reason in outcome.chosen.left_out.items()]
        more = f" and {len(listed) - 4} more" if len(listed) > 4 else ""
        found.append(f"Left out: {'; '.join(listed[:4])}{more}.")
    if len(outcome.footprints) > 1:
        found.append("Times of float steps are of numpy here, those of int8 of the engine a device uses.")
    if outcome.no_float:
        found.append(f"int8 only: {outcome.no_float}.")
    return found


def overview_rows(outcomes: Sequence[CaseOutcome]) -> list[tuple[str, ...]]:
    """One row a case: what it asks and the two figures that matter most."""
    rows: list[tuple[str, ...]] = [("case", "what is asked", "measured on", "figures that matter most")]
    for each in outcomes:
        metrics = each.result.metrics[INT8]
        names = headline(each)[:2]
        figures = "; ".join(f"{words(name)}: {value_text(metrics, name)}" for name in names)
        asked = protocol_words(each.config.protocol)
        count = counted(len(each.result.recordings), "recording")
        rows.append((each.name, asked, count, figures or "-"))
    return rows


def _unjudged(outcome: CaseOutcome) -> str:
    recordings = outcome.result.recordings.values()
    windows = sum(facts.get("windows", 0) for facts in recordings)
    unknown, idle = (sum(facts.get(key, 0) for facts in recordings) for key in ("unknown", "idle"))
    if not unknown and not idle:
        return ""
    reasons: dict[str, int] = {}
    for facts in recordings:
        for text, count in facts.get("reasons", {}).items():
            reasons[text] = reasons.get(text, 0) + count
    worst = sorted(reasons.items(), key=lambda item: -item[1])[:4]
    why = ": " + ", ".join(f"{text} ({count})" for text, count in worst) if worst else ""
    were = "was" if idle == 1 else "were"
    return f"Of {counted(windows, 'window')} {unknown} could not be judged and {idle} {were} idle{why}."
