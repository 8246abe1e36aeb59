"""Changes of healthy windows do what their names say."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.config.recipe import Augment
from edge_app.core.results import FeatureSchema
from edge_app.training.importers.base import Signal
from edge_app.training.windows.augment import change_features, change_raw, jitter_db, kinds_of

NAMES = (
    "rms_g",
    "peak_g",
    "crest",
    "kurtosis",
    "velocity_rms_mmps",
    "band_10_20_hz",
    "band_200_400_hz",
    "band_800_900_hz",
)
SCHEMA = FeatureSchema("vibration/1", NAMES, {"noise_ug_per_rthz": 300.0})
RATE_HZ = 12000.0


def tone(frequency_hz: float, amplitude: float = 8000.0) -> Signal:
    n = np.arange(12000)
    counts = np.rint(amplitude * np.sin(2 * np.pi * frequency_hz * n / RATE_HZ)).astype(np.int16)
    return Signal("tone", counts[None], 16 / 32768, RATE_HZ, "g")


def strongest_hz(signal: Signal) -> float:
    spectrum = np.abs(np.fft.rfft(signal.counts[0] * np.hanning(signal.counts.shape[1])))
    return float(np.argmax(spectrum) * RATE_HZ / signal.counts.shape[1])


def test_a_faster_shaft_moves_a_line_up_and_keeps_its_height() -> None:
    changed = change_raw(tone(1000.0), 1.05, 0.0)
    assert abs(strongest_hz(changed) - 1050.0) < 2.0
    assert abs(changed.counts.std() / tone(1000.0).counts.std() - 1.0) < 0.01
    assert changed.counts.shape[1] == int((12000 - 3) / 1.05)


def test_six_decibel_are_a_factor_of_two() -> None:
    changed = change_raw(tone(100.0), 1.0, 6.0206)
    assert abs(changed.counts.std() / tone(100.0).counts.std() - 2.0) < 0.001


def test_what_would_leave_int16_is_limited() -> None:
    changed = change_raw(tone(100.0, 30000.0), 1.0, 6.0)
    assert (changed.counts.max(), changed.counts.min()) == (32767, -32767)


def test_no_change_is_none() -> None:
    assert np.array_equal(change_raw(tone(440.0), 1.0, 0.0).counts, tone(440.0).counts)


def test_kinds_are_read_off_the_names() -> None:
    kinds = kinds_of(SCHEMA)
    assert kinds.is_band.tolist() == [False] * 5 + [True] * 3
    assert kinds.is_shape.tolist() == [False, False, True, True, False, False, False, False]
    assert kinds.per_db[0] == pytest.approx(256 / 6.0206, rel=1e-4)  # an amplitude
    assert kinds.per_db[5] == pytest.approx(256 / 3.0103, rel=1e-4)  # a power
    assert kinds.noise_q8[5] == np.rint(256 * np.log2(300e-6**2 * 10))


def test_jitter_has_the_deviation_asked_for_in_each_part_of_the_spectrum() -> None:
    augment = Augment(jitter_db=[(0.0, 3.0), (150.0, 1.0)], smooth_db=0.0, shape_db=0.5, copies=4)
    assert jitter_db(kinds_of(SCHEMA), augment).tolist() == [0.5, 0.5, 0.5, 0.5, 0.5, 3.0, 1.0, 1.0]
    start = np.full((4000, 8), -2000, np.int16)
    changed = change_features(start, kinds_of(SCHEMA), augment, np.random.RandomState(1))
    assert changed.shape == (16000, 8)
    deviation_db = changed.std(axis=0) / kinds_of(SCHEMA).per_db
    assert deviation_db[5:] == pytest.approx([3.0, 1.0, 1.0], rel=0.05)
    assert deviation_db[2:4] == pytest.approx([0.5, 0.5], rel=0.05)


def test_a_smooth_change_moves_neighbours_together_and_not_what_is_noise() -> None:
    augment = Augment(jitter_db=[(0.0, 0.0)], smooth_db=2.0, shape_db=0.0, copies=1)
    start = np.full((4000, 8), -2000, np.int16)
    start[:, 7] = -20000  # below the front end's noise
    changed = change_features(start, kinds_of(SCHEMA), augment, np.random.RandomState(1)).astype(int) - start
    assert not changed[:, 7].any()
    assert np.std(changed[:, 5]) > 50
    assert np.corrcoef(changed[:, 5], changed[:, 6])[0, 1] > -0.2


def test_levels_follow_the_strongest_band() -> None:
    augment = Augment(jitter_db=[(0.0, 2.0)], smooth_db=0.0, shape_db=0.0, copies=1)
    start = np.full((500, 8), -4000, np.int16)
    start[:, 6] = 0
    changed = change_features(start, kinds_of(SCHEMA), augment, np.random.RandomState(1)).astype(int) - start
    assert np.max(np.abs(changed[:, 0] - changed[:, 6] / 2)) <= 1.0  # a dB is half as many counts in an amplitude
    assert not changed[:, 2:4].any()


def test_the_same_seed_gives_the_same_bytes() -> None:
    start = np.zeros((50, 8), np.int16)
    first, second = (change_features(start, kinds_of(SCHEMA), Augment(), np.random.RandomState(3)) for _ in range(2))
    assert first.tobytes() == second.tobytes()
