"""What importers share: counts as a sensor would give them, numbers out of text files, the hash of a signal."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import RecordingError
from edge_app.core.frames import FULL_SCALE, Counts
from edge_app.sensors.recording_csv import TextColumns
from edge_app.training.importers.base import Signal

_MOST_BYTES = 1 << 29
"""Text files and recordings beyond this are refused (bytes): parsing takes several times as much memory."""
_LARGEST = 1e12
"""No sensor and no clock in ms gives more; beyond, arithmetic may overflow."""
_COUNTS = 32768.0
"""Counts of a full scale."""


def quantised(values: NDArray[np.float64], full_scale_units: float) -> tuple[Counts, float]:
    """Counts (n_axes, n) of a sensor with this full scale, and units per count; what lies beyond clips."""
    with np.errstate(over="ignore"):  # what overflows clips
        counts = np.clip(np.rint(values * (_COUNTS / full_scale_units)), -FULL_SCALE, FULL_SCALE)
    return np.ascontiguousarray(counts.astype(np.int16)), full_scale_units / _COUNTS


def with_hash(signal: Signal) -> Signal:
    """The signal with the hash of its samples and rate: a copy under another name has the same."""
    return replace(signal, sha256=content_hash(signal.counts, signal.rate_hz))


def content_hash(counts: Counts, rate_hz: float) -> str:
    """SHA-256 of samples, shape and rate."""
    digest = hashlib.sha256(struct.pack("<dqq", rate_hz, *counts.shape))
    digest.update(np.ascontiguousarray(counts, dtype="<i2").data)
    return digest.hexdigest()


def checked_size(path: Path, most_bytes: int = _MOST_BYTES) -> int:
    """Size of a file (bytes). Raises RecordingError for a missing, empty or oversized one."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}.", "Check the path, and who may read it.") from error
    if size == 0:
        raise RecordingError(f"{path}: the file is empty (0 bytes).", "Copy the recording again.")
    if size > most_bytes:
        raise RecordingError(f"{path}: {size >> 20} MiB are more than {most_bytes >> 20} MiB.", "Cut it into parts.")
    return size


def read_bytes(path: Path, most_bytes: int = _MOST_BYTES) -> bytes:
    """A file's bytes. Raises RecordingError when it is missing, empty, too large or cannot be read."""
    checked_size(path, most_bytes)
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}.", "Check who may read it.") from error


def read_columns(path: Path, columns: Sequence[int | str]) -> NDArray[np.float64]:
    """Columns of a text file, by position (from 0) or name, as float64 of shape (n_columns, n_rows).

    Raises
    ------
    RecordingError
        Missing, empty, damaged; no such column; something that is no finite number, or beyond 1e12, with its line.
    """
    checked_size(path)
    try:
        table = TextColumns(path)
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}.", "Check who may read it.") from error
    positions = [_position(path, table, column) for column in columns]
    values = np.stack([table.column(k) for k in positions])
    bad = np.argwhere(~(np.abs(values.T) <= _LARGEST))
    if bad.size:
        row, which = (int(k) for k in bad[0])
        raise RecordingError(
            f"{path}: line {table.line(row)}, column {positions[which] + 1} holds {values[which, row]};"
            f" {len(bad)} values are no measured numbers.",
            "Cut that part out, or record it again: values are never filled in.",
        )
    return values


def _position(path: Path, table: TextColumns, column: int | str) -> int:
    if isinstance(column, int):
        if column < table.width:
            return column
        raise RecordingError(f"{path}: has {table.width} columns, {column + 1} are needed.", "Copy it again.")
    names = [name.strip() for name in table.header or ()]
    if column in names:
        return names.index(column)
    there = ", ".join(name[:40] for name in names[:12]) or "no names"
    raise RecordingError(
        f"{path}: has no column {column!r}; there are {there}.",
        "Copy it again, with the names of its columns, or rename the file when it is of another kind.",
    )
