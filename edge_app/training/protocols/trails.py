"""From a recording to its trail: windows, quality, features and gate, exactly as the device has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edge_app.core.results import FeatureVector
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.protocols.base import Trail
from edge_app.training.windows.datasets import screened
from edge_app.training.windows.front import Front

Span = tuple[float, float]


def trail_of(
    recording: Recording,
    signal: Signal,
    front: Front,
    *,
    split: str = "test",
    span_s: Span | None = None,
    hop_s: float | None = None,
    machine: Mapping[str, Any] | None = None,
) -> Trail:
    """A recording's samples through the device's windower, quality gate, features and operating gate.

    Parameters
    ----------
    signal : Signal
        As the app's slot takes it (datasets.signal_of), cut to `span_s` already.
    span_s : (float, float), optional
        Which part of the recording it is (s); its own times begin at 0.
    hop_s : float, optional
        Distance of two windows (s) instead of the app's.
    machine : mapping, optional
        Facts of the machine, as a device's `machine:` block.
    """
    extractor = front.extractor(max(signal.rate_hz, front.slot.min_rate_hz), signal.scale, machine)
    began_s = span_s[0] if span_s else 0.0
    verdicts: list[str] = []
    starts, ends, focus, reasons = [], [], [], []
    vectors: list[FeatureVector] = []
    for each in screened(signal, front, hop_s or front.pipeline.window.hop_s, extractor):
        window = each.window
        if each.vector is not None:
            vectors.append(each.vector)
        verdicts.append(each.verdict)
        reasons.append(each.reason)
        starts.append(began_s + window.start_s)
        ends.append(began_s + window.end_s)
        marked = window.marks[window.focus] if window.focus >= 0 and window.marks else None
        focus.append(-1 if marked is None else round((began_s + window.start_s) * signal.rate_hz) + marked)
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
