"""Headers of WFDB records. Source: G. B. Moody, "WFDB Applications Guide", header(5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edge_app.core.errors import RecordingError
from edge_app.sensors.recording_formats import damaged

_MOST_BYTES = 1 << 20
_MOST_CHANNELS = 64
_MOST_SAMPLES = 1 << 30
_DEFAULT_RATE_HZ = 250.0
_DEFAULT_GAIN = 200.0
_DEFAULT_BITS = {212: 12, 16: 16}


@dataclass(frozen=True)
class Channel:
    """One signal of a record."""

    name: str
    file: str
    """Name of the sample file, in the header's folder."""
    coding: int
    """212 (two 12-bit samples in three bytes) or 16."""
    per_frame: int
    """Samples in one frame; more than one means a faster channel."""
    skew: int
    """Frames this channel lags behind."""
    offset: int
    """Bytes before the first sample."""
    gain: float
    """Converter steps per unit."""
    units: str
    baseline: int
    """Code that stands for 0 units."""
    bits: int
    """Resolution of the converter."""
    zero: int
    """Code in the middle of the converter's range."""


@dataclass(frozen=True)
class Header:
    """What a header says."""

    rate_hz: float
    n_samples: int
    """Frames; 0 where the header does not say."""
    channels: tuple[Channel, ...]
    comments: tuple[str, ...]


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """A file of a record. Raises RecordingError when it is missing, too large or cannot be read."""
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise RecordingError(
                f"{path}: {size >> 20} MiB are more than {most_bytes >> 20} MiB.", "Cut it into parts."
            )
        return path.read_bytes()
    except OSError as error:
        fix = "A record is a header (.hea) with its sample files (.dat) beside it."
        raise RecordingError(f"{path}: {error.strerror}.", fix) from error


def read_header(path: Path) -> Header:
    """Raises RecordingError when it is damaged, or of a kind that is not read (several segments, other formats)."""
    text = read_bytes(path, _MOST_BYTES).decode("latin-1")
    lines = [line.strip() for line in text.splitlines()]
    comments = tuple(line.lstrip("# ").strip() for line in lines if line.startswith("#"))
    rows = [line for line in lines if line and not line.startswith("#")]
    if not rows:
        raise damaged(path, "it holds no record line")
    try:
        rate_hz, n_samples, n_channels = _record_line(path, rows[0])
        if len(rows) <= n_channels:
            raise damaged(path, f"it promises {n_channels} signals and describes {len(rows) - 1}")
        channels = tuple(_signal_line(path, row, k) for k, row in enumerate(rows[1 : n_channels + 1]))
    except (ValueError, IndexError, OverflowError) as error:
        raise damaged(path, f"its text is no WFDB header ({error})") from error
    return Header(rate_hz, n_samples, channels, tuple(comment for comment in comments if comment))


def _record_line(path: Path, row: str) -> tuple[float, int, int]:
    """Rate (Hz), frames, signals."""
    fields = row.split()
    if "/" in fields[0]:
        raise RecordingError(f"{path}: a record of several segments, which is not read.", "Read its segments.")
    n_channels = int(fields[1])
    rate_hz = float(re.split(r"[/(]", fields[2])[0]) if len(fields) > 2 else _DEFAULT_RATE_HZ
    n_samples = int(fields[3]) if len(fields) > 3 else 0
    if not (0 < n_channels <= _MOST_CHANNELS and 0 < rate_hz <= 1e6 and 0 <= n_samples <= _MOST_SAMPLES):
        raise damaged(path, f"it says {n_channels} signals, {rate_hz:g} Hz, {n_samples} samples")
    return rate_hz, n_samples, n_channels


_CODING = re.compile(r"(\d+)(?:x(\d+))?(?::(\d+))?(?:\+(\d+))?")
_GAIN = re.compile(r"([-+.\deE]+)(?:\((-?\d+)\))?(?:/(\S+))?")


def _signal_line(path: Path, row: str, number: int) -> Channel:
    fields = row.split(maxsplit=8)
    match = _CODING.fullmatch(fields[1])
    if match is None:
        raise damaged(path, f"signal {number + 1} is coded {fields[1][:20]!r}")
    coding = int(match[1])
    if coding not in _DEFAULT_BITS:
        raise RecordingError(f"{path}: format {coding} is not read; 212 and 16 are.", "Convert it (wfdb's xform).")
    gain_field = _GAIN.fullmatch(fields[2]) if len(fields) > 2 else None
    gain = float(gain_field[1]) if gain_field else 0.0
    bits = int(fields[3]) if len(fields) > 3 else 0
    zero = int(fields[4]) if len(fields) > 4 else 0
    baseline = int(gain_field[2]) if gain_field and gain_field[2] else zero
    file, per_frame = fields[0], int(match[2] or 1)
    if (
        Path(file).name != file
        or not file.isprintable()
        or not 0 < per_frame <= 1000
        or not 0 <= gain < 1e9
        or abs(baseline) > 1 << 16
    ):
        raise damaged(path, f"signal {number + 1} is described as {row[:60]!r}")
    return Channel(
        name=fields[8].strip() if len(fields) > 8 else f"signal {number + 1}",
        file=file,
        coding=coding,
        per_frame=per_frame,
        skew=int(match[3] or 0),
        offset=int(match[4] or 0),
        gain=gain or _DEFAULT_GAIN,
        units=(gain_field[3] if gain_field and gain_field[3] else "mV"),
        baseline=baseline,
        bits=bits if 0 < bits <= 16 else _DEFAULT_BITS[coding],
        zero=zero,
    )
