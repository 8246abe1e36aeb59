"""An ECG drawn beat by beat, so that tests know every R wave."""

from __future__ import annotations

import numpy as np

NORMAL = ((-0.18, 0.022, 0.15), (-0.03, 0.009, -0.12), (0.0, 0.012, 1.0), (0.03, 0.010, -0.25), (0.28, 0.05, 0.28))
"""P Q R S T as (time from the R wave (s), width (s), height (mV))."""
VENTRICULAR = ((0.0, 0.040, 1.4), (0.11, 0.045, -0.5), (0.33, 0.07, -0.4))
"""Wide, without P wave, T wave turned round."""
ATRIAL = ((-0.13, 0.022, -0.10), *NORMAL[1:])
"""A normal complex behind another P wave."""


def ecg(beats_s, seconds, rate_hz=360.0, *, waves=None, gain=200.0, noise_mv=0.01, seed=1):
    """int16 counts (n,): `waves` gives the shape of some beats by index, the others are NORMAL; `gain` is counts/mV."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    signal = np.random.RandomState(seed).standard_normal(time_s.size) * noise_mv
    for index, beat_s in enumerate(beats_s):
        first, last = np.searchsorted(time_s, (beat_s - 0.6, beat_s + 0.9))
        near_s = time_s[first:last] - beat_s
        for at_s, width_s, height in (waves or {}).get(index, NORMAL):
            signal[first:last] += height * np.exp(-0.5 * ((near_s - at_s) / width_s) ** 2)
    return np.rint(signal * gain).astype(np.int16)


def steady(seconds, interval_s=0.8, first_s=0.5):
    """Times of beats (s) at equal intervals; the last one has room behind it."""
    return [first_s + interval_s * k for k in range(int((seconds - first_s - 0.5) / interval_s) + 1)]
