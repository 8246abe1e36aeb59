"""Vital signs in text files: HeartPy's examples and BIDMC's bedside signals."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge_app.core.errors import RecordingError
from edge_app.core.frames import FULL_SCALE
from edge_app.sensors.recording_formats import damaged
from edge_app.training.importers.base import Recording, Reference, Signal
from edge_app.training.importers.folder import Folder
from edge_app.training.importers.signals import quantised, read_bytes, read_columns, with_hash

HEARTPY, BIDMC = "heartpy", "bidmc"
_TEN_BIT_RATE_HZ, _RING_RATE_HZ = 100.0, 32.0
"""Of files that do not say it; HeartPy's documentation and notebooks (Hz)."""
_ECG_RATE_HZ, _ECG_STEPS_PER_MV = 360.0, 200
_TEN_BIT_TOP, _TEN_BIT_MIDDLE, _TEN_BIT_SCALE = 1023, 512, 1 / 64
_BIDMC_RATE_HZ, _BIDMC_FULL_SCALE = 125.0, 2.0
_BIDMC_CHANNELS = ("PLETH", "II", "V", "AVR", "RESP")


def find(folder: Folder) -> list[Recording]:
    """118e06.csv with its annotations, data.csv, data2.csv and ring_data.csv of HeartPy; bidmc_NN_Signals.csv."""
    recordings = [_bidmc(folder, path, match) for path, match in folder.matching(r"bidmc_(\d+)_Signals\.csv")]
    homes = {path.parent for path, _ in folder.matching(r"(?:ring_data|\d{3}e\d\d)\.csv")}
    for path, match in folder.matching(r"(?P<record>\d{3})e(?P<snr_db>\d\d)\.csv|(?:data|data2|ring_data)\.csv"):
        if path.parent in homes or path.parent.name == HEARTPY:
            recordings.append(_heartpy(folder, path, match))
    return recordings


def _bidmc(folder: Folder, path: Path, match: re.Match[str]) -> Recording:
    title = f"{BIDMC}/{path.stem}"
    return Recording(
        id=title,
        dataset=BIDMC,
        label="monitoring",
        group=f"subject_{match[1]}",
        load=partial(load_bidmc, path, title),
        split=folder.split_of(path),
        facts={"leads": list(_BIDMC_CHANNELS), "file": folder.shown(path)},
    )


def load_bidmc(path: Path, title: str) -> Signal:
    """PPG, three ECG leads and respiration in their normalised units. Raises RecordingError."""
    counts, scale = quantised(read_columns(path, _BIDMC_CHANNELS), _BIDMC_FULL_SCALE)
    return _long_enough(path, Signal(title, counts, scale, _BIDMC_RATE_HZ, "au", channels=_BIDMC_CHANNELS))


def _heartpy(folder: Folder, path: Path, match: re.Match[str]) -> Recording:
    title = f"{HEARTPY}/{path.stem}"
    facts: dict[str, Any] = {"file": folder.shown(path)}
    ecg = match["record"] is not None
    if ecg:
        facts["snr_db"] = int(match["snr_db"])
    beats = path.with_name(f"{path.stem}_ann.csv")
    return Recording(
        id=title,
        dataset=HEARTPY,
        label="ecg" if ecg else "ppg",
        group=f"record_{match['record']}" if ecg else path.stem,
        load=partial(_heartpy_loader(path, ecg), path, title),
        split=folder.split_of(path),
        reference=partial(load_heartpy_beats, beats) if ecg and beats.is_file() else None,
        facts=facts,
    )


def _heartpy_loader(path: Path, ecg: bool) -> Callable[[Path, str], Signal]:
    if ecg:
        return load_heartpy_ecg
    return load_heartpy_ring if path.stem.lower() == "ring_data" else load_heartpy_ppg


def load_heartpy_beats(path: Path) -> Reference:
    """Positions of the heartbeats. Raises RecordingError."""
    samples = read_columns(path, (0,))[0]
    if np.any(samples < 0) or np.any(samples > 1e9):
        raise RecordingError(f"{path}: a heartbeat lies outside any recording.", "Copy it again.")
    return Reference(beats=samples.astype(np.int64), symbols=("N",) * samples.size)


def load_heartpy_ecg(path: Path, title: str) -> Signal:
    """ECG of MIT-BIH's Noise Stress Test database, back in the converter's steps of 1/200 mV. Raises RecordingError."""
    values = read_columns(path, (0,)) * _ECG_STEPS_PER_MV
    counts = np.clip(np.rint(values), -FULL_SCALE, FULL_SCALE).astype(np.int16)
    return _long_enough(path, Signal(title, counts, 1 / _ECG_STEPS_PER_MV, _ECG_RATE_HZ, "au", channels=("ECG",)))


def load_heartpy_ppg(path: Path, title: str) -> Signal:
    """PPG of a 10-bit converter, its counts spread over ours: 0 and 1023 clip. Raises RecordingError."""
    if path.stem.lower() == "data2":
        times, values = read_columns(path, ("timer", "hr"))
        span_s = float(times[-1] - times[0]) / 1000
        if not span_s > 0:
            raise RecordingError(f"{path}: time does not rise.", "Copy the recording again.")
        rate_hz = round((times.size - 1) / span_s, 3)
    else:
        values, rate_hz = read_columns(path, (0,))[0], _TEN_BIT_RATE_HZ
    counts = np.clip(np.rint((values - _TEN_BIT_MIDDLE) / _TEN_BIT_SCALE), -FULL_SCALE, FULL_SCALE)
    counts[values <= 0], counts[values >= _TEN_BIT_TOP] = -FULL_SCALE, FULL_SCALE
    whole = counts.astype(np.int16)[None, :]
    return _long_enough(path, Signal(title, whole, _TEN_BIT_SCALE, rate_hz, "au", channels=("PPG",)))


def load_heartpy_ring(path: Path, title: str) -> Signal:
    """PPG of a smart ring in its own counts; where rows are empty the ring was off, and a new stretch begins."""
    text = read_bytes(path).decode("latin-1")
    try:
        values = np.array([row.strip().strip('"') or "nan" for row in text.split()], np.float64)
    except ValueError as error:
        raise damaged(path, str(error)) from error
    there = np.isfinite(values)
    begins = np.flatnonzero(there & ~np.concatenate(([False], there[:-1])))
    places = np.cumsum(there) - 1
    starts = tuple((int(places[k]), float(k / _RING_RATE_HZ)) for k in begins)
    counts = np.clip(np.rint(values[there]), -FULL_SCALE, FULL_SCALE).astype(np.int16)[None, :]
    return _long_enough(path, Signal(title, counts, 1.0, _RING_RATE_HZ, "au", starts=starts, channels=("PPG",)))


def _long_enough(path: Path, signal: Signal) -> Signal:
    if signal.counts.shape[1] < 2:
        raise RecordingError(f"{path}: holds {signal.counts.shape[1]} samples.", "Copy the recording again.")
    return with_hash(signal)
