# Runs unchanged on MicroPython.
"""Heart rate, its variability and irregularity from the places of heartbeats, in whole numbers.

Places are in 1/256 of a sample, intervals in µs, results as said. A window holds at most a few hundred beats, so this
runs once a window, not once a sample, and may allocate.

Source: Task Force of the European Society of Cardiology and the North American Society of Pacing and
Electrophysiology, "Heart rate variability: standards of measurement", Circulation 93:1043-1065, 1996 (SDNN, RMSSD);
D. E. Lake, J. R. Moorman, "Accurate estimation of entropy in very short physiological time series: the problem of
atrial fibrillation detection in implanted ventricular devices", Am. J. Physiol. Heart Circ. Physiol. 300:H319-H325,
2011 (coefficient of sample entropy; here with one interval as memory and a fixed tolerance, chosen on MIT-BIH DS1).
"""

from edge_app.dsp.fixed import clamp_int16, log2_q16

SHORTEST_US = 300000
"""An interval below this is no heartbeat's: 200 bpm (µs)."""
LONGEST_US = 2000000
"""An interval above this is a pause, or beats were missed: 30 bpm (µs)."""
NORMAL_PERCENT = 20
"""An interval further than this from the median of its neighbours counts as ectopic or misdetected: SDNN and RMSSD
leave it out. Source: Task Force 1996, "20 %" rule of NN intervals, with a median in place of the one before."""
NEIGHBOURS = 3
"""Intervals to both sides whose median is the measure: in bigeminy four of the six are of the other kind."""
NOTHING = -32768
"""Level of a quantity that is zero or cannot be told."""
TOLERANCE_US = 40000
"""Two intervals that differ by no more are alike, for the entropy (µs)."""


def intervals_us(beats_q8, rate_mhz: int) -> list[int]:
    """Intervals between beats (µs), rounded.

    Parameters
    ----------
    beats_q8 : sequence of int
        Places of the beats, rising (1/256 samples).
    rate_mhz : int
        Sampling rate (mHz).
    """
    half = rate_mhz >> 1
    found = []
    for index in range(1, len(beats_q8)):
        found.append(((int(beats_q8[index]) - int(beats_q8[index - 1])) * 3906250 + half) // rate_mhz)
    return found


def plausible(intervals: list[int]) -> list[bool]:
    """For each interval whether a heart can have made it."""
    return [SHORTEST_US <= each <= LONGEST_US for each in intervals]


def median(values) -> int:
    """The middle of the values, the lower one of two."""
    return int(sorted(values)[(len(values) - 1) >> 1])


def normal(intervals: list[int]) -> list[bool]:
    """For each interval whether it is plausible and near the median of its neighbours."""
    good = plausible(intervals)
    found = []
    for index in range(len(intervals)):
        near = []
        for other in range(max(0, index - NEIGHBOURS), min(len(intervals), index + NEIGHBOURS + 1)):
            if good[other] and other != index:
                near.append(intervals[other])
        if not good[index] or not near:
            found.append(False)
            continue
        middle = median(near)
        found.append(abs(intervals[index] - middle) * 100 <= NORMAL_PERCENT * middle)
    return found


def mean_us(intervals: list[int], trim: bool) -> int:
    """Mean of the plausible intervals (µs), of all when none is; `trim` leaves out the shortest and longest tenth.

    Trimmed, a missed or invented beat hardly moves it; untrimmed, it is the mean rate also of a rhythm that jumps.
    """
    ordered = sorted([each for each in intervals if SHORTEST_US <= each <= LONGEST_US] or intervals)
    cut = len(ordered) // 10 if trim else 0
    middle = ordered[cut : len(ordered) - cut]
    return (sum(middle) + (len(middle) >> 1)) // len(middle)


def isqrt(value: int) -> int:
    """Whole part of the square root of a whole number >= 0."""
    if value < 2:
        return value
    root = 1 << ((_bits(value) + 1) >> 1)
    while True:
        better = (root + value // root) >> 1
        if better >= root:
            return root
        root = better


def _bits(value: int) -> int:
    bits = 0
    while value:
        value >>= 1
        bits += 1
    return bits


def sdnn_us(intervals: list[int], keep: list[bool]) -> int:
    """Standard deviation of the intervals marked in `keep` (µs, n - 1 in the denominator); 0 below two."""
    values = [intervals[k] for k in range(len(intervals)) if keep[k]]
    count = len(values)
    if count < 2:
        return 0
    total = sum(values)
    squares = count * sum([each * each for each in values]) - total * total
    return isqrt(squares // (count * (count - 1)))


def rmssd_us(intervals: list[int], keep: list[bool]) -> int:
    """Root mean square of the differences of neighbours that are both marked in `keep` (µs); 0 when there are none."""
    total = count = 0
    for index in range(1, len(intervals)):
        if keep[index] and keep[index - 1]:
            step = intervals[index] - intervals[index - 1]
            total += step * step
            count += 1
    return isqrt(total // count) if count else 0


def pairs_alike(intervals: list[int], keep: list[bool]) -> tuple[int, int]:
    """Pairs of intervals that are alike, and in how many of them those that follow are alike too.

    Intervals not marked in `keep` make no pairs.
    """
    last = len(intervals) - 1
    alike = again = 0
    for first in range(last):
        if not (keep[first] and keep[first + 1]):
            continue
        here, after = intervals[first], intervals[first + 1]
        for second in range(first + 1, last):
            if keep[second] and keep[second + 1] and -TOLERANCE_US <= intervals[second] - here <= TOLERANCE_US:
                alike += 1
                if -TOLERANCE_US <= intervals[second + 1] - after <= TOLERANCE_US:
                    again += 1
    return alike, again


def ratio_q8(above: int, below: int) -> int:
    """log2 of a quotient of whole numbers in Q8; -32768 when either is 0."""
    if above <= 0 or below <= 0:
        return NOTHING
    return clamp_int16((log2_q16(above) - log2_q16(below) + 128) >> 8)


def irregularity_q8(intervals: list[int], keep: list[bool]) -> int:
    """How freely an interval differs from what the one before suggests, over the mean interval: log2 in Q8.

    With B pairs of intervals alike and A of them followed by another such pair the coefficient of sample entropy is
    ln(B/A) + ln(2 r / mean); here to base 2, A of 0 counted as a half. A steady rhythm gives 2 r / mean, about 0.1. One
    in which any interval may follow any other gives the width over which they spread as a share of the mean: atrial
    fibrillation 0.6 to 2. Bigeminy, uneven but regular, stays low. -32768 when no two intervals are alike at all.
    """
    alike, again = pairs_alike(intervals, keep)
    kept = [intervals[k] for k in range(len(intervals)) if keep[k]]
    if alike == 0 or not kept:
        return NOTHING
    mean = sum(kept) // len(kept)
    return ratio_q8(2 * alike * 2 * TOLERANCE_US, max(1, 2 * again) * mean)


def rhythm_levels(intervals: list[int], trim: bool) -> list[int]:
    """The features of docs/reference/features.md, "rhythm", in their order: log2 in Q8; at least two intervals.

    `trim` as in `mean_us`. Variability is told of windows in which half of the intervals or more are normal: else it
    would be that of a few.
    """
    good = plausible(intervals)
    steady = normal(intervals)
    uneven = sum([1 for each in steady if not each])
    told = 2 * uneven <= len(intervals)
    return [
        ratio_q8(60000000, mean_us(intervals, trim)),
        ratio_q8(sdnn_us(intervals, steady), 1000) if told else NOTHING,
        ratio_q8(rmssd_us(intervals, steady), 1000) if told else NOTHING,
        ratio_q8(100 * uneven, len(intervals)),
        irregularity_q8(intervals, good),
    ]
