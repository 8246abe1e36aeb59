"""Recordings through the device's windower: planned pauses, axes, units, rates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from importer_files import noise

from edge_app.core.errors import RecordingError
from edge_app.core.results import FeatureSchema
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.windows.datasets import NONE_YET, agreed, signal_of, windows
from edge_app.training.windows.front import app_document, load_front


@pytest.fixture
def front(repository: Path):
    """The simulated pump's: one axis in g, windows of 1 s, at least 3200 Hz."""
    return load_front(app_document(repository / "apps" / "simulated_pump"), "pump")


def signal(seconds: float = 5.0, axes: int = 1, rate_hz: float = 3332.0, **more) -> Signal:
    counts = (noise(axes, round(seconds * rate_hz)) * 1000).astype(np.int16)
    return Signal("a", counts, 16 / 32768, rate_hz, "g", **more)


def recording(given: Signal) -> Recording:
    return Recording("own/a", "own", "normal", "a", lambda: given)


def test_no_window_spans_a_planned_pause_and_none_is_missed_for_it(front):
    # 2.5 s, a pause of an hour, 2.5 s: windows of 1 s every 0.5 s at 0, 0.5, 1, 1.5 s of each
    paused = signal(starts=((0, 0.0), (8330, 3600.0)))
    found = list(windows(paused, front, 0.5))
    assert [round(window.start_s, 6) for window in found] == [0.0, 0.5, 1.0, 1.5, 3600.0, 3600.5, 3601.0, 3601.5]
    assert all(window.quality.judgeable for window in found)
    assert np.array_equal(found[4].samples, paused.counts[:, 8330 : 8330 + 3332])


def test_clipping_is_seen_where_the_sensor_clips_and_not_where_int16_ends(front):
    counts = signal().counts.clip(-1023, 1023)
    (first, *_) = windows(replace(signal(), counts=counts, full_scale=1023), front, 1.0)
    assert not first.quality.judgeable
    assert first.quality.reasons[0].startswith("clipped")


def test_the_slot_takes_its_axes_and_a_span(front):
    given = signal(axes=3, channels=("x", "y", "z"))
    taken = signal_of(recording(given), front, channel="z", span_s=(1.0, 3.0))
    assert np.array_equal(taken.counts, given.counts[2:, 3332 : 3 * 3332])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (replace(signal(), unit="fs"), "is in 'fs', the app's 'vibration' takes 'g'"),
        (signal(rate_hz=200.0), "200 Hz are below the 3200 Hz the app needs"),
        (signal(seconds=0.5), r"0\.50 s are less than one window of 1 s"),
        (signal(starts=tuple((k * 1666, float(k)) for k in range(10))), r"0\.50 s are less than one window of 1 s"),
    ],
)
def test_what_does_not_suit_the_app_is_refused(front, given: Signal, told: str):
    with pytest.raises(RecordingError, match=told):
        signal_of(recording(given), front)


def test_rates_may_differ_where_the_features_mean_the_same(front):
    first, second = (front.extractor(rate_hz, 0.001).schema for rate_hz in (3332.0, 12000.0))
    assert agreed(agreed(NONE_YET, first, signal()), second, signal(rate_hz=12000.0)) == first


def test_rates_that_change_the_features_are_refused_together():
    one, other = FeatureSchema("fake/1", ("a",)), FeatureSchema("fake/1", ("b",))
    with pytest.raises(RecordingError, match=r"a \(12000 Hz\): gives other features than the signals before it"):
        agreed(agreed(NONE_YET, one, signal()), other, signal(rate_hz=12000.0))
