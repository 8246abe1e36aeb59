"""What `edge-app recordings` tells of a folder: length, rate and quality of each recording, and what is wrong."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge_app.core.errors import RecordingError
from edge_app.core.frames import Frame, Quality
from edge_app.core.wording import counted
from edge_app.sensors.sidecar import SIDECAR, read_sidecar
from edge_app.training.importers.base import SPLITS, Recording, Signal
from edge_app.training.importers.leakage import duplicates
from edge_app.training.importers.own import NAME as OWN
from edge_app.training.importers.select import stretches
from edge_app.training.progress import UNWATCHED, Progress
from edge_app.windowing import Windower

WINDOW_S = 1.0
BAD_SHARE = 0.1
"""A recording of which more than this cannot be judged is of no use for training."""
_RARE = 0.1
"""A label with less than this share of the commonest one's time is told."""


@dataclass(frozen=True)
class Described:
    """One recording, looked at."""

    recording: Recording
    seconds: float = 0.0
    rate_hz: float = 0.0
    unit: str = ""
    axes: int = 0
    gaps: int = 0
    """Pauses and losses within it."""
    quality_percent: float = 0.0
    """Mean over windows of a second."""
    unusable_share: float = 0.0
    """Share of windows that cannot be judged."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Why, with the number of windows."""
    sha256: str = ""
    trouble: str = ""
    """Why it could not be read, "" when it could."""


def described(recording: Recording, signal: Signal | None = None) -> Described:
    """Length, rate and quality of a recording; one that cannot be read says why."""
    try:
        signal = signal or recording.load()
    except RecordingError as error:
        return Described(recording, trouble=str(error).replace("\n", ""))
    percents, bad = [], 0
    reasons: Counter[str] = Counter()
    for window in _seconds_of(signal):
        percents.append(window.percent)
        bad += not window.judgeable
        reasons.update(re.sub(r"[-+]?\d+(\.\d+)?", "…", reason) for reason in window.reasons)
    return Described(
        recording,
        seconds=signal.seconds,
        rate_hz=signal.rate_hz,
        unit=signal.unit,
        axes=int(signal.counts.shape[0]),
        gaps=len(signal.starts) - 1,
        quality_percent=sum(percents) / len(percents) if percents else 0.0,
        unusable_share=bad / len(percents) if percents else 1.0,
        reasons=dict(reasons.most_common()),
        sha256=signal.sha256,
    )


def described_all(recordings: Sequence[Recording], progress: Progress = UNWATCHED) -> list[Described]:
    """Of each recording, in their order."""
    found = []
    for number, recording in enumerate(recordings):
        progress.at("read", number, len(recordings), recording.id)
        found.append(described(recording))
    return found


def _seconds_of(signal: Signal) -> Iterator[Quality]:
    """Quality of each second, or of each stretch where all are shorter.

    Axes in arbitrary units (leads of an ECG, colours of a PPG) stand in for one another: only the first is judged.
    """
    if signal.unit == "au":
        signal = replace(signal, counts=signal.counts[:1])
    longest = max(last - first for first, last, _ in stretches(signal))
    window_s = min(WINDOW_S, longest / signal.rate_hz)
    windower = Windower(signal.rate_hz, window_s, window_s, signal.counts.shape[0])
    for first, last, time_s in stretches(signal):
        windower.reset()
        frame = Frame(
            signal.counts[:, first:last],
            signal.scale,
            signal.unit,
            signal.rate_hz,
            time_s,
            full_scale=signal.full_scale,
        )
        for window in windower.push(frame):
            yield window.quality


@dataclass(frozen=True)
class Finding:
    """Something a person should know about their recordings."""

    id: str
    """The recording's, or "" for the folder as a whole."""
    text: str
    wrong: bool
    """Whether it must be put right; else it is only told."""


def check(
    recordings: Sequence[Recording], root: Path, progress: Progress = UNWATCHED
) -> tuple[list[Described], list[Finding]]:
    """Read everything, and say what is wrong: damage, clipping, flat lines, gaps, duplicates, labels, splits."""
    looked: list[Described] = []
    findings: list[Finding] = []

    def signals() -> Iterator[Signal]:
        for number, recording in enumerate(recordings):
            progress.at("read", number, len(recordings), recording.id)
            try:
                signal = recording.load()
            except RecordingError as error:
                looked.append(described(recording, None))
                findings.append(Finding(recording.id, str(error).replace("\n ", ""), True))
                continue
            looked.append(described(recording, signal))
            yield signal

    pairs = duplicates(signals())
    for each in looked:
        findings += _of_one(each, root)
    split_of = {recording.id: recording.split for recording in recordings}
    for earlier, later in pairs:
        apart = split_of.get(earlier) and split_of.get(later) and split_of[earlier] != split_of[later]
        where = f", and one is in {split_of[earlier]}, the other in {split_of[later]}" if apart else ""
        findings.append(Finding(later, f"holds the same samples as {earlier}{where}", True))
    return looked, findings + _of_all(looked)


def _of_one(each: Described, root: Path) -> list[Finding]:
    name = each.recording.id
    if each.trouble:
        return []
    findings = []
    if each.unusable_share > 0:
        reasons = ", ".join(f"{reason} ({count}×)" for reason, count in list(each.reasons.items())[:3])
        text = f"{100 * each.unusable_share:.0f} % of it cannot be judged: {reasons}"
        findings.append(Finding(name, text, each.unusable_share > BAD_SHARE))
    if not each.recording.label:
        findings.append(Finding(name, "has no label", True))
    if each.recording.dataset == OWN:
        findings += _of_own(each, root / str(each.recording.facts["file"]))
    return findings


def _of_own(each: Described, folder: Path) -> list[Finding]:
    """What its sidecar knows: losses, how it ended."""
    sidecar = read_sidecar(folder / SIDECAR)
    findings = []
    gaps = [stretch for stretch in sidecar.stretches if stretch.why]
    if gaps:
        findings.append(
            Finding(
                each.recording.id, f"{counted(len(gaps), 'gap')}: {gaps[0].why}{' …' if len(gaps) > 1 else ''}", False
            )
        )
    if sidecar.state not in ("finished", "stopped"):
        text = f"ended as {sidecar.state!r}: its last chunk may be missing; `edge-app record` goes on with it"
        findings.append(Finding(each.recording.id, text, False))
    return findings


def _of_all(looked: Sequence[Described]) -> list[Finding]:
    """Balance of labels, groups that stand in two splits, rates that differ."""
    findings = []
    good = [each for each in looked if not each.trouble]
    for dataset in sorted({each.recording.dataset for each in good}):
        members = [each for each in good if each.recording.dataset == dataset]
        findings += _of_labels(dataset, members)
        torn = _torn_groups(members)
        if torn:
            shown = ", ".join(torn[:5]) + (f" and {len(torn) - 5} more" if len(torn) > 5 else "")
            findings.append(Finding("", f"{dataset}: stands on both sides of a split: {shown}", False))
        units = sorted({each.unit for each in members})
        if len(units) > 1:
            findings.append(Finding("", f"{dataset}: recordings are in {len(units)} units ({', '.join(units)})", False))
        rates = sorted({each.rate_hz for each in members})
        if len(rates) > 1:
            text = f"{dataset}: recordings have {len(rates)} rates ({', '.join(f'{rate:g}' for rate in rates[:5])} Hz)"
            findings.append(Finding("", text, False))
    return findings


def _torn_groups(members: Sequence[Described]) -> list[str]:
    """Groups of which recordings stand in different splits."""
    splits: dict[str, set[str]] = {}
    for each in members:
        if each.recording.split:
            splits.setdefault(each.recording.group, set()).add(each.recording.split)
    return sorted(group for group, where in splits.items() if len(where) > 1)


def _of_labels(dataset: str, members: Sequence[Described]) -> list[Finding]:
    seconds: Counter[str] = Counter()
    for each in members:
        seconds[each.recording.label] += each.seconds  # type: ignore[assignment]
    (commonest, most_s), findings = seconds.most_common(1)[0], []
    for label, length_s in seconds.items():
        if length_s < _RARE * most_s:
            text = f"{dataset}: {length_s:.0f} s of {label!r} stand against {most_s:.0f} s of {commonest!r}"
            findings.append(Finding("", text, False))
    for split in SPLITS:
        there = {each.recording.label for each in members if each.recording.split == split}
        missing = sorted(set(seconds) - there)
        if there and missing:
            findings.append(Finding("", f"{dataset}: {split} holds no {', '.join(map(repr, missing))}", False))
    return findings
