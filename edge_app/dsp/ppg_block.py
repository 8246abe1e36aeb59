"""The pulse-beat detector of ppg.py over a whole block: equal results, the work per sample done by numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_app.core.frames import Counts
from edge_app.dsp.ppg import LEARN_MS, BeatPicker, box_length, samples_of, vertex_q8

Ints = NDArray[np.int64]


def slope(samples: Counts, rate_mhz: int) -> Ints:
    """Slope after each sample of int16 (n,), as `ppg.Slope` gives it: int64 (n,)."""
    box = box_length(rate_mhz)
    sums = np.concatenate(([0], np.cumsum(samples, dtype=np.int64)))
    result = np.zeros(samples.size, np.int64)
    if samples.size >= 2 * box:
        result[2 * box - 1 :] = sums[2 * box :] - 2 * sums[box:-box] + sums[: -2 * box]
    return result


def falls_on_beat(slopes: Ints, rate_mhz: int) -> bool:
    """As `ppg.falls_on_beat`, of slopes."""
    length = samples_of(LEARN_MS, rate_mhz)
    count = slopes.size // length
    if count == 0:
        return False
    stretches = slopes[: count * length].reshape(count, length)
    rises = np.sort(np.maximum(stretches.max(axis=1), 0))
    falls = np.sort(np.maximum(-stretches.min(axis=1), 0))
    return bool(falls[count // 2] > rises[count // 2])


def find_beats(slopes: Ints, rate_mhz: int) -> Ints:
    """Places of the beats (1/256 samples), as `ppg.PulseDetector` finds them after `finish()`.

    Parameters
    ----------
    slopes : int64 of shape (n,)
        Of a signal that rises when blood comes; negate the slopes of one that falls.
    """
    box = box_length(rate_mhz)
    before = np.concatenate(([0], slopes[:-2])) if slopes.size > 1 else slopes[:0]
    top, after = slopes[:-1], slopes[1:]
    picker = BeatPicker(rate_mhz)
    for index in np.flatnonzero((top > before) & (top >= after) & (top > 0)):
        place = ((int(index) - box) << 8) + 128 + vertex_q8(int(before[index]), int(top[index]), int(after[index]))
        if place >= 0:
            picker.offer(place, int(top[index]))
    picker.finish()
    return np.array(picker.beats_q8, np.int64)
