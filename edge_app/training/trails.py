"""From a recording to its trail: windows, quality, features and gate, exactly as the device has them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edge_app.core.errors import RecordingError
from edge_app.core.gate import make_gate
from edge_app.core.results import FeatureVector
from edge_app.core.stages import FeatureExtractor
from edge_app.training.datasets import windows
from edge_app.training.front import Front
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.protocols.base import Trail

Span = tuple[float, float]


def trail_of(
    recording: Recording,
    front: Front,
    *,
    split: str = "test",
    span_s: Span | None = None,
    hop_s: float | None = None,
    signal: Signal | None = None,
) -> Trail:
    """A recording, or a part of it, through the device's windower, extractor and gate.

    Parameters
    ----------
    span_s : (float, float), optional
        The part looked at (s); windows lie wholly within it.
    hop_s : float, optional
        Distance of two windows (s) instead of the app's.
    signal : Signal, optional
        The recording's samples where they are loaded already.

    Raises
    ------
    RecordingError
        It cannot be read, does not suit the app, or is shorter than one window.
    """
    signal = recording.load() if signal is None else signal
    _check_suits(recording, signal, front)
    if span_s is not None:
        signal = cut(signal, span_s, recording.id)
    if signal.seconds < front.pipeline.window.seconds:
        raise RecordingError(
            f"{recording.id}: {signal.seconds:.2f} s are less than one window of {front.pipeline.window.seconds:g} s.",
            "Use longer recordings; leave shorter ones out of the folder.",
        )
    extractor = front.extractor(max(signal.rate_hz, front.slot.min_rate_hz), signal.scale)
    return _walk(recording, signal, front, extractor, split, span_s, hop_s or front.pipeline.window.hop_s)


def cut(signal: Signal, span_s: Span, name: str) -> Signal:
    """The samples between two moments (s)."""
    first, last = (round(edge * signal.rate_hz) for edge in span_s)
    if last > signal.counts.shape[1] + 1:
        raise RecordingError(
            f"{name}: lasts {signal.seconds:.2f} s, the span ends at {span_s[1]:g} s.",
            "Correct `spans` in evaluate.yaml.",
        )
    return replace(signal, counts=np.ascontiguousarray(signal.counts[:, first:last]), starts=((0, 0.0),))


def _check_suits(recording: Recording, signal: Signal, front: Front) -> None:
    slot = front.slot
    if signal.unit != slot.unit:
        raise RecordingError(
            f"{recording.id}: is in {signal.unit}, the app's slot wants {slot.unit}.",
            "Name the dataset of this case in evaluate.yaml (`dataset: …`).",
        )
    if signal.counts.shape[0] != slot.axes:
        raise RecordingError(
            f"{recording.id}: has {signal.counts.shape[0]} channels, the app uses {slot.axes}.",
            "Choose channels when importing, or leave the recording out.",
        )


def _walk(
    recording: Recording,
    signal: Signal,
    front: Front,
    extractor: FeatureExtractor,
    split: str,
    span_s: Span | None,
    hop_s: float,
) -> Trail:
    config = front.pipeline.gate
    gate = make_gate(extractor, config.feature, config.above) if config else None
    began_s = span_s[0] if span_s else 0.0
    verdicts: list[str] = []
    starts, ends, focus, reasons = [], [], [], []
    vectors: list[FeatureVector] = []
    for window in windows(signal, front, hop_s):
        verdict, reason = "unknown", ""
        if not window.quality.judgeable:
            reason = (window.quality.reasons or ("quality",))[0]
        else:
            vector = extractor.extract(window)
            if vector.doubts:
                reason = vector.doubts[0]
            elif gate is not None and gate.is_closed(vector):
                verdict = "idle"
            else:
                verdict = "judged"
                vectors.append(vector)
        verdicts.append(verdict)
        reasons.append(reason)
        starts.append(began_s + window.start_s)
        ends.append(began_s + window.end_s)
        marked = window.marks[window.focus] if window.focus >= 0 and window.marks else None
        at = -1 if marked is None else round((began_s + window.start_s) * signal.rate_hz) + marked
        focus.append(at)
    return Trail(
        recording=recording,
        split=split,
        span_s=span_s,
        rate_hz=signal.rate_hz,
        seconds=signal.seconds,
        extractor=extractor,
        verdicts=tuple(verdicts),
        start_s=np.array(starts, np.float64),
        end_s=np.array(ends, np.float64),
        reasons=tuple(reasons),
        focus=np.array(focus, np.int64),
        vectors=tuple(vectors),
    )
