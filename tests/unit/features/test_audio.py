"""What the log_mel extractor says of sounds that are known, and that loudness does not matter to it."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from edge_app.core.errors import ConfigError
from edge_app.core.frames import Window
from edge_app.core.plugin import FeatureContext
from edge_app.features.audio import AudioSettings, LogMelFeatures
from edge_app.features.plugins import LOG_MEL

SETTINGS = AudioSettings((100.0, 7500.0), 12, 64.0, 32.0, 40.0, 16000.0, 2.0)
SCALE = 1 / 32768
CONTEXT = FeatureContext(rate_hz=16000.0, scale=SCALE, unit="fs", n_axes=1, window_s=2.0, min_rate_hz=16000.0)


def window(sound: np.ndarray, rate_hz: float = 16000.0) -> Window:
    """`sound` in full scales (n,)."""
    counts = np.clip(np.round(sound * 32768), -32768, 32767).astype(np.int16)[None]
    return Window(counts, SCALE, "fs", rate_hz, 0.0, counts.shape[1] / rate_hz)


def extracted(sound: np.ndarray, rate_hz: float = 16000.0):
    return LogMelFeatures(SETTINGS, rate_hz, SCALE).extract(window(sound, rate_hz))


def values(sound: np.ndarray, rate_hz: float = 16000.0) -> dict[str, float]:
    """Physical values by name."""
    extractor = LogMelFeatures(SETTINGS, rate_hz, SCALE)
    vector = extractor.extract(window(sound, rate_hz))
    return {n: extractor.physical(n, int(v)) for n, v in zip(vector.schema.names, vector.values, strict=True)}


def noise(rms: float, rate_hz: float = 16000.0, seed: int = 3) -> np.ndarray:
    """White to 8 kHz, one realisation whatever the rate: its Fourier coefficients, played at that rate; 2 s."""
    rng = np.random.default_rng(seed)
    n = int(2 * rate_hz)
    coefficients = np.zeros(n // 2 + 1, complex)
    coefficients[1:16000] = np.exp(2j * np.pi * rng.random(15999))
    signal = np.fft.irfft(coefficients, n)
    return rms * signal / signal.std()


def sine(amplitude: float, hz: float) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(32000) / 16000)


def test_a_vector_says_colour_spread_and_flux_of_every_band() -> None:
    names = LogMelFeatures(SETTINGS, 16000.0, SCALE).schema.names
    assert len(names) == 3 * 12
    assert names[0] == "band_100_271_hz"
    assert (names[11], names[12], names[24]) == ("band_6054_7500_hz", "spread_100_271_hz", "flux_100_271_hz")


def test_white_noise_is_louder_in_wider_bands_by_their_width() -> None:
    got = values(noise(0.1))
    narrow, wide = got["band_479_731_hz"], got["band_6054_7500_hz"]
    assert wide / narrow == pytest.approx((7500 - 6054) / (731 - 479), rel=0.2)


def test_steady_noise_spreads_as_the_number_of_its_bins_says() -> None:
    """A band of K independent bins has a relative deviation of 1/sqrt(K) a frame; Hann makes K 1.5 times fewer."""
    got = values(noise(0.1))
    bins = (7500 - 6054) / (16000 / 1024) / 1.5
    assert got["spread_6054_7500_hz"] == pytest.approx(10 * math.log10(math.e) / math.sqrt(bins), rel=0.2)


def test_a_tone_stands_in_its_band_to_the_depth_of_the_floor_and_does_not_spread() -> None:
    got = values(sine(0.5, 2700.0))
    bands = {name: value for name, value in got.items() if name.startswith("band")}
    assert max(bands, key=bands.get) == "band_2409_3075_hz"
    # The tone's band holds all power; every other one the floor, 40 dB under it times the band's share of the width.
    ratio = bands["band_2409_3075_hz"] / bands["band_479_731_hz"]
    assert 10 * math.log10(ratio) == pytest.approx(40 - 10 * math.log10((731 - 479) / 7400), abs=0.5)
    assert got["spread_2409_3075_hz"] < 0.05


def test_a_sound_that_swells_and_fades_spreads_in_every_band() -> None:
    seconds = np.arange(32000) / 16000
    swing_db = 6.0 * np.sin(2 * np.pi * 2.0 * seconds)
    steady, swinging = values(noise(0.1)), values(noise(0.1) * 10 ** (swing_db / 20))
    # A sine of 6 dB amplitude has a standard deviation of 4.24 dB, beside the 0.6 dB of the noise itself.
    assert swinging["spread_6054_7500_hz"] == pytest.approx(math.hypot(6 / math.sqrt(2), 0.59), rel=0.1)
    assert swinging["band_6054_7500_hz"] == pytest.approx(steady["band_6054_7500_hz"], rel=0.05)


def test_clicks_show_as_flux() -> None:
    clicking = noise(0.01)
    clicking[::4000] += 0.9
    assert values(clicking)["flux_3883_4864_hz"] > 4 * values(noise(0.01))["flux_3883_4864_hz"]


def test_a_gain_of_a_power_of_two_changes_no_bit() -> None:
    sound = np.round(noise(0.02) * 32768) / 32768
    soft, loud = extracted(sound), extracted(4 * sound)
    assert (soft.values == loud.values).all()
    assert loud.evidence["rms_fs"] - soft.evidence["rms_fs"] == 2 * 256


@pytest.mark.parametrize("gain_db", [-20.0, -10.0, 10.0, 20.0])
def test_any_gain_changes_values_by_less_than_a_tenth_of_a_db(gain_db: float) -> None:
    before, after = extracted(noise(0.02)), extracted(noise(0.02) * 10 ** (gain_db / 20))
    assert np.abs(before.values - after.values).max() * 3.0103 / 256 < 0.1
    assert (after.evidence["rms_fs"] - before.evidence["rms_fs"]) * 6.0206 / 256 == pytest.approx(gain_db, abs=0.05)


def test_rms_is_that_of_the_sound() -> None:
    extractor = LogMelFeatures(SETTINGS, 16000.0, SCALE)
    level = extractor.extract(window(sine(0.5, 1000.0))).evidence["rms_fs"]
    assert extractor.physical("rms_fs", level) == pytest.approx(0.5 / math.sqrt(2), rel=0.01)
    assert extractor.level("rms_fs", 0.25) == -2 * 256


@pytest.mark.parametrize("rate_hz", [32000.0, 44100.0, 48000.0])
def test_the_same_sound_at_other_rates_gives_the_same_values(rate_hz: float) -> None:
    base, other = extracted(noise(0.1)), extracted(noise(0.1, rate_hz), rate_hz)
    apart_db = (other.values - base.values) * 3.0103 / 256
    assert np.abs(apart_db[:12]).max() < 0.3
    assert np.abs(apart_db).max() < 1.0  # spread and flux: frames do not begin at quite the same instants
    assert abs(other.evidence["rms_fs"] - base.evidence["rms_fs"]) < 8


def test_silence_is_zeros_and_below_every_gate() -> None:
    vector = extracted(np.zeros(32000))
    assert not vector.values.any()
    assert vector.evidence["rms_fs"] == -32768


def test_a_moment_of_sound_in_silence_stays_within_int16() -> None:
    sound = np.zeros(32000)
    sound[16000:16400] = noise(0.1)[:400]
    assert np.abs(extracted(sound).values).max() < 20 * 256


def test_extraction_is_a_pure_function() -> None:
    extractor = LogMelFeatures(SETTINGS, 16000.0, SCALE)
    one = window(noise(0.1))
    before = one.samples.copy()
    first = extractor.extract(one).values
    extractor.extract(window(sine(0.9, 440.0)))
    assert (extractor.extract(one).values == first).all()
    assert (one.samples == before).all()


def test_levels_are_for_known_features_only() -> None:
    extractor = LogMelFeatures(SETTINGS, 16000.0, SCALE)
    for feature, value in (("band_100_271_hz", 2.0), ("spread_100_271_hz", 6.0), ("flux_100_271_hz", 0.5)):
        assert extractor.physical(feature, extractor.level(feature, value)) == pytest.approx(value, rel=0.002)
    with pytest.raises(ConfigError, match="no feature 'rms_g'"):
        extractor.level("rms_g", 0.5)


@pytest.mark.parametrize(
    ("change", "rate_hz", "words"),
    [
        ({"band_hz": (100.0, 7900.0)}, 16000.0, "min_rate_hz 16000 carries at most 7840 Hz"),
        ({}, 8000.0, "sensor too slow: 8000 Hz"),
        ({"window_s": 0.2}, 16000.0, "5 frames fit into 3200 samples, at least 8 are needed"),
        ({"window_s": 0.01}, 16000.0, "0 frames fit"),
        ({"bands": 64}, 16000.0, None),
        ({"bands": 64, "frame_ms": 16.0, "hop_ms": 8.0}, 16000.0, "narrower than a frame of 16 ms resolves"),
        ({"hop_ms": 80.0}, 16000.0, "hop_ms 80 is longer than frame_ms 64"),
        ({"frame_ms": 128.0, "min_rate_hz": 40000.0}, 40000.0, "the longest transform takes 4096"),
        ({"band_hz": (500.0, 400.0)}, 16000.0, "says nothing"),
        ({"bands": 1}, 16000.0, "says nothing"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_a_remedy(change: dict, rate_hz: float, words: str | None) -> None:
    settings = dataclasses.replace(SETTINGS, **change)
    if words is None:
        LogMelFeatures(settings, rate_hz, SCALE)
        return
    with pytest.raises(ConfigError, match=words) as caught:
        LogMelFeatures(settings, rate_hz, SCALE)
    assert caught.value.fix


def test_the_plugin_makes_an_extractor_of_one_key() -> None:
    extractor = LOG_MEL.create(LOG_MEL.config(band_hz=[100, 7500]), CONTEXT)
    assert extractor.schema.hash == LogMelFeatures(SETTINGS, 16000.0, SCALE).schema.hash


@pytest.mark.parametrize(
    ("change", "words"),
    [({"unit": "g"}, "delivers 'g', log_mel needs 'fs'"), ({"n_axes": 8}, "8 axes, log_mel listens to one channel")],
)
def test_other_sensors_are_refused(change: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        LOG_MEL.create(LOG_MEL.config(band_hz=[100, 7500]), dataclasses.replace(CONTEXT, **change))
