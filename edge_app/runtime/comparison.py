"""Two normals of one pipeline side by side: where their centres lie, how high their thresholds, what each would say."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import ControlError
from edge_app.core.results import FeatureVector, LearntNormal
from edge_app.core.units import DB_PER_POWER_OCTAVE, LOG2_ONE
from edge_app.inference.normal import counts_per_db, schema_of
from edge_app.inference.normal_settings import Learnable, NormalSettings
from edge_app.inference.tail import event_count, statistic
from edge_app.runtime.normals import NormalStore

SHIFTS = 8
"""Features named, those that moved most."""


def compare(store: NormalStore, model: Learnable, settings: NormalSettings, current: int | None) -> dict[str, Any]:
    """The normal that serves against the last one before it, else against the shipped mapping.

    Raises
    ------
    ControlError
        When none serves.
    """
    if current is None:
        raise ControlError("no learnt normal serves: there is nothing to compare", "Learn one, or roll back to one.")
    new = store.load(current)
    earlier = [each for each in store.history() if each.number < current and each.normal is not None]
    old = earlier[-1].normal if earlier else None
    if old is None and getattr(model, "unready", None):
        raise ControlError("the model ships without a normal, and only one was learnt", "Learn again to compare.")
    fitting = old is None or (old.schema, old.model) == (new.schema, new.model)
    windows = store.windows(current)
    names = tuple(model.manifest.features.names)
    before = np.array(old.offset if old else model.manifest.standardize.offset)
    moved_db = (np.array(new.offset) - before) / counts_per_db(names) if fitting else np.zeros(0)
    order = np.argsort(-np.abs(moved_db), kind="stable")[:SHIFTS]
    return {
        "new": side(current, new, model, windows, settings),
        "old": side(earlier[-1].number if earlier else None, old, model, windows, settings) if fitting else None,
        "windows": len(windows),
        "shifts_db": [[names[index], round(float(moved_db[index]), 1)] for index in order],
    }


def side(
    number: int | None,
    normal: LearntNormal | None,
    model: Learnable,
    windows: NDArray[np.int16],
    settings: NormalSettings,
) -> dict[str, Any]:
    """What one normal makes of the kept windows (the last of those learnt from)."""
    judge = model if normal is None else model.with_normal(normal)
    knots = normal.knots if normal is not None else model.manifest.score.knots
    schema = schema_of(model)
    usable = windows if windows.ndim == 2 and windows.shape[1] == len(schema.names) else windows[:0]
    scores = np.array([judge.infer(FeatureVector(row, schema)).score for row in usable], np.float64)
    values = statistic(scores, settings.rule)
    return {
        "number": number,
        "false_alarms_per_week": normal.false_alarms_per_week if normal is not None else None,
        "threshold_log2": round(threshold_q8(knots, settings.raise_score) / LOG2_ONE, 2),
        "threshold_db": round(threshold_q8(knots, settings.raise_score) / LOG2_ONE * DB_PER_POWER_OCTAVE, 1),
        "median_score": round(float(np.median(scores))) if len(scores) else None,
        "windows_above": int(np.count_nonzero(scores > settings.raise_score)),
        "alarms": event_count(values, settings.raise_score, settings.rule.clears),
    }


def threshold_q8(knots: tuple[tuple[int, int], ...], score: int) -> float:
    """log2 of the raw output (Q8) at which a score map gives `score`."""
    places, scores = zip(*knots, strict=True)
    return float(np.interp(score, scores, places))
