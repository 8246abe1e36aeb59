"""Tables of an evaluation as rows of text: the terminal, the Markdown report and the HTML page show the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_app.training.evaluation.evaluate import CaseOutcome
from edge_app.training.evaluation.plain import difference
from edge_app.training.protocols.base import INT8

STEP_WORDS = {"trained": "float, as trained", "pruned": "float, pruned", INT8: "int8, as shipped"}
WORDS = {
    "auroc": "AUROC, window by window",
    "recording_auroc": "AUROC, recording by recording",
    "flagged": "faults flagged",
    "healthy_recordings_flagged": "healthy recordings flagged",
    "false_alarms": "false alarms",
    "false_alarms_per_day": "false alarms a day of healthy signal",
    "false_alarms_per_hour": "false alarms an hour of healthy signal",
    "false_alarms_per_day_at_most": "false alarms a day, at most (95 %)",
    "healthy_hours": "healthy signal judged",
    "median_time_to_alarm_s": "time to alarm, median (s)",
    "longest_time_to_alarm_s": "time to alarm, longest (s)",
    "clipped_share": "model inputs clipped",
    "expected_calibration_error": "expected calibration error",
    "recording_accuracy": "recordings told rightly",
    "recordings_unclear": "recordings left unclear",
    "recordings_wrong": "recordings told wrongly",
    "macro_f1": "F1, mean of the classes",
    "runs_alarmed": "runs alarmed before their end",
    "baselines_learnt": "runs whose normal could be learnt",
    "first_alarm_life_median": "first alarm, share of the run, median",
    "first_alarm_life_earliest": "first alarm, share of the run, earliest",
    "first_alarm_life_latest": "first alarm, share of the run, latest",
    "hr_mae_bpm": "heart rate, mean absolute error (bpm)",
    "hr_bias_bpm": "heart rate, mean error (bpm)",
    "accepted_share": "windows accepted",
    "hr_p95_bpm": "heart rate, error that 95 % stay below (bpm)",
    "sdnn_bias_ms": "SDNN, mean error (ms)",
    "sdnn_p95_ms": "SDNN, error that 95 % stay below (ms)",
    "rmssd_bias_ms": "RMSSD, mean error (ms)",
    "rmssd_p95_ms": "RMSSD, error that 95 % stay below (ms)",
    "sdnn_mae_ms": "SDNN, mean absolute error (ms)",
    "rmssd_mae_ms": "RMSSD, mean absolute error (ms)",
    "beat_se": "heartbeats found (Se)",
    "beat_ppv": "found heartbeats that are ones (+P)",
    "ventricular_se": "ventricular beats: Se",
    "ventricular_ppv": "ventricular beats: +P",
    "supraventricular_se": "supraventricular beats: Se",
    "supraventricular_ppv": "supraventricular beats: +P",
}
"""Names of metrics for people; others have their underscores taken out."""
HIDDEN = ("false_alarms_per_hour", "clipped_share")
"""Metrics left to the JSON."""
_UNITS = ("_ms", "_bpm", "_s")
"""Endings of metrics that are measured in something: three figures of them say all there is."""
RATES = ("false_alarms_per_day", "false_alarms_per_day_at_most")
RATE_HOURS = 1.0
"""With less healthy signal than this (h) rates a day are left to the JSON: they would say nothing."""
FACTS = ("label", "seconds", "windows", "judged", "unknown")
"""Facts of recordings that every protocol gives, first columns of the table."""
_PASSED_OVER = ("group", "split", "span_s", "idle", "reasons", "right", "alarms", "baseline_refused")


def words(name: str) -> str:
    """A metric's name for people."""
    return WORDS.get(name, name.replace("_", " "))


def case_heading(outcome: CaseOutcome) -> str:
    """One line: what was measured on what."""
    count = len(outcome.result.recordings)
    return f"{outcome.name}: {outcome.config.protocol} of pipeline {outcome.config.pipeline}, {count} recordings"


def metric_names(outcome: CaseOutcome) -> list[str]:
    """Figures worth a row: headline first, then the others."""
    names = list(outcome.result.metrics[INT8])
    hidden = HIDDEN if _long_enough(outcome) else (*HIDDEN, *RATES)
    own = [name for name in names if not name.endswith(("_ci95", "_of")) and name not in hidden]
    first = [name for name in outcome.result.headline if name in own]
    return first + [name for name in own if name not in first]


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
        delta = (f"{changed[name]:+.4f}" if name in changed else "",) if changed else ()
        rows.append((words(name), *cells, *delta))
    return rows


def value_text(metrics: Mapping[str, Any], name: str) -> str:
    """A figure with its interval: "0.9812 (0.94 to 1.00)", "6 of 6 (0.54 to 1.00)"."""
    value = metrics.get(name)
    if value is None:
        return "not defined" if name in metrics else ""
    if name == "healthy_hours":
        return duration_text(value)
    pair = metrics.get(f"{name}_of")
    text = f"{pair[0]} of {pair[1]}" if pair else _measured_text(value, name)
    bounds = metrics.get(f"{name}_ci95")
    return f"{text} ({bounds[0]:.3g} to {bounds[1]:.3g})" if bounds else text


def _measured_text(value: Any, name: str) -> str:
    if isinstance(value, float) and name.endswith(_UNITS):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return number_text(value)


def duration_text(hours: float) -> str:
    """A span of time in the unit it reads best in."""
    for unit, name in ((24.0, "days"), (1.0, "h"), (1 / 60, "min")):
        if hours >= 2 * unit:
            return f"{hours / unit:.3g} {name}"
    return f"{hours * 3600:.3g} s"


def number_text(value: Any) -> str:
    """A number as short as it may be."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, float):
        return str(value)
    if 0 < abs(value) <= 1:
        return f"{value:.4f}"
    return f"{value:.4f}".rstrip("0").rstrip(".") if abs(value) < 100 else f"{value:.6g}"


def recording_rows(outcome: CaseOutcome, *, float_steps: bool = True) -> list[tuple[str, ...]]:
    """One row a recording, one column a plain fact; those of the float steps last, or not at all."""
    recordings = outcome.result.recordings
    columns = list(dict.fromkeys(key for facts in recordings.values() for key in facts))
    plain = [key for key in columns if key not in _PASSED_OVER and _is_plain(recordings, key)]
    steps = tuple(f"{step}_" for step in outcome.result.metrics if step != INT8)
    ordered = [key for key in FACTS if key in plain] + [key for key in plain if key not in FACTS]
    of_steps = [key for key in ordered if key.startswith(steps)] if float_steps else []
    ordered = [key for key in ordered if not key.startswith(steps)] + of_steps
    if not any(facts.get("unknown") for facts in recordings.values()):
        ordered = [key for key in ordered if key != "unknown"]
    heading = ("recording", *(key.replace("_", " ") for key in ordered))
    return [heading] + [
        (name, *(_cell(facts.get(key), key) for key in ordered)) for name, facts in sorted(recordings.items())
    ]


def _is_plain(recordings: Mapping[str, Mapping[str, Any]], key: str) -> bool:
    return all(not isinstance(facts.get(key), dict | list | tuple) for facts in recordings.values())


def _cell(value: Any, key: str) -> str:
    if key == "seconds" and isinstance(value, float):
        return f"{value:.1f}"
    return "-" if value is None else _measured_text(value, key)


def footprint_rows(outcome: CaseOutcome) -> list[tuple[str, ...]]:
    """From float to int8: size, memory, time, and the first headline figure of each step."""
    if not outcome.footprints:
        return []
    name = next((each for each in outcome.result.headline if each in outcome.result.metrics[INT8]), None)
    rows = [("step", "size", "RAM for activations", "time of one run", *((words(name),) if name else ()))]
    for step, each in outcome.footprints.items():
        ram = "-" if each.ram_bytes is None else f"{bytes_text(each.ram_bytes)} counted"
        figure = (value_text(outcome.result.metrics.get(step, {}), name),) if name else ()
        size = f"{bytes_text(each.bytes)} {each.bytes_how}"
        rows.append((STEP_WORDS.get(step, step), size, ram, f"{each.latency_us:.0f} µs measured", *figure))
    return rows


def bytes_text(count: int) -> str:
    """Bytes with a blank between thousands."""
    return f"{count:,} B".replace(",", " ")


def remarks(outcome: CaseOutcome) -> list[str]:
    """Sentences below the tables: why there is no figure or interval, what was left out, notes of the protocol."""
    found = [outcome.config.about] if outcome.config.about else []
    found += outcome.result.notes
    by_reason: dict[str, list[str]] = {}
    for name, reason in outcome.result.undefined.items():
        by_reason.setdefault(reason, []).append(words(name.removesuffix("_ci95")))
    found += [f"{', '.join(dict.fromkeys(names))}: {reason}." for reason, names in by_reason.items()]
    if not _long_enough(outcome) and "healthy_hours" in outcome.result.metrics[INT8]:
        span = duration_text(outcome.result.metrics[INT8]["healthy_hours"])
        found.append(f"{span} of healthy signal: far too short to speak of false alarms a day.")
    found += [_unjudged(outcome)] if _unjudged(outcome) else []
    for part, names in outcome.chosen.other_split.items():
        which = f"{len(names)} recordings" if len(names) > 1 else names[0]
        found.append(f"In `{part}`, so not in these figures: {which}.")
    if outcome.chosen.left_out:
        listed = [f"{name} ({reason})" for name, reason in outcome.chosen.left_out.items()]
        more = f" and {len(listed) - 4} more" if len(listed) > 4 else ""
        found.append(f"Left out: {'; '.join(listed[:4])}{more}.")
    if len(outcome.footprints) > 1:
        found.append("Times of float steps are of numpy here, those of int8 of the engine a device uses.")
    if outcome.no_float:
        found.append(f"int8 only: {outcome.no_float}.")
    return found


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
    return f"Of {windows} windows {unknown} could not be judged and {idle} were idle{why}."
