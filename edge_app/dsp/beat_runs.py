"""Runs of early heartbeats, in whole numbers: each interval of a window beside a reference that early ones hardly move.

The median of a window is no measure of what is usual once half its beats are early. This reference goes with the
rhythm: an interval in time moves it by an eighth of the difference, a long one (a pause, a missed beat) by a 32nd, an
early one by a 128th. So a run of early beats stays early for a minute, and a heart that beats faster for good becomes
the usual one. It begins with the median of the window's first intervals and knows nothing from before the window.
"""

from __future__ import annotations

import math
from itertools import pairwise

from edge_app.dsp.fixed import log2_q8

FRACTION_BITS = 7
"""The reference is kept in 1/128 of a sample: a shift by 7 loses nothing of a difference of one sample."""
FIRST_INTERVALS = 6
"""The reference begins as the median of so many intervals, the upper one of two."""
EARLY_PERCENT = 87
"""An interval below so much of the reference is early."""
LONG_TENTHS = 13
"""One above so many tenths of it is long, and counts as so long."""
IN_TIME_SHIFT, LONG_SHIFT, EARLY_SHIFT = 3, 5, 7
"""2**-shift of the difference is what the reference moves by."""
BEFORE = 24
"""Intervals before the beat that the rhythm is told from."""
CLEARLY_Q8 = 51
"""log2 in Q8 of what is clearly early or late: 0.2 octaves, 13 % early, 15 % late."""
DEVIATION_FLOOR_Q8 = 8
"""Added to the median deviation: 0.03 octaves, what breathing makes of the steadiest rhythm."""
MOST_Q8 = 1024
"""Values stay within 4, to either side."""

RATIOS = (
    "run_before", "run_after", "run_after_that", "run_before_that", "run_step", "run_length", "run_onset", "run_next",
)  # fmt: skip
"""log2 in Q8 of a ratio; of `run_length` of 1 + the early beats."""
SHARES = (
    "run_uneven", "run_uneven_quarter", "run_early_share", "run_late_share", "run_shorter_share", "run_spread",
    "run_deviation",
)  # fmt: skip
"""Q8."""


class RunTracker:
    """The reference interval, and the early beats in a row, interval by interval."""

    def __init__(self, reference: int) -> None:
        """Parameters
        ----------
        reference : int
            Interval to begin with (samples).
        """
        self.reference = reference << FRACTION_BITS
        """Before the next interval, samples in Q7."""
        self.length = 0
        """Early beats in a row, the last one included; 0 when it was not early."""
        self.onset = 0
        """log2 in Q8 of the run's first interval to the one before it; 0 outside of a run."""
        self._last = self.reference

    def push(self, interval: int) -> None:
        """The next interval (samples)."""
        value = interval << FRACTION_BITS
        if 100 * value < EARLY_PERCENT * self.reference:
            if self.length == 0:
                self.onset = log2_q8(max(1, value)) - log2_q8(self._last)
            self.length += 1
            self.reference += (value - self.reference) >> EARLY_SHIFT
        else:
            self.length = self.onset = 0
            longest = LONG_TENTHS * self.reference // 10
            shift = IN_TIME_SHIFT if value < longest else LONG_SHIFT
            self.reference += (min(value, longest) - self.reference) >> shift
        self._last = max(1, value)


def start_reference(intervals: list[int]) -> int:
    """What a tracker of these intervals begins with (samples)."""
    first = sorted(intervals[:FIRST_INTERVALS])
    return first[len(first) // 2]


def runs(intervals: list[int], at: int, unknown_after: int) -> dict[str, int]:
    """Features of one beat among the intervals of its window.

    Parameters
    ----------
    intervals : list of int
        From each beat of the window to the next (samples).
    at : int
        Index of the interval that ends with the beat.
    unknown_after : int
        The interval after the beat is believed to be at least so long where the window has none (samples).

    Returns
    -------
    dict
        `RATIOS` and `SHARES` by their names, within `MOST_Q8`.
    """
    tracker = RunTracker(start_reference(intervals))
    references = []
    for interval in intervals[: at + 1]:
        references.append(tracker.reference)
        tracker.push(interval)
    usual = references[at]
    has_after, has_before = at + 1 < len(intervals), at > 0
    after = intervals[at + 1] << FRACTION_BITS if has_after else max(usual, unknown_after << FRACTION_BITS)
    earlier = intervals[max(0, at - BEFORE) : at]
    off = [_off(each, reference) for each, reference in zip(earlier, references[-1 - len(earlier) : -1], strict=True)]
    before = _off(intervals[at], usual)
    found = {
        "run_before": before,
        "run_after": _log2(after) - _log2(usual),
        "run_after_that": _off(intervals[at + 2], usual) if at + 2 < len(intervals) else 0,
        "run_before_that": _off(intervals[at - 1], references[at - 1]) if has_before else 0,
        "run_step": _log2(intervals[at]) - _log2(intervals[at - 1]) if has_before else 0,
        "run_length": log2_q8(1 + tracker.length),
        "run_onset": tracker.onset,
        "run_next": before if len(earlier) <= 3 else _log2(intervals[at]) - _log2(sorted(earlier)[1]),
        "run_deviation": _deviation(before, off),
    } | _rhythm(earlier, off, intervals[at])
    return {name: max(-MOST_Q8, min(MOST_Q8, value)) for name, value in found.items()}


def _deviation(before: int, off: list[int]) -> int:
    """A quarter of how many median deviations an interval is off, at most 8, in Q8."""
    usual = _place([abs(each) for each in off], 2) + DEVIATION_FLOOR_Q8
    return max(-512, min(512, 64 * before // usual))


def _rhythm(earlier: list[int], off: list[int], interval: int) -> dict[str, int]:
    """How even the intervals before the beat are."""
    steps = [abs(_log2(after) - _log2(before)) for before, after in pairwise(earlier)]
    count = max(1, len(earlier))
    kept = [each for each in off if each > -CLEARLY_Q8]
    total = sum(kept)
    variance = len(kept) * sum(each * each for each in kept) - total * total
    shorter = sum(100 * each < 97 * interval for each in earlier)
    return {
        "run_uneven": _place(steps, 2),
        "run_uneven_quarter": _place(steps, 3),
        "run_early_share": (sum(each < -CLEARLY_Q8 for each in off) << 8) // count,
        "run_late_share": (sum(each > CLEARLY_Q8 for each in off) << 8) // count,
        "run_shorter_share": (shorter << 8) // count if earlier else 128,
        "run_spread": math.isqrt(variance) // len(kept) if len(kept) > 2 else 0,
    }


def _place(values: list[int], quarters: int) -> int:
    """The value that so many quarters of the values are below; 0 of none."""
    ordered = sorted(values)
    return ordered[quarters * len(ordered) // 4] if ordered else 0


def _log2(value: int) -> int:
    return log2_q8(max(1, value))


def _off(interval: int, reference: int) -> int:
    """log2 in Q8 of an interval (samples) to a reference (Q7)."""
    return _log2(interval << FRACTION_BITS) - _log2(reference)
