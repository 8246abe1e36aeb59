"""The log-mel in plain integers under every runtime, and its statistics in one pass as a device would keep them."""

import sys

sys.path.append(__file__.rsplit("/", 1)[0] + "/../support")

import scalar_frontend as scalar
import scalar_sound as sound
from mp_frontend import Draw, word


def small_sound():
    """1600 counts at 16 kHz: two tones, one of them swelling, noise."""
    draw = Draw(11)
    return [
        (i * 61 % 97 - 48) * (20 + i % 400) // 4 + (i * 7 % 31 - 15) * 60 + draw.below(801) - 400 for i in range(1600)
    ]


def test_a_whole_vector_is_the_one_of_numpy():
    if 16777216.0 + 1.0 == 16777216.0:
        return  # single-precision floats cannot make the tables; a device is sent them as integers
    values, rms = sound.sound_features(small_sound(), 16000.0, 1 / 32768, 200.0, 7000.0, 6, 16000.0, 16.0, 8.0, 40.0)
    assert values == VECTOR
    assert rms == RMS
    assert sound.mel_edges(200.0, 7000.0, 6) == EDGES


def levels(frames, bands):
    draw = Draw(12)
    return [[-2000 + 300 * b + draw.within(1500) for b in range(bands)] for _ in range(frames)]


def test_the_statistics_are_those_of_numpy():
    assert sound.log_mel_statistics(levels(21, 5)) == STATISTICS


def test_the_statistics_in_one_pass():
    """Sums about the first frame's level; the spread's two-word sum put together at the end."""
    frames = levels(21, 5)
    count = len(frames)
    centre = frames[0]
    sums, squares, steps = [0] * 5, [0] * 5, [0] * 5
    before = frames[0]
    for frame in frames:
        for b in range(5):
            off = frame[b] - centre[b]
            sums[b] = word(sums[b] + off)
            squares[b] += word(off * off)
            steps[b] = word(steps[b] + abs(frame[b] - before[b]))
        before = frame
    means, spread, flux = [], [], []
    for b in range(5):
        mean = (2 * (sums[b] + count * centre[b]) + count) // (2 * count)
        shift = mean - centre[b]
        about = squares[b] - 2 * shift * sums[b] + count * shift * shift
        means.append(mean)
        spread.append(scalar.rnd(scalar.lg(about + count) - scalar.lg(count), 9))
        flux.append(scalar.rnd(scalar.lg(steps[b] + count - 1) - scalar.lg(count - 1), 8))
    total = sum(sums) + count * sum(centre)
    overall = (2 * total + 5 * count) // (10 * count)
    assert [mean - overall for mean in means] + spread + flux == STATISTICS


# What numpy gives for the same numbers: tests/golden/test_sound_bytes.py and tests/unit/dsp/test_mel.py compute these.
VECTOR = [-646, -718, 117, -147, 523, 872, 2096, 2065, 2060, 2016, 1959, 2070, 2190, 2225, 2233, 2178, 2110, 2244]
RMS = -1084
EDGES = [200000, 587115, 1140738, 1932489, 3064795, 4684136, 7000000]
STATISTICS = [-306, -364, 327, -14, 356, 2644, 2619, 2622, 2607, 2611, 2651, 2718, 2699, 2683, 2592]
