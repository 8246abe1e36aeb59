"""Sound: brushless motors (bldc-audio), MIMII machines, and any other WAV files, one folder per label."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge_app.core.names import like_id, readable
from edge_app.sensors.recording import load_recording
from edge_app.sensors.recording_formats import read_table
from edge_app.sensors.sidecar import SIDECAR
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.folder import Folder
from edge_app.training.importers.signals import with_hash

BLDC, MIMII, FILES = "bldc-audio", "mimii", "wav"
_BLDC = r"(?P<label>[a-z]+)_(?P<motor>M\d+)_(?P<speed>\d{3,5})(?:_\d\d_[a-z]+)?"
_MIMII = r"(?P<machine>valve|fan|pump|slider|slide_rail)_id_?(?P<unit>\d\d)_(?P<state>n|abn|normal|abnormal)_\d+"


def find(folder: Folder) -> list[Recording]:
    """Every WAV file but the chunks of our own recordings."""
    own = {path.parent for path in folder.files if path.name == SIDECAR}
    return [_recording(folder, path) for path, _ in folder.matching(r".+\.wav") if path.parent not in own]


def _recording(folder: Folder, path: Path) -> Recording:
    if match := re.fullmatch(_BLDC, path.stem, re.IGNORECASE):
        motor = match["motor"].upper()
        facts = {"motor": motor, "speed": int(match["speed"])}
        return _made(folder, path, BLDC, path.stem, match["label"].lower(), motor, facts)
    if match := re.fullmatch(_MIMII, path.stem, re.IGNORECASE):
        label = "abnormal" if match["state"].lower().startswith("abn") else "normal"
        facts = {"machine": match["machine"].lower(), "unit": int(match["unit"])}
        return _made(folder, path, MIMII, path.stem, label, f"{facts['machine']}_id{match['unit']}", facts)
    name = readable(folder.shown(path.with_suffix("")))
    if path.parent == folder.root:
        return _made(folder, path, FILES, name, "", name, {})
    machine = like_id(folder.shown(path.parent.parent))  # valve/id_00/normal/0001.wav: of machine valve_id_00
    return _made(folder, path, FILES, name, like_id(path.parent.name), name, {"machine": machine or "machine"})


def _made(
    folder: Folder, path: Path, dataset: str, name: str, label: str, group: str, facts: dict[str, Any]
) -> Recording:
    title = f"{dataset}/{name}"
    return Recording(
        id=title,
        dataset=dataset,
        label=label,
        group=group,
        load=partial(load_signal, path, title),
        split=folder.split_of(path),
        facts={**facts, "file": folder.shown(path)},
    )


def load_signal(path: Path, title: str) -> Signal:
    """All channels, full scale 1.0. Raises RecordingError."""
    names = read_table(path).names
    sound = load_recording(path, unit="fs", channel="+".join(str(k + 1) for k in range(len(names))))
    counts = np.ascontiguousarray(sound.counts)
    channels = names if len(names) > 1 else ()
    return with_hash(Signal(title, counts, sound.scale, sound.rate_hz, "fs", channels=channels))
