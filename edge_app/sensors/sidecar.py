"""Recordings as `edge-app record` keeps them: a folder of WAV chunks, and `recording.json` that says what they are.

WAV of 16-bit counts is exact, needs no library to write, and every sound program opens it; the scale that turns counts
into g stands beside it, since WAV has no place for it. (FLAC would halve the size and cost another binary dependency
on every device.)

A chunk is listed here with its hash **before** it gets its name, so that after a power cut a listed chunk may still
bear the name it had while it was written: `part_of`. What is not listed was not finished.
"""

from __future__ import annotations

import json
import logging
import math
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edge_app.core.errors import RecordingError
from edge_app.core.files import file_hash
from edge_app.core.frames import Counts
from edge_app.sensors.recording_formats import Table, read_wav

SIDECAR = "recording.json"
VERSION = 1
log = logging.getLogger(__name__)

_MOST_BYTES = 1 << 26
_MOST_SAMPLES = 1 << 40
WAV_HEADER_BYTES = 44
STATES = ("recording", "finished", "stopped", "full", "failed")
"""Being written (or cut off by a power loss); whole; ended by a person; by the disk; by its sensor."""


@dataclass(frozen=True)
class Chunk:
    """One finished file of a recording."""

    file: str
    samples: int
    """Per axis."""
    sha256: str
    """Of the file."""


@dataclass(frozen=True)
class Stretch:
    """Samples without a gap."""

    sample: int
    """The first one, counted from the beginning of the recording."""
    time_s: float
    """Its time since the recording began (s)."""
    lost: int = 0
    """Samples lost just before it; -1 when nobody knows how many."""
    why: str = ""
    """What was lost before, in words; "" at the beginning."""


@dataclass(frozen=True)
class LabelSpan:
    """From which sample on the label is this one."""

    sample: int
    label: str


@dataclass(frozen=True)
class Sidecar:
    """What a recording is: written beside its chunks, replaced as a whole."""

    name: str
    """Of the folder at first: device, slot and time (UTC)."""
    device: str
    site: str
    slot: str
    sensor: str
    """As people call it: "lsm6ds3 on bus 1 address 0x6A"."""
    plugin: str
    unit: str
    """"g", "fs" or "au"."""
    scale: float
    """Units per count."""
    full_scale: int
    """Counts at which the sensor clips."""
    rate_hz: float
    axes: int
    started: str
    """UTC, "2026-01-31 23:59:58 UTC"."""
    started_ms: int
    """The same in milliseconds since 1970."""
    clock: str
    """How far that can be believed: ntp, rtc or none."""
    edge_app: str
    """Version that wrote it."""
    state: str = "recording"
    split: str = ""
    """"train", "val", "test", or "" where nobody chose."""
    labels: tuple[LabelSpan, ...] = ()
    stretches: tuple[Stretch, ...] = (Stretch(0, 0.0),)
    chunks: tuple[Chunk, ...] = ()
    quality: Mapping[str, Any] = field(default_factory=dict)
    """Of windows of a second: windows, judgeable, percent (mean), reasons (each with its count)."""

    @property
    def samples(self) -> int:
        """In all finished chunks, per axis."""
        return sum(chunk.samples for chunk in self.chunks)

    @property
    def seconds(self) -> float:
        """Length of the finished chunks, gaps left out (s)."""
        return self.samples / self.rate_hz


def sidecar_text(sidecar: Sidecar) -> str:
    """The file's text."""
    return json.dumps({"edge_app_recording": VERSION, **asdict(sidecar)}, indent=1, ensure_ascii=False) + "\n"


def part_of(file: str) -> str:
    """Name of a chunk while it is written."""
    return f"{file}.part"


def read_sidecar(path: Path) -> Sidecar:
    """The sidecar of a recording: `recording.json`, or the folder that holds it.

    Raises
    ------
    RecordingError
        Missing, damaged, of a later version, or with values that cannot be.
    """
    path = path / SIDECAR if path.is_dir() else path
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise RecordingError(f"{path}: is too large for a sidecar.", "Copy the recording again.")
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}.", "Name a recording's folder, and copy it whole.") from error
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{path}: damaged: {str(error)[:100]}.", "Copy the recording again.") from error
    version = data.get("edge_app_recording") if isinstance(data, dict) else None
    if version != VERSION:
        what = f"{path}: is no recording of version {VERSION} (edge_app_recording: {version!r})."
        raise RecordingError(what, "Read it with the edge-app that wrote it, or a later one.")
    try:
        return _checked(data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        name = f"lacks {error}" if isinstance(error, KeyError) else str(error)[:160]
        raise RecordingError(f"{path}: damaged: {name}.", "Copy the recording again.") from error


_TEXTS = ("name", "device", "site", "slot", "sensor", "plugin", "unit", "started", "clock", "edge_app")


def _checked(data: dict[str, Any]) -> Sidecar:
    texts = {key: _printable(data[key], key) for key in _TEXTS}
    chunks = tuple(
        Chunk(_plain_name(each["file"]), _whole(each["samples"], "samples", 1), _is(each["sha256"], str, "sha256"))
        for each in data["chunks"]
    )
    stretches = tuple(
        Stretch(
            _whole(each["sample"], "sample", 0),
            _number(each["time_s"], "time_s", 0.0),
            _whole(each.get("lost", 0), "lost", -1),
            _is(each.get("why", ""), str, "why"),
        )
        for each in data["stretches"]
    )
    labels = tuple(
        LabelSpan(_whole(each["sample"], "sample", 0), _printable(each["label"], "label")) for each in data["labels"]
    )
    for spans in (stretches, labels):
        places = [span.sample for span in spans]
        if not places or places[0] != 0 or places != sorted(set(places)):
            raise ValueError("labels or stretches do not begin at 0 and rise")
    if data["unit"] not in ("g", "fs", "au"):
        raise ValueError(f"unit {data['unit']!r}")
    return Sidecar(
        **texts,
        started_ms=_whole(data["started_ms"], "started_ms", 0, 1 << 50),
        scale=_number(data["scale"], "scale", 1e-30),
        full_scale=_whole(data["full_scale"], "full_scale", 1, 32768),
        rate_hz=_number(data["rate_hz"], "rate_hz", 1e-3, 10e6),
        axes=_whole(data["axes"], "axes", 1, 64),
        state=_one_of(data["state"], STATES, "state"),
        split=_one_of(data["split"], ("", "train", "val", "test"), "split"),
        labels=labels,
        stretches=stretches,
        chunks=chunks,
        quality=_is(data["quality"], dict, "quality"),
    )


def _is(value: Any, kind: type, key: str) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{key} is {value!r}")
    return value


def _printable(value: Any, key: str) -> str:
    """A text that may be shown in a terminal: no line ends, no commands to it."""
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(f"{key} is {value!r}")
    return value


def _whole(value: Any, key: str, least: int, most: int = _MOST_SAMPLES) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{key} is {value!r}")
    return value


def _number(value: Any, key: str, least: float, most: float = 1e30) -> float:
    if not isinstance(value, (int, float)) or not math.isfinite(value) or not least <= value <= most:
        raise ValueError(f"{key} is {value!r}")
    return float(value)


def _one_of(value: Any, allowed: tuple[str, ...], key: str) -> str:
    if value not in allowed:
        raise ValueError(f"{key} is {value!r}")
    return str(value)


def _plain_name(value: Any) -> str:
    if not isinstance(value, str) or Path(value).name != value or not value.isprintable() or not value.endswith(".wav"):
        raise ValueError(f"a chunk is called {value!r}")
    return value


# --- chunks -------------------------------------------------------------------------------------------------------


def wav_header(n_bytes: int, axes: int, rate_hz: float) -> bytes:
    """The 44 bytes before the samples of a chunk; the exact rate stands in the sidecar, WAV has whole Hz only."""
    rate = max(1, round(rate_hz))
    layout = struct.pack("<HHIIHH", 1, axes, rate, rate * axes * 2, axes * 2, 16)
    riff = b"RIFF" + struct.pack("<I", 36 + n_bytes) + b"WAVE"
    return riff + b"fmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", n_bytes)


def chunk_path(folder: Path, chunk: Chunk) -> Path:
    """The chunk's file: under its name, or under the one it had when the power went. Raises RecordingError."""
    path = folder / chunk.file
    if path.is_file():
        return path
    unnamed = folder / part_of(chunk.file)
    if unnamed.is_file() and file_hash(unnamed) == chunk.sha256:
        return unnamed
    raise RecordingError(f"{path}: is listed in {SIDECAR} and not there.", "Copy the recording again, whole.")


def read_chunk(folder: Path, sidecar: Sidecar, chunk: Chunk) -> Counts:
    """Counts (axes, samples) of one chunk. Raises RecordingError when it is not what the sidecar says."""
    path = chunk_path(folder, chunk)
    try:
        changed = file_hash(path) != chunk.sha256
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}.", "Check who may read it.") from error
    table = read_wav(path)
    columns = [table.column(k) for k in range(len(table.names))]
    if len(columns) != sidecar.axes or columns[0].dtype != np.int16 or columns[0].size != chunk.samples:
        raise RecordingError(
            f"{path}: holds {len(columns)} axes of {columns[0].size} samples,"
            f" {sidecar.axes} of {chunk.samples} are listed.",
            "Copy the recording again.",
        )
    if changed:
        raise RecordingError(f"{path}: is not what was recorded (SHA-256).", "Copy the recording again.")
    return np.ascontiguousarray(np.stack(columns))


def read_counts(folder: Path, sidecar: Sidecar) -> Counts:
    """Counts (axes, samples) of the whole recording. Raises RecordingError when it has none, or a chunk is damaged."""
    if not sidecar.chunks:
        raise RecordingError(f"{folder}: holds no finished chunk.", "Record for longer.")
    return np.concatenate([read_chunk(folder, sidecar, chunk) for chunk in sidecar.chunks], axis=1)


def read_own(path: Path) -> Table:
    """A recording as a table, for `--replay SLOT=DIR/recording.json`: one column per axis, counts with their scale."""
    sidecar = read_sidecar(path)
    counts = read_counts(path.parent, sidecar)
    if len(sidecar.stretches) > 1:
        log.warning("%s: has %d gaps; a replay plays on across them.", path, len(sidecar.stretches) - 1)
    return Table(
        names=tuple(str(k + 1) for k in range(sidecar.axes)),
        column=lambda k: counts[k],
        chosen_by_default=tuple(range(sidecar.axes)),
        rate_hz=sidecar.rate_hz,
        alike=True,
        scale=sidecar.scale,
        unit=sidecar.unit,
        clips_at=sidecar.full_scale,
    )
