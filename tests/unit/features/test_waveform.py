"""The signal itself as features: same values from any sensor, no level, nothing a network could not have seen."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.core.errors import ConfigError
from edge_app.core.frames import Window
from edge_app.core.plugin import FeatureContext
from edge_app.features.plugins import WAVEFORM, WaveformConfig
from edge_app.features.waveform import Waveform, WaveformSettings

SETTINGS = WaveformSettings(rate_hz=1000.0, samples=256, top_hz=200.0, axes=1)


def sine(hz: float, rate_hz: float, amplitude: float = 8000.0, offset: float = 0.0, axes: int = 1) -> Window:
    """One second of a sine on all axes, its phase 0 at the start."""
    t = np.arange(int(rate_hz)) / rate_hz
    counts = np.rint(offset + amplitude * np.sin(2 * np.pi * hz * t)).astype(np.int16)
    return Window(np.tile(counts, (axes, 1)), 1.0, "au", rate_hz, 0.0, 1.0)


def values(window: Window, settings: WaveformSettings = SETTINGS) -> np.ndarray:
    return Waveform(settings, window.rate_hz, 1.0).extract(window).values.astype(float)


def test_a_sine_has_a_root_mean_square_of_1024_and_its_own_frequency():
    found = values(sine(50, 1000))
    # rms 1024 by definition; a sine peaks at √2 of that: 1448
    assert np.sqrt(np.mean(found**2)) == pytest.approx(1024, abs=2)
    assert np.abs(found).max() == pytest.approx(1448, rel=0.01)
    # 256 samples at 1 kHz of 50 Hz are 12.8 periods
    assert np.argmax(np.abs(np.fft.rfft(found * np.hanning(256)))) in (12, 13)


def test_level_and_offset_do_not_reach_the_network():
    loud, faint = values(sine(50, 1000, 20000)), values(sine(50, 1000, 200, offset=3000))
    assert np.abs(loud - faint).max() < 8  # a sine of 200 counts is known to half a count: 1448 / 400 of a value


@pytest.mark.parametrize("rate_hz", [1000, 1100, 1666, 2000, 4000, 12000])
def test_any_sensor_rate_gives_the_same_frequency_and_level(rate_hz: int):
    spectrum = np.abs(np.fft.rfft(values(sine(100, rate_hz)) * np.hanning(256), 4096))
    peak_hz = np.argmax(spectrum) * 1000 / 4096
    assert peak_hz == pytest.approx(100, abs=0.3)


def test_what_lies_above_the_band_is_not_heard():
    both = sine(100, 12000)
    high = sine(900, 12000)  # would fold to 100 Hz at 1 kHz
    mixed = Window(both.samples + high.samples, 1.0, "au", 12000.0, 0.0, 1.0)
    assert np.abs(values(mixed) - values(both)).max() < 10


def test_axes_stand_sample_by_sample_and_keep_their_proportion():
    settings = WaveformSettings(1000.0, 16, 200.0, 2)
    window = sine(50, 1000, axes=2)
    halved = Window((window.samples // np.array([[1], [2]])).astype(np.int16), 1.0, "au", 1000.0, 0.0, 1.0)
    extractor = Waveform(settings, 1000.0, 1.0)
    found = extractor.extract(halved).values.reshape(16, 2)
    assert extractor.schema.names[:3] == ("sample_0000_axis0", "sample_0000_axis1", "sample_0001_axis0")
    assert np.abs(found[:, 0] - 2.0 * found[:, 1]).max() <= 4


def test_a_signal_that_does_not_move_is_doubted_not_divided_by():
    flat = Window(np.full((1, 1000), 500, np.int16), 1.0, "au", 1000.0, 0.0, 1.0)
    vector = Waveform(SETTINGS, 1000.0, 1.0).extract(flat)
    assert vector.doubts == ("the signal does not move",)


def test_integers_follow_the_stated_formula():
    # Given a rate at which nothing is filtered or moved,
    settings = WaveformSettings(1000.0, 64, 480.0, 1)
    counts = np.random.RandomState(1).randint(-9000, 9000, 1000).astype(np.int16)
    window = Window(counts[None], 1.0, "au", 1000.0, 0.0, 1.0)
    # when the formula is written out in Python's integers (counts are in Q8 behind the decimator),
    x = [int(each) << 8 for each in counts]
    mean = (2 * sum(x) + len(x)) // (2 * len(x))
    y = [each - mean for each in x[:64]]
    rms = int(np.sqrt(sum(each * each for each in y) // 64))
    # then every value is the same.
    assert values(window, settings).tolist() == [(1024 * each + rms // 2) // rms for each in y]


def test_the_schema_does_not_depend_on_the_sensor():
    assert Waveform(SETTINGS, 1000.0, 1.0).schema == Waveform(SETTINGS, 12000.0, 1.0).schema
    assert Waveform(SETTINGS, 1000.0, 1.0).physical("sample_0003", 512) == 0.5
    assert Waveform(SETTINGS, 1000.0, 1.0).level("sample_0003", 0.5) == 512


@pytest.mark.parametrize(
    ("keys", "rate_hz", "message"),
    [
        ({"samples": 1000, "rate_hz": 1000, "top_hz": 200}, 1000.0, "too short for 1000 samples"),
        ({"samples": 64, "rate_hz": 1000, "top_hz": 500}, 1000.0, "top_hz: 500 Hz does not fit"),
        ({"samples": 64, "rate_hz": 2000, "top_hz": 200}, 1000.0, "sensor too slow: 1000 Hz"),
    ],
)
def test_settings_that_do_not_fit_are_refused(keys: dict[str, float], rate_hz: float, message: str):
    context = FeatureContext(rate_hz, 1.0, "au", 1, 1.0, 100.0)
    with pytest.raises(ConfigError, match=message):
        WAVEFORM.create(WaveformConfig(**keys), context)


def test_more_values_than_a_model_may_have_are_refused():
    context = FeatureContext(48000.0, 1.0, "au", 3, 10.0, 100.0)
    with pytest.raises(ConfigError, match="more than 4096 values"):
        WAVEFORM.create(WaveformConfig(samples=2000, rate_hz=1000, top_hz=200), context)
