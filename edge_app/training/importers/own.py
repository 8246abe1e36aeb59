"""What `edge-app record` writes: a folder of chunks with recording.json, one recording for each label in it.

All labels of one session are one group: they were recorded by the same hand on the same day, and belong in one split.
Gaps begin a new stretch (`Signal.starts`), as does a label that comes back.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge_app.core.errors import RecordingError
from edge_app.core.names import readable
from edge_app.sensors.sidecar import SIDECAR, Sidecar, read_counts, read_sidecar
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.folder import Folder
from edge_app.training.importers.signals import with_hash

NAME = "own"

Span = tuple[int, int]
"""First sample, sample after the last."""


def find(folder: Folder) -> list[Recording]:
    """Recordings of all folders that hold recording.json."""
    recordings: list[Recording] = []
    for path in folder.files:
        if path.name != SIDECAR:
            continue
        try:
            sidecar = read_sidecar(path)
        except RecordingError as error:
            recordings.append(_damaged(folder, path, error))
        else:
            recordings += _recordings(folder, path, sidecar)
    return recordings


def _recordings(folder: Folder, path: Path, sidecar: Sidecar) -> list[Recording]:
    spans = spans_of(sidecar)
    found = []
    for label, parts in spans.items():
        title = f"{NAME}/{sidecar.name}" + (f"/{label}" if len(spans) > 1 else "")
        facts: dict[str, Any] = {
            "device": sidecar.device,
            "slot": sidecar.slot,
            "sensor": sidecar.sensor,
            "started": sidecar.started,
            "state": sidecar.state,
            "rate_hz": sidecar.rate_hz,
            "unit": sidecar.unit,
            "seconds": round(sum(last - first for first, last in parts) / sidecar.rate_hz, 3),
            "gaps": len(sidecar.stretches) - 1,
            "quality_percent": sidecar.quality.get("percent", 0.0),
            "file": folder.shown(path.parent),
        }
        found.append(
            Recording(
                id=title,
                dataset=NAME,
                label=label,
                group=sidecar.name,
                load=partial(load_signal, path.parent, title, label),
                split=folder.split_of(path) or sidecar.split,
                facts=facts,
            )
        )
    return found


def spans_of(sidecar: Sidecar) -> dict[str, list[Span]]:
    """Finished samples of each label, in the order of time; labels without samples are left out."""
    spans: dict[str, list[Span]] = {}
    ends = [span.sample for span in sidecar.labels[1:]] + [sidecar.samples]
    for span, end in zip(sidecar.labels, ends, strict=True):
        first, last = span.sample, min(end, sidecar.samples)
        if first < last:
            spans.setdefault(span.label, []).append((first, last))
    return spans


def _damaged(folder: Folder, path: Path, error: RecordingError) -> Recording:
    """Named all the same, so that it is not overlooked; loading says what is wrong."""

    def load() -> Signal:
        raise error

    name = readable(path.parent.name)
    return Recording(f"{NAME}/{name}", NAME, "", name, load, facts={"file": folder.shown(path.parent)})


def load_signal(folder: Path, title: str, label: str) -> Signal:
    """The samples of one label. Raises RecordingError."""
    sidecar = read_sidecar(folder)
    counts = read_counts(folder, sidecar)
    parts, starts, at = [], [], 0
    begins = [stretch.sample for stretch in sidecar.stretches]
    for first, last in spans_of(sidecar).get(label, []):
        for begin in [first, *(sample for sample in begins if first < sample < last)]:
            stretch = [each for each in sidecar.stretches if each.sample <= begin][-1]
            starts.append((at + begin - first, stretch.time_s + (begin - stretch.sample) / sidecar.rate_hz))
        parts.append(counts[:, first:last])
        at += last - first
    if at < 2:
        raise RecordingError(f"{folder}: holds no samples labelled {label!r}.", "Record it again.")
    whole = np.ascontiguousarray(np.concatenate(parts, axis=1))
    began_s = starts[0][1]
    return with_hash(
        Signal(
            title,
            whole,
            sidecar.scale,
            sidecar.rate_hz,
            sidecar.unit,
            starts=tuple((sample, time_s - began_s) for sample, time_s in starts),
            full_scale=sidecar.full_scale,
        )
    )
