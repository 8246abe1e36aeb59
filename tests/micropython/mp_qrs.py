"""Heartbeats are found alike under every runtime, in an ECG drawn from whole numbers."""

from edge_app.dsp.qrs import QrsDetector
from edge_app.dsp.qrs_rules import Medians, QrsPlan, extremes


def triangle(distance, width, height):
    """Height at `distance` from the middle of a triangle of half-width `width`."""
    return height * (width - abs(distance)) // width if abs(distance) < width else 0


def ecg(rate, beats, length, sign=1, noise=8):
    """P, R, S and T waves as triangles around each beat, and noise of a linear congruential generator."""
    samples = []
    state = 12345
    for n in range(length):
        state = (1103515245 * (state & 0xFFFF) + 12345) & 0x3FFFFFFF
        value = (state >> 8) % (2 * noise + 1) - noise
        for beat in beats:
            at = n - beat
            if -rate // 2 < at < rate // 2:
                value += sign * triangle(at + rate // 6, rate // 25, 40)
                value += sign * triangle(at, max(2, rate // 40), 400)
                value -= sign * triangle(at - rate // 25, max(2, rate // 50), 90)
                value += sign * triangle(at - rate // 4, rate // 12, 110)
        samples.append(value)
    return samples


def found(detector, samples):
    beats = []
    for n, sample in enumerate(samples):
        if detector.push(sample):
            beats.extend([n - age for age in detector.take()])
    return beats


def near(beats, expected, tolerance):
    assert len(beats) == len(expected), (beats, expected)
    for beat, place in zip(beats, expected):  # noqa: B905 - MicroPython's zip has no `strict`
        assert abs(beat - place) <= tolerance, (beat, place)


def test_every_beat_is_found_within_8_ms_at_any_rate_and_either_polarity():
    for rate in (125, 128, 200, 250, 360, 500, 1000):
        expected = [rate * k * 8 // 10 + rate // 3 for k in range(8)]
        for sign in (1, -1):
            samples = ecg(rate, expected, rate * 7, sign)
            near(found(QrsDetector(rate * 1000), samples), expected, 1 + rate // 125)


def test_the_same_beats_under_every_runtime():
    beats = [90, 380, 660, 950, 1130, 1560, 1850, 2140]
    assert found(QrsDetector(360000), ecg(360, beats, 2500)) == EXPECTED


def test_a_beat_that_comes_early_is_a_beat_and_a_tall_t_wave_is_none():
    expected = [100, 400, 700, 880, 1400, 1700]
    near(found(QrsDetector(360000), ecg(360, expected, 2100)), expected, 3)


def test_a_flat_line_has_no_beats():
    assert found(QrsDetector(250000), [17] * 2500) == []


def test_a_beat_is_told_within_0_4_s_of_its_r_wave():
    detector = QrsDetector(360000)
    expected = [360 * k + 100 for k in range(6)]
    for n, sample in enumerate(ecg(360, expected, 360 * 6)):
        if detector.push(sample):
            for age in detector.take():
                assert age <= 144 or n < 360 * 3  # the first ones wait for the levels


def test_when_the_signal_becomes_eight_times_smaller_the_beats_are_found_again():
    large = ecg(250, [250 * k + 100 for k in range(6)], 1500)
    small = [value // 8 for value in ecg(250, [250 * k + 100 for k in range(16)], 4000, noise=0)]
    beats = found(QrsDetector(250000), large + small)
    near(beats[-6:], [1500 + 250 * k + 100 for k in range(10, 16)], 3)


def test_counting_anew_does_not_show():
    plain, long = QrsDetector(200000), QrsDetector(200000)
    samples = ecg(200, [150 * k + 60 for k in range(20)], 3100)
    beats = []
    for n, sample in enumerate(samples):
        if n == 1500:
            by = len(long._energies) * len(long._filtered) * len(long._steep)
            long._now += by
            long._top_at += by
            long.rules.rebase(-by)
        if long.push(sample):
            beats.extend([n - age for age in long.take()])
    assert beats == found(plain, samples)


def test_medians_keep_the_last_eight_and_take_the_upper_of_two():
    medians = Medians()
    for value in (5, 1):
        medians.add(value)
    assert medians.value == 5
    for value in (9, 9, 9, 9, 9, 2, 2, 2):
        medians.add(value)
    assert medians.value == 9
    medians.halve()
    assert medians.value == 4


def test_extremes_lie_where_the_parabola_has_its_vertex():
    # -(x - 2.25)^2 at 1, 2, 3, times 16: -25, -1, -9; the highest is 1/4 after index 2.
    assert extremes([-200, -25, -1, -9, -49]) == (36, 0, 16 * 1 + 8, 25)


def test_a_rate_that_shows_no_heartbeat_is_refused():
    try:
        QrsPlan(50000)
    except ValueError:
        return
    raise AssertionError("50 Hz was taken")


EXPECTED = [90, 380, 660, 950, 1130, 1560, 1850, 2140]


def extreme(kind, n):
    """Signals that drive filters to their ends: int16 rails, still, swinging at every rate, or wild."""
    if kind == "low":
        return -32768
    if kind == "high":
        return 32767
    if kind == "wild":
        return (((1103515245 * (n & 0xFFFF) + 12345) & 0x3FFFFFFF) >> 13 & 1) * 65535 - 32768
    return 32767 if n // kind % 2 else -32768


def test_signals_between_the_rails_never_leave_31_bits():
    # QrsPlan: filtered samples are below 2^24 (high_pass <= 31 times a low-passed below 2^18), energies below 2^30.
    for rate in (100, 249, 360, 1000):
        for kind in ("low", "high", "wild", 1, 2, rate // 30, rate // 20, rate // 12, rate // 8):
            detector = QrsDetector(rate * 1000)
            highest = 0
            for n in range(3 * rate if kind == "wild" else rate):
                if detector.push(extreme(kind, n)):
                    detector.take()
                highest = max(highest, detector._top)
            assert highest < 1 << 30, (rate, kind, highest)
            for ring in (detector._one, detector._two, detector._mean, detector._filtered):
                assert max([abs(value) for value in ring]) < 1 << 24, (rate, kind)
            assert min(detector._energies) >= 0  # a store that had wrapped round would be below
