"""The whole-number FFT against exact arithmetic and the textbook."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.dsp.fft import fft, plan_fft, twiddle_q15


def random_points(length: int, columns: int, bits: int = 25) -> np.ndarray:
    rng = np.random.default_rng(length + columns)
    draw = rng.integers(-(2**bits), 2**bits, (2, length, columns)).astype(np.float64)
    return draw[0] + 1j * draw[1]


def test_a_constant_ends_in_bin_zero_undiminished() -> None:
    out = fft(np.full((1024, 1), 12345.0 + 0j), plan_fft(1024, 1))
    assert out[0, 0] == 12345
    assert np.abs(out[1:]).max() <= 1.5  # a rounding per pass


def test_a_turning_pointer_ends_in_its_own_bin() -> None:
    k, amplitude = 37, 2.0**24
    points = np.round(amplitude * np.exp(2j * np.pi * k * np.arange(1024) / 1024)).reshape(-1, 1)
    out = fft(points, plan_fft(1024, 1))[:, 0]
    assert abs(out[k] - amplitude) < 1024  # twiddles in Q15: 2^24 * 2^-15 * sqrt(passes) or so
    assert np.abs(np.delete(out, k)).max() < 2.0**24 / 10 ** (80 / 20)  # leakage below -80 dB


@pytest.mark.parametrize("length", [4, 16, 64, 256, 1024])
def test_it_is_the_transform_divided_by_the_length(length: int) -> None:
    points = random_points(length, 3)
    error = fft(points, plan_fft(length, 3)) - np.fft.fft(points, axis=0) / length
    assert np.abs(error).max() < 2**25 * 2**-15  # Q15 twiddles


def test_columns_do_not_know_of_each_other_in_whatever_number_they_come() -> None:
    points = random_points(256, 37)  # more than one chunk of 16, the last one short
    together = fft(points, plan_fft(256, 37))
    for column in (0, 15, 16, 36):
        alone = fft(points[:, column : column + 1].copy(), plan_fft(256, 1))
        assert (together[:, column] == alone[:, 0]).all()


def test_no_component_grows_beyond_26_bits_at_full_drive() -> None:
    corners = np.random.default_rng(1).choice([-1.0, 1.0], (2, 1024, 64)) * 2.0**25
    out = fft(corners[0] + 1j * corners[1], plan_fft(1024, 64))
    assert np.abs(out.view(np.float64)).max() < 2**26
    assert (out.view(np.float64) == np.floor(out.view(np.float64))).all()


def test_the_input_is_left_alone() -> None:
    points = random_points(64, 2)
    before = points.copy()
    fft(points, plan_fft(64, 2))
    assert (points == before).all()


def test_twiddles_of_a_quarter_turn_are_exact() -> None:
    assert [twiddle_q15(k, 4) for k in range(4)] == [(32768, 0), (0, -32768), (-32768, 0), (0, 32768)]


def test_a_length_that_is_no_power_of_four_is_refused() -> None:
    with pytest.raises(ValueError, match="512 is not a power of four"):
        plan_fft(512, 1)
