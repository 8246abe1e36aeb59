"""Normalisation, segments, Welch power."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.dsp.spectrum import HANN_ENERGY, hann_q15, normalise, plan_welch, welch_power


def test_the_mean_goes_and_the_largest_sample_gets_all_bits() -> None:
    signal, shift = normalise(np.array([[100.0, 103.0, 97.0, 100.0]]), 25)
    assert signal.tolist() == [[0, 3 << 23, -(3 << 23), 0]]  # 3 has 2 bits: shifted by 23
    assert shift.tolist() == [23]


def test_each_axis_has_its_own_shift_and_silence_keeps_zero() -> None:
    signal, shift = normalise(np.array([[0.0, 4.0], [7.0, 7.0]]), 25)
    assert shift.tolist() == [23, 0]  # mean 2: samples -2, 2
    assert (signal[1] == 0).all()


def test_halves_of_the_mean_round_upwards() -> None:
    signal, _ = normalise(np.array([[0.0, 1.0]]), 25)  # mean 0.5 becomes 1
    assert signal.tolist() == [[-(1 << 24), 0]]


def test_a_second_at_3332_hz_makes_six_segments_that_use_all_but_a_few_samples() -> None:
    plan = plan_welch(1, 3284)
    assert (plan.segment_length, plan.segments, plan.hop) == (1024, 6, 452)
    assert 3284 - (1024 + 5 * 452) == 0


@pytest.mark.parametrize("length", [256, 257, 800, 1024, 1025, 2000, 5000, 40000, 200000])
def test_segments_overlap_by_half_at_least_and_reach_the_end(length: int) -> None:
    plan = plan_welch(1, length)
    used = plan.segment_length + (plan.segments - 1) * plan.hop
    assert plan.hop <= plan.segment_length // 2
    assert 0 <= length - used < max(1, plan.segments - 1)
    assert plan.pairs * HANN_ENERGY * 2 ** (2 * plan.bits + 1) < 2**53  # Parseval: no sum of squares gets inexact


def test_fewer_samples_than_the_shortest_segment_are_refused() -> None:
    with pytest.raises(ValueError, match="63 samples"):
        plan_welch(1, 63)


@pytest.mark.parametrize("length", [64, 200, 300, 1024, 1500, 3284, 9000])
def test_power_is_that_of_double_precision(length: int) -> None:
    rng = np.random.default_rng(length)
    plan = plan_welch(2, length)
    signal, _ = normalise(np.round(rng.normal(0, 3e5, (2, length))), plan.bits)
    size = plan.segment_length
    exact = np.zeros((2, size // 2))
    for segment in range(plan.segments):
        part = signal[:, segment * plan.hop :][:, :size] * np.array(hann_q15(size)) / 32768
        exact += 2 * np.abs(np.fft.rfft(part)[:, : size // 2] / size) ** 2
    power = welch_power(signal, plan, size // 2)
    assert (power == np.floor(power)).all()
    assert np.abs(10 * np.log10(power[:, 3:] / exact[:, 3:])).max() < 0.05  # dB


def test_the_window_is_periodic_and_full_in_the_middle() -> None:
    hann = hann_q15(1024)
    assert (hann[0], hann[256], hann[512]) == (0, 16384, 32768)
    assert hann[1:] == hann[1:][::-1]
    assert abs(sum(h * h for h in hann) / 32768**2 / 1024 - HANN_ENERGY) < 1e-5
