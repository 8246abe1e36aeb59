"""Writes a recording: chunks that are whole or absent, and the sidecar beside them, whatever moment the power goes.

A chunk is written under another name, synced, listed in the sidecar (itself synced and put in place as a whole), and
only then named. Room for a whole chunk is asked for before its first sample, so that a full disk is met between two
chunks and not within one. Finished chunks are never opened for writing again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from edge_app.core.errors import RecordingError
from edge_app.core.files import file_hash, sync_folder, write_whole
from edge_app.core.frames import Counts
from edge_app.sensors.sidecar import (
    SIDECAR,
    WAV_HEADER_BYTES,
    Chunk,
    LabelSpan,
    Sidecar,
    Stretch,
    chunk_path,
    part_of,
    read_sidecar,
    sidecar_text,
    wav_header,
)

_BYTES_PER_COUNT = 2
_SIDECAR_GROWTH = 8192
"""What a sidecar may grow by in one chunk, and the rest of its last block (bytes)."""


class RecordingFiles:
    """The files of one recording while it is written.

    Parameters
    ----------
    folder : Path
        Of this recording alone.
    sidecar : Sidecar
        What is known at the beginning.
    chunk_s : float
        Length of a chunk (s): what a power loss costs at most.
    """

    def __init__(self, folder: Path, sidecar: Sidecar, chunk_s: float) -> None:
        self.folder = folder
        self.sidecar = sidecar
        self.samples = sidecar.samples
        """Samples taken so far, those of the unfinished chunk included."""
        self._per_chunk = max(1, round(chunk_s * sidecar.rate_hz))
        self._stretches = list(sidecar.stretches) if sidecar.chunks else []
        self._labels = list(sidecar.labels)
        self._stream: BinaryIO | None = None
        self._in_chunk = 0

    @property
    def bytes(self) -> int:
        """Size of all that was taken (bytes)."""
        return self.samples * self._block + (len(self.sidecar.chunks) + 1) * WAV_HEADER_BYTES

    @property
    def label(self) -> str:
        """The one that holds now."""
        return self._labels[-1].label if self._labels else ""

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """Those begun so far."""
        return tuple(self._stretches)

    @property
    def end_s(self) -> float:
        """Time just after the last sample taken, since the recording began (s)."""
        if not self._stretches:
            return 0.0
        last = self._stretches[-1]
        return last.time_s + (self.samples - last.sample) / self.sidecar.rate_hz

    @property
    def _block(self) -> int:
        return self.sidecar.axes * _BYTES_PER_COUNT

    def begin(self) -> None:
        """Make the folder and its first sidecar. Raises OSError."""
        self.folder.mkdir(parents=True, mode=0o700)
        sync_folder(self.folder.parent)
        self._put_sidecar(self.sidecar)

    def set_label(self, label: str) -> None:
        """From the next sample on the label is this one."""
        if self._labels and self._labels[-1].sample == self.samples:
            self._labels.pop()
        if self.label != label:
            self._labels.append(LabelSpan(self.samples, label))

    def begin_stretch(self, time_s: float, lost: int = 0, why: str = "") -> None:
        """The next sample does not follow the last one: it was taken at this time."""
        if self._stretches and self._stretches[-1].sample == self.samples:
            earlier = self._stretches.pop()
            lost = -1 if -1 in (lost, earlier.lost) else lost + earlier.lost
            why = why or earlier.why
        self._stretches.append(Stretch(self.samples, round(max(time_s, self.end_s), 6), lost, why))

    def take(self, counts: Counts) -> None:
        """Write counts (axes, n). Raises OSError: what was finished before stays."""
        at = 0
        while at < counts.shape[1]:
            if self._stream is None:
                self._open_chunk()
            piece = counts[:, at : at + self._per_chunk - self._in_chunk]
            assert_written(self._stream, np.ascontiguousarray(piece.T, dtype="<i2").tobytes())
            at += piece.shape[1]
            self._in_chunk += piece.shape[1]
            self.samples += piece.shape[1]
            if self._in_chunk >= self._per_chunk:
                self.finish_chunk()

    def _open_chunk(self) -> None:
        """Ask for the chunk's room and, within the same file, for that of the sidecar that will list it."""
        room = WAV_HEADER_BYTES + self._per_chunk * self._block + len(sidecar_text(self.sidecar)) + _SIDECAR_GROWTH
        self._stream = (self.folder / part_of(self._next_name())).open("w+b", buffering=0)
        os.posix_fallocate(self._stream.fileno(), 0, room)
        self._stream.write(bytes(WAV_HEADER_BYTES))

    def _next_name(self) -> str:
        return f"{len(self.sidecar.chunks) + 1:04d}.wav"

    def finish_chunk(self, state: str | None = None, quality: Mapping[str, Any] | None = None) -> None:
        """Finish the chunk that is being written, if there is one, and list it. Raises OSError."""
        changes: dict[str, Any] = {"stretches": tuple(self._stretches) or (Stretch(0, 0.0),)}
        changes["labels"] = tuple(self._labels)
        if state is not None:
            changes["state"] = state
        if quality is not None:
            changes["quality"] = dict(quality)
        name = self._next_name()
        if self._stream is not None and not self._in_chunk:
            self.give_up_chunk()
        if self._stream is not None:
            changes["chunks"] = (*self.sidecar.chunks, self._whole_chunk(name))
        sidecar = replace(self.sidecar, **changes)
        self._put_sidecar(sidecar)
        self.sidecar = sidecar
        if "chunks" in changes:
            os.replace(self.folder / part_of(name), self.folder / name)
            sync_folder(self.folder)

    def _whole_chunk(self, name: str) -> Chunk:
        """Cut the file to its samples, write its header, sync it; its entry for the sidecar."""
        stream = self._stream
        if stream is None:
            raise OSError("no chunk is open")
        size = self._in_chunk * self._block
        with stream:
            stream.truncate(WAV_HEADER_BYTES + size)
            stream.seek(0)
            stream.write(wav_header(size, self.sidecar.axes, self.sidecar.rate_hz))
            os.fsync(stream.fileno())
        self._stream = None
        samples, self._in_chunk = self._in_chunk, 0
        return Chunk(name, samples, file_hash(self.folder / part_of(name)))

    def give_up_chunk(self) -> int:
        """Drop the chunk that could not be finished; samples lost with it. What it took on the disk is free again."""
        lost, self._in_chunk = self.samples - self.sidecar.samples, 0
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.close()
            self._stream = None
        (self.folder / part_of(self._next_name())).unlink(missing_ok=True)
        self.samples -= lost
        self._labels = [span for span in self._labels if span.sample < max(1, self.samples)]
        self._stretches = [stretch for stretch in self._stretches if stretch.sample < max(1, self.samples)]
        return lost

    def _put_sidecar(self, sidecar: Sidecar) -> None:
        """In place as a whole, synced: after a power cut it is the old one or the new one."""
        write_whole(self.folder / SIDECAR, sidecar_text(sidecar).encode())


def assert_written(stream: BinaryIO | None, data: bytes) -> None:
    """Write all of it: an unbuffered file may take a part only. Raises OSError."""
    if stream is None:
        raise OSError("no chunk is open")
    view = memoryview(data)
    while view:
        view = view[stream.write(view) :]


def resumed(folder: Path, chunk_s: float) -> RecordingFiles:
    """A recording that was cut off or stopped, ready to go on: names are put right, what was unfinished is removed.

    Raises
    ------
    RecordingError
        Its sidecar is damaged, or a listed chunk is missing or no longer what was written.
    """
    sidecar = read_sidecar(folder)
    for chunk in sidecar.chunks:
        path = chunk_path(folder, chunk)
        if path.name != chunk.file:
            os.replace(path, folder / chunk.file)
    if sidecar.chunks:
        last = sidecar.chunks[-1]
        if file_hash(folder / last.file) != last.sha256:
            raise RecordingError(f"{folder / last.file}: is not what was written.", "Begin a new recording.")
    for path in folder.glob("*.part"):
        path.unlink()
    kept = replace(
        sidecar,
        state="recording",
        labels=tuple(span for span in sidecar.labels if span.sample < max(1, sidecar.samples)),
        stretches=tuple(each for each in sidecar.stretches if each.sample < max(1, sidecar.samples)),
    )
    return RecordingFiles(folder, kept, chunk_s)


def unfinished(to: Path, wanted: Sidecar, states: tuple[str, ...]) -> Path | None:
    """The latest recording of the same device, slot and sensor below `to` in one of these states; None: there is none.

    `wanted` says what the sensor is now: a recording made at another rate, range or number of axes is not gone on with.
    """
    found = []
    for path in sorted(to.glob(f"*/{SIDECAR}")):
        try:
            there = read_sidecar(path)
        except RecordingError:
            continue
        same = all(getattr(there, key) == getattr(wanted, key) for key in _SAME)
        if same and there.state in states:
            found.append((there.started, path.parent))
    return max(found)[1] if found else None


_SAME = ("device", "slot", "plugin", "unit", "scale", "full_scale", "rate_hz", "axes")
