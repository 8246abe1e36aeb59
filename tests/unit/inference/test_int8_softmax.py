"""The fixed-point softmax beside the mathematical one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tflite_builder import ModelBuilder

from edge_app.inference.int8 import Int8Engine
from edge_app.inference.int8_softmax import INT32_MAX, divide_by_power, exponential, exponential_table, reciprocal


def test_the_exponential_is_right_to_one_part_in_a_million():
    worst = 0.0
    for diff in range(-(31 << 26), 1, 1_234_567):
        worst = max(worst, abs(exponential(diff) / 2**31 - math.exp(diff / 2**26)))
    assert worst < 1e-6
    assert exponential(0) == INT32_MAX


@pytest.mark.parametrize("total", [1 << 19, (1 << 19) + 1, 3 << 19, 12_345_678, (4095 << 19)])
def test_the_reciprocal_is_right_to_one_part_in_a_million(total: int):
    mantissa, bits = reciprocal(total)
    assert mantissa / 2**31 / 2**bits == pytest.approx(2**19 / total, rel=1e-6)


def test_halves_are_rounded_away_from_zero():
    assert [divide_by_power(value, 1) for value in (-3, -2, -1, 0, 1, 3)] == [-2, -1, -1, 0, 1, 2]


def test_differences_past_the_table_count_as_nothing():
    table = exponential_table(scale=1.0, beta=1.0)
    assert table[0] == INT32_MAX
    assert table[1] / 2**31 == pytest.approx(math.exp(-1), rel=1e-6)
    assert table[32:] == [0] * 224  # 31 is the largest difference that Q5.26 holds


def test_a_row_is_within_one_step_of_the_mathematical_softmax():
    b = ModelBuilder()
    x, y = b.tensor([1, 12], 0.1, 5), b.tensor([1, 12], 1 / 256, -128)
    b.operator("SOFTMAX", [x], [y], beta=1.0)
    engine = Int8Engine.from_bytes(b.build([x], [y]))
    r = np.random.RandomState(1)
    for _ in range(50):
        inputs = r.randint(-128, 128, (1, 12)).astype(np.int8)
        real = np.exp(0.1 * (inputs.astype(float) - inputs.max()))
        expected = 256 * real / real.sum() - 128
        assert np.abs(engine.invoke(inputs) - np.clip(expected, -128, 127)).max() <= 1
