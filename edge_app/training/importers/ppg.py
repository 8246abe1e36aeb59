"""Welltory's camera PPG with a chest strap's intervals between heartbeats: PPG.csv (time, R, G, B) and RR.txt.

A phone's frames come when they come (26 to 30 a second), so the means of red, green and blue are put on a uniform grid
of 30 Hz by straight lines between neighbours; where frames are missing for longer than `GAP_S` nothing is put: the
signal goes on as a new stretch. The means are 8-bit values of many pixels: 1 is 128 counts, and a mean that an 8-bit
device would read as 255 is its full scale, so that a saturated channel shows as clipped.

Source: A. Neshitov et al., Sensors 21:6798, 2021; SOURCE.md of the collection: columns, units.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import RecordingError
from edge_app.core.frames import FULL_SCALE
from edge_app.core.names import readable
from edge_app.sensors.recording_formats import damaged
from edge_app.training.importers.base import Recording, Reference, Signal
from edge_app.training.importers.folder import Folder
from edge_app.training.importers.signals import read_bytes, read_columns, with_hash

NAME = "ppg-welltory"
RATE_HZ = 30.0
SCALE = 1 / 128
SATURATED = 254.5
"""Mean from which on an 8-bit device reads 255."""
GAP_S = 0.25
"""Longest time between two frames that a straight line may bridge (s): a quarter of a heartbeat at 60 a minute."""
_MOST_S = 24 * 3600.0


def find(folder: Folder) -> list[Recording]:
    """Folders that hold PPG.csv, each named after its folder."""
    recordings = []
    for path, _ in folder.matching(r"PPG\.csv"):
        name = readable(path.parent.name)
        strap = path.with_name("RR.txt")
        recordings.append(
            Recording(
                id=f"{NAME}/{name}",
                dataset=NAME,
                label="ppg",
                group=name,
                load=partial(load_signal, path, f"{NAME}/{name}"),
                split=folder.split_of(path),
                reference=partial(load_reference, strap) if strap.is_file() else None,
                facts={"file": folder.shown(path)},
            )
        )
    return recordings


def load_reference(path: Path) -> Reference:
    """Intervals of the chest strap. Raises RecordingError."""
    try:
        intervals = np.array(read_bytes(path, 1 << 24).split(), np.float64)
    except ValueError as error:
        raise damaged(path, f"it holds something that is no interval ({str(error)[:100]})") from error
    if not intervals.size or not np.all((intervals > 0) & (intervals < 60_000)):
        raise damaged(path, "it holds an interval that is not between 0 and 60 000 ms")
    return Reference(rr_ms=intervals)


def load_signal(path: Path, title: str) -> Signal:
    """Red, green and blue at 30 Hz. Raises RecordingError."""
    columns = read_columns(path, ("time", "R", "G", "B"))
    seconds, values = columns[0] / 1000, columns[1:]
    steps = np.diff(seconds)
    if seconds.size < 2 or not np.all(steps > 0):
        where = int(np.argmin(steps > 0)) + 3 if steps.size else 2
        raise RecordingError(f"{path}: line {where}: time does not rise.", "Copy the recording again.")
    if seconds[-1] - seconds[0] > _MOST_S:
        raise RecordingError(f"{path}: lasts {seconds[-1] - seconds[0]:.0f} s.", "Times are in ms; check the column.")
    blocks, starts, at = [], [], 0
    for first, last in _stretches(steps):
        grid = np.arange(seconds[first], seconds[last] + 1e-9, 1 / RATE_HZ)
        if grid.size < 2:
            continue
        blocks.append(_counts(np.stack([np.interp(grid, seconds, channel) for channel in values])))
        starts.append((at, float(grid[0] - seconds[0])))
        at += grid.size
    if not blocks:
        raise RecordingError(f"{path}: no two frames follow one another within {GAP_S:g} s.", "Check its times.")
    counts = np.concatenate(blocks, axis=1)
    return with_hash(Signal(title, counts, SCALE, RATE_HZ, "au", starts=tuple(starts), channels=("R", "G", "B")))


def _stretches(steps: NDArray[np.float64]) -> list[tuple[int, int]]:
    """First and last frame of each stretch without a gap."""
    gaps = [int(k) for k in np.flatnonzero(steps > GAP_S)]
    return list(zip([0, *(k + 1 for k in gaps)], [*gaps, len(steps)], strict=True))


def _counts(values: NDArray[np.float64]) -> NDArray[np.int16]:
    counts: NDArray[np.int16] = np.clip(np.rint(values / SCALE), -FULL_SCALE, FULL_SCALE).astype(np.int16)
    counts[values >= SATURATED] = FULL_SCALE
    return counts
