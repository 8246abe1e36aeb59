"""Telemetry of a brushless motor, ten rows a second: rms and peak of its vibration (g), not the vibration itself."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from edge_app.core.errors import RecordingError
from edge_app.core.frames import FULL_SCALE
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.folder import Folder
from edge_app.training.importers.signals import read_columns, with_hash

NAME = "bldc-telemetry"
CHANNELS = ("accel_rms_mg", "accel_pk_mg")
"""Columns every run has. The others are left out: some stand in the fault runs only and would give them away."""
_LABELS = ("healthy", "loose_mount", "orientation_change", "overheat", "rotor_drag")


def find(folder: Folder) -> list[Recording]:
    """Runs named <speed>rpm_<run>.csv in folders named after their condition."""
    return [
        Recording(
            id=f"{NAME}/{path.stem}",
            dataset=NAME,
            label=path.parent.name,
            group=match[2].upper(),
            load=partial(load_signal, path, f"{NAME}/{path.stem}"),
            split=folder.split_of(path),
            facts={"rpm": int(match[1]), "file": folder.shown(path)},
        )
        for path, match in folder.matching(r"(\d+)rpm_(S\d+)\.csv")
        if path.parent.name in _LABELS
    ]


def load_signal(path: Path, title: str) -> Signal:
    """Vibration's rms and peak in mg, at the rate the times show. Raises RecordingError."""
    columns = read_columns(path, ("t_ms", *CHANNELS))
    times, values = columns[0] / 1000, columns[1:]
    if times.size < 2 or not times[-1] > times[0]:
        raise RecordingError(f"{path}: time does not rise.", "Copy the recording again.")
    rate_hz = round((times.size - 1) / float(times[-1] - times[0]), 3)
    counts = np.clip(np.rint(values), -FULL_SCALE, FULL_SCALE).astype(np.int16)
    return with_hash(Signal(title, counts, 0.001, rate_hz, "g", channels=CHANNELS))
