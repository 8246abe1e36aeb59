"""The detector over blocks gives the beats of the detector over samples, on drawn hearts and on real ones."""

from __future__ import annotations

import numpy as np
import pytest
from hearts import NORMAL, VENTRICULAR, ecg, steady
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_app.dsp.qrs import QrsDetector
from edge_app.dsp.qrs_block import QrsBlocks, moving_sum, sliding_max
from edge_app.training.importers.wfdb import load_reference, load_signal
from edge_app.training.protocols.beats import nearest_pairs

RECORDS = (
    *("100", "101", "105", "106", "109", "112", "114", "118", "119", "124"),
    *("200", "201", "203", "207", "208", "209", "213", "222", "223", "233"),
)


def by_samples(counts, rate_hz):
    """(beat, samples heard when it was told) by the detector of a device."""
    detector, found = QrsDetector(round(rate_hz * 1000)), []
    for n, value in enumerate(counts.tolist()):
        if detector.push(value):
            found += [(n - age, n + 1) for age in detector.take()]
    return found


def by_blocks(counts, rate_hz, length):
    detector, found = QrsBlocks(rate_hz), []
    for start in range(0, counts.size, length):
        found += detector.push_told(counts[start : start + length])
    return found


@pytest.mark.parametrize("rate_hz", [100.0, 125.0, 128.0, 250.0, 257.0, 360.0, 500.0, 1000.0])
def test_blocks_and_samples_tell_the_same_beats_at_the_same_time_at_any_rate(rate_hz):
    beats_s = [*steady(10.0), 10.6, 11.6, 12.4]
    counts = ecg(beats_s, 14.0, rate_hz, waves={12: VENTRICULAR})

    found = by_blocks(counts, rate_hz, 997)

    assert found == by_samples(counts, rate_hz)
    assert [beat / rate_hz for beat, _ in found] == pytest.approx(beats_s, abs=0.02)


@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(1, 700), min_size=1, max_size=40), seed=st.integers(0, 5))
def test_how_the_samples_come_in_blocks_changes_nothing(lengths, seed):
    noisy = ecg(steady(12.0, 0.7), 12.0, noise_mv=0.25, seed=seed)
    whole = QrsBlocks(360.0).push_told(noisy)

    detector, found, at = QrsBlocks(360.0), [], 0
    for length in [*lengths, noisy.size]:
        found += detector.push_told(noisy[at : at + length])
        at += length

    assert found == whole


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("gain", [12, 200, 6000])
def test_neither_gain_nor_polarity_moves_a_beat(sign, gain):
    beats_s = steady(10.0)
    counts = (sign * ecg(beats_s, 10.0, gain=gain, noise_mv=0.002).astype(int)).astype(np.int16)

    found = [beat / 360.0 for beat in QrsBlocks(360.0).push(counts)]

    assert found == pytest.approx(beats_s, abs=2 / 360)


def test_a_beat_is_placed_within_two_milliseconds_though_the_detector_works_at_half_the_rate():
    beats_s = [0.5 + 0.8137 * k for k in range(12)]

    found = np.array(QrsBlocks(360.0).push(ecg(beats_s, 11.0, noise_mv=0.0))) / 360.0

    offsets = found - beats_s
    assert np.ptp(offsets) <= 1.5 / 360


def test_wander_ten_times_as_high_as_the_beats_and_hum_hide_none():
    beats_s = steady(20.0)
    time_s = np.arange(7200) / 360.0
    disturbed = ecg(beats_s, 20.0) + 2000 * np.sin(2 * np.pi * 0.3 * time_s) + 60 * np.sin(2 * np.pi * 50 * time_s)

    found = [beat / 360.0 for beat in QrsBlocks(360.0).push(disturbed.astype(np.int16))]

    assert found == pytest.approx(beats_s, abs=0.03)


def test_a_pause_of_three_seconds_holds_no_beat_and_the_next_one_is_found():
    beats_s = [*steady(8.0), 11.0, 11.8, 12.6]
    counts = ecg(beats_s, 14.0)

    assert [beat / 360.0 for beat in QrsBlocks(360.0).push(counts)] == pytest.approx(beats_s, abs=0.01)


def test_a_tall_t_wave_is_no_beat():
    tall = (*NORMAL[:-1], (0.26, 0.04, 0.9))
    beats_s = steady(15.0)
    counts = ecg(beats_s, 15.0, waves=dict.fromkeys(range(len(beats_s)), tall))

    assert len(QrsBlocks(360.0).push(counts)) == len(beats_s)


def test_after_reset_nothing_of_the_old_signal_is_left():
    counts = ecg(steady(6.0), 6.0)
    detector = QrsBlocks(360.0)
    detector.push(ecg(steady(5.0, 0.5), 5.0, gain=3000))
    detector.reset()

    assert detector.push_told(counts) == QrsBlocks(360.0).push_told(counts)


def test_a_rate_that_shows_no_heartbeat_is_refused():
    with pytest.raises(ValueError, match="100 Hz or more"):
        QrsBlocks(99.0)


def test_moving_sums_and_maxima_are_those_of_the_definition():
    values = np.array([3, -1, 4, 1, -5, 9, 2])
    assert moving_sum(values, 3).tolist() == [9, 5, 6, 4, 0, 5, 6]  # 3 3 3 | 3 3 -1 | 3 -1 4 …
    for width in (1, 2, 3, 5):
        padded = [max(values[max(0, k - width) : k + width + 1]) for k in range(values.size)]
        assert sliding_max(values, width).tolist() == padded


@pytest.mark.data
@pytest.mark.parametrize("record", ["100", "203"])
def test_on_a_real_record_blocks_and_samples_agree(shared_data, record):
    counts = mlii(shared_data, record)[: 360 * 300]
    assert by_blocks(counts, 360.0, 1234) == by_samples(counts, 360.0)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("record", RECORDS)
def test_on_every_real_record_blocks_and_samples_agree(shared_data, record):
    counts = mlii(shared_data, record)
    assert by_blocks(counts, 360.0, 3600) == by_samples(counts, 360.0)


@pytest.mark.data
@pytest.mark.parametrize(("record", "least"), [("100", 0.999), ("208", 0.993), ("118", 0.998)])
def test_on_a_real_record_hardly_a_beat_is_missed_or_invented(shared_data, record, least):
    found = np.sort(np.array(QrsBlocks(360.0).push(mlii(shared_data, record)))) / 360.0
    true = np.asarray(load_reference(shared_data / "data" / "mitdb" / f"{record}.hea").beats) / 360.0

    pairs = int((nearest_pairs(found, true, 0.15) >= 0).sum())

    assert pairs / len(true) >= least
    assert pairs / len(found) >= least


def mlii(shared_data, record):
    return load_signal(shared_data / "data" / "mitdb" / f"{record}.hea", record).counts[0]  # MLII stands first
