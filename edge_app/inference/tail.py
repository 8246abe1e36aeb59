"""How high a machine's raw output rises by chance: the extreme values of what the decider compares.

The alarm is due while `hits` of the last `of` windows lie above the threshold, and raised when that has held for the
on-delay. So it is raised exactly when the smallest, over the on-delay, of the `hits`-th largest of the last `of`
windows lies above it. The tail is fitted to that statistic: overlapping windows and slowly wandering speed and load
are then part of what is measured, not of what is assumed.

It is fitted to distances, the roots of the raw output. On raw itself an exponential tail is right for a sum of squares
of normal numbers and far too short when speed or load wander; on log2(raw) it lies an octave too high. On distances,
600 s learnt of simulated outputs kept one alarm a week in 90 to 100 of 100 cases (tests/unit/inference/test_tail.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edge_app.inference.normal_settings import Rule

Floats = NDArray[np.float64]

WEEK_S = 7 * 24 * 3600
PARETO_PEAKS = 30
"""Independent peaks from which on the tail's shape is fitted; below it is taken as exponential."""
PEAKS_MIN = 10
"""Independent peaks without which the statistic is not extrapolated: the single window is."""
LEVELS = (0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
"""Shares of the statistic below the level whose exceedances are peaks; the first with PARETO_PEAKS serves."""
SHAPE_SIGMA = 0.1
"""How far a shape is believed to lie from 0 before any peak is seen: thirty peaks alone show shapes of ±0.2 that are
not there, and each would cost a factor of two. Shapes below 0 (a bounded tail) count as 0."""
RESAMPLES = 200
HALVINGS = 30
"""Steps of a bisection: to 1e-9 of what lies between."""
BLOCKS = (48, 24, 12)
"""Blocks of time whose maxima are taken too: what wanders for long (speed, load, temperature) shows only there."""


@dataclass(frozen=True)
class Tail:
    """Where the threshold must lie."""

    level: float
    """Distance (root of the raw output), one standard error included."""
    error: float
    """The standard error in it."""
    method: str
    """generalised-pareto, exponential or single-window."""
    words: str
    """How it was found, a sentence."""


def statistic(distances: Floats, rule: Rule, breaks: Sequence[int] = ()) -> Floats:
    """What the decider compares with its threshold, per window from the first it can decide on; see the module.

    `distances` are roots of raw outputs in time, (n,); the result has n - of + 1 - delay values, or none. Before the
    windows numbered in `breaks` the decider forgot (the machine stood still): nothing reaches across them.
    """
    if len(breaks):
        return np.concatenate([statistic(part, rule) for part in np.split(distances, breaks)])
    if len(distances) < rule.of + rule.delay:
        return np.empty(0)
    nth = np.sort(sliding_window_view(distances, rule.of), axis=1)[:, rule.of - rule.hits]
    held: Floats = sliding_window_view(nth, rule.delay + 1).min(axis=1)
    return held


def fit_tail(
    distances: Floats, rule: Rule, hop_s: float, window_s: float, alarms_per_week: float, breaks: Sequence[int] = ()
) -> Tail:
    """The threshold that is crossed `alarms_per_week` times a week, one standard error included.

    Parameters
    ----------
    distances : ndarray of shape (n,)
        Roots of the raw outputs of healthy windows in time, none of which the model's normal was taken from.
    rule : Rule
    hop_s, window_s : float
        Distance of two windows in operation and their length (s).
    alarms_per_week : float
    breaks : sequence of int
        As in `statistic`.

    Source
    ------
    Coles, "An Introduction to Statistical Modeling of Extreme Values" (2001), chapter 4 (peaks over threshold); Ferro
    & Segers (2003), "Inference for clusters of extreme values" (declustering); Hosking & Wallis (1987), "Parameter and
    quantile estimation for the generalized Pareto distribution" (probability-weighted moments).
    """
    values = statistic(distances, rule, breaks)
    peaks = _peaks_tail(values, rule, hop_s, alarms_per_week)
    if peaks is None:
        return _single_window(distances, rule, hop_s, window_s, alarms_per_week)
    blocks = [_blocks_tail(values, count, rule, hop_s, alarms_per_week) for count in BLOCKS]
    return max([peaks, *(each for each in blocks if each is not None)], key=lambda each: each.level)


def _peaks_tail(values: Floats, rule: Rule, hop_s: float, wanted: float) -> Tail | None:
    """From peaks over a level; None when there are too few."""
    per_week = WEEK_S / hop_s
    chosen: tuple[float, Floats] | None = None
    for share in LEVELS if len(values) >= 2 * PEAKS_MIN else ():
        level = float(np.quantile(values, share))
        peaks = cluster_peaks(values, level)
        if len(peaks) >= PEAKS_MIN and (chosen is None or len(peaks) > len(chosen[1])):
            chosen = level, peaks
        if len(peaks) >= PARETO_PEAKS:
            break
    if chosen is None:
        return None
    level, peaks = chosen
    events = per_week * event_count(values, level, rule.clears) / len(values)
    return _extrapolated(level, peaks, events, wanted, seen_level(values, rule, hop_s, wanted))


def _blocks_tail(values: Floats, count: int, rule: Rule, hop_s: float, wanted: float) -> Tail | None:
    """From the largest value of each block of time; None when the blocks are shorter than the decider's memory."""
    if len(values) < count * (rule.of + rule.delay):
        return None
    maxima = np.array([float(block.max()) for block in np.array_split(values, count)])
    level = float(np.median(maxima))
    events = WEEK_S / hop_s / len(values) * count / 2
    found = _extrapolated(
        level, maxima[maxima > level] - level, events, wanted, seen_level(values, rule, hop_s, wanted)
    )
    seconds = len(values) / count * hop_s
    return Tail(found.level, found.error, found.method, f"{count} blocks of {seconds:.3g} s: {found.words}")


def cluster_peaks(values: Floats, level: float) -> Floats:
    """The largest excess of each independent cluster above `level`; clusters parted as Ferro & Segers (2003) do."""
    at = np.flatnonzero(values > level)
    if len(at) < 2:
        return values[at] - level
    gaps = np.diff(at).astype(np.float64)
    count = max(1, min(len(at), math.ceil(_extremal_index(gaps) * len(at))))
    parts = np.sort(np.argsort(-gaps, kind="stable")[: count - 1])
    parts = parts[gaps[parts] > 1]  # neighbours are never parted, whatever the estimate of so few gaps
    return np.array([float(values[group].max()) - level for group in np.split(at, parts + 1)])


def _extremal_index(gaps: Floats) -> float:
    """Share of exceedances that begin a cluster: the intervals estimator, equation (4) of Ferro & Segers (2003)."""
    if gaps.max() <= 2:
        found = 2 * gaps.sum() ** 2 / (len(gaps) * (gaps * gaps).sum())
    else:
        below = (gaps - 1) * (gaps - 2)
        found = 2 * (gaps - 1).sum() ** 2 / (len(gaps) * below.sum())
    return float(min(1.0, found))


def event_count(values: Floats, level: float, clears: int) -> int:
    """How many alarms a threshold at `level` would have raised: exceedances parted by `clears` windows below."""
    at = np.flatnonzero(values > level)
    return int(len(at) > 0) + int(np.count_nonzero(np.diff(at) > clears))


def seen_level(values: Floats, rule: Rule, hop_s: float, wanted: float) -> float:
    """The lowest level at which what was seen would not have alarmed more often than `wanted` a week."""
    low, high = float(np.median(values)), float(values.max())
    allowed = int(wanted * len(values) * hop_s / WEEK_S)
    for _ in range(HALVINGS if allowed else 0):
        middle = (low + high) / 2
        if event_count(values, middle, rule.clears) > allowed:
            low = middle
        else:
            high = middle
    return high


def _extrapolated(level: float, peaks: Floats, events: float, wanted: float, least: float) -> Tail:
    """From `events` a week at `level` to the level with `wanted` a week, not below `least`."""
    ratio = max(1.0, events / wanted)
    shape = _shape(peaks) if len(peaks) >= PARETO_PEAKS else 0.0
    rise = _rise(peaks, shape, ratio)
    if shape > 0.0:
        random = np.random.RandomState(0)
        again = [peaks[random.randint(0, len(peaks), len(peaks))] for _ in range(RESAMPLES)]
        error = float(np.std([_rise(each, _shape(each), ratio) for each in again]))
    else:
        error = rise / math.sqrt(len(peaks))
    method = "generalised-pareto" if shape > 0.0 else "exponential"
    words = (
        f"{len(peaks)} independent peaks, {events:.3g} a week at their level, extrapolated to {wanted:g} a week by "
        + (f"a generalised Pareto tail of shape {shape:.2f}" if shape > 0.0 else "an exponential tail")
    )
    return Tail(max(level + rise + error, least), error, method, words)


def _shape(excesses: Floats) -> float:
    """Shape of the generalised Pareto distribution by probability-weighted moments, drawn towards 0, never below."""
    ordered = np.sort(excesses)
    mean = float(ordered.mean())
    above = 1.0 - (np.arange(1, len(ordered) + 1) - 0.35) / len(ordered)
    spread = mean - 2.0 * float((above * ordered).mean())
    if spread <= 0.0:
        return 0.0
    # The estimate's variance is about 1 / n (Hosking & Wallis 1987, table 2); the other belief has SHAPE_SIGMA².
    weight = SHAPE_SIGMA**2 / (SHAPE_SIGMA**2 + 1.0 / len(ordered))
    return weight * max(0.0, min(0.5, 2.0 - mean / spread))


def _rise(excesses: Floats, shape: float, ratio: float) -> float:
    """How far above their level a crossing is `ratio` times as rare. The scale keeps the mean excess as it was seen."""
    mean = float(excesses.mean())
    if shape == 0.0:
        return mean * math.log(ratio)
    return mean * (1.0 - shape) / shape * (math.exp(shape * math.log(ratio)) - 1.0)


def _single_window(distances: Floats, rule: Rule, hop_s: float, window_s: float, wanted: float) -> Tail:
    """For a few windows: an exponential tail above the median of single windows, one standard error included."""
    level = float(np.median(distances))
    excesses = distances[distances > level] - level
    if len(excesses) == 0:
        excesses = np.zeros(1)
    chance = _chance_of_window(rule, hop_s, window_s, wanted)
    rise = float(excesses.mean()) * math.log(0.5 / chance)
    independent = len(excesses) / max(1.0, window_s / hop_s)  # windows that share samples tell the same
    error = rise / math.sqrt(max(1.0, independent))
    once_in = f"{round(1 / chance):,}".replace(",", " ")
    words = (
        f"{len(distances)} windows are too few for their extremes: an exponential tail above their median, "
        f"extrapolated to 1 window in {once_in}"
    )
    return Tail(max(level + rise + error, float(distances.max())), error, "single-window", words)


def _chance_of_window(rule: Rule, hop_s: float, window_s: float, wanted: float) -> float:
    """How often a single window may lie above the threshold, so that alarms are raised `wanted` times a week at most.

    Two bounds, either of which suffices. An alarm takes `hits` windows above, so there are at most a `hits`-th as many
    alarms as such windows, however these hang together. And where windows that share no sample are independent,
    `distinct` of them rarely coincide.
    """
    per_week = WEEK_S / hop_s
    distinct = max(1, int(((rule.hits - 1) * min(hop_s, window_s) + window_s) / window_s))
    apart = math.pow(wanted / (per_week * math.comb(rule.of, rule.hits)), 1.0 / distinct)
    return min(0.5, max(wanted * rule.hits / per_week, apart))
