"""Rate, variability and irregularity of intervals, the same under every runtime."""

from edge_app.dsp.pulse_shape import correlation_percent, repeat_percent
from edge_app.dsp.rhythm import (
    NOTHING,
    intervals_us,
    irregularity_q8,
    isqrt,
    mean_us,
    normal,
    pairs_alike,
    plausible,
    rhythm_levels,
    rmssd_us,
    sdnn_us,
)


def test_intervals_are_differences_of_places_in_microseconds():
    # 30 Hz: 256 places are a sample of 33 333 us; 400 Hz: 2500 us.
    assert intervals_us([0, 24 << 8, (48 << 8) + 128], 30000) == [800000, 816667]
    assert intervals_us([0, 400 << 8], 400000) == [1000000]
    assert intervals_us([5], 30000) == []


def test_variability_is_that_of_the_textbook():
    intervals = [800000, 820000, 780000, 810000, 790000]
    keep = [True] * 5
    # Mean 800 ms, squares 0 + 400 + 400 + 100 + 100 = 1000 ms2 over 4: sqrt 250 = 15.811 ms.
    assert sdnn_us(intervals, keep) == 15811
    # Steps 20, -40, 30, -20 ms: (400 + 1600 + 900 + 400) / 4 = 825: sqrt = 28.722 ms.
    assert rmssd_us(intervals, keep) == 28722


def test_what_is_not_normal_is_left_out_of_variability():
    intervals = [800000, 800000, 500000, 1100000, 800000, 800000, 2500000, 800000]
    assert plausible(intervals) == [True, True, True, True, True, True, False, True]
    assert normal(intervals) == [True, True, False, False, True, True, False, True]
    assert sdnn_us(intervals, normal(intervals)) == 0
    assert rmssd_us(intervals, normal(intervals)) == 0


def test_in_bigeminy_no_interval_is_normal_and_variability_is_not_told():
    intervals = [600000, 1000000] * 10
    assert normal(intervals).count(True) == 0
    assert rhythm_levels(intervals, True)[1:4] == [NOTHING, NOTHING, 1701]  # 100 %: 256 log2 100 = 1700.8


def test_a_trimmed_mean_is_not_moved_by_one_missed_beat_in_twenty_and_a_plain_one_is():
    assert mean_us([800000] * 19 + [1600000], True) == 800000
    assert mean_us([800000] * 19 + [1600000], False) == 840000


def test_what_no_heart_makes_is_not_in_the_mean():
    assert mean_us([800000, 900000, 5000000], False) == 850000
    assert mean_us([5000000, 5000000], False) == 5000000


def test_the_square_root_is_exact():
    for value in (0, 1, 2, 3, 4, 15, 16, 17, 1000003, (1 << 60) - 1, 1 << 60):
        root = isqrt(value)
        assert root * root <= value < (root + 1) * (root + 1)


def test_a_steady_rhythm_is_regular_and_one_that_may_do_anything_is_not():
    steady = [800000 + 10000 * (k % 3) for k in range(40)]
    # All pairs are alike, and what follows too: 2 * 40 ms / 810 ms, log2 = -3.34.
    assert irregularity_q8(steady, [True] * 40) == -855
    seed, free = 1, []
    for _ in range(60):
        seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
        free.append(500000 + (seed >> 8) % 600000)
    # Spread evenly over 0.6 s with a mean of 0.8 s: about 0.75, log2 -0.4.
    assert -180 < irregularity_q8(free, [True] * 60) < 0


def test_bigeminy_is_regular():
    assert irregularity_q8([600000, 1000000] * 20, [True] * 40) < -768


def test_pairs_are_counted_once_and_what_is_left_out_makes_none():
    assert pairs_alike([800000, 900000, 800000, 900000], [True] * 4) == (1, 1)
    assert pairs_alike([800000, 900000, 800000, 1000000], [True] * 4) == (1, 0)
    assert pairs_alike([800000, 900000, 800000, 900000], [True, True, False, True]) == (0, 0)
    assert irregularity_q8([800000, 1200000, 500000], [True] * 3) == NOTHING


def test_levels_stand_in_the_order_of_the_schema():
    # 75 bpm: 256 log2 75 = 1594.6; nothing varies; 80 ms / 800 ms = 0.1: -850.4.
    assert rhythm_levels([800000] * 20, False) == [1595, NOTHING, NOTHING, NOTHING, -850]


def test_pulses_that_repeat_correlate_and_others_do_not():
    wave = (0, 40, 260, 620, 900, 1000, 960, 850, 720, 620, 570, 560, 545, 490, 420, 350, 285, 225, 170, 125, 85, 55)
    beats = [(22 * k + 3) << 8 for k in range(12)]
    # The highest mean of three neighbours (900 + 1000 + 960) // 3 = 953, the lowest (55 + 0 + 40) // 3 = 31.
    assert repeat_percent(wave * 12, beats, 3) == (100, 922)
    seed, noise = 7, []
    for _ in range(22 * 12):
        seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
        noise.append((seed >> 12) % 1000)
    assert repeat_percent(noise, beats, 3)[0] < 50
    assert repeat_percent(wave, beats[:2], 3) == (0, 0)
    assert correlation_percent([1, -1], [1, -1]) == 100
    assert correlation_percent([1, -1], [-1, 1]) == -100
