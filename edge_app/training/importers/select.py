"""Choose recordings: by split, label, id and facts; axes of a signal by name; a part of it by time."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edge_app.core.errors import RecordingError
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.signals import with_hash

_TIME_SLACK = 1.5
"""Samples by which a span may end beyond the recording: times written by people are rounded."""


def select(
    recordings: Iterable[Recording],
    *,
    dataset: str | None = None,
    split: str | None = None,
    labels: Sequence[str] | None = None,
    ids: Sequence[str] | None = None,
    where: Mapping[str, Sequence[Any]] | None = None,
) -> list[Recording]:
    """Recordings that satisfy all conditions given, in their order.

    Parameters
    ----------
    dataset, split : str, optional
        As the recordings say.
    labels : list of str, optional
        One of them.
    ids : list of str, optional
        Ids, or their ends after a slash: "mitdb/101", "101".
    where : mapping, optional
        Fact → allowed values: {"load_hp": [0], "fault_size_inch": [0.007, 0.021]}.

    Raises
    ------
    RecordingError
        None is left; the message says at which condition, and what there would have been.
    """
    left, so_far = list(recordings), _SoFar()
    if dataset is not None:
        left = _narrowed(left, "data set", [dataset], [[r.dataset] for r in left], so_far)
    if ids is not None:
        left = _narrowed(left, "id", ids, [[r.id, *_ends(r.id)] for r in left], so_far, each_must_match=True)
    if labels is not None:
        left = _narrowed(left, "label", labels, [[r.label] for r in left], so_far)
    for fact, values in (where or {}).items():
        _check_fact(left, fact)
        left = _narrowed(left, fact, values, [[r.facts[fact]] if fact in r.facts else [] for r in left], so_far)
    if split is not None:
        left = _narrowed(left, "split", [split], [[r.split] for r in left], so_far)
    return left


_SoFar = list[str]
"""Conditions that were satisfied, for the message about the one that is not: "label normal"."""


def _check_fact(recordings: list[Recording], fact: str) -> None:
    """Refuse a fact that no recording states: a misspelt word would otherwise look like a missing value."""
    known = sorted({name for recording in recordings for name in recording.facts})
    if recordings and fact not in known:
        near = difflib.get_close_matches(fact, known, n=1, cutoff=0.5)
        raise RecordingError(
            f"none of {len(recordings)} recordings states {fact}; known are: {', '.join(known) or 'none'}.",
            f"Did you mean {near[0]}?" if near else "`edge-app recordings DIR --json` lists the facts of each.",
        )


def _ends(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[k:]) for k in range(1, len(parts))]


def _narrowed(
    recordings: list[Recording],
    what: str,
    wanted: Sequence[Any],
    values: list[list[Any]],
    so_far: _SoFar,
    each_must_match: bool = False,
) -> list[Recording]:
    """Those of which one value is wanted."""
    there = {value for each in values for value in each}
    kept = [recording for recording, each in zip(recordings, values, strict=True) if set(each) & set(wanted)]
    missing = [value for value in wanted if value not in there]
    if not kept or (each_must_match and missing):
        raise _nothing(what, missing or list(wanted), recordings, values, so_far)
    if what != "data set":
        so_far.append(f"{what} {', '.join(str(value) for value in wanted)}")
    return kept


def _nothing(
    what: str, missing: list[Any], recordings: list[Recording], values: list[list[Any]], so_far: _SoFar
) -> RecordingError:
    first = sorted({str(each[0]) if each and each[0] != "" else "(none)" for each in values})
    shown = ", ".join(first[:12]) + (f" and {len(first) - 12} more" if len(first) > 12 else "")
    known = [str(value) for each in values for value in each]
    near = difflib.get_close_matches(str(missing[0]), known, n=1, cutoff=0.5)
    named = ", ".join(str(value) for value in missing)
    hint = "`edge-app recordings DIR` lists what there is."
    if what == "split" and first == ["(none)"]:
        hint = "Choose them: edge-app recordings DIR --split 0.6/0.2/0.2"
    of_these = f" ({'; '.join(so_far)})" if so_far else ""
    return RecordingError(
        f"none of {len(recordings)} recordings{of_these} has {what} {named}; there is: {shown or 'nothing'}.",
        f"Did you mean {near[0]}?" if near else hint,
    )


def with_axes(signal: Signal, n_axes: int, channel: str | None = None) -> Signal:
    """The signal with as many axes as a task takes: those `channel` names ("MLII", "R+G"), else the first ones.

    Raises
    ------
    RecordingError
        No such channel, or too few axes.
    """
    if channel is None and signal.counts.shape[0] == n_axes:
        return signal
    if channel is None:
        rows = list(range(n_axes))
        if signal.counts.shape[0] < n_axes:
            raise RecordingError(
                f"{signal.title}: has {signal.counts.shape[0]} axes, {n_axes} are needed.",
                "Use a recording of all axes, or an app that needs fewer.",
            )
    else:
        rows = [_row_of(signal, part.strip()) for part in channel.split("+")]
        if len(rows) != n_axes:
            raise RecordingError(
                f"{signal.title}: channel {channel!r} names {len(rows)}, the app takes {n_axes} axes.",
                f"Name {n_axes}, joined by '+'.",
            )
    names = tuple(signal.channels[row] for row in rows) if signal.channels else ()
    return with_hash(replace(signal, counts=np.ascontiguousarray(signal.counts[rows]), channels=names))


def _row_of(signal: Signal, name: str) -> int:
    lowered = [channel.lower() for channel in signal.channels]
    if name.lower() in lowered:
        return lowered.index(name.lower())
    if len(signal.channels) <= 1 and signal.counts.shape[0] == 1:
        if not signal.channels or signal.channels[0].lower().endswith(name.lower()):
            return 0
        if name.lower().startswith(signal.channels[0].lower()):  # "DE_time" of CWRU's files is channel DE
            return 0
    if name.isdigit() and 1 <= int(name) <= signal.counts.shape[0]:
        return int(name) - 1
    raise RecordingError(
        f"{signal.title}: has no channel {name!r}; there are {', '.join(signal.channels) or signal.counts.shape[0]}.",
        "Choose one of them, or a number from 1.",
    )


def cut(signal: Signal, span_s: tuple[float, float]) -> Signal:
    """The part between two times (s) of the recording, pauses counted; its times count from the span's beginning.

    Raises
    ------
    RecordingError
        The span ends after the recording, or nothing lies within it.
    """
    ends_s = _end_s(signal)
    if span_s[1] > ends_s + _TIME_SLACK / signal.rate_hz:
        raise RecordingError(
            f"{signal.title}: lasts {ends_s:.2f} s, the span ends at {span_s[1]:g} s.",
            "Shorten the span, or check the recording's rate.",
        )
    blocks, starts, at = [], [], 0
    for first, last, time_s in stretches(signal):
        low = first + max(0, round((span_s[0] - time_s) * signal.rate_hz))
        high = min(last, first + max(0, round((span_s[1] - time_s) * signal.rate_hz)))
        if low < high:
            blocks.append(signal.counts[:, low:high])
            starts.append((at, max(0.0, time_s + (low - first) / signal.rate_hz - span_s[0])))
            at += high - low
    if not blocks:
        raise RecordingError(
            f"{signal.title}: nothing was recorded from {span_s[0]:g} to {span_s[1]:g} s.", "Choose another span."
        )
    counts = np.ascontiguousarray(np.concatenate(blocks, axis=1))
    return with_hash(replace(signal, counts=counts, starts=tuple(starts)))


def stretches(signal: Signal) -> list[tuple[int, int, float]]:
    """(first sample, sample after the last, time of the first in s) of each stretch without a pause."""
    ends = [start for start, _ in signal.starts[1:]] + [signal.counts.shape[1]]
    return [(first, last, time_s) for (first, time_s), last in zip(signal.starts, ends, strict=True)]


def _end_s(signal: Signal) -> float:
    first, time_s = signal.starts[-1]
    return time_s + (signal.counts.shape[1] - first) / signal.rate_hz
