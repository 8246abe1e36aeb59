"""Heart rate, variability and irregularity of the beats in an ECG or a pulse wave (PPG), in whole numbers.

samples → beats (dsp/qrs_block.py, dsp/ppg_block.py) → intervals → levels (dsp/rhythm.py). What cannot be believed is
said in `FeatureVector.doubts`, so that the pipeline decides `unknown` with that reason: too few beats, intervals no
heart makes, pulses that do not look alike or drown in the steps of the converter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import ConfigError
from edge_app.core.frames import Counts, Window
from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.dsp import ppg_block
from edge_app.dsp.ppg import box_length
from edge_app.dsp.pulse_shape import repeat_percent
from edge_app.dsp.qrs_block import QrsBlocks
from edge_app.dsp.rhythm import NOTHING, intervals_us, plausible, ratio_q8, rhythm_levels
from edge_app.features.schema import level, physical

NAMES = ("heart_rate_bpm", "sdnn_ms", "rmssd_ms", "uneven_percent", "irregularity")
LEAST_RATE_HZ = {"ecg": 100.0, "ppg": 25.0}
FEWEST_BEATS = 10
"""Below so many beats neither rate nor variability is told."""
MOST_IMPLAUSIBLE_PERCENT = 10
"""More intervals outside 0.3 to 2 s than this: the detector does not follow the heart."""
LONGEST_GAP_S = 4.0
"""No beat for longer, also at the window's edges: the signal was lost, or the heart paused; neither is a rhythm."""
LEAST_REPEAT_PERCENT = 70
"""Pulses less alike than this are no pulses. Chosen on recordings 01-11 of ppg-welltory: 64 and less where the rate was
wrong by 10 bpm and more, 74 to 98 where it was right. (Orphanidou et al. 2015 ask for 86 with a template of 10 s.)"""
LEAST_PULSE_COUNTS = 8
"""Height of a pulse below which the steps of the converter are its shape."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class RhythmSettings:
    """What a rhythm vector depends on beside the samples."""

    signal: Literal["ecg", "ppg"]
    window_s: float


class Rhythm:
    """Rhythm features of windows of one channel.

    Raises ConfigError when the sensor is too slow for the signal.
    """

    told = ("heart_rate_bpm",)
    """Features whose range belongs in the hourly summary."""

    def __init__(self, settings: RhythmSettings, rate_hz: float) -> None:
        least_hz = LEAST_RATE_HZ[settings.signal]
        if rate_hz < least_hz:
            raise ConfigError(
                f"features rhythm: {rate_hz:g} Hz is too slow for {settings.signal}, which needs {least_hz:g} Hz",
                "Set a higher `rate_hz` for the sensor, or use a sensor that can.",
            )
        self.settings = settings
        facts = {"signal": settings.signal, "window_s": float(settings.window_s)}
        self.schema = FeatureSchema("rhythm/1", NAMES, facts)

    def extract(self, window: Window) -> FeatureVector:
        """Features of one window: int16 counts (1, length)."""
        rate_mhz = int(window.rate_hz * 1000.0 + 0.5)
        samples = window.samples[0]
        evidence: dict[str, int] = {}
        doubts: list[str] = []
        if self.settings.signal == "ecg":
            beats_q8 = ecg_beats_q8(samples, window.rate_hz)
        else:
            beats_q8, evidence, doubts = judged_pulse(samples, rate_mhz)
        evidence["beats"] = ratio_q8(len(beats_q8), 1)
        intervals = intervals_us(beats_q8, rate_mhz)
        gap_s = longest_gap(beats_q8, samples.size) / window.rate_hz
        doubts = beat_doubts(intervals, gap_s, self.settings.window_s) + doubts
        trim = self.settings.signal == "ppg"  # an R wave is seldom missed or invented, a pulse sometimes is
        levels = rhythm_levels(intervals, trim) if len(intervals) > 1 else [NOTHING] * len(NAMES)
        return FeatureVector(np.array(levels, np.int16), self.schema, evidence, doubts=tuple(doubts))

    def describe(self, vector: FeatureVector) -> str:
        """What a person wants to know of a window, in a sentence."""
        levels = dict(zip(NAMES, (int(each) for each in vector.values), strict=True))
        shown = {name: physical(each) for name, each in levels.items()}
        beats = physical(vector.evidence["beats"])
        text = f"Heart rate {shown['heart_rate_bpm']:.0f} bpm over {beats:.0f} beats"
        if levels["sdnn_ms"] != NOTHING:
            text += f", SDNN {shown['sdnn_ms']:.0f} ms, RMSSD {shown['rmssd_ms']:.0f} ms"
        text += f", {shown['uneven_percent']:.0f} % uneven intervals"
        if levels["irregularity"] != NOTHING:
            text += f", irregularity {shown['irregularity']:.2f}"
        return text

    def level(self, feature: str, value: float) -> int:
        """A physical value (bpm, ms, percent, ratio) as that feature's integer."""
        self.schema.check_name(feature)
        return level(value)

    def physical(self, feature: str, level: int) -> float:
        """The inverse of `level`."""
        self.schema.check_name(feature)
        return physical(level)


def ecg_beats_q8(samples: Counts, rate_hz: float) -> Ints:
    """Places of the R waves of a window (1/256 samples), to whole samples."""
    detector = QrsBlocks(rate_hz)
    return np.sort(np.array(detector.push(samples), np.int64)) << 8


def judged_pulse(samples: Counts, rate_mhz: int) -> tuple[Ints, dict[str, int], list[str]]:
    """Places of the pulse beats of a window (1/256 samples), evidence about them, and doubts, worst first."""
    slopes = ppg_block.slope(samples, rate_mhz)
    falls = ppg_block.falls_on_beat(slopes, rate_mhz)
    beats_q8 = ppg_block.find_beats(-slopes if falls else slopes, rate_mhz)
    percent, height = repeat_percent(samples.tolist(), beats_q8.tolist(), box_length(rate_mhz))
    evidence = {"repeat_percent": ratio_q8(max(percent, 0), 1), "pulse_counts": ratio_q8(height, 1)}
    mean = abs(int(samples.sum(dtype=np.int64))) // samples.size
    if mean > 4 * height:  # a signal that has a mean: light, not what a high-pass left of it
        evidence["perfusion_percent"] = ratio_q8(100 * height, mean)
    doubts = []
    if percent < LEAST_REPEAT_PERCENT:
        doubts.append(f"pulse shapes do not repeat (correlation {percent / 100:.2f})")
    if height < LEAST_PULSE_COUNTS:
        doubts.append(f"pulses of {height} counts drown in the converter's steps")
    return beats_q8, evidence, doubts


def longest_gap(beats_q8: Ints, length: int) -> float:
    """Longest stretch without a beat, the edges of the window included (samples)."""
    edges = np.concatenate(([0], beats_q8, [length << 8]))
    return float(np.diff(edges).max()) / 256


def beat_doubts(intervals: list[int], gap_s: float, window_s: float) -> list[str]:
    """Why the beats cannot be a heart's; empty when they can."""
    beats = len(intervals) + 1 if intervals else 0
    if beats < FEWEST_BEATS:
        return [f"{beats or 'fewer than 2'} heartbeats found in {window_s:g} s"]
    if gap_s > LONGEST_GAP_S:
        return [f"no heartbeat for {gap_s:.1f} s"]
    wrong = plausible(intervals).count(False)
    if 100 * wrong > MOST_IMPLAUSIBLE_PERCENT * len(intervals):
        return [f"{wrong} of {len(intervals)} intervals are no heartbeat's (outside 0.3 to 2 s)"]
    return []
