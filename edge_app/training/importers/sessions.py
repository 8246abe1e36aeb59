"""Our own recordings as they were made: whole sessions with all their labels, for backtests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge_app.core.errors import RecordingError
from edge_app.sensors.sidecar import SIDECAR, Sidecar, read_counts, read_sidecar
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.own import NAME, spans_of
from edge_app.training.importers.signals import with_hash


@dataclass(frozen=True)
class Session:
    """One recording, from its first to its last sample."""

    recording: Recording
    """Its label is that of all samples, "" where there are several."""
    spans: tuple[tuple[str, float, float], ...]
    """(label, from, to) in s from the recording's beginning, in the order of time."""


def session_of(folder: Path) -> Session:
    """The session in a folder with recording.json. Raises RecordingError."""
    sidecar = read_sidecar(folder / SIDECAR)
    spans = [
        (label, _time_s(sidecar, first), _time_s(sidecar, last - 1) + 1 / sidecar.rate_hz)
        for label, parts in spans_of(sidecar).items()
        for first, last in parts
    ]
    labels = {label for label, _, _ in spans}
    title = f"{NAME}/{sidecar.name}"
    recording = Recording(
        id=title,
        dataset=NAME,
        label=labels.pop() if len(labels) == 1 else "",
        group=f"{sidecar.device}/{sidecar.slot}",
        load=partial(load_session, folder, title),
        split=sidecar.split,
        facts={"device": sidecar.device, "slot": sidecar.slot, "started": sidecar.started, "rate_hz": sidecar.rate_hz},
    )
    return Session(recording, tuple(sorted(spans, key=lambda span: span[1])))


def load_session(folder: Path, title: str) -> Signal:
    """All samples of a session. Raises RecordingError."""
    sidecar = read_sidecar(folder / SIDECAR)
    counts = read_counts(folder, sidecar)
    if counts.shape[1] < 2:
        raise RecordingError(f"{folder}: holds no samples.", "Record it again.")
    starts = tuple(
        (stretch.sample, stretch.time_s) for stretch in sidecar.stretches if stretch.sample < sidecar.samples
    )
    return with_hash(
        Signal(
            title, counts, sidecar.scale, sidecar.rate_hz, sidecar.unit, starts=starts, full_scale=sidecar.full_scale
        )
    )


def _time_s(sidecar: Sidecar, sample: int) -> float:
    """Time of a sample since the recording began (s)."""
    stretch = [each for each in sidecar.stretches if each.sample <= sample][-1]
    return stretch.time_s + (sample - stretch.sample) / sidecar.rate_hz
