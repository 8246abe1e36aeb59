"""FEMTO-ST / PRONOSTIA run-to-failure bearings: one recording per bearing, made of snapshots of 0.1 s.

A snapshot is 2560 samples at 25.6 kHz, one every 10 s; its file's number gives its time, so that a folder holding only
some of them keeps their places. Snapshots are separate stretches of one signal (`Signal.starts`), their pauses planned.

Source: P. Nectoux et al., "PRONOSTIA", IEEE Int. Conf. on Prognostics and Health Management, 2012: rate, snapshots.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from edge_app.core.errors import RecordingError
from edge_app.core.names import readable
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.folder import Folder
from edge_app.training.importers.signals import quantised, read_columns, with_hash

NAME = "femto"
RATE_HZ = 25600.0
EVERY_S = 10.0
RANGE_G = 50.0
"""Full scale of the accelerometers (DYTRAN 3035B, 50 g), so that the last snapshots, near 40 g, do not clip (g)."""
_HORIZONTAL, _VERTICAL = 4, 5


def find(folder: Folder) -> list[Recording]:
    """One recording for each folder that holds acc_NNNNN.csv, named after it."""
    bearings: dict[Path, list[tuple[int, Path]]] = {}
    for path, match in folder.matching(r"acc_(\d{1,7})\.csv"):
        bearings.setdefault(path.parent, []).append((int(match[1]), path))
    return [_recording(folder, bearing, sorted(snapshots)) for bearing, snapshots in bearings.items()]


def _recording(folder: Folder, bearing: Path, snapshots: list[tuple[int, Path]]) -> Recording:
    name = readable(bearing.name)
    title = f"{NAME}/{name}"
    split_of_each = {folder.split_of(path) for _, path in snapshots}
    return Recording(
        id=title,
        dataset=NAME,
        label="run_to_failure",
        group=name,
        load=partial(load_signal, title, snapshots),
        split=split_of_each.pop() if len(split_of_each) == 1 else "",
        facts={
            "snapshots": len(snapshots),
            "first_s": _time_of(snapshots[0][0]),
            "last_s": _time_of(snapshots[-1][0]),
            "file": folder.shown(bearing),
        },
    )


def _time_of(number: int) -> float:
    """Time since the test began (s)."""
    return (number - 1) * EVERY_S


def load_signal(title: str, snapshots: list[tuple[int, Path]]) -> Signal:
    """Horizontal and vertical acceleration of all snapshots in a row. Raises RecordingError."""
    blocks, starts, at = [], [], 0
    for number, path in snapshots:
        block, scale = quantised(read_columns(path, (_HORIZONTAL, _VERTICAL)), RANGE_G)
        if block.shape[1] < 2:
            raise RecordingError(f"{path}: holds {block.shape[1]} samples.", "Copy the recording again.")
        blocks.append(block)
        starts.append((at, _time_of(number)))
        at += block.shape[1]
    counts = np.concatenate(blocks, axis=1)
    return with_hash(
        Signal(title, counts, scale, RATE_HZ, "g", starts=tuple(starts), channels=("horizontal", "vertical"))
    )
