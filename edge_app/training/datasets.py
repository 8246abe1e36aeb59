"""From recordings and simulated machines to features, through the device's own windower and extractor."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_app.config.recipe import Source
from edge_app.core.clock import SystemClock
from edge_app.core.errors import RecordingError
from edge_app.core.frames import FULL_SCALE, Frame, Window
from edge_app.core.stages import FeatureExtractor
from edge_app.sensors.recording import load_recording
from edge_app.training.front import Front
from edge_app.training.importers.base import Signal
from edge_app.windowing import Windower

Features = NDArray[np.int16]
"""int16 of shape (n_windows, n_features): log2 in Q8."""


def load_signal(source: Source, task: Front, data_dir: Path) -> Signal:
    """The signal of a source, cut to its span. Raises RecordingError when it is shorter than the span or a window."""
    signal = _simulate(source, task) if source.simulated else _load_file(source, task, data_dir)
    if source.span_s is not None:
        first, last = (round(edge * signal.rate_hz) for edge in source.span_s)
        if last > signal.counts.shape[1]:
            raise RecordingError(
                f"{source.title}: lasts {signal.seconds:.2f} s, the recipe's span ends at {source.span_s[1]:g} s.",
                "Shorten `span_s`, or check the recording's `rate_hz`.",
            )
        signal = replace(signal, counts=np.ascontiguousarray(signal.counts[:, first:last]))
    if signal.seconds < task.pipeline.window.seconds:
        raise RecordingError(
            f"{source.title}: {signal.seconds:.2f} s are less than one window of {task.pipeline.window.seconds:g} s.",
            "Use a longer recording, or a wider `span_s`.",
        )
    return signal


def _load_file(source: Source, task: Front, data_dir: Path) -> Signal:
    path = data_dir / str(source.file)
    recording = load_recording(
        path,
        rate_hz=source.rate_hz,
        channel=source.channel,
        unit=task.slot.unit,
        range_units=source.range,
        n_axes=task.slot.axes,
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Signal(source.title, recording.counts, recording.scale, recording.rate_hz, recording.unit, digest)


def _simulate(source: Source, task: Front) -> Signal:
    from edge_app.sensors.sim_machine import Fault
    from edge_app.sensors.simulated import Simulated

    fault = Fault(kind=source.fault, severity=source.severity) if source.fault else Fault()
    sensor = Simulated(
        str(source.simulated),
        clock=SystemClock(),
        seed=source.seed,
        rate_hz=source.rate_hz,
        n_axes=task.slot.axes,
        range_units=source.range,
        profile=source.profile,
        fault=fault,
        duration_s=source.seconds,
        paced=False,
    )
    sensor.open()
    blocks = []
    while (frame := sensor.read(1.0)) is not None:
        blocks.append(frame.samples)
    sensor.close()
    return Signal(source.title, np.concatenate(blocks, axis=1), sensor.scale, sensor.rate_hz, sensor.unit)


def windows(signal: Signal, task: Front, hop_s: float) -> Iterator[Window]:
    """Windows of a signal, quality included, in pieces of ten seconds so that hours fit in memory."""
    windower = Windower(signal.rate_hz, task.pipeline.window.seconds, hop_s, signal.counts.shape[0])
    piece = max(1, round(10 * signal.rate_hz))
    for start in range(0, signal.counts.shape[1], piece):
        samples = np.ascontiguousarray(signal.counts[:, start : start + piece])
        frame = Frame(samples, signal.scale, signal.unit, signal.rate_hz, start / signal.rate_hz, FULL_SCALE)
        yield from windower.push(frame)


def verdicts(
    signal: Signal, task: Front, hop_s: float, extractor: FeatureExtractor
) -> Iterator[tuple[Window, str, NDArray[np.int16] | None]]:
    """Each window with its verdict before any model ("unknown", "idle", "judged"), and its features when judged."""
    gate = task.pipeline.gate
    index = extractor.schema.names.index(gate.feature) if gate else -1
    lowest = extractor.level(gate.feature, gate.above) if gate else 0
    for window in windows(signal, task, hop_s):
        if not window.quality.judgeable:
            yield window, "unknown", None
            continue
        values = extractor.extract(window).values
        if gate is not None and values[index] <= lowest:
            yield window, "idle", None
        else:
            yield window, "judged", values


@dataclass(frozen=True)
class Windows:
    """Features of a signal's windows, in the order of time."""

    features: Features
    start_s: NDArray[np.float64]
    """Start of each window within the signal (s)."""


def features_of(signal: Signal, task: Front, hop_s: float, extractor: FeatureExtractor | None = None) -> Windows:
    """Features of all windows that are judgeable and not below the operating gate."""
    extractor = extractor or task.extractor(signal.rate_hz, signal.scale)
    rows, starts = [], []
    for window, _, values in verdicts(signal, task, hop_s, extractor):
        if values is not None:
            rows.append(values)
            starts.append(window.start_s)
    if not rows:
        raise RecordingError(
            f"{signal.title}: no window can be learnt from (all below the gate, or of poor quality).",
            "Check the recording's unit and range, or lower the gate in app.yaml.",
        )
    return Windows(np.array(rows, np.int16), np.array(starts))
