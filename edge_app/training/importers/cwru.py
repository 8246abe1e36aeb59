"""Case Western Reserve University bearing data: MATLAB files, accelerometer at the drive end (g).

**The sampling rate.** The files do not say it. `12k_…` holds 12 kHz, `48k_…` 48 kHz, and so does any file in a folder
named so. The healthy baselines (`normal_…`) hold 48 kHz, whatever tutorials say: read at 12 kHz their spectrum has
nothing in common with the same machine's other recordings, and their length is that of the 48 kHz files. Where no name
says it, the recording's number does (`B007_1_123.mat`, `105.mat`, the variable X105_DE_time), and where there is none,
the length: 12 kHz recordings last 10 s (120 000 samples), the 48 kHz ones have twice or four times that.
"""

from __future__ import annotations

import mmap
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge_app.core.errors import RecordingError
from edge_app.sensors.recording_formats import damaged, most_unpacked
from edge_app.sensors.recording_matlab import NotMatlab5, read_variables
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.cwru_numbers import CONDITIONS, DRIVE, FAN, Condition
from edge_app.training.importers.folder import Folder
from edge_app.training.importers.signals import quantised, read_bytes, with_hash

NAME = "cwru"
RANGE_G = 16.0
"""Full scale the counts are made for (g); the loudest recording peaks at 6.7 g."""
_FAULT = (
    r"(?:(?P<rate>12|48)k_)?(?:(?P<end>Drive|Fan)_End_|DE_|(?P<fe>FE_))?"
    r"(?P<kind>IR|OR|B)(?P<size>\d{3})(?:[@_](?P<clock>12|0?3|0?6)(?=_))?"
)
_HEALTHY = r"(?:Time_)?(?:(?P<rate2>12|48)k_)?(?P<healthy>normal)"
_NAMES = rf"(?:{_FAULT}|{_HEALTHY})_(?P<load>[0-3])(?:_(?P<number>\d+))?\.mat"
_NUMBERED = r"X?0*(?P<number>\d{2,4})\.mat"
_KINDS = {"IR": "inner", "OR": "outer", "B": "ball", "": "healthy"}
_RPM_BY_LOAD = {0: 1797, 1: 1772, 2: 1750, 3: 1730}
"""Nominal speed by load in hp; the centre's tables "12k Drive End Bearing Fault Data" and "Normal Baseline Data"."""
_LONGER_THAN_12_KHZ = 200_000
"""Samples: every 12 kHz recording is shorter, every 48 kHz one longer."""


def find(folder: Folder) -> list[Recording]:
    """Recordings named in the centre's manner: 12k_Drive_End_IR007_0_105.mat, normal_0_97.mat …, or just 105.mat."""
    named = [_recording(folder, path, _condition(path, match)) for path, match in folder.matching(_NAMES)]
    return named + [
        _recording(folder, path, (CONDITIONS[int(match["number"])], frozenset({int(match["number"])})))
        for path, match in folder.matching(_NUMBERED)
        if int(match["number"]) in CONDITIONS and any(name.endswith("DE_time") for name in _variables_in(path))
    ]


def _condition(path: Path, match: re.Match[str]) -> tuple[Condition, frozenset[int]]:
    """What a name tells was recorded (rate 0: it does not tell), and the numbers that may stand for it."""
    kind, load = (match["kind"] or "").upper(), int(match["load"])
    number = int(match["number"] or 0)
    listed = CONDITIONS.get(number)
    if listed and (listed.kind, listed.size_mil, listed.load_hp) != (kind, int(match["size"] or 0), load):
        listed = None  # somebody's own count, not the centre's
    end = _end(path, match) or (listed.end if listed else DRIVE)
    rate_khz = _named_rate_khz(path, match) or (listed.rate_khz if listed else 0)
    found = Condition(kind, int(match["size"] or 0), int(match["clock"] or 0), load, end, rate_khz)
    if listed:
        return replace(listed, rate_khz=rate_khz), frozenset({number})
    fits = {each for each, known in CONDITIONS.items() if not number and _could_be(known, found)}
    inside = fits & {_number_of(name) for name in _variables_in(path)} if len(fits) > 1 else set()
    if len(inside) == 1:
        found, fits = CONDITIONS[min(inside)], inside
    return found, frozenset(fits)


def _could_be(listed: Condition, named: Condition) -> bool:
    """Whether this recording of the centre's may bear a name that tells so much; names leave out rate or clock."""
    rate_khz, clock = named.rate_khz or listed.rate_khz, named.clock or listed.clock
    return replace(named, rate_khz=rate_khz, clock=clock) == listed


def _end(path: Path, match: re.Match[str]) -> str:
    if match["end"] or match["fe"]:
        return (match["end"] or FAN).lower()
    return FAN if any(re.search(r"fan.?end", parent.name, re.IGNORECASE) for parent in path.parents[:3]) else ""


def _recording(folder: Folder, path: Path, told: tuple[Condition, frozenset[int]]) -> Recording:
    what, numbers = told
    facts: dict[str, Any] = {"rpm": _speed_in(path, numbers) or _RPM_BY_LOAD[what.load_hp], "load_hp": what.load_hp}
    rate_hz = 1000.0 * what.rate_khz if what.rate_khz else None
    if rate_hz:
        facts["rate_hz"] = rate_hz
    group = "healthy"
    if what.kind:
        end = "fan_" if what.end == FAN else ""
        group = f"{end}{what.kind}{what.size_mil:03d}"  # one seeded bearing, run at every load and both rates
        facts |= {"fault_size_inch": what.size_mil / 1000, "end": what.end}
        if what.clock:
            facts["clock"] = what.clock
    facts["file"] = folder.shown(path)
    listed = CONDITIONS.get(min(numbers)) if len(numbers) == 1 else None
    title = f"{NAME}/{listed.name(min(numbers)) if listed else path.stem}"
    return Recording(
        id=title,
        dataset=NAME,
        label=_KINDS[what.kind],
        group=group,
        load=partial(load_signal, path, title, rate_hz, numbers),
        split=folder.split_of(path),
        facts=facts,
    )


def _named_rate_khz(path: Path, match: re.Match[str]) -> int:
    """Rate that names say (kHz); 0 where none does."""
    named = match["rate"] or match["rate2"]
    if named:
        return int(named)
    if match["healthy"]:
        return 48
    for parent in path.parents[:4]:  # 12k Drive End Bearing Fault Data/Outer Race/Centered/0007/OR007@6_0.mat
        found = re.match(r"(12|48)\s?k", parent.name, re.IGNORECASE)
        if found:
            return int(found[1])
    return 0


def _speed_in(path: Path, numbers: frozenset[int]) -> int | None:
    """Speed measured during the recording (rpm); None where the file does not say, or is damaged: loading tells."""
    speeds = {
        name: value
        for name, value in _variables_in(path).items()
        if name.upper().endswith("RPM") and value.size == 1 and 0 < value.item() < 100_000
    }
    return int(speeds[_own(list(speeds), numbers)].item()) if speeds else None


def _variables_in(path: Path) -> dict[str, Any]:
    """Variables of a file that need not be read yet; none of a damaged one.

    The file is mapped, not read: of 3 MB only the pages that are looked at come from the disk.
    """
    try:
        with path.open("rb") as stream:
            return dict(
                read_variables(
                    mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ), most_unpacked(path.stat().st_size)
                )
            )
    except (OSError, ValueError):
        return {}


def _own(names: list[str], numbers: frozenset[int]) -> str:
    """The variable of the file's own number: 99.mat holds those of 98 too. The first where none has it."""
    return next((name for name in names if _number_of(name) in numbers), names[0])


def _number_of(name: str) -> int:
    """105 of X105_DE_time; 0 where there is none."""
    found = re.match(r"X(\d+)", name)
    return int(found[1]) if found else 0


def load_signal(path: Path, title: str, rate_hz: float | None, numbers: frozenset[int] = frozenset()) -> Signal:
    """The drive-end accelerometer of a file. Raises RecordingError."""
    variables = _variables(path)
    names = [name for name in variables if name.endswith("DE_time")]
    if not names:
        known = ", ".join(variables) or "no numbers"
        raise RecordingError(f"{path}: no variable ends in DE_time; there are {known}.", "Take a drive-end recording.")
    name = _own(names, numbers)
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
        data = read_bytes(path)
        return dict(read_variables(data, most_unpacked(len(data))))
    except NotMatlab5 as error:
        raise RecordingError(f"{path}: {error}.", "Save it with `save -v7`.") from error
    except ValueError as error:
        raise damaged(path, str(error).rstrip(".")) from error
