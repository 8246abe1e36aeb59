"""Peak, crest and kurtosis."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.dsp.moments import log2_moments, moments


def shape(signal: np.ndarray) -> tuple[float, float, float]:
    """Peak over full scale, crest, kurtosis."""
    peak, crest, kurtosis = log2_moments(np.floor(signal * 2**25).reshape(1, -1), 25)
    return 2.0 ** (peak[0] / 65536), 2.0 ** (crest[0] / 131072), 2.0 ** (kurtosis[0] / 65536)


def test_a_sine_has_crest_root_two_and_kurtosis_one_and_a_half() -> None:
    sine = 0.999 * np.sin(2 * np.pi * np.arange(4000) / 40)
    assert shape(sine) == pytest.approx((0.999, 2**0.5, 1.5), rel=2e-4)


def test_a_square_wave_has_crest_and_kurtosis_one() -> None:
    assert shape(np.where(np.arange(1000) % 2, 0.75, -0.75)) == pytest.approx((0.75, 1.0, 1.0), rel=1e-4)


def test_normal_noise_has_kurtosis_three() -> None:
    noise = np.random.default_rng(5).standard_normal(200_000)
    assert shape(noise / (np.abs(noise).max() + 1e-9))[2] == pytest.approx(3.0, rel=0.03)


def test_one_impulse_in_a_thousand_samples_has_kurtosis_one_thousand() -> None:
    impulse = np.zeros(1000)
    impulse[77] = -0.5
    assert shape(impulse) == pytest.approx((0.5, 1000**0.5, 1000.0), rel=1e-3)


def test_sums_stay_exact_at_full_scale() -> None:
    peak, squares, fourths = moments(np.full((1, 4096), 2.0**25), 25)
    assert (peak[0], squares[0], fourths[0]) == (2**15, 4096 * 2**30, 4096 * 2**30)
