"""Requantisation: the integer definition, and that the float64 form is taken only where it is proved equal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_app.inference.int8_arithmetic import (
    Requantizer,
    activation_range,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
)


def by_big_integers(total: int, multiplier: int, shift: int) -> int:
    """The definition of docs/reference/int8-arithmetic.md, written with fractions instead of shifts."""
    product = 2 * (total * 2 ** max(shift, 0) * multiplier)
    high = (product + 2**31) // 2**32  # half up
    right = max(-shift, 0)
    sign = -1 if high < 0 else 1
    return sign * ((2 * abs(high) + 2**right) // (2 * 2**right))  # half away from zero


def test_a_factor_becomes_a_31_bit_multiplier_and_a_shift():
    assert quantize_multiplier(0.5) == (1 << 30, 0)
    assert quantize_multiplier(1.0) == (1 << 30, 1)
    assert quantize_multiplier(0.75) == (3 << 29, 0)
    assert quantize_multiplier(0.0) == (0, 0)
    assert quantize_multiplier(1 - 2.0**-40) == (1 << 30, 1)  # rounds up to 1.0
    assert quantize_multiplier(2.0**-40) == (0, 0)


@given(
    total=st.integers(-(2**27), 2**27),
    multiplier=st.integers(1 << 30, (1 << 31) - 1),
    shift=st.integers(-20, 3),
)
def test_the_whole_array_definition_equals_big_integers(total: int, multiplier: int, shift: int):
    result = multiply_by_quantized_multiplier(np.array([total]), np.array([multiplier]), np.array([shift]))
    assert int(result[0]) == by_big_integers(total, multiplier, shift)


@settings(deadline=None)
@given(
    multiplier=st.one_of(st.integers(1 << 30, (1 << 31) - 1), st.just(1 << 30)),
    shift=st.integers(-16, 2),
    zero_point=st.integers(-128, 127),
    relu=st.booleans(),
    seed=st.integers(0, 2**31 - 1),
)
def test_the_float64_form_equals_the_definition_around_every_step(
    multiplier: int, shift: int, zero_point: int, relu: bool, seed: int
):
    # Given a requantizer that found its float64 form equal to the definition (nearly always),
    low = zero_point if relu else -128
    requantizer = Requantizer([multiplier], [shift], zero_point, low, 127, bound=1 << 24)
    # when sums next to every step of the output, and random ones, are requantised,
    steps = (np.arange(-130, 260) - 0.5) / (multiplier * 2.0 ** (shift - 31))
    near = np.concatenate([np.floor(steps) + move for move in range(-3, 4)])
    random = np.random.RandomState(seed).randint(-(1 << 24), 1 << 24, 2000)
    sums = np.clip(np.concatenate([near, random]), -(1 << 24), 1 << 24).reshape(-1, 1)
    out = np.empty(sums.shape, np.float32)
    requantizer.apply(sums.astype(np.float64), np.empty(sums.shape), out)
    # then every one equals the definition.
    exact = multiply_by_quantized_multiplier(sums.astype(np.int64), np.array([multiplier]), np.array([shift]))
    assert np.array_equal(out, np.clip(exact + zero_point, low, 127))


def test_a_shift_that_may_overflow_falls_back_to_the_definition():
    assert Requantizer([1 << 30], [0], 0, -128, 127, bound=1 << 24).fast
    assert not Requantizer([1 << 30], [8], 0, -128, 127, bound=1 << 24).fast


@pytest.mark.parametrize(
    ("fused", "expected"),
    [("none", (-128, 127)), ("relu", (10, 127)), ("relu6", (10, 70)), ("relu_n1_to_1", (0, 20))],
)
def test_fused_activations_are_ranges(fused: str, expected: tuple[int, int]):
    # scale 0.1, zero point 10: 0 → 10, 6 → 70, ±1 → 0 and 20
    assert activation_range(fused, 0.1, 10) == expected
