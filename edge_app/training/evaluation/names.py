"""Names of figures, facts and protocols for people; the JSON has the short ones."""

from __future__ import annotations

import re

from edge_app.training.protocols.base import INT8

STEP_WORDS = {"trained": "float, as trained", "pruned": "float, pruned", INT8: "int8, as shipped"}
"""Names of the steps of a model."""
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
    "accuracy": "accuracy",
    "accuracy_nsv": "accuracy among normal, ventricular and supraventricular",
    "af_windows": "windows of atrial fibrillation",
    "af_called_irregular": "atrial fibrillation called irregular",
    "other_windows": "windows of other rhythms",
    "other_called_irregular": "other rhythms called irregular",
    "beats": "heartbeats",
    "beats_not_judged": "heartbeats not judged",
}
"""Names of metrics; others have their underscores taken out."""
PATTERNS = (
    (r"recording_auroc_(.+)", "AUROC of {0}, recording by recording"),
    (r"across_auroc_(.+)_to_(.+)", "AUROC of {1} by the normal of {0}"),
    (r"auroc_(.+)", "AUROC of {0}, window by window"),
    (r"recall_(.+)", "recall of {0}"),
    (r"precision_(.+)", "precision of {0}"),
)
"""Metrics of one class or machine."""
PARTS = (
    ("ds2_", "", "{}, DS2 alone"),
    ("", "_mean", "{}, mean of the recordings"),
    ("", "_after_5min", "{}, after the first 5 min"),
)
"""Metrics that are another one, of a part of the recordings."""
FACT_WORDS = {
    "label": "label",
    "seconds": "length (s)",
    "span_s": "part looked at (s)",
    "machine": "machine",
    "class": "true type",
    "type": "type told",
    "type_share": "share of windows that say so",
    "first_alarm_s": "first alarm (s)",
    "time_to_alarm_s": "time to alarm (s)",
    "first_alarm_life": "first alarm, share of the run",
    "baseline_windows": "windows learnt from",
    "baseline_until_s": "normal learnt until (s)",
    "accepted_share": "windows accepted",
    "hr_mae_bpm": "heart rate: mean abs. error (bpm)",
    "hr_reference_bpm": "reference (bpm)",
    "hr_measured_bpm": "measured (bpm)",
    "sdnn_mae_ms": "SDNN: mean abs. error (ms)",
    "sdnn_reference_ms": "reference (ms)",
    "sdnn_measured_ms": "measured (ms)",
    "rmssd_mae_ms": "RMSSD: mean abs. error (ms)",
    "rmssd_reference_ms": "reference (ms)",
    "rmssd_measured_ms": "measured (ms)",
    "beats": "heartbeats",
    "missed": "missed",
    "false": "false",
    "accuracy_nsv": "accuracy (N, S, V)",
    "beat_se": "beats Se",
    "beat_ppv": "beats +P",
    "ventricular_se": "ventricular Se",
    "ventricular_ppv": "ventricular +P",
    "supraventricular_se": "supraventricular Se",
    "supraventricular_ppv": "supraventricular +P",
}
"""Names of facts of a recording; others have their underscores taken out."""
STEP_PREFIXES = {"trained_": "float: ", "pruned_": "pruned: "}
PROTOCOLS = {
    "anomaly": "faults against healthy recordings",
    "classify": "which class",
    "own_baseline": "each run by its own beginning",
    "group_baseline": "each machine by its own normal",
    "quiet": "quiet on healthy signal",
    "beats": "heartbeats against their annotation",
    "heart_rate": "heart rate against a reference",
}
"""What a protocol asks."""


def words(name: str) -> str:
    """A metric's name for people."""
    if name in WORDS:
        return WORDS[name]
    for pattern, text in PATTERNS:
        found = re.fullmatch(pattern, name)
        if found:
            return text.format(*(group.replace("_", " ") for group in found.groups()))
    for begins, ends, text in PARTS:
        if name.startswith(begins) and name.endswith(ends):
            return text.format(words(name[len(begins) : len(name) - len(ends)]))
    return name.replace("_", " ")


def fact_words(name: str) -> str:
    """A fact's name for people, for the head of a column."""
    for prefix, text in STEP_PREFIXES.items():
        if name.startswith(prefix):
            return text + fact_words(name.removeprefix(prefix))
    return FACT_WORDS.get(name, name.replace("_", " "))


def protocol_words(name: str) -> str:
    """What is asked; the protocol's own name where it is someone else's."""
    return PROTOCOLS.get(name, name.replace("_", " "))
