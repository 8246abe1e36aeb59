"""Band sums with fractional edges."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.dsp.bands import band_sum, edge_position, log2_bands, log_edges_mhz, plan_sums, sum_bands, velocity_sum


def test_edges_rise_by_one_ratio() -> None:
    assert log_edges_mhz(10.0, 1000.0, 2) == (10_000, 100_000, 1_000_000)
    assert log_edges_mhz(10.0, 1250.0, 32)[1] == 11_629  # 10 Hz * 125^(1/32) = 11.6286


def test_a_frequency_sits_at_its_bin_in_q8() -> None:
    # 3000 Hz / 1024 = 2.929 Hz a bin; 100 Hz = bin 34.133 = 8738.13 in Q8
    assert edge_position(100_000, 3_000_000, 1024) == 8738


def test_a_bin_counts_by_the_share_inside_the_band() -> None:
    # 1.25 to 3.0 bins: bin 1 spans 0.5..1.5, of which 1.25..1.5 is a quarter; bin 3 spans 2.5..3.5: a half.
    assert band_sum(320, 768).entries == ((1, 64), (2, 256), (3, 128))


def test_a_band_inside_one_bin_counts_a_part_of_it() -> None:
    assert band_sum(520, 530).entries == ((2, 10),)


def test_neighbouring_bands_share_a_bin_without_losing_or_doubling_any() -> None:
    left, right, whole = band_sum(300, 905), band_sum(905, 2000), band_sum(300, 2000)
    shares: dict[int, int] = {}
    for k, share in left.entries + right.entries:
        shares[k] = shares.get(k, 0) + share
    assert tuple(sorted(shares.items())) == whole.entries


def test_velocity_weights_fall_with_the_square_of_frequency() -> None:
    weights = dict(velocity_sum(4 * 256, 100 * 256, 0.0).entries)
    assert weights[4] == 1 << 23  # half the bin, ratio 1: half of 2^24
    assert weights[8] == 1 << 22  # a whole bin at twice the frequency: a quarter
    assert weights[40] == round(2**24 / 100)


def test_a_quiet_band_beside_a_loud_one_keeps_its_precision() -> None:
    power = np.array([[0.0, 2.0**52, 0.0, 3.0, 5.0]])
    plan = plan_sums([band_sum(128, 384), band_sum(640, 1152)], 0.0)
    sums, exponents = sum_bands(power, plan)
    assert (sums * 2.0**exponents).tolist() == [[2.0**52, 8.0]]


def test_the_logarithm_of_a_band_carries_its_unit() -> None:
    power = np.array([[0.0, 0.0, 1024.0]])
    plan = plan_sums([band_sum(2 * 256 - 128, 2 * 256 + 128)], 1.5)
    logs, silent = log2_bands(power, plan)
    assert logs.tolist() == [[(10 << 16) + (3 << 15)]]
    assert not silent.any()


def test_silence_is_told() -> None:
    _, silent = log2_bands(np.zeros((2, 8)), plan_sums([band_sum(256, 512), band_sum(512, 700)], 0.0))
    assert silent.tolist() == [[True, True], [True, True]]


def test_an_empty_band_is_refused() -> None:
    from edge_app.dsp.bands import Sum

    with pytest.raises(ValueError, match="no part of any bin"):
        plan_sums([Sum((), 8)], 0.0)
