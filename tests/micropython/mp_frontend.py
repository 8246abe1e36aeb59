# ruff: noqa: B905
"""The front end in plain integers under every runtime, and its steps in 32-bit words as docs/reference/front-end.md
forms them."""

import sys

sys.path.append(__file__.rsplit("/", 1)[0] + "/../support")

import scalar_frontend as scalar


class Draw:
    """The same numbers under every runtime."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self.state >> 8) % limit

    def within(self, limit):
        """-limit..limit, the ends often."""
        kind = self.below(4)
        if kind == 0:
            return limit
        if kind == 1:
            return -limit
        return self.below(2 * limit + 1) - limit


def word(value):
    assert -(1 << 31) <= value < 1 << 31, value
    return value


def checksum(values):
    total = 0
    for value in values:
        total = ((total << 5) ^ (total >> 19) ^ value) & 0xFFFFFF
    return total


def points(length):
    draw = Draw(9)
    return [(draw.within(1 << 25), draw.within(1 << 25)) for _ in range(length)]


def test_the_transform_of_256_points_is_the_one_of_numpy():
    out = scalar.fft(points(256), scalar.twiddles(256))
    assert checksum([part for pair in out for part in pair]) == FFT_256


def test_window_and_twiddles_are_those_of_numpy():
    assert checksum(scalar.hann(1024)) == HANN_1024
    assert checksum([part for pair in scalar.twiddles(1024) for part in pair]) == TWIDDLES_1024


def test_power_and_moments_of_a_small_window_are_those_of_numpy():
    draw = Draw(5)
    u, shift = scalar.normalised([draw.within(30000) << 8 for _ in range(300)], 25)
    assert shift == 2
    assert checksum([e & 0xFFFFFF for e in scalar.power(u, 128)]) == POWER_300
    assert checksum([m & 0xFFFFFF for m in scalar.moments(u, 25)]) == MOMENTS_300


def small_window():
    """900 counts at 3332 Hz: a wave, impacts, noise."""
    draw = Draw(8)
    return [(i * 37 % 113 - 56) * 90 + draw.below(2001) - 1000 + (9000 if i % 97 == 0 else 0) for i in range(900)]


def test_a_whole_vector_is_the_one_of_numpy():
    if 16777216.0 + 1.0 == 16777216.0:
        return  # single-precision floats cannot make the tables; a device is sent them as integers
    assert scalar.axis_features(small_window(), 3332.0, 16 / 32768, 30.0, 1250.0, 8, 2560.0) == VECTOR


def test_the_window_product_in_words():
    draw = Draw(1)
    for _ in range(500):
        u, w = draw.within(1 << 25), draw.below(32769)
        high, low = u >> 13, u & 8191
        product = word(word(high * w) + ((word(low * w) + (1 << 14)) >> 13)) >> 2
        assert product == scalar.rnd(u * w, 15)


def test_the_filter_in_words():
    draw = Draw(2)
    taps = [draw.within(9000) for _ in range(60)]
    x = [draw.within(32767) for _ in range(60)]
    high = low = 0
    for t, v in zip(taps, x):
        high = word(high + t * (v >> 8))
        low = word(low + t * (v & 255))
    assert (high + ((low + (1 << 9)) >> 8)) >> 2 == scalar.rnd(sum([t * v for t, v in zip(taps, x)]), 10)


def test_a_butterfly_in_words():
    """Components at their worst: modulus 2^25.5 in every direction."""
    draw = Draw(3)
    table = scalar.twiddles(1024)
    for _ in range(200):
        x = [(draw.within(1 << 25), draw.within(1 << 25)) for _ in range(4)]
        k = draw.below(256)
        w = [table[p * k] for p in range(4)]
        for q in range(4):
            exact_re = exact_im = 1 << 16
            h_re = h_im = l_re = l_im = 0
            for p in range(4):
                (re, im), (wr, wi) = x[p], w[p]
                a, b = scalar.turned((wr * re - wi * im, wr * im + wi * re), p * q)
                exact_re, exact_im = exact_re + a, exact_im + b
                high = word((re >> 13) * wr - (im >> 13) * wi), word((im >> 13) * wr + (re >> 13) * wi)
                low = word((re & 8191) * wr - (im & 8191) * wi), word((im & 8191) * wr + (re & 8191) * wi)
                high, low = scalar.turned(high, p * q), scalar.turned(low, p * q)
                h_re, h_im = word(h_re + high[0]), word(h_im + high[1])
                l_re, l_im = word(l_re + low[0]), word(l_im + low[1])
            assert word(h_re + (word(l_re + (1 << 16)) >> 13)) >> 4 == exact_re >> 17
            assert word(h_im + (word(l_im + (1 << 16)) >> 13)) >> 4 == exact_im >> 17


def test_squares_in_words():
    draw = Draw(4)
    c = [draw.within(3 << 23) for _ in range(32)]  # 2^24.6, the largest component under a Hann window
    hh = hl = ll = 0
    for v in c:
        high, low = v >> 12, v & 4095
        hh, hl, ll = word(hh + high * high), word(hl + high * low), word(ll + low * low)
    assert (hh << 24) + (hl << 13) + ll == sum([v * v for v in c])


def test_the_velocity_product_in_words():
    draw = Draw(6)
    for _ in range(300):
        e, c = draw.below((1 << 22) + 1), draw.below((1 << 24) + 1)
        eh, el, ch, cl = e >> 11, e & 2047, c >> 12, c & 4095
        middle = word(word(eh * cl + 2 * el * ch) + (word(el * cl + (1 << 16)) >> 11))
        assert word((eh * ch << 6) + (middle >> 6)) == scalar.rnd(e * c, 17)


# What numpy gives for the same numbers: tests/golden/test_frontend_bytes.py computes these.
FFT_256 = 6187028
HANN_1024 = 15063779
TWIDDLES_1024 = 2907016
POWER_300 = 10604063
VECTOR = [139, 613, 465, 298, -1539, -751, -1238, -1160, -1240, -1146, -1032, 209]
MOMENTS_300 = 12283717
