"""PhysioNet's WFDB records: header, samples of format 212 or 16, annotations. Read without the wfdb package.

Counts are those of the converter, less the baseline; the scale is in the header's unit (1/200 mV for MIT-BIH). A sample
the record marks as missing keeps the lowest code, as it stands in the file: the quality gate sees it as clipped.

Source: G. B. Moody, "WFDB Applications Guide", header(5), signal(5), annot(5); symbols: table "Annotation Codes".
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import RecordingError
from edge_app.core.frames import FULL_SCALE
from edge_app.sensors.recording_formats import damaged
from edge_app.training.importers.base import Recording, Reference, Signal
from edge_app.training.importers.folder import Folder
from edge_app.training.importers.signals import read_bytes, with_hash
from edge_app.training.importers.wfdb_annotations import BEATS, RHYTHM, read_annotations
from edge_app.training.importers.wfdb_header import Channel, Header, read_header

MITDB = "mitdb"
_PREFERRED = ("MLII", "II", "ECG", "MCL1")
"""Lead a single-lead task takes, the first that is there."""
_SAME_PERSON = {"202": "201"}
"""MIT-BIH: records 201 and 202 were taken from one subject."""


def find(folder: Folder) -> list[Recording]:
    """Every record with a header: MIT-BIH by its format and record numbers, others under their folder's name."""
    recordings = []
    for path, _ in folder.matching(r"[\w-]+\.hea"):
        try:
            header = read_header(path)
        except RecordingError:
            header = None  # named all the same; loading says what is wrong
        recordings.append(_recording(folder, path, header))
    return recordings


def _recording(folder: Folder, path: Path, header: Header | None) -> Recording:
    dataset = _dataset_of(path, header)
    title = f"{dataset}/{path.stem}"
    facts: dict[str, Any] = {"file": folder.shown(path)}
    if header is not None:
        facts |= {"leads": [channel.name for channel in header.channels], "rate_hz": header.rate_hz}
        if header.comments:
            facts["comments"] = list(header.comments)
    annotations = path.with_suffix(".atr")
    person = _SAME_PERSON.get(path.stem, path.stem) if dataset == MITDB else path.stem
    return Recording(
        id=title,
        dataset=dataset,
        label=_label_of(dataset, header),
        group=f"subject_{person}",
        load=partial(load_signal, path, title),
        split=folder.split_of(path),
        reference=partial(load_reference, path) if annotations.is_file() else None,
        facts=facts,
    )


def _dataset_of(path: Path, header: Header | None) -> str:
    if re.fullmatch(r"[12]\d\d", path.stem) and (header is None or header.rate_hz == 360.0):
        return MITDB
    name = re.sub(r"[^a-z0-9_-]+", "_", path.parent.name.lower()).strip("_")
    return name or "wfdb"


def _label_of(dataset: str, header: Header | None) -> str:
    """ "ecg" for MIT-BIH, whose beats carry the labels; the verdict on an alarm where the header tells it."""
    comments = " ".join(header.comments).lower() if header else ""
    if "false alarm" in comments:
        return "false_alarm"
    if "true alarm" in comments:
        return "true_alarm"
    return "ecg" if dataset == MITDB else "monitoring"


def load_reference(path: Path) -> Reference:
    """Reference beats and rhythms of a record. Raises RecordingError."""
    annotations = read_annotations(path.with_suffix(".atr"))
    beats = [(sample, symbol) for sample, symbol, _ in annotations if symbol in BEATS]
    return Reference(
        beats=np.array([sample for sample, _ in beats], np.int64),
        symbols=tuple(symbol for _, symbol in beats),
        rhythms=tuple((sample, text) for sample, symbol, text in annotations if symbol == RHYTHM and text),
    )


def load_signal(path: Path, title: str) -> Signal:
    """All leads of one kind of unit, the preferred one first. Raises RecordingError."""
    header = read_header(path)
    order = sorted(range(len(header.channels)), key=lambda k: _rank(header.channels[k].name))
    first = header.channels[order[0]]
    alike = [k for k in order if header.channels[k].units == first.units and header.channels[k].gain == first.gain]
    columns = _samples(path, header)
    counts = np.stack([columns[k] for k in alike])
    scale = 1.0 / first.gain
    names = tuple(header.channels[k].name for k in alike)
    return with_hash(Signal(title, counts, scale, header.rate_hz, "au", channels=names, full_scale=_full_scale(first)))


def _rank(name: str) -> int:
    return _PREFERRED.index(name) if name in _PREFERRED else len(_PREFERRED)


def _full_scale(channel: Channel) -> int:
    """Where the converter ends, in counts about the baseline; both ends where they differ are met by the nearer."""
    half = 1 << (channel.bits - 1)
    off = abs(channel.baseline - channel.zero)
    return max(1, min(FULL_SCALE, half - 1 - off))


def _samples(path: Path, header: Header) -> list[NDArray[np.int16]]:
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
    data = read_bytes(path)[first.offset :]
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
