"""Whole-number logarithm and roundings."""

from __future__ import annotations

import math

import pytest

from edge_app.dsp.fixed import LOG2_TABLE, clamp_int16, log2_q8, log2_q16


def test_powers_of_two_have_exact_logarithms() -> None:
    for exponent in range(64):
        assert log2_q16(1 << exponent) == exponent << 16
        assert log2_q8(1 << exponent) == exponent << 8


def test_the_logarithm_is_within_three_counts_of_q16_everywhere() -> None:
    values = [*range(1, 5000), *(3**k for k in range(1, 40)), *(2**k - 1 for k in range(2, 64))]
    assert max(abs(log2_q16(value) - 65536 * math.log2(value)) for value in values) < 3.0


def test_log2_of_three_in_q8_is_406() -> None:
    assert log2_q8(3) == 406  # 1.58496 * 256 = 405.75


def test_the_logarithm_never_falls_as_the_value_rises() -> None:
    logs = [log2_q16(value) for value in range(1, 300_000, 7)]
    assert logs == sorted(logs)


@pytest.mark.parametrize("value", [0, -1])
def test_nothing_below_one_has_a_logarithm(value: int) -> None:
    with pytest.raises(ValueError, match=f"log2 of {value}"):
        log2_q16(value)


def test_the_table_has_256_steps_and_its_end() -> None:
    assert len(LOG2_TABLE) == 257
    assert list(LOG2_TABLE) == [math.floor(65536 * math.log2(1 + i / 256) + 0.5) for i in range(257)]


def test_int16_is_clamped_at_both_ends() -> None:
    assert [clamp_int16(v) for v in (-40000, -32768, 5, 32767, 40000)] == [-32768, -32768, 5, 32767, 32767]
