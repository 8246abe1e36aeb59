"""What every importer gives: recordings with label, group and split, loaded only when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_app.core.frames import FULL_SCALE, Counts

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Signal:
    """Counts of one recording, as the sensor would have delivered them."""

    title: str
    counts: Counts
    """int16 of shape (n_axes, n)."""
    scale: float
    """Units per count."""
    rate_hz: float
    unit: str
    """"g", "fs" or "au"."""
    sha256: str = ""
    """Of the samples, or of the recording's file: what leakage between splits is found by."""
    starts: tuple[tuple[int, float], ...] = ((0, 0.0),)
    """(sample index, time in s) at which each stretch without a pause begins; several for short captures taken now
    and then, whose pauses are meant and are no gaps."""
    channels: tuple[str, ...] = ()
    """Name of each axis, the one to take when only one is wanted first; empty where they have none."""
    full_scale: int = FULL_SCALE
    """Counts at which the sensor clips, positive."""

    @property
    def seconds(self) -> float:
        """Length of what was sampled, pauses left out (s)."""
        return self.counts.shape[1] / self.rate_hz


@dataclass(frozen=True)
class Reference:
    """What is known about a recording beside its label, to measure against."""

    beats: NDArray[np.int64] | None = None
    """Sample index of each reference heartbeat."""
    symbols: tuple[str, ...] = ()
    """Annotation code of each beat, as the database writes it (PhysioNet: N L R A V F …)."""
    rr_ms: NDArray[np.float64] | None = None
    """Reference intervals between heartbeats (ms), in order, where their places in the recording are not known."""
    rhythms: tuple[tuple[int, str], ...] = ()
    """(sample index, rhythm) from which on the rhythm is this one, as the database writes it: "(N", "(AFIB" …"""


@dataclass(frozen=True)
class Recording:
    """One recording: the smallest thing that is ever put into one split."""

    id: str
    """Unique and stable, "cwru/12k_Drive_End_IR007_0_105": dataset, then the file's path without its ending."""
    dataset: str
    label: str
    """In the dataset's own words, short: "healthy", "inner", "propeller", "ecg"."""
    group: str
    """What must not stand in two splits: the bearing, patient, motor or session."""
    load: Callable[[], Signal]
    """Reads the samples. Raises RecordingError."""
    split: str = ""
    """"train", "val", "test"; empty where nothing says it."""
    reference: Callable[[], Reference] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Plain values about it, units in the names: rpm, load_hp, motor, fault_size_inch …"""


class Dataset(Protocol):
    """A folder of recordings in one format."""

    @property
    def name(self) -> str:
        """As recipes write it: "cwru", "mitdb", "own"."""

    def recordings(self) -> list[Recording]:
        """All recordings found, ordered by id. Reads names and sidecars only, no samples."""
