"""Learn normal: from an installed machine's own healthy features to offsets, multipliers and score map.

The model stays. Each feature gets the machine's own centre and spread; the raw outputs of windows that were withheld
(in blocks of time, without what overlaps them) say how high normal rises; the app's raise threshold is laid where that
is exceeded as often as was asked (tail.py). Fitting uses floats; the result is whole numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import BaselineError
from edge_app.core.results import FeatureSchema, FeatureVector, LearntNormal
from edge_app.core.units import DB_PER_POWER_OCTAVE, LOG2_ONE, SCORE_ONE
from edge_app.dsp.fixed import log2_q8
from edge_app.inference.normal_settings import Learnable, NormalSettings
from edge_app.inference.normal_words import notes_of
from edge_app.inference.steadiness import FEW, SPREAD_OF_RANGE, find_shift
from edge_app.inference.tail import Floats, fit_tail

Values = NDArray[np.int16]

FOLDS = 6
"""Blocks that are withheld in turn; FEW windows are withheld one by one."""
WANDER_BLOCKS = 12
UNKNOWN_MAX, IDLE_MAX = 0.2, 0.5
"""Largest share of windows that could not be judged, and of those in which the machine stood still."""
SHIFT = 14
"""Fractional bits of the multipliers."""
SPREAD_OF_MAD = 1.4826
"""Standard deviation of a normal distribution by its median absolute deviation."""
_POWER = re.compile(r"(?:axis\d+_)?(?:band|mel)_.*")


def fit_normal(values: Values, model: Learnable, settings: NormalSettings) -> LearntNormal:
    """The machine's own normal.

    Parameters
    ----------
    values : ndarray of shape (n, n_features), int16
        Features of healthy windows in time, log2 in Q8, as the model takes them.
    model : Learnable
        The shipped model.
    settings : NormalSettings

    Raises
    ------
    BaselineError
        What was seen cannot serve: too short, unsteady, of poor quality, mostly standing still.
    """
    names = tuple(model.manifest.features.names)
    _check_enough(values, settings, len(names))
    per_db = counts_per_db(names)
    spread = spread_of(values, settings.sigma_floor_db * per_db)
    if settings.in_time:
        _check_steady(values, settings.sigma_floor_db * per_db, per_db, names)
    distances = held_out_distances(values, model, settings, per_db)
    tail = fit_tail(
        distances,
        settings.rule,
        settings.hop_s,
        settings.window_s,
        settings.false_alarms_per_week,
        settings.breaks,
    )
    normal = _standardized(values, model, settings, per_db)
    median = float(np.median(distances))
    return replace(
        normal,
        knots=knots_at(median, tail.level, settings),
        tail=tail.method,
        wander=wander_of(values),
        uncertainty_q8=log2_raw_q8(tail.level) - log2_raw_q8(tail.level - tail.error),
        notes=notes_of(
            values,
            spread,
            tail,
            median,
            steps_per_count(normal, model) * per_db,
            [_POWER.fullmatch(name) is not None for name in names],
            names,
            len(values) * settings.hop_s if settings.in_time else 0.0,
        ),
    )


def counts_per_db(names: Sequence[str]) -> Floats:
    """Counts of a dB in each feature: bands are powers, everything else an amplitude."""
    octave_db = [DB_PER_POWER_OCTAVE * (1 if _POWER.fullmatch(name) else 2) for name in names]
    return LOG2_ONE / np.array(octave_db)


def centre_of(values: Values) -> Floats:
    """Mean of each feature with its outermost 5 % on either side pulled in: between the regimes, not in the largest."""
    low, high = np.quantile(values, (0.05, 0.95), axis=0)
    centre: Floats = np.clip(values, low, high).mean(axis=0)
    return centre


def spread_of(values: Values, floor: Floats) -> Floats:
    """Standard deviation of each feature, from its middle 90 % and from its median absolute deviation: the larger."""
    low, high = np.quantile(values, (0.05, 0.95), axis=0)
    deviation = np.median(np.abs(values - np.median(values, axis=0)), axis=0)
    found = np.maximum((high - low) / SPREAD_OF_RANGE, SPREAD_OF_MAD * deviation)
    return np.maximum(found, floor)


def wander_of(values: Values) -> tuple[int, ...]:
    """Standard deviation of the block means of each feature over the time of learning."""
    blocks = np.array_split(values, min(WANDER_BLOCKS, len(values)))
    means = np.array([block.mean(axis=0) for block in blocks])
    return tuple(int(each) for each in np.ceil(means.std(axis=0, ddof=1)))


def held_out_distances(values: Values, model: Learnable, settings: NormalSettings, per_db: Floats) -> Floats:
    """Root of each window's raw output under the normal of the other blocks, in time."""
    count = len(values)
    folds = count if count < FEW else FOLDS
    found = np.empty(count)
    schema = schema_of(model)
    for block in np.array_split(np.arange(count), folds):
        first, last = int(block[0]), int(block[-1])
        others = np.concatenate((values[: max(0, first - settings.overlap)], values[last + 1 + settings.overlap :]))
        fitted = model.with_normal(_standardized(others, model, settings, per_db))
        found[block] = distances_of(fitted, values[block], schema)
    return found


def distances_of(model: Any, values: Values, schema: FeatureSchema) -> Floats:
    """Root of the raw output of every row of (n, n_features)."""
    return np.sqrt([float(model.infer(FeatureVector(row, schema)).raw) for row in values])


def log2_raw_q8(distance: float) -> int:
    """log2 in Q8 of the raw output of a distance, as the score map sees it."""
    return log2_q8(max(1, round(distance * distance)))


def schema_of(model: Learnable) -> FeatureSchema:
    """The features the model was made for."""
    features = model.manifest.features
    return FeatureSchema(features.plugin, tuple(features.names), dict(features.settings))


def steps_per_count(normal: LearntNormal, model: Learnable) -> Floats:
    """The model's steps in one count of each feature."""
    shipped = model.manifest.standardize
    multiplier, shift = normal.multiplier or shipped.multiplier, normal.shift or shipped.shift
    found: Floats = np.array(multiplier, np.float64) / (1 << shift)
    return found


def _standardized(values: Values, model: Learnable, settings: NormalSettings, per_db: Floats) -> LearntNormal:
    """Centre and spread of these windows; the score map is a placeholder."""
    centre = centre_of(values)
    multiplier: tuple[int, ...] | None = None
    if settings.spread != "model":
        spread = spread_of(values, settings.sigma_floor_db * per_db)
        shipped = model.manifest.standardize
        steps = shipped.steps_per_sigma * 2.0**SHIFT / spread
        if settings.spread == "bounded":
            steps = np.minimum(steps, np.array(shipped.multiplier) * 2.0 ** (SHIFT - shipped.shift))
        multiplier = tuple(int(each) for each in np.clip(np.rint(steps), 1, 32767))
    return LearntNormal(
        offset=tuple(int(each) for each in np.rint(centre)),
        multiplier=multiplier,
        shift=SHIFT if multiplier is not None else None,
        knots=((0, 0), (1, SCORE_ONE)),
        schema=model.manifest.features.hash,
        model=model.identity.sha256,
        binding=settings.binding,
        windows=len(values),
        seconds=round((len(values) - 1) * settings.hop_s + settings.window_s),
        learnt_ms=settings.learnt_ms,
        clock=settings.clock,
        false_alarms_per_week=settings.false_alarms_per_week,
        raise_score=settings.raise_score,
        quality=settings.quality,
    )


def knots_at(median: float, level: float, settings: NormalSettings) -> tuple[tuple[int, int], ...]:
    """A straight line over log2(raw): distance `median` scores `healthy_score`, `level` the app's raise threshold."""
    middle = log2_raw_q8(median)
    top = max(middle, log2_raw_q8(level)) + 1
    slope = (settings.raise_score - settings.healthy_score) / (top - middle)
    zero = middle - max(1, round(settings.healthy_score / slope))
    full = top + max(1, round((SCORE_ONE - settings.raise_score) / slope))
    return ((zero, 0), (middle, settings.healthy_score), (top, settings.raise_score), (full, SCORE_ONE))


def _check_enough(values: Values, settings: NormalSettings, n_features: int) -> None:
    """Refuses what is too short, of poor quality, or of a machine that mostly stood still."""
    if values.ndim != 2 or values.shape[1] != n_features or values.dtype != np.int16:
        raise BaselineError(f"{values.dtype} features of shape {values.shape} for a model of {n_features} features", "")
    seen = len(values) + settings.unknown + settings.idle
    if seen and settings.idle > IDLE_MAX * seen:
        raise BaselineError(
            f"the machine stood still for {100 * settings.idle // seen} % of the time",
            "Learn while it runs as it normally does.",
        )
    if seen and settings.unknown > UNKNOWN_MAX * seen:
        raise BaselineError(
            f"{100 * settings.unknown // seen} % of the windows could not be judged",
            "`edge-app why` says what is wrong with the signal; mend that first.",
        )
    needed = max(settings.windows_min, settings.windows_min // 2 * (settings.overlap + 1))
    if len(values) < needed:
        raise BaselineError(f"too short: {len(values)} windows, at least {needed} are needed", "Learn for longer.")


def _check_steady(values: Values, floor: Floats, per_db: Floats, names: tuple[str, ...]) -> None:
    shift = find_shift(values, floor, per_db)
    if shift is None:
        return
    what = ", ".join(f"{names[index]} {change_db:+.1f} dB" for index, change_db in shift.worst)
    moved = "drifted all the time" if shift.kind == "trend" else "changed and did not come back"
    raise BaselineError(
        f"the machine was not steady: {round(100 * shift.share)} % of the features {moved} ({what})",
        "Let it warm up, keep speed and load steady, or learn so long that each regime comes several times.",
    )
