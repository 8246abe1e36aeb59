"""Pulse beats: as many as there are, where they are, at any rate and polarity; two versions, one answer."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.dsp import ppg_block
from edge_app.dsp.ppg import PulseDetector, falls_on_beat
from tests.support.pulses import simulated


def block_beats_q8(counts, rate_hz):
    rate_mhz = round(rate_hz * 1000)
    slopes = ppg_block.slope(counts, rate_mhz)
    falls = ppg_block.falls_on_beat(slopes, rate_mhz)
    return ppg_block.find_beats(-slopes if falls else slopes, rate_mhz)


def sample_beats_q8(counts, rate_hz):
    rate_mhz = round(rate_hz * 1000)
    samples = counts.tolist()
    detector = PulseDetector(rate_mhz, falls_on_beat(samples, rate_mhz))
    for sample in samples:
        detector.push(sample)
    detector.finish()
    return list(detector.beats_q8)


@pytest.mark.parametrize("rate_hz", [25.0, 26.3, 30.0, 62.5, 100.0, 125.0, 250.0, 400.0])
@pytest.mark.parametrize("turned", [1, -1])
def test_samples_one_by_one_and_blocks_give_equal_beats(rate_hz, turned):
    counts = (turned * simulated(rate_hz=rate_hz, seconds=20.0)[0]).astype(np.int16)
    assert sample_beats_q8(counts, rate_hz) == block_beats_q8(counts, rate_hz).tolist()


def test_they_are_equal_on_noise_full_scale_steps_and_short_signals_too():
    random = np.random.RandomState(5)
    for counts in (
        random.randint(-32768, 32768, 3000).astype(np.int16),
        np.where(np.arange(3000) // 40 % 2, 32767, -32768).astype(np.int16),
        np.zeros(500, np.int16),
        np.arange(5, dtype=np.int16),
        np.empty(0, np.int16),
    ):
        assert sample_beats_q8(counts, 100.0) == block_beats_q8(counts, 100.0).tolist()


@pytest.mark.parametrize("bpm", [42.0, 66.0, 110.0, 150.0, 185.0])
@pytest.mark.parametrize("rate_hz", [30.0, 100.0, 400.0])
def test_every_beat_is_found_and_no_other(bpm, rate_hz):
    counts, beats_s = simulated(rate_hz=rate_hz, bpm=bpm, seconds=40.0)
    found_s = block_beats_q8(counts, rate_hz) / 256 / rate_hz
    inside = found_s[(found_s > 2) & (found_s < 38)]
    assert abs(len(inside) - int(((beats_s > 2) & (beats_s < 38)).sum())) <= 2  # at the edges
    # Breathing, pressure waves and chance change the simulated interval by 10 % at most.
    assert np.all(np.abs(np.diff(inside) * bpm / 60 - 1) < 0.15)


def test_thirty_hertz_place_beats_as_well_as_four_hundred():
    intervals = {}
    for rate_hz in (30.0, 400.0):
        counts, _ = simulated(rate_hz=rate_hz, seconds=60.0, seed=4)
        found_s = block_beats_q8(counts, rate_hz) / 256 / rate_hz
        intervals[rate_hz] = np.diff(found_s[(found_s > 1.0) & (found_s < 59.0)])
    error_ms = 1000 * (intervals[30.0] - intervals[400.0])
    assert np.sqrt(np.mean(error_ms**2)) < 4.0  # measured 2; a sample lasts 33 ms


def test_a_dicrotic_wave_is_no_beat():
    time_s = np.arange(3000) / 100.0
    phase = time_s % 1.0
    wave = np.exp(-0.5 * ((phase - 0.25) / 0.08) ** 2) + 0.5 * np.exp(-0.5 * ((phase - 0.55) / 0.07) ** 2)
    found = block_beats_q8(np.rint(8000 * wave).astype(np.int16), 100.0)
    assert len(found) == 30
    assert set(np.diff(found[1:]).tolist()) == {25600}


def test_a_sudden_loss_of_amplitude_does_not_blind_it():
    counts, beats_s = simulated(seconds=60.0)
    weak = counts.astype(np.float64)
    weak[3000:] *= 0.3
    found_s = block_beats_q8(np.rint(weak).astype(np.int16), 100.0) / 25600
    late = int(((beats_s > 35) & (beats_s < 58)).sum())
    assert abs(int(((found_s > 35.2) & (found_s < 58.2)).sum()) - late) <= 1
