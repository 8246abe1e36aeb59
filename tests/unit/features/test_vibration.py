"""What the vibration extractor says of signals whose levels are known."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from edge_app.core.errors import ConfigError
from edge_app.core.frames import Window
from edge_app.core.units import DB_PER_POWER_OCTAVE
from edge_app.features.schema import VibrationSettings
from edge_app.features.vibration import Vibration

SETTINGS = VibrationSettings((10.0, 1250.0), 32, 1, 2560.0, 1.0)
RATES_HZ = (3332.0, 12000.0, 25600.0, 48000.0)


def window(accel_g: np.ndarray, rate_hz: float, range_g: float = 16.0) -> Window:
    """As a sensor of +-range_g delivers it, (n,) or (n_axes, n)."""
    scale = range_g / 32768
    counts = np.clip(np.round(np.atleast_2d(accel_g) / scale), -32768, 32767).astype(np.int16)
    return Window(counts, scale, "g", rate_hz, 0.0, counts.shape[1] / rate_hz)


def values(accel_g: np.ndarray, rate_hz: float, range_g: float = 16.0, settings: VibrationSettings = SETTINGS):
    """Physical values by name."""
    settings = dataclasses.replace(settings, window_s=np.atleast_2d(accel_g).shape[1] / rate_hz)
    extractor = Vibration(settings, rate_hz, range_g / 32768)
    vector = extractor.extract(window(accel_g, rate_hz, range_g))
    levels = zip(vector.schema.names, vector.values, strict=True)
    return {name: extractor.physical(name, int(level)) for name, level in levels}


def sine(amplitude_g: float, hz: float, rate_hz: float, seconds: float = 1.0) -> np.ndarray:
    return amplitude_g * np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)


@pytest.mark.parametrize("rate_hz", [2560.0, *RATES_HZ])
def test_a_sine_has_the_levels_of_a_sine_at_every_rate(rate_hz: float) -> None:
    got = values(sine(1.0, 100.0, rate_hz), rate_hz)
    assert got["rms_g"] == pytest.approx(1 / math.sqrt(2), rel=0.01)
    assert got["peak_g"] == pytest.approx(1.0, rel=0.01)
    assert got["crest"] == pytest.approx(math.sqrt(2), rel=0.01)
    assert got["kurtosis"] == pytest.approx(1.5, rel=0.01)
    assert got["velocity_rms_mmps"] == pytest.approx(9806.65 / math.sqrt(2) / (2 * math.pi * 100), rel=0.01)
    assert got["band_96_112_hz"] == pytest.approx(0.5, rel=0.05)  # A^2 / 2, less what leaks over the edges


def test_gravity_and_slow_tilt_are_not_vibration() -> None:
    tilt = 0.2 * np.linspace(0, 1, 3332)
    assert values(np.full(3332, 1.0) + tilt, 3332.0)["rms_g"] < 0.01


def same_sound(rate_hz: float, seconds: int, seed: int = 4) -> np.ndarray:
    """Pink noise to 1400 Hz, one realisation whatever the rate: its Fourier coefficients, played at that rate."""
    rng = np.random.default_rng(seed)
    n_tones = 1400 * seconds
    phases = np.exp(2j * np.pi * rng.random(n_tones))
    frequency = np.arange(n_tones) / seconds
    coefficients = np.zeros(int(rate_hz * seconds) // 2 + 1, complex)
    coefficients[1:n_tones] = (phases / np.sqrt(np.maximum(frequency, 5.0)))[1:]
    signal = np.fft.irfft(coefficients) * len(coefficients)
    return 0.004 * signal * math.sqrt(20 / seconds)


def mean_levels_db(rate_hz: float, range_g: float = 16.0, extra: float = 0.0) -> np.ndarray:
    """Mean over 20 windows of every feature, dB of power (bands) or half of it (others)."""
    seconds = 20
    accel_g = same_sound(rate_hz, seconds)
    if extra:
        accel_g = accel_g + sine(extra, 4000.0, rate_hz, seconds)
    extractor = Vibration(SETTINGS, rate_hz, range_g / 32768)
    length = int(rate_hz)
    windows = [window(accel_g[i * length : (i + 1) * length], rate_hz, range_g) for i in range(seconds)]
    return np.mean([extractor.extract(one).values for one in windows], axis=0) * DB_PER_POWER_OCTAVE / 256


@pytest.mark.parametrize("rate_hz", RATES_HZ[1:])
def test_the_same_vibration_gives_the_same_features_at_3_and_12_and_25_and_48_khz(rate_hz: float) -> None:
    apart_db = np.abs(mean_levels_db(rate_hz) - mean_levels_db(3332.0))
    narrow = slice(5, 9)  # 10 to 18 Hz: narrower than a bin (2.8 to 3.3 Hz, by rate), so they see different neighbours
    assert np.delete(apart_db, narrow).max() < 0.3
    assert apart_db[narrow].max() < 1.0


def test_the_range_of_the_sensor_does_not_show() -> None:
    apart_db = mean_levels_db(3332.0, range_g=2.0) - mean_levels_db(3332.0, range_g=16.0)
    assert np.abs(apart_db).max() < 0.1


def test_what_lies_above_the_band_does_not_fold_into_it() -> None:
    apart_db = mean_levels_db(12000.0, extra=1.0) - mean_levels_db(12000.0)
    assert np.abs(apart_db).max() < 0.1


def test_doubling_the_vibration_raises_amplitudes_by_one_octave_and_powers_by_two() -> None:
    quiet, loud = (np.array(list(values(k * same_sound(3332.0, 1), 3332.0).values())) for k in (20.0, 40.0))
    ratio = loud / quiet
    assert ratio[[0, 1, 4]] == pytest.approx(2.0, rel=0.01)  # rms, peak, velocity
    assert ratio[[2, 3]] == pytest.approx(1.0, rel=0.01)  # crest, kurtosis
    assert ratio[5:] == pytest.approx(4.0, rel=0.02)  # far above the noise that is added


def test_a_silent_sensor_shows_the_noise_of_a_sensor_and_the_shape_of_noise() -> None:
    got = values(np.zeros(3332), 3332.0)
    assert got["rms_g"] == pytest.approx(20e-6 * math.sqrt(1240), rel=0.01)
    assert (got["crest"], got["kurtosis"]) == (4.0, pytest.approx(3.0, rel=0.01))
    assert got["band_1075_1250_hz"] == pytest.approx(300e-6**2 * 175, rel=0.02)


def test_an_axis_that_is_dead_does_not_disturb_the_others() -> None:
    settings = dataclasses.replace(SETTINGS, axes=2)
    two = values(np.stack([sine(0.5, 100.0, 3332.0), np.zeros(3332)]), 3332.0, settings=settings)
    one = values(sine(0.5, 100.0, 3332.0), 3332.0)
    assert [two["axis0_" + name] for name in one] == list(one.values())


def test_impacts_raise_kurtosis_and_crest() -> None:
    noise = np.random.default_rng(8).normal(0, 0.02, 3332)
    healthy = values(noise, 3332.0)
    noise[::333] += 1.0
    struck = values(noise, 3332.0)
    assert healthy["kurtosis"] == pytest.approx(3.0, rel=0.15)
    assert struck["kurtosis"] > 10
    assert struck["crest"] > 2 * healthy["crest"]


def test_extraction_is_a_pure_function() -> None:
    extractor = Vibration(SETTINGS, 3332.0, 16 / 32768)
    one, other = window(same_sound(3332.0, 1), 3332.0), window(sine(3.0, 50.0, 3332.0), 3332.0)
    before = one.samples.copy()
    first = extractor.extract(one).values
    extractor.extract(other)
    assert (extractor.extract(one).values == first).all()
    assert (one.samples == before).all()


def test_levels_are_for_known_features_only() -> None:
    extractor = Vibration(SETTINGS, 3332.0, 16 / 32768)
    assert extractor.level("rms_g", 0.5) == -256
    assert extractor.physical("rms_g", -256) == 0.5
    with pytest.raises(ConfigError, match="no feature 'rms'"):
        extractor.level("rms", 0.5)


@pytest.mark.parametrize(
    ("change", "rate_hz", "words"),
    [
        ({"band_hz": (10.0, 1300.0)}, 3332.0, "min_rate_hz 2560 carries at most 1254.4 Hz"),
        ({}, 1600.0, "sensor too slow: 1600 Hz"),
        ({"window_s": 0.02}, 3332.0, "too short for spectra"),
        ({"window_s": 0.2}, 3332.0, "resolves 13.0 Hz"),
        ({"band_hz": (50.0, 40.0)}, 3332.0, "says nothing"),
        ({"bands": 0}, 3332.0, "says nothing"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_a_remedy(change: dict, rate_hz: float, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        Vibration(dataclasses.replace(SETTINGS, **change), rate_hz, 16 / 32768)
    assert caught.value.fix
