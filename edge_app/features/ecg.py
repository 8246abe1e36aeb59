"""Features of one heartbeat among its neighbours, in whole numbers: when it came, and how it looks beside the others.

A window holds up to its length of signal before the beat and 2 s behind it (beat_windowing.py). All but the evenness of
the rhythm and the complex itself is relative to the same person's other beats in the window: intervals to their median
and to a reference that early beats hardly move (dsp/beat_runs.py), the shape to the mean of the usual beats
(dsp/beat_shape.py). So neither the gain, nor the person's usual shape and rate, nor the polarity of a lead decides.
Ratios are log2 in Q8, shares and correlations Q8 (256 is 1). docs/reference/heartbeats.md says each.

Source: intervals and their ratios after P. de Chazal, M. O'Dwyer, R. B. Reilly, "Automatic classification of
heartbeats using ECG morphology and heartbeat interval features", IEEE Trans. Biomed. Eng. 51(7):1196-1206, 2004, and
M. Llamedo, J. P. Martinez, "Heartbeat classification using feature selection driven by database generalization
criteria", IEEE Trans. Biomed. Eng. 58(3):616-625, 2011 (features that hold for persons never seen).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import ConfigError
from edge_app.core.frames import Window
from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.dsp import beat_runs
from edge_app.dsp.beat_shape import ALIKE, ONE, P_WAVE, QRS, STEP_MS, T_WAVE, Shapes, correlation, shapes
from edge_app.dsp.fixed import clamp_int16, log2_q8
from edge_app.features.schema import level, physical

Ints = NDArray[np.int64]

QRS_PLACES = tuple(f"beat_{k}" for k in range(17))
"""The complex itself, every 16 ms from -104 to 152 ms."""
T_PLACES = tuple(f"beat_t{k}" for k in range(6))
"""And the T wave, every 48 ms from 120 to 360 ms."""
RATIOS = (
    "rr_before", "rr_after", "rr_before_that", "rr_after_that", "rr_before_to_after", "rr_before_to_upper_quarter",
    "rr_before_to_upper_tenth", "rr_before_to_near", "rr_after_to_near", "rr_pair", "rr_near_to_upper_quarter",
    "rr_spread", "qrs_energy", "qrs_height", "qrs_steepest", "qrs_path", "p_energy", *beat_runs.RATIOS,
)  # fmt: skip
"""log2 in Q8 of a ratio."""
SHARES = (
    "rr_deviation", "rr_uneven", "rr_uneven_near", "rr_early_share", "rr_early_share_upper",
    "qrs_likeness", "qrs_likeness_before", "qrs_likeness_after", "qrs_alike_share", "qrs_usual_share",
    "qrs_area", "qrs_difference", "qrs_wider_slopes", "qrs_wider",
    "p_likeness", "p_difference", "t_likeness", "t_level", "t_level_usual", "t_difference",
    *beat_runs.SHARES, *QRS_PLACES, *T_PLACES, "noise", "noise_usual",
)  # fmt: skip
"""Q8: 256 is 1."""
NAMES = RATIOS + SHARES
FEWEST_INTERVALS = 5
"""Fewer intervals in a window say nothing about what is usual."""
LEAST_RATE_HZ = 100.0
NEAR_BEFORE, NEAR_AFTER = 9, 3
"""Intervals near the beat: so many before it, so many from it on."""
UNKNOWN_AFTER_MS = 1600
"""A beat that is not known 2 s after the last one comes at least so long after it (ms)."""
SPREAD_FLOOR_MS = 8
"""Added to the spread of the intervals: what the sampling alone makes of it (ms)."""
LEAST_REPEAT = 870
"""Each of the five beats around the one in question has another in the window that looks like it; where the median of
these likenesses is below 0.85, noise is what was found. Chosen on DS1: of its beats one in a thousand is below, of
false detections in noise that was added to it every second one."""
REPEAT_BEATS = 2
"""Beats to either side that count for it."""
PLACES = 10
"""Widths are told in so many places on the grid: 256 is 80 ms."""
MOST = 1024
"""The complex itself and the noise stay within 4."""
_LIMIT = 2048
"""Shares and ratios stay within 8, to either side."""


@dataclass(frozen=True)
class Intervals:
    """Intervals of a window and where the beat stands among them, in samples."""

    all: list[int]
    at: int
    """Index of the interval that ends with the beat's successor; the one before it ends with the beat."""
    median: int

    def get(self, index: int, default: int) -> int:
        """One interval, or what to believe where the window has none."""
        return self.all[index] if 0 <= index < len(self.all) else default


class EcgBeat:
    """Heartbeat features of windows cut with `window: {each: beat}`.

    Raises ConfigError when the sensor is too slow.
    """

    def __init__(self, rate_hz: float, window_s: float) -> None:
        if rate_hz < LEAST_RATE_HZ:
            raise ConfigError(
                f"features ecg_beat: {rate_hz:g} Hz is too slow for an ECG, which needs {LEAST_RATE_HZ:g} Hz",
                "Set a higher `rate_hz` for the sensor, or use a sensor that can.",
            )
        self.schema = FeatureSchema("ecg_beat/2", NAMES, {"window_s": float(window_s)})

    def extract(self, window: Window) -> FeatureVector:
        """Features of the beat a window is about."""
        doubts = _doubts(window)
        if doubts:
            return FeatureVector(np.zeros(len(NAMES), np.int16), self.schema, doubts=doubts)
        rate_mhz = int(window.rate_hz * 1000.0 + 0.5)
        beats = shapes(window.samples[0], window.marks, rate_mhz)
        found = _timing(window, rate_mhz) | _likeness(beats, window.focus) | _shape(beats, window.focus)
        found |= _places(beats, window.focus) | _noise(beats, window.focus)
        values = [found[name] for name in NAMES]
        levels = np.array([clamp_int16(max(-_LIMIT, min(_LIMIT, each))) for each in values], np.int16)
        repeat = _repeat(beats.likeness, window.focus)
        if repeat < LEAST_REPEAT:
            text = (
                f"the beats around this one do not repeat (correlation {repeat / ONE:.2f}): noise, or a loose electrode"
            )
            doubts = (text,)
        clipped = sum(abs(each) > _LIMIT for each in values)
        return FeatureVector(levels, self.schema, {}, clipped, doubts)

    def describe(self, vector: FeatureVector) -> str:
        """What a person wants to know of a beat, in a sentence."""
        shown = {name: self.physical(name, int(each)) for name, each in zip(NAMES, vector.values, strict=True)}
        early = 1.0 - shown["rr_before"]
        when = "The beat came in time"
        if early > 0.08:
            when = f"The beat came {100 * early:.0f} % early"
        elif early < -0.08:
            when = f"The beat came {-100 * early:.0f} % late"
        alike = max(0.0, shown["qrs_likeness"])
        text = f"{when}; its QRS complex is {100 * alike:.0f} % like this person's usual one"
        if not 0.8 < shown["qrs_height"] < 1.25:
            text += f" and {shown['qrs_height']:.1f}× as high"
        wider_ms = STEP_MS * PLACES * shown["qrs_wider"]
        if abs(wider_ms) >= 16.0:
            text += f", {abs(wider_ms):.0f} ms {'wider' if wider_ms > 0 else 'narrower'}"
        return text

    def level(self, feature: str, value: float) -> int:
        """A ratio or share as that feature's integer."""
        self.schema.check_name(feature)
        return level(value) if feature in RATIOS else round(256.0 * value)

    def physical(self, feature: str, level: int) -> float:
        """The inverse of `level`."""
        self.schema.check_name(feature)
        return physical(level) if feature in RATIOS else level / 256.0


def _doubts(window: Window) -> tuple[str, ...]:
    """Why there is nothing to compute; empty when there is."""
    if window.focus < 0:
        return ("the window is about no heartbeat (`window: {each: beat, …}` cuts those that are)",)
    if len(window.marks) <= FEWEST_INTERVALS:
        return (f"only {len(window.marks)} heartbeats known yet, {FEWEST_INTERVALS + 1} are needed",)
    if window.focus == 0:
        return ("the first heartbeat: there is none before it",)
    return ()


def _repeat(likeness: Ints, focus: int) -> int:
    """Median, over the beats around one, of how much each is like the beat most like it."""
    others = likeness.copy()
    np.fill_diagonal(others, -ONE)
    best = others.max(axis=1)
    return _median(best[max(0, focus - REPEAT_BEATS) : focus + REPEAT_BEATS + 1].tolist())


def _ratio(one: int, other: int) -> int:
    """log2 in Q8 of a ratio of whole numbers; below 1 they count as 1."""
    return log2_q8(max(1, one)) - log2_q8(max(1, other))


def _q8(part: int, whole: int) -> int:
    return (part << 8) // max(1, whole)


def _median(values: list[int]) -> int:
    return sorted(values)[len(values) // 2] if values else 0


def _steps(lengths: list[int]) -> list[int]:
    """From each interval to the next."""
    return [abs(after - before) for before, after in pairwise(lengths)]


def _timing(window: Window, rate_mhz: int) -> dict[str, int]:
    """When the beat came: before and after intervals beside the usual ones of the window and those near it."""
    lengths = np.diff(np.array(window.marks, np.int64)).tolist()
    ordered = sorted(lengths)
    count = len(lengths)
    rr = Intervals(lengths, window.focus, ordered[count // 2])
    median, quarter, tenth = rr.median, ordered[3 * count // 4], ordered[9 * count // 10]
    before = rr.get(rr.at - 1, median)
    after = rr.get(rr.at, max(median, UNKNOWN_AFTER_MS * rate_mhz // 1_000_000))
    near = lengths[max(0, rr.at - NEAR_BEFORE) : rr.at + NEAR_AFTER]
    near_median = _median(near)
    spread = _median([abs(each - median) for each in lengths])
    tick = max(1, rate_mhz * SPREAD_FLOOR_MS // 1_000_000)
    steps = _steps(lengths)
    return beat_runs.runs(lengths, rr.at - 1, UNKNOWN_AFTER_MS * rate_mhz // 1_000_000) | {
        "rr_before": _ratio(before, median),
        "rr_after": _ratio(after, median),
        "rr_before_that": _ratio(rr.get(rr.at - 2, median), median),
        "rr_after_that": _ratio(rr.get(rr.at + 1, median), median),
        "rr_before_to_after": _ratio(before, after),
        "rr_before_to_upper_quarter": _ratio(before, quarter),
        "rr_before_to_upper_tenth": _ratio(before, tenth),
        "rr_before_to_near": _ratio(before, near_median),
        "rr_after_to_near": _ratio(after, near_median),
        "rr_pair": _ratio(before + after, 2 * median),
        "rr_near_to_upper_quarter": _ratio(near_median, quarter),
        "rr_spread": _ratio(spread + tick, median),
        "rr_deviation": (before - median) * 64 // max(1, spread + median // 50),
        "rr_uneven": _q8(sum(steps), len(steps) * median),
        "rr_uneven_near": _q8(_median(_steps(near)), near_median),
        "rr_early_share": _q8(sum(20 * each < 17 * median for each in lengths), count),
        "rr_early_share_upper": _q8(sum(20 * each < 17 * quarter for each in lengths), count),
    }


def _likeness(beats: Shapes, focus: int) -> dict[str, int]:
    """How much the QRS complex is like the usual one, its neighbours, and how many are like it."""
    count = len(beats.rows)
    after = int(beats.likeness[focus, focus + 1]) if focus + 1 < count else ONE
    return {
        "qrs_likeness": correlation(beats.rows[focus, QRS], beats.reference[QRS]) >> 2,
        "qrs_likeness_before": int(beats.likeness[focus, focus - 1]) >> 2,
        "qrs_likeness_after": after >> 2,
        "qrs_alike_share": _q8(int(np.count_nonzero(beats.likeness[focus] > ALIKE)), count),
        "qrs_usual_share": _q8(int(np.count_nonzero(beats.usual)), count),
    }


def _energy(row: Ints) -> int:
    """Sum of squares about the mean, times the length squared."""
    centred = len(row) * row - int(row.sum())
    return int((centred * centred).sum())


def _places_above(row: Ints, share: int, *, whole: bool) -> int:
    """Places above 1/`share` of the highest: from the first to the last one, or all of them."""
    above = np.flatnonzero(share * row > int(row.max()))
    if above.size == 0:
        return 0
    return int(above[-1] - above[0] + 1) if whole else int(above.size)


def _shape(beats: Shapes, focus: int) -> dict[str, int]:
    """The beat beside the usual one: QRS complex, P wave, T wave."""
    row, usual = beats.rows[focus], beats.reference
    qrs, usual_qrs = row[QRS], usual[QRS]
    height, usual_height = int(np.abs(qrs).max()), max(1, int(np.abs(usual_qrs).max()))
    slopes, usual_slopes = np.abs(np.diff(qrs)), np.abs(np.diff(usual_qrs))
    p, usual_p = row[P_WAVE], usual[P_WAVE]
    t, usual_t = row[T_WAVE], usual[T_WAVE]
    p_off = len(p) * (p - usual_p) - int((p - usual_p).sum())
    side = -1 if int(usual_t.sum()) < 0 else 1  # the usual T wave points up: an inverted lead changes nothing
    level, usual_level = side * int(t.sum()), side * int(usual_t.sum())
    wider = _places_above(slopes, 4, whole=True) - _places_above(usual_slopes, 4, whole=True)
    broader = _places_above(np.abs(qrs), 2, whole=False) - _places_above(np.abs(usual_qrs), 2, whole=False)
    return {
        "qrs_energy": _ratio(_energy(qrs), _energy(usual_qrs)) >> 1,
        "qrs_height": _ratio(height, usual_height),
        "qrs_steepest": _ratio(int(slopes.max()), int(usual_slopes.max())),
        "qrs_path": _ratio(int(slopes.sum()), int(usual_slopes.sum())),
        "qrs_area": _q8(int(np.abs(qrs).sum()), int(np.abs(usual_qrs).sum())),
        "qrs_difference": _q8(int(np.abs(qrs - usual_qrs).sum()), len(qrs) * usual_height),
        "qrs_wider_slopes": (wider << 8) // PLACES,
        "qrs_wider": (broader << 8) // PLACES,
        "p_energy": _ratio(_energy(p), _energy(usual_p)) >> 1,
        "p_likeness": correlation(p, usual_p) >> 2,
        "p_difference": 5 * _q8(int(np.abs(p_off).sum()), len(p) * len(p) * usual_height),
        "t_likeness": correlation(t, usual_t) >> 2,
        "t_level": _q8(level, len(t) * usual_height),
        "t_level_usual": _q8(usual_level, len(t) * usual_height),
        "t_difference": _q8(level - usual_level, len(t) * usual_height),
    }


def _places(beats: Shapes, focus: int) -> dict[str, int]:
    """The beat itself, in shares of its complex's height; the usual complex points up, so an inverted lead changes
    nothing."""
    usual = beats.reference[QRS]
    side = int(np.sign(usual[int(np.argmax(np.abs(usual)))])) or 1
    qrs = side * beats.rows[focus, QRS]
    t = side * beats.rows[focus, T_WAVE]
    height = int(np.abs(qrs - int(np.sort(qrs)[len(qrs) // 2])).max()) + 1
    found = zip(QRS_PLACES + T_PLACES, [*qrs[::2].tolist(), *t[::3].tolist()], strict=True)
    return {name: max(-MOST, min(MOST, _q8(value, height))) for name, value in found}


def _noise(beats: Shapes, focus: int) -> dict[str, int]:
    """Roughness outside of the complex, of this beat and of the usual one: eight times the mean change of slope over
    2 steps, to the usual height of the complexes."""
    rows = beats.rows
    bends = np.abs(rows[:, :-4] - 2 * rows[:, 2:-2] + rows[:, 4:])
    bends = np.concatenate((bends[:, : QRS.start - 4], bends[:, QRS.stop :]), axis=1)
    rough = bends.sum(axis=1) // bends.shape[1]
    height = _median(np.abs(rows[:, QRS]).max(axis=1).tolist()) + 1
    usual = _median(rough.tolist())
    return {
        "noise": min(MOST, _q8(8 * int(rough[focus]), height)),
        "noise_usual": min(MOST, _q8(8 * usual, height)),
    }
