"""Sample files of PhysioNet's WFDB records, format 212 or 16. Read without the wfdb package.

Counts are those of the converter, less the baseline; the scale is in the header's unit (1/200 mV for MIT-BIH). A sample
the record marks as missing keeps the lowest code, as it stands in the file: the quality gate sees it as clipped.

Source: G. B. Moody, "WFDB Applications Guide", header(5), signal(5).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.core.frames import FULL_SCALE
from edge_app.sensors.recording_formats import Table, damaged
from edge_app.sensors.wfdb_header import Channel, Header, read_bytes, read_header

_PREFERRED = ("MLII", "II", "ECG", "MCL1")
"""Lead a single-lead task takes, the first that is there."""
_MOST_BYTES = 1 << 29


def read_wfdb(path: Path) -> Table:
    """A record by its header: every channel a column, those of one kind chosen, the preferred lead first."""
    header = read_header(path)
    columns = read_samples(path, header)
    alike = alike_channels(header)
    first = header.channels[alike[0]]
    for k, channel in enumerate(header.channels):
        if channel.gain != first.gain:  # one scale for the table: the others in its steps
            scaled = np.rint(columns[k] * (first.gain / channel.gain))
            columns[k] = np.clip(scaled, -FULL_SCALE, FULL_SCALE).astype(np.int16)
    return Table(
        names=tuple(channel.name for channel in header.channels),
        column=lambda k: columns[k],
        chosen_by_default=tuple(alike),
        rate_hz=header.rate_hz,
        scale=1.0 / first.gain,
        unit="au",
    )


def alike_channels(header: Header) -> list[int]:
    """Channels of the preferred lead's unit and gain, that lead first."""
    order = sorted(range(len(header.channels)), key=lambda k: _rank(header.channels[k].name))
    first = header.channels[order[0]]
    return [k for k in order if header.channels[k].units == first.units and header.channels[k].gain == first.gain]


def _rank(name: str) -> int:
    return _PREFERRED.index(name) if name in _PREFERRED else len(_PREFERRED)


def full_scale(channel: Channel) -> int:
    """Where the converter ends, in counts about the baseline; both ends where they differ are met by the nearer."""
    half = 1 << (channel.bits - 1)
    off = abs(channel.baseline - channel.zero)
    return max(1, min(FULL_SCALE, half - 1 - off))


def read_samples(path: Path, header: Header) -> list[NDArray[np.int16]]:
    """Counts less the baseline of every channel, int16, one array each; several samples a frame are averaged."""
    columns: list[Any] = [None] * len(header.channels)
    for file in dict.fromkeys(channel.file for channel in header.channels):
        members = [k for k, channel in enumerate(header.channels) if channel.file == file]
        channels = [header.channels[k] for k in members]
        raw = _decode(path.parent / file, channels)
        per_frame = sum(channel.per_frame for channel in channels)
        n_frames = raw.size // per_frame
        if header.n_samples and n_frames < header.n_samples:
            raise damaged(path.parent / file, f"{n_frames} of {header.n_samples} samples are there")
        n_frames = header.n_samples or n_frames
        if n_frames < 2:
            raise damaged(path.parent / file, f"it holds {n_frames} samples")
        frames = raw[: n_frames * per_frame].reshape(n_frames, per_frame)
        at = 0
        for k, channel in zip(members, channels, strict=True):
            columns[k] = _counts(frames[:, at : at + channel.per_frame], channel)
            at += channel.per_frame
    return columns


def _counts(codes: NDArray[np.int16], channel: Channel) -> NDArray[np.int16]:
    """One channel's counts less the baseline, with its skew taken out."""
    wide = codes[:, 0].astype(np.int32) if channel.per_frame == 1 else np.rint(codes.mean(axis=1)).astype(np.int32)
    if channel.skew:
        wide = np.concatenate([wide[channel.skew :], np.full(min(channel.skew, wide.size), wide[-1])])
    return np.clip(wide - channel.baseline, -FULL_SCALE - 1, FULL_SCALE).astype(np.int16)


def _decode(path: Path, channels: list[Channel]) -> NDArray[np.int16]:
    """Codes of a sample file in the order they are stored, int16."""
    first = channels[0]
    data = read_bytes(path, _MOST_BYTES)[first.offset :]
    if first.coding == 16:
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16, copy=False)
    triples = np.frombuffer(data[: len(data) // 3 * 3], np.uint8).reshape(-1, 3).astype(np.int16)
    codes = np.empty((len(triples), 2), np.int16)
    codes[:, 0] = triples[:, 0] | (triples[:, 1] & 0x0F) << 8
    codes[:, 1] = triples[:, 2] | (triples[:, 1] & 0xF0) << 4
    codes[codes > 2047] -= 4096
    flat = codes.ravel()
    if len(data) % 3 == 2:  # an odd number of samples ends in two bytes
        last = data[-2] | (data[-1] & 0x0F) << 8
        flat = np.append(flat, np.int16(last - 4096 if last > 2047 else last))
    return flat
