"""Sums of quantities known by their levels."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.dsp.logadd import add_amplitudes_q8, add_powers_q8


def levels(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def test_a_power_added_to_its_equal_gains_one_octave() -> None:
    assert add_powers_q8(levels(-512), levels(-512)).tolist() == [-256]


def test_an_amplitude_added_to_its_equal_gains_half_an_octave() -> None:
    assert add_amplitudes_q8(levels(300), levels(300)).tolist() == [428]  # sqrt(1 + 1) = 2^0.5


def test_what_is_far_below_adds_nothing_and_the_order_does_not_matter() -> None:
    assert add_powers_q8(levels(0, -32768), levels(-32768, 0)).tolist() == [0, 0]
    assert add_amplitudes_q8(levels(0, -32768), levels(-32768, 0)).tolist() == [0, 0]


@pytest.mark.parametrize(("add", "power"), [(add_powers_q8, 1.0), (add_amplitudes_q8, 2.0)])
def test_every_sum_is_the_nearest_level(add, power: float) -> None:
    quiet = np.arange(-4000, 1, dtype=np.int64)
    exact = 256 / power * np.log2(1.0 + 2.0 ** (power * quiet / 256))
    assert np.abs(add(quiet, levels(0)) - exact).max() <= 0.5
