"""Ceiling fan, MSA301 accelerometer on an ESP32: captures of one second, 200 rows of x, y, z (g), about 200 Hz.

**One recording is a block of consecutive captures of one session** (a folder), not a capture: the captures follow one
another, so that neighbours are all but copies, and a split between them would be a leak. A block ends where numbers are
missing or, where a MANIFEST.csv gives splits, where the split changes. Each capture is a stretch of its own
(`Signal.starts`), since nobody knows how much time passed between two: windows are at most a second long.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge_app.core.errors import RecordingError
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.folder import Folder
from edge_app.training.importers.signals import quantised, read_columns, with_hash

NAME = "fan-msa301"
RATE_HZ = 200.0
RANGE_G = 2.0
"""Full scale (g): the values are multiples of 2 g / 4096 and lie within."""
_SESSION = r"fan_\d+_(?P<speed>off|low|med|high)(?:_(?P<weights>\d+)_weight)?(?:-(?P<extra>\w+))?"

Capture = tuple[int, Path]


def find(folder: Folder) -> list[Recording]:
    """Blocks of consecutive captures in folders named as the dataset's: fan_0_low_0_weight …"""
    sessions: dict[Path, list[Capture]] = {}
    for path, match in folder.matching(r"(\d{4,6})\.csv"):
        if re.fullmatch(_SESSION, path.parent.name):
            sessions.setdefault(path.parent, []).append((int(match[1]), path))
    return [
        _recording(folder, session, block)
        for session, captures in sessions.items()
        for block in _blocks(folder, sorted(captures))
    ]


def _blocks(folder: Folder, captures: list[Capture]) -> list[list[Capture]]:
    blocks: list[list[Capture]] = []
    for number, path in captures:
        last = blocks[-1][-1] if blocks else None
        if last is None or number != last[0] + 1 or folder.split_of(path) != folder.split_of(last[1]):
            blocks.append([])
        blocks[-1].append((number, path))
    return blocks


def _recording(folder: Folder, session: Path, block: list[Capture]) -> Recording:
    match = re.fullmatch(_SESSION, session.name)
    weights = int(match["weights"] or 0) if match else 0
    name = f"{session.name}_{block[0][1].stem}-{block[-1][1].stem}"
    facts: dict[str, Any] = {"session": session.name, "speed": match["speed"] if match else "", "weights": weights}
    if match and match["extra"]:
        facts["extra"] = match["extra"]
    return Recording(
        id=f"{NAME}/{name}",
        dataset=NAME,
        label="unbalance" if weights else "normal",
        group=name,
        load=partial(load_signal, f"{NAME}/{name}", block),
        split=folder.split_of(block[0][1]),
        facts={**facts, "captures": len(block), "file": folder.shown(session)},
    )


def load_signal(title: str, block: list[Capture]) -> Signal:
    """x, y, z of a block's captures in a row, each a stretch of its own. Raises RecordingError."""
    parts, starts, at = [], [], 0
    for number, path in block:
        counts, scale = quantised(read_columns(path, (0, 1, 2)), RANGE_G)
        if counts.shape[1] < 2:
            raise RecordingError(f"{path}: holds {counts.shape[1]} samples.", "Copy the recording again.")
        parts.append(counts)
        starts.append((at, float(number - block[0][0])))
        at += counts.shape[1]
    whole = np.concatenate(parts, axis=1)
    return with_hash(Signal(title, whole, scale, RATE_HZ, "g", starts=tuple(starts), channels=("x", "y", "z")))
