"""The array logarithm equals the scalar one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_app.dsp.fixed import log2_q16
from edge_app.dsp.logtable import log2_q16_array


@given(st.lists(st.integers(1, 2**53), min_size=1, max_size=40))
def test_every_element_equals_the_scalar_logarithm(values: list[int]) -> None:
    assert log2_q16_array(np.array(values, np.float64)).tolist() == [log2_q16(value) for value in values]


def test_zero_is_harmless_and_the_shape_is_kept() -> None:
    assert log2_q16_array(np.array([[0.0, 1.0], [2.0, 2.0**53]])).shape == (2, 2)
