"""From recordings and simulated machines to features, through the device's own windower and extractor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_app.config.recipe import Source
from edge_app.core.clock import SystemClock
from edge_app.core.errors import RecordingError
from edge_app.core.files import file_hash
from edge_app.core.frames import Frame, Window
from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.core.stages import FeatureExtractor
from edge_app.sensors.recording import load_recording
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.select import cut, stretches, with_axes
from edge_app.training.windows.front import Front
from edge_app.windowing import make_windower

Features = NDArray[np.int16]
"""int16 of shape (n_windows, n_features): log2 in Q8."""
_RATE_SLACK = 0.01
"""A recording measured at 199.8 Hz serves where 200 Hz are needed."""


def load_signal(source: Source, task: Front, data_dir: Path) -> Signal:
    """The signal of a source, cut to its span. Raises RecordingError when it is shorter than the span or a window."""
    signal = _simulate(source, task) if source.simulated else _load_file(source, task, data_dir)
    return suiting_part(signal, task, source.span_s)


def signal_of(
    recording: Recording, front: Front, *, channel: str | None = None, span_s: tuple[float, float] | None = None
) -> Signal:
    """A recording as the app's sensor slot takes it: its axes, its unit, fast enough, cut to a span.

    Parameters
    ----------
    channel : str, optional
        Which axes ("MLII", "R+G"); default the recording's first ones, which its importer put in front for that.
    span_s : (float, float), optional
        The part wanted (s).

    Raises
    ------
    RecordingError
        It cannot be read, does not suit the slot, or is shorter than one window.
    """
    signal = recording.load()
    if signal.unit != front.slot.unit:
        raise RecordingError(
            f"{signal.title}: is in {signal.unit!r}, the app's {front.pipeline.sensor!r} takes {front.slot.unit!r}.",
            "Choose recordings of the app's quantity (`dataset`, `labels` or `ids`).",
        )
    return suiting_part(with_axes(signal, front.slot.axes, channel), front, span_s)


NONE_YET = FeatureSchema("", ())


def agreed(schema: FeatureSchema, found: FeatureSchema, signal: Signal) -> FeatureSchema:
    """The features all signals so far have in common; `NONE_YET` before the first.

    Signals of different rates are learnt from together when the app's features mean the same at each.

    Raises
    ------
    RecordingError
        This signal gives others.
    """
    if schema is not NONE_YET and schema.hash != found.hash:
        raise RecordingError(
            f"{signal.title} ({signal.rate_hz:g} Hz): gives other features than the signals before it.",
            "Give signals of one kind: same axes, and rates at which the same features exist.",
        )
    return found


def suiting_part(signal: Signal, task: Front, span_s: tuple[float, float] | None) -> Signal:
    """The part of a signal between two times (s), None: all. Raises RecordingError: too slow, or below one window."""
    if signal.rate_hz < task.slot.min_rate_hz * (1 - _RATE_SLACK):
        raise RecordingError(
            f"{signal.title}: {signal.rate_hz:g} Hz are below the {task.slot.min_rate_hz:g} Hz the app needs.",
            "Record faster, or leave it out.",
        )
    if span_s is not None:
        signal = cut(signal, span_s)
    longest_s = max((last - first) / signal.rate_hz for first, last, _ in stretches(signal))
    if longest_s < task.pipeline.window.seconds - 1 / signal.rate_hz:
        raise RecordingError(
            f"{signal.title}: {longest_s:.2f} s are less than one window of {task.pipeline.window.seconds:g} s.",
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
    digest = file_hash(path)
    return Signal(
        source.title,
        recording.counts,
        recording.scale,
        recording.rate_hz,
        recording.unit,
        digest,
        full_scale=recording.full_scale,
    )


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
    """Windows of a signal, quality included, in pieces of ten seconds so that hours fit in memory.

    A planned pause (`Signal.starts`) is no gap: the windower begins afresh behind it, and nothing is told of it.
    """
    wanted = task.pipeline.window
    windower = make_windower(wanted.each, signal.rate_hz, wanted.seconds, hop_s, signal.counts.shape[0])
    piece = max(1, round(10 * signal.rate_hz))
    for first, last, began_s in stretches(signal):
        if first:
            windower.reset()
        for start in range(first, last, piece):
            samples = np.ascontiguousarray(signal.counts[:, start : min(last, start + piece)])
            time_s = began_s + (start - first) / signal.rate_hz
            yield from windower.push(
                Frame(samples, signal.scale, signal.unit, signal.rate_hz, time_s, signal.full_scale)
            )


@dataclass(frozen=True, slots=True)
class Screened:
    """A window with its verdict before any model."""

    window: Window
    verdict: str
    """"judged", "unknown" or "idle"."""
    reason: str = ""
    """Why it cannot be judged, the worst reason; "" when it can, or when the machine stands still."""
    vector: FeatureVector | None = None
    """Its features when it is judged."""


def screened(
    signal: Signal,
    task: Front,
    hop_s: float,
    extractor: FeatureExtractor,
    wanted: Callable[[Window], bool] = lambda window: True,
) -> Iterator[Screened]:
    """Each window through the device's quality gate, features, operating gate and the extractor's own doubts.

    Windows that are not `wanted` are left out before anything is computed of them.
    """
    is_idle = task.idle_test(extractor, max(signal.rate_hz, task.slot.min_rate_hz), signal.scale)
    for window in windows(signal, task, hop_s):
        if not wanted(window):
            continue
        if not window.quality.judgeable:
            yield Screened(window, "unknown", (window.quality.reasons or ("quality",))[0])
            continue
        vector = extractor.extract(window)
        if is_idle is not None and is_idle(window, vector):
            yield Screened(window, "idle")
        elif vector.doubts:
            yield Screened(window, "unknown", vector.doubts[0])
        else:
            yield Screened(window, "judged", vector=vector)


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
    for each in screened(signal, task, hop_s, extractor):
        if each.vector is not None:
            rows.append(each.vector.values)
            starts.append(each.window.start_s)
    if not rows:
        raise RecordingError(
            f"{signal.title}: no window can be learnt from (all below the gate, or of poor quality).",
            "Check the recording's unit and range, or lower the gate in app.yaml.",
        )
    return Windows(np.array(rows, np.int16), np.array(starts))
