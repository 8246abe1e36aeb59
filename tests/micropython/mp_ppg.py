"""The pulse-beat detector gives the same beats under every runtime."""

from edge_app.dsp.ppg import PulseDetector, Slope, falls_on_beat, vertex_q8

# One pulse wave of 24 samples (0.8 s at 30 Hz): a steep rise, a slow fall with a dicrotic shoulder.
WAVE = (
    0,
    40,
    260,
    620,
    900,
    1000,
    960,
    850,
    720,
    620,
    570,
    560,
    545,
    490,
    420,
    350,
    285,
    225,
    170,
    125,
    85,
    55,
    30,
    10,
)


def pulses(beats, turned=False):
    samples = []
    for _ in range(beats):
        for value in WAVE:
            samples.append(-value if turned else value)
    return samples


def beats_of(samples, falls=False):
    detector = PulseDetector(30000, falls)
    for sample in samples:
        detector.push(sample)
    detector.finish()
    return list(detector.beats_q8)


def test_a_regular_pulse_has_one_beat_a_wave_at_one_place_in_the_wave():
    beats = beats_of(pulses(20))
    assert len(beats) == 20
    # Slopes 1730, 2220, 1940 (sums of three minus the three before): the boxes meet 2.5 samples after the wave's start,
    # the parabola's top lies (1940 - 1730) * 128 / (2 * 2220 - 1730 - 1940) = 35 / 256 later.
    assert [place - (24 << 8) * number for number, place in enumerate(beats)][1:] == [640 + 35] * 19


def test_a_pulse_upside_down_is_noticed_and_has_the_same_beats():
    assert not falls_on_beat(pulses(20), 30000)
    assert falls_on_beat(pulses(20, turned=True), 30000)
    assert beats_of(pulses(20, turned=True), falls=True)[1:] == beats_of(pulses(20))[1:]


def test_the_slope_is_the_sum_of_the_last_box_minus_the_one_before_it():
    slope = Slope(3)
    assert [slope.push(value) for value in (1, 2, 4, 8, 16, 32, 64)] == [0, 0, 0, 0, 0, 49, 98]


def test_the_top_of_a_parabola_lies_between_samples():
    assert vertex_q8(5, 9, 5) == 0
    assert vertex_q8(8, 8, 0) == -128
    assert vertex_q8(0, 8, 8) == 128
    assert vertex_q8(7, 7, 7) == 0


def test_silence_has_no_beats():
    assert beats_of([0] * 600) == []


def test_signals_between_the_rails_fit_what_they_are_kept_in():
    # Slope: two boxes of at most 40 samples, each of int16, so below 2 * 40 * 2^15 < 2^22.
    for rate in (25, 30, 100, 400):
        for half in (0, 1, 2, rate // 6, rate // 4, rate // 2):
            detector = PulseDetector(rate * 1000, half % 2 == 1)
            slope = Slope(max(2, rate // 10))
            for n in range(6 * rate):
                sample = 32767 if half and n // half % 2 else -32768
                detector.push(sample)
                assert abs(slope.push(sample)) < 1 << 22
            detector.finish()
            assert all(place >= 0 for place in detector.beats_q8)
