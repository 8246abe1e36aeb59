"""Readers of recording files: WAV, CSV, NPZ/NPY, MATLAB. Each gives a `Table` of named columns.

Whatever a damaged or hostile file makes a library raise leaves here as RecordingError.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import RecordingError
from edge_app.sensors.recording_matlab import NotMatlab5, read_variables

Column = NDArray[Any]

MOST_BYTES = 1 << 31
"""Files and arrays beyond this are refused: two hours of 48 kHz x 3 axes as float64 still fit (bytes)."""


MOST_CHANNELS = 256
"""Of a WAV file: no microphone array and no recorder has more; a damaged header easily says so."""
UNPACKED_ALWAYS = 1 << 26
UNPACKED_TIMES = 50
"""What a packed file may unpack to (bytes), or how many times its size: a signal packs to a half, or to a tenth."""


def most_unpacked(packed_bytes: int) -> int:
    """Bytes a packed file of this size may unpack to: a few packed megabytes of nothing would fill the memory."""
    return min(MOST_BYTES, max(UNPACKED_ALWAYS, UNPACKED_TIMES * packed_bytes))


@dataclass(frozen=True)
class Table:
    """Columns of one file, read when asked for."""

    names: tuple[str, ...]
    """One name per column; "1", "2" … where the file names none."""
    column: Callable[[int], Column]
    """Column by position (from 0): float64 in the file's own values, or int16 where the file holds int16."""
    chosen_by_default: tuple[int, ...]
    """Positions that can be the signal: everything but time, text and single numbers."""
    rate_hz: float | None = None
    """Sampling rate, when the file says (Hz)."""
    full_scale: float | None = None
    """Value that stands for the sensor's range (PCM: 32768 for 16 bit); None when values are in the unit."""
    alike: bool = False
    """True when columns are channels of one kind, so that taking the first ones is no mistake (WAV)."""
    scale: float | None = None
    """Units per value, when the file says."""
    unit: str | None = None
    """Unit of the values, when the file says."""
    clips_at: int | None = None
    """Counts at which the sensor clipped, when the file says."""
    why_none: str = ""
    """Where the first thing stands that is no number, when no column can be the signal."""


def read_table(path: Path) -> Table:
    """Columns of a recording, by the file's ending.

    Raises
    ------
    RecordingError
        Missing, empty, too large, of an unknown format, or damaged.
    """
    _check_file(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise RecordingError(
            f"{path}: recordings end in {', '.join(sorted(_READERS))}; this one ends in {path.suffix or 'nothing'!r}.",
            "Convert it, or rename it if only its ending is wrong.",
        )
    try:
        return reader(path)
    except OSError as error:
        raise damaged(path, str(error)) from error
    except MemoryError as error:
        raise damaged(path, "it claims more data than fits in memory") from error


def _check_file(path: Path) -> None:
    if not path.exists():
        raise RecordingError(
            f"{path}: no such recording.", "Check the path; relative paths start at the current folder."
        )
    if not path.is_file():
        raise RecordingError(f"{path}: is not a file.", "Name one recording, not a folder.")
    size = path.stat().st_size
    if size == 0:
        raise RecordingError(f"{path}: the file is empty (0 bytes).", "Copy the recording again.")
    if size > MOST_BYTES:
        raise RecordingError(f"{path}: {size >> 20} MiB are more than {MOST_BYTES >> 20} MiB.", "Cut it into parts.")


def damaged(path: Path, how: str) -> RecordingError:
    """The error for a file that is cut short or not what its ending says."""
    return RecordingError(f"{path}: damaged or cut short: {how}.", "Copy or record it again.")


# --- WAV ----------------------------------------------------------------------------------------------------------


def read_wav(path: Path) -> Table:
    """RIFF/WAVE: PCM of 8, 16, 24 or 32 bit and IEEE float of 32 or 64 bit, plain or extensible.

    Source: Microsoft/IBM, Multimedia Programming Interface and Data Specifications 1.0 (1991), "WAVE"; Microsoft,
    "Multiple channel audio data and WAVE files" (extensible: the sub-format's first two bytes are the old tag).
    """
    data = path.read_bytes()
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise damaged(path, "it does not begin with a RIFF/WAVE header")
    chunks = _riff_chunks(path, data)
    layout = chunks.get(b"fmt ")
    samples = chunks.get(b"data")
    if layout is None or len(layout) < 16:
        raise damaged(path, "it has no complete 'fmt ' chunk")
    if samples is None:
        raise damaged(path, "it has no 'data' chunk")
    tag, n_channels, rate_hz, _, block, bits = struct.unpack_from("<HHIIHH", layout)
    if tag == 0xFFFE and len(layout) >= 26:
        (tag,) = struct.unpack_from("<H", layout, 24)
    if block == 0 or rate_hz == 0 or block != n_channels * (bits // 8):
        raise damaged(path, f"its header says {n_channels} channels, {bits} bit, {rate_hz} Hz, {block} bytes a sample")
    if n_channels > MOST_CHANNELS:
        raise damaged(path, f"its header says {n_channels} channels; at most {MOST_CHANNELS} are read")
    if len(samples) % block:
        raise damaged(path, f"its data ends within a sample ({len(samples) % block} of {block} bytes)")
    values, full_scale = _pcm(path, samples, tag, bits)
    channels = values.reshape(-1, n_channels)
    return Table(
        names=tuple(str(k + 1) for k in range(n_channels)),
        column=lambda k: channels[:, k],
        chosen_by_default=tuple(range(n_channels)),
        rate_hz=float(rate_hz),
        full_scale=full_scale,
        alike=True,
    )


def _riff_chunks(path: Path, data: bytes) -> dict[bytes, bytes]:
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"data" and size == 0xFFFFFFFF:  # written to a pipe: until the end
            size = len(data) - at - 8
        if at + 8 + size > len(data):
            raise damaged(
                path, f"its {name.decode('latin-1')!r} chunk promises {size} bytes, {len(data) - at - 8} are there"
            )
        chunks.setdefault(name, data[at + 8 : at + 8 + size])
        at += 8 + size + (size & 1)
    return chunks


def _pcm(path: Path, samples: bytes, tag: int, bits: int) -> tuple[Column, float | None]:
    if tag == 3 and bits in (32, 64):
        with np.errstate(invalid="ignore"):  # a signalling NaN stays one: the values are checked later
            return np.frombuffer(samples, dtype=f"<f{bits // 8}").astype(np.float64), None
    if tag == 1 and bits == 8:
        return np.frombuffer(samples, dtype=np.uint8).astype(np.float64) - 128.0, 128.0
    if tag == 1 and bits == 16:
        return np.frombuffer(samples, dtype="<i2").astype(np.int16, copy=False), 32768.0
    if tag == 1 and bits == 24:
        wide = np.zeros((len(samples) // 3, 4), dtype=np.uint8)
        wide[:, 1:] = np.frombuffer(samples, dtype=np.uint8).reshape(-1, 3)
        return wide.view("<i4").ravel().astype(np.float64), 2.0**31
    if tag == 1 and bits == 32:
        return np.frombuffer(samples, dtype="<i4").astype(np.float64), 2.0**31
    raise RecordingError(
        f"{path}: WAV coding {tag} with {bits} bit; known are PCM of 8, 16, 24, 32 bit and float of 32, 64 bit.",
        "Convert it to 16-bit PCM.",
    )


# --- NPZ, NPY -----------------------------------------------------------------------------------------------------


def read_npz(path: Path) -> Table:
    """NumPy archive: arrays (n,), (n_axes, n) or (n, n_axes); single numbers `rate_hz` and `scale`, text `unit`."""
    try:
        with zipfile.ZipFile(path) as archive:
            claimed = sum(info.file_size for info in archive.infolist())
        if claimed > most_unpacked(path.stat().st_size):
            raise ValueError(f"its {path.stat().st_size >> 10} KiB would unpack to {claimed >> 20} MiB")
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name]) for name in archive.files}
    except Exception as error:  # those of zipfile, zlib, numpy and Python's tokenizer have no common base
        raise damaged(path, _first_line(error)) from error
    return _from_arrays(arrays)


def read_npy(path: Path) -> Table:
    """One NumPy array, mapped before it is read so that a hostile header cannot claim memory."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # as above: the header is Python text, and its tokenizer's errors differ by version
        raise damaged(path, _first_line(error)) from error
    return _from_arrays({"signal": np.asarray(array)})


def _from_arrays(arrays: dict[str, Column]) -> Table:
    """Columns of named arrays; arrays of two dimensions give one column per axis, the longer side is time."""
    names: list[str] = []
    columns: list[Column] = []
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu" or array.ndim not in (1, 2) or array.size < 2:
            continue
        rows = array if array.ndim == 2 and array.shape[0] <= array.shape[1] else array.T
        rows = rows.reshape(1, -1) if rows.ndim == 1 else rows
        for axis, row in enumerate(rows):
            names.append(name if rows.shape[0] == 1 else f"{name}.{axis + 1}")
            with np.errstate(invalid="ignore", over="ignore"):  # as above; a longer float may hold more than ours
                columns.append(row if row.dtype == np.int16 else row.astype(np.float64))
    return Table(
        names=tuple(names),
        column=lambda k: columns[k],
        chosen_by_default=tuple(k for k, name in enumerate(names) if not is_time(name)),
        rate_hz=_number(arrays, "rate_hz"),
        scale=_number(arrays, "scale"),
        unit=_text(arrays, "unit"),
    )


def _number(arrays: dict[str, Column], name: str) -> float | None:
    value = arrays.get(name)
    return float(value.ravel()[0]) if value is not None and value.size == 1 and value.dtype.kind in "fiu" else None


def _text(arrays: dict[str, Column], name: str) -> str | None:
    value = arrays.get(name)
    return str(value.ravel()[0]) if value is not None and value.size == 1 and value.dtype.kind == "U" else None


# --- MATLAB -------------------------------------------------------------------------------------------------------


def read_mat(path: Path) -> Table:
    """MATLAB 5 to 7.2 files; every numeric vector or matrix is a signal, single numbers are not."""
    try:
        data = path.read_bytes()
        return _from_arrays(dict(read_variables(data, most_unpacked(len(data)))))
    except NotMatlab5 as error:
        raise RecordingError(f"{path}: {error}.", "Save it with `save -v7`, or convert it to NPZ.") from error
    except ValueError as error:
        raise damaged(path, _first_line(error)) from error


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return (text[0].rstrip(".") if text else type(error).__name__)[:200]


# --- names --------------------------------------------------------------------------------------------------------

_TIME_NAMES = {"t", "time", "timer", "timestamp", "iso_time", "date", "datetime", "seconds", "elapsed"}


def is_time(name: str) -> bool:
    """Whether a column of this name is time, not signal: "time", "t_ms", "timestamp_s", "Time (s)" …"""
    word = name.lower().split("(")[0].split("[")[0].strip()
    for ending in ("_s", "_ms", "_us", "_ns", "_utc"):
        word = word.removesuffix(ending)
    return word in _TIME_NAMES


def is_number(field: str) -> bool:
    """Whether a field of a text file is a number. (Python would also read 1_0, which no instrument writes.)"""
    if "_" in field:
        return False
    try:
        float(field)
    except ValueError:
        return False
    return True


def numbered(count: int) -> Sequence[str]:
    """Names of columns that have none."""
    return [str(k + 1) for k in range(count)]


def _read_csv(path: Path) -> Table:
    from edge_app.sensors.recording_csv import read_csv

    return read_csv(path)


def _read_own(path: Path) -> Table:
    from edge_app.sensors.sidecar import read_own

    return read_own(path)


def _read_wfdb(path: Path) -> Table:
    from edge_app.sensors.wfdb import read_wfdb

    return read_wfdb(path)


_READERS: dict[str, Callable[[Path], Table]] = {
    ".wav": read_wav,
    ".csv": _read_csv,
    ".txt": _read_csv,
    ".tsv": _read_csv,
    ".npz": read_npz,
    ".npy": read_npy,
    ".mat": read_mat,
    ".json": _read_own,
    ".hea": _read_wfdb,
}
