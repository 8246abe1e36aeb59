"""What sensors deliver and what windows are made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int16]

FULL_SCALE = 32767
"""Largest count of an int16 that has its like below zero: where recordings, simulations and most sensors clip."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Consecutive samples delivered by one driver read."""

    samples: Counts
    """int16 counts of shape (n_axes, n_samples), channel first; times `scale` gives `unit`."""
    scale: float
    """Units per count."""
    unit: str
    """"g" for acceleration, "fs" for sound (1.0 is full scale), "au" for arbitrary units (light, ECG counts)."""
    rate_hz: float
    """Nominal sampling rate (Hz)."""
    start_s: float
    """Monotonic clock reading at the first sample (s)."""
    full_scale: int = FULL_SCALE
    """Counts at which the sensor saturates (clips), positive."""
    lost: int = 0
    """Samples lost immediately before this frame (FIFO overrun, unplugging, xrun); -1 when unknown how many."""

    @property
    def length(self) -> int:
        """Samples per axis."""
        return int(self.samples.shape[1])

    @property
    def end_s(self) -> float:
        """Monotonic time just after the last sample (s)."""
        return self.start_s + self.length / self.rate_hz


@dataclass(frozen=True, slots=True)
class Quality:
    """Can this window be judged? Made by the windower from the raw counts."""

    percent: int
    """100 is perfect, 0 is useless."""
    reasons: tuple[str, ...] = ()
    """What is wrong, worst first, each a short phrase with its number ("312 samples lost", "clipped 4.1 %")."""
    judgeable: bool = True
    """False when any reason is below its floor: the pipeline then decides `unknown`."""


@dataclass(frozen=True, slots=True)
class Window:
    """Fixed-length block handed to feature extraction."""

    samples: Counts
    """int16 counts of shape (n_axes, length), channel first, contiguous; times `scale` gives `unit`."""
    scale: float
    """Units per count."""
    unit: str
    """As in `Frame`."""
    rate_hz: float
    """Nominal sampling rate (Hz)."""
    start_s: float
    """Monotonic clock reading at the first sample (s)."""
    end_s: float
    """Monotonic clock reading just after the last sample (s)."""
    index: int = 0
    """Count of windows since the pipeline started, dropped ones included; -1 for one told by a sensor that is away."""
    quality: Quality = field(default_factory=lambda: Quality(100))
    """What the quality gate found."""
    marks: tuple[int, ...] = ()
    """Events found in the samples (heartbeats), as sample indices, rising; empty for windows cut by time."""
    focus: int = -1
    """Which of `marks` this window is about; -1 for windows cut by time."""
