"""What really happened in a recording, and how a pipeline's alarms compare with it.

* An **event** is a stretch of time in which something was wrong: a recording (or a labelled part of it) whose label is
  not a healthy one, or a line of an events file.
* An alarm is **true** when it is raised within an event, or up to the tolerance after its end. Several alarms in one
  event count once. Every other alarm is **false**; one that was raised before the event and still stands is, too.
* **Delay** is the time from the event's beginning to its first alarm.
* Recordings whose label says nothing ("run_to_failure", "ecg") tell nothing without an events file: their alarms are
  listed and not counted.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from edge_app.config.errors import nearest
from edge_app.core.errors import ConfigError
from edge_app.runtime.backtest import VERDICTS, Told, Track

Span = tuple[float, float]
HEALTHY = ("healthy", "normal")
SILENT = ("", "run_to_failure", "ecg", "ppg", "monitoring", "unknown", "unlabelled")
"""Labels that say what was recorded, not whether it was sound."""
COLUMNS = ("recording", "start_s", "end_s")


@dataclass(frozen=True)
class Truth:
    """What is known about one recording."""

    events: tuple[Span, ...] = ()
    """In the order of time, apart from one another."""
    normal: tuple[Span, ...] = ()
    """Stretches known to be normal. What is in neither is not known."""


@dataclass
class Outcome:
    """One recording in one pipeline: counts that add up."""

    events: int = 0
    """Looked at: those that do not end before learning did."""
    found: int = 0
    delays_s: list[float] = field(default_factory=list)
    true_alarms: int = 0
    false_alarms: int = 0
    other_alarms: int = 0
    """Where nothing is known."""
    normal_s: float = 0.0
    """Normal signal that was judged."""
    windows: int = 0
    judged: int = 0
    unknown: int = 0
    idle: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    """Alarms raised and cleared."""
    missed: list[Span] = field(default_factory=list)
    learnt_until_s: float = 0.0
    refused: str = ""


def truth_of(label: str, seconds: float, healthy: Sequence[str]) -> Truth:
    """By the label of a whole recording of so many seconds."""
    return truth_of_spans([(label, 0.0, seconds)], healthy)


def truth_of_spans(spans: Sequence[tuple[str, float, float]], healthy: Sequence[str]) -> Truth:
    """By labelled stretches (label, from, to): neighbours of unhealthy labels are one event each."""
    events = tuple((start, end) for label, start, end in spans if label not in healthy and label not in SILENT)
    return Truth(events, tuple((start, end) for label, start, end in spans if label in healthy))


def truth_of_file(events: Sequence[Span], seconds: float) -> Truth:
    """By an events file: all other time is normal."""
    normal, at = [], 0.0
    for start, end in events:
        if start > at:
            normal.append((at, start))
        at = end
    if at < seconds:
        normal.append((at, seconds))
    return Truth(tuple(events), tuple(normal))


def compare(track: Track, truth: Truth, tolerance_s: float) -> Outcome:
    """The alarms of one recording against what really happened, from where learning ended."""
    from_s = track.learnt_until_s
    events = [event for event in truth.events if event[1] > from_s]
    outcome = Outcome(
        events=len(events),
        windows=len(track.verdicts),
        judged=track.count("judged"),
        unknown=track.count("unknown"),
        idle=track.count("idle"),
        reasons=dict(track.reasons.most_common()),
        told=[told for told in track.told if told.event in ("raised", "cleared")],
        learnt_until_s=from_s,
        refused=track.refused,
        normal_s=judged_s(track, truth.normal, from_s),
    )
    first: dict[Span, float] = {}
    for alarm in outcome.told:
        if alarm.event != "raised" or alarm.at_s <= from_s:
            continue
        event = _event_at(alarm.at_s, events, tolerance_s)
        if event is not None:
            outcome.true_alarms += 1
            first.setdefault(event, alarm.at_s)
        elif _within(alarm.at_s, truth.normal):
            outcome.false_alarms += 1
        else:
            outcome.other_alarms += 1
    outcome.found = len(first)
    outcome.delays_s = [at_s - max(event[0], from_s) for event, at_s in first.items()]
    outcome.missed = [event for event in events if event not in first]
    return outcome


def _event_at(at_s: float, events: Sequence[Span], tolerance_s: float) -> Span | None:
    """The event an alarm belongs to: one it lies in, before one that has just ended."""
    inside = [event for event in events if event[0] <= at_s <= event[1]]
    late = [event for event in events if event[1] < at_s <= event[1] + tolerance_s]
    return inside[0] if inside else late[-1] if late else None


def _within(at_s: float, spans: Sequence[Span]) -> bool:
    # The last window of a recording may end a rounding behind it.
    return any(start - 1e-3 <= at_s <= end + 1e-3 for start, end in spans)


def judged_s(track: Track, spans: Sequence[Span], from_s: float) -> float:
    """Signal within `spans` that judged windows show for the first time (s): overlaps and pauses count nothing."""
    if not spans or not track.verdicts:
        return 0.0
    ends = np.frombuffer(track.end_s, np.float64)
    fresh = np.maximum(np.frombuffer(track.start_s, np.float64), np.concatenate(([0.0], ends[:-1])))
    judged = np.frombuffer(track.verdicts, np.uint8) == VERDICTS.index("judged")
    total = 0.0
    for start, end in spans:
        shown = np.minimum(ends, end) - np.maximum(fresh, max(start, from_s))
        total += float(np.maximum(shown, 0.0)[judged].sum())
    return total


def read_events(path: Path, recordings: Sequence[str]) -> Mapping[str, tuple[Span, ...]]:
    """An events file: CSV with the columns recording, start_s, end_s.

    Parameters
    ----------
    recordings : list of str
        Ids there are; the file may name their last part.

    Raises
    ------
    ConfigError
        With the line: a column is missing, no such recording, no numbers, an end before its start, overlaps.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise ConfigError(
                    f"{path}:1: the column {missing[0]} is missing.", f"The first line is: {','.join(COLUMNS)}"
                )
            found: dict[str, list[Span]] = {}
            for row in rows:
                where = f"{path}:{rows.line_num}"
                found.setdefault(_recording(str(row["recording"]), recordings, where), []).append(_span(row, where))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}.", "Name a CSV file.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: is no CSV text: {error}.", "Save it as CSV in UTF-8.") from error
    for name, spans in found.items():
        spans.sort()
        for before, after in pairwise(spans):
            if after[0] < before[1]:
                raise ConfigError(
                    f"{path}: two events of {name} overlap ({before[0]:g} to {before[1]:g} s, from {after[0]:g} s).",
                    "Write them as one.",
                )
    return {name: tuple(spans) for name, spans in found.items()}


def _recording(name: str, recordings: Sequence[str], where: str) -> str:
    fitting = [each for each in recordings if each == name or each.endswith("/" + name)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ConfigError(f"{where}: {name} may be {fitting[0]} or {fitting[1]}.", "Write the whole id.")
    guess = nearest(name, [*recordings, *(each.rpartition("/")[2] for each in recordings)])
    hint = f"Did you mean {guess}? " if guess else ""
    raise ConfigError(f"{where}: there is no recording {name}.", f"{hint}`edge-app recordings DIR` lists them.")


def _span(row: Mapping[str, str | None], where: str) -> Span:
    try:
        start_s, end_s = float(row["start_s"] or ""), float(row["end_s"] or "")
    except (TypeError, ValueError):
        start_s = end_s = float("nan")
    if not 0 <= start_s < end_s < 1e12:
        raise ConfigError(
            f"{where}: {row['start_s']} to {row['end_s']} is no stretch of time.",
            "Write seconds from the recording's beginning, the end after the start.",
        )
    return start_s, end_s
