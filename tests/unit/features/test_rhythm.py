"""Rhythm features: right for a known heart, doubted where there is none."""

from __future__ import annotations

import numpy as np
import pulse_wave
import pytest

from edge_app.core.errors import ConfigError
from edge_app.core.frames import Window
from edge_app.core.plugin import FeatureContext
from edge_app.dsp.rhythm import ratio_q8
from edge_app.features.plugins import RHYTHM
from edge_app.features.rhythm import Rhythm, RhythmSettings
from tests.support.pulses import simulated


def vector_of(counts, rate_hz, signal="ppg"):
    seconds = len(counts) / rate_hz
    window = Window(np.ascontiguousarray(counts[None, :]), 1.0, "au", rate_hz, 0.0, seconds)
    return Rhythm(RhythmSettings(signal, seconds), rate_hz).extract(window)


def shown(vector):
    rhythm = Rhythm(RhythmSettings("ppg", 30.0), 100.0)
    return {
        name: rhythm.physical(name, int(level)) for name, level in zip(vector.schema.names, vector.values, strict=True)
    }


@pytest.mark.parametrize("signal", ["ppg", "ecg"])
@pytest.mark.parametrize("bpm", [48.0, 72.0, 140.0])
def test_the_rate_of_a_simulated_heart_is_told_within_a_beat_a_minute(signal, bpm):
    counts, _ = simulated(signal, rate_hz=125.0, seconds=60.0, bpm=bpm)
    vector = vector_of(counts, 125.0, signal)
    assert vector.doubts == ()
    assert shown(vector)["heart_rate_bpm"] == pytest.approx(bpm, abs=1.0)


@pytest.mark.parametrize("signal", ["ppg", "ecg"])
def test_variability_is_that_of_the_beats_behind_the_signal(signal):
    counts, beats_s = simulated(signal, rate_hz=250.0, seconds=60.0, seed=2)
    found = shown(vector_of(counts, 250.0, signal))
    intervals_ms = 1000 * np.diff(beats_s)
    assert found["sdnn_ms"] == pytest.approx(intervals_ms.std(ddof=1), abs=5.0)
    assert found["rmssd_ms"] == pytest.approx(np.sqrt(np.mean(np.diff(intervals_ms) ** 2)), abs=6.0)


@pytest.mark.parametrize("signal", ["ppg", "ecg"])
def test_an_irregular_heart_is_far_more_irregular_than_a_regular_one(signal):
    regular = shown(vector_of(simulated(signal, rate_hz=125.0, seconds=60.0)[0], 125.0, signal))
    fault = simulated(signal, rate_hz=125.0, seconds=60.0, fault="irregular", severity=3.0)[0]
    irregular = shown(vector_of(fault, 125.0, signal))
    assert regular["irregularity"] < 0.3
    assert irregular["irregularity"] > 0.5


def test_a_person_reads_rate_variability_and_how_many_beats():
    counts, _ = simulated(seconds=30.0, bpm=60.0)
    rhythm = Rhythm(RhythmSettings("ppg", 30.0), 100.0)
    text = rhythm.describe(vector_of(counts, 100.0))
    assert text.startswith("Heart rate 60 bpm over ")
    assert "SDNN" in text
    assert "irregularity" in text


def test_noise_is_no_pulse_and_says_why():
    noise = np.random.RandomState(1).normal(0, 3000, 3000).astype(np.int16)
    doubts = vector_of(noise, 100.0).doubts
    assert any(doubt.startswith("pulse shapes do not repeat (correlation 0.") for doubt in doubts)


def test_a_pulse_of_a_few_counts_is_doubted_with_its_height():
    counts, _ = simulated(seconds=30.0, scale=0.3)
    assert any("drown in the converter's steps" in doubt for doubt in vector_of(counts, 100.0).doubts)


def test_silence_has_no_beats_and_no_numbers():
    vector = vector_of(np.zeros(3000, np.int16), 100.0)
    assert vector.doubts[0] == "fewer than 2 heartbeats found in 30 s"
    assert vector.values.tolist() == [-32768] * 5


def test_a_pulse_that_is_lost_half_way_is_doubted_though_beats_were_found():
    counts, _ = simulated(seconds=30.0)
    counts[1500:] = counts[1500]
    (doubt,) = vector_of(counts, 100.0).doubts[:1]
    assert doubt.startswith("no heartbeat for 1")  # 15 s are flat, less what the last beat takes


def test_light_has_a_perfusion_and_a_high_passed_signal_has_none():
    counts, _ = simulated(seconds=30.0, scale=1e-3)
    light = (counts.astype(np.int32) + 20000).astype(np.int16)
    evidence = vector_of(light, 100.0).evidence
    # The pulse is about 1 / 1e-3 = 1000 counts high on 20000: 5 %.
    assert 2 ** (evidence["perfusion_percent"] / 256) == pytest.approx(5.0, abs=1.5)
    centred = (counts - int(counts.mean())).astype(np.int16)
    assert "perfusion_percent" not in vector_of(centred, 100.0).evidence


@pytest.mark.parametrize(("signal", "rate_hz", "needed"), [("ppg", 20.0, "25 Hz"), ("ecg", 50.0, "100 Hz")])
def test_a_sensor_that_is_too_slow_is_refused(signal, rate_hz, needed):
    context = FeatureContext(rate_hz=rate_hz, scale=1.0, unit="au", n_axes=1, window_s=30.0, min_rate_hz=1.0)
    with pytest.raises(ConfigError, match=needed):
        RHYTHM.create(RHYTHM.config(signal=signal), context)


def test_several_channels_are_refused():
    context = FeatureContext(rate_hz=100.0, scale=1.0, unit="au", n_axes=2, window_s=30.0, min_rate_hz=25.0)
    with pytest.raises(ConfigError, match="one channel"):
        RHYTHM.create(RHYTHM.config(signal="ppg"), context)


def test_the_host_gives_the_features_the_device_gives():
    # tests/micropython/mp_pulse_window.py pins the same numbers under every MicroPython build.
    vector = vector_of(np.array(pulse_wave.samples(900), np.int16), 30.0)
    assert vector.values.tolist() == pulse_wave.EXPECTED
    percent, height = pulse_wave.EXPECTED_REPEAT
    assert vector.evidence["repeat_percent"] == ratio_q8(percent, 1)
    assert vector.evidence["pulse_counts"] == ratio_q8(height, 1)
