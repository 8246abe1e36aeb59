"""Case Western Reserve University bearing data: MATLAB files, accelerometer at the drive end (g).

**The sampling rate.** The files do not say it. `12k_…` holds 12 kHz, `48k_…` 48 kHz, and so does any file in a folder
named so. The healthy baselines (`normal_…`) hold 48 kHz, whatever tutorials say: read at 12 kHz their spectrum has
nothing in common with the same machine's other recordings, and their length is that of the 48 kHz files. Where no name
says it, the length does: 12 kHz recordings last 10 s (120 000 samples), the 48 kHz ones have twice or four times that.
"""

from __future__ import annotations

import mmap
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge_app.core.errors import RecordingError
from edge_app.sensors.recording_formats import MOST_BYTES, damaged
from edge_app.sensors.recording_matlab import NotMatlab5, read_variables
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.folder import Folder
from edge_app.training.importers.signals import quantised, read_bytes, with_hash

NAME = "cwru"
RANGE_G = 16.0
"""Full scale the counts are made for (g); the loudest recording peaks at 6.7 g."""
_FAULT = r"(?:(?P<rate>12|48)k_)?(?:Drive_End_|Fan_End_|DE_|FE_)?(?P<kind>IR|OR|B)(?P<size>\d{3})(?:@(?P<clock>\d+))?"
_NAMES = rf"(?:{_FAULT}|(?:(?P<rate2>12|48)k_)?(?P<healthy>normal))_(?P<load>[0-3])(?:_(?P<number>\d+))?\.mat"
_KINDS = {"IR": "inner", "OR": "outer", "B": "ball"}
_RPM_BY_LOAD = {0: 1797, 1: 1772, 2: 1750, 3: 1730}
"""Nominal speed by load in hp; the centre's tables "12k Drive End Bearing Fault Data" and "Normal Baseline Data"."""
_LONGER_THAN_12_KHZ = 200_000
"""Samples: every 12 kHz recording is shorter, every 48 kHz one longer."""


def find(folder: Folder) -> list[Recording]:
    """Every recording whose name is in the centre's manner: 12k_Drive_End_IR007_0_105.mat, normal_0_97.mat …"""
    return [_recording(folder, path, match) for path, match in folder.matching(_NAMES)]


def _recording(folder: Folder, path: Path, match: re.Match[str]) -> Recording:
    load = int(match["load"])
    rate_hz = _named_rate(path, match)
    facts: dict[str, Any] = {"rpm": _speed_in(path) or _RPM_BY_LOAD[load], "load_hp": load}
    if rate_hz:
        facts["rate_hz"] = rate_hz
    label, group = "healthy", "healthy"
    if not match["healthy"]:
        label = _KINDS[match["kind"].upper()]
        group = f"{match['kind'].upper()}{match['size']}"  # one seeded bearing, run at every load and both rates
        facts["fault_size_inch"] = int(match["size"]) / 1000
        if match["clock"]:
            facts["clock"] = int(match["clock"])
    facts["file"] = folder.shown(path)
    return Recording(
        id=f"{NAME}/{path.stem}",
        dataset=NAME,
        label=label,
        group=group,
        load=partial(load_signal, path, f"{NAME}/{path.stem}", rate_hz),
        split=folder.split_of(path),
        facts=facts,
    )


def _named_rate(path: Path, match: re.Match[str]) -> float | None:
    """Rate that names say (Hz); None where none does."""
    named = match["rate"] or match["rate2"]
    if named:
        return 1000.0 * float(named)
    if match["healthy"]:
        return 48000.0
    for parent in path.parents[:2]:
        found = re.match(r"(12|48)\s?k", parent.name, re.IGNORECASE)
        if found:
            return 1000.0 * float(found[1])
    return None


def _speed_in(path: Path) -> int | None:
    """Speed measured during the recording (rpm); None where the file does not say, or is damaged: loading tells.

    The file is mapped, not read: of 3 MB only the pages with names and this one number come from the disk.
    """
    try:
        with path.open("rb") as stream:
            variables = read_variables(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ), MOST_BYTES)
    except (OSError, ValueError):
        return None
    for name, value in variables.items():
        if name.upper().endswith("RPM") and value.size == 1 and 0 < value.item() < 100_000:
            return int(value.item())
    return None


def load_signal(path: Path, title: str, rate_hz: float | None) -> Signal:
    """The drive-end accelerometer of a file. Raises RecordingError."""
    variables = _variables(path)
    name = next((name for name in variables if name.endswith("DE_time")), None)
    if name is None:
        known = ", ".join(variables) or "no numbers"
        raise RecordingError(f"{path}: no variable ends in DE_time; there are {known}.", "Take a drive-end recording.")
    values = variables[name].astype(np.float64).ravel()
    if values.size < 2:
        raise RecordingError(f"{path}: {name} holds {values.size} samples.", "Copy the recording again.")
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise RecordingError(
            f"{path}: sample {bad[0] + 1} of {name} is {values[bad[0]]}; {bad.size} are no numbers.",
            "Copy the recording again: values are never filled in.",
        )
    if rate_hz is None:
        rate_hz = 48000.0 if values.size > _LONGER_THAN_12_KHZ else 12000.0
    counts, scale = quantised(values[None, :], RANGE_G)
    return with_hash(Signal(title, counts, scale, rate_hz, "g", channels=("DE",)))


def _variables(path: Path) -> dict[str, Any]:
    try:
        return dict(read_variables(read_bytes(path), MOST_BYTES))
    except NotMatlab5 as error:
        raise RecordingError(f"{path}: {error}.", "Save it with `save -v7`.") from error
    except ValueError as error:
        raise damaged(path, str(error).rstrip(".")) from error
