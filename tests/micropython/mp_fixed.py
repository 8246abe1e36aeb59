"""The whole-number logarithm gives the same integers under every runtime."""

from edge_app.dsp.fixed import LOG2_TABLE, clamp_int16, exp2_q16, log2_q8, log2_q16


def test_powers_of_two_are_exact_also_beyond_a_machine_word():
    for exponent in range(62):
        assert log2_q16(1 << exponent) == exponent << 16
        assert log2_q8(1 << exponent) == exponent << 8


def test_values_between_are_those_of_the_table():
    assert len(LOG2_TABLE) == 257
    assert log2_q16(3) == 103872
    assert log2_q8(3) == 406
    assert log2_q16(1000003) == 1306235  # 19.931573 * 65536 = 1306235.6, floors inside
    assert log2_q16((1 << 53) - 1) == (53 << 16) - 1


def test_int16_is_clamped_at_both_ends():
    assert [clamp_int16(value) for value in (-40000, 7, 40000)] == [-32768, 7, 32767]


def test_zero_has_no_logarithm():
    try:
        log2_q16(0)
    except ValueError:
        return
    raise AssertionError("log2 of 0 was answered")


def test_a_fraction_falls_by_half_every_256_and_ends_at_nothing():
    assert [exp2_q16(256 * octaves) for octaves in (0, 1, 4, 16, 17, 40)] == [65536, 32768, 4096, 1, 0, 0]
    assert exp2_q16(128) == 46340  # 65536 / sqrt(2) = 46340.95
    for below in range(0, 4096, 7):  # the inverse of log2, as far as 16 bits tell: one in 65536
        fraction = exp2_q16(below)
        assert exp2_q16(below + 1) <= fraction
        if fraction > 4096:
            assert abs(log2_q8(fraction) - (4096 - below)) <= 1
