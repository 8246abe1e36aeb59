"""What a person should know of a learnt normal, in sentences: how small a change is flagged, what was not seen."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_app.inference.steadiness import count_states, find_regimes
from edge_app.inference.tail import Floats, Tail

NOTE_MAX = 200
"""Longest note (characters), as learnt.py reads it."""
STATES_ENOUGH = 20
"""States of a machine that changes slowly beyond which another one is hardly new: 1 in 20."""
UNSURE = 0.9
"""Below this share of the change that is flagged now, it is told what would be without the standard error."""


def notes_of(
    values: NDArray[np.int16],
    spread: Floats,
    tail: Tail,
    median: float,
    steps_per_db: Floats,
    bands: Sequence[bool],
    names: Sequence[str],
    span_s: float,
) -> tuple[str, ...]:
    """Sentences, the most needed first.

    Parameters
    ----------
    values : ndarray of shape (n, n_features), int16
        Features learnt from.
    spread : ndarray of shape (n_features,)
        Their spread (counts).
    tail : Tail
    median : float
        Median distance of the withheld windows.
    steps_per_db, bands, names
        Of each feature: the model's steps per dB of change, whether it is a band's power, its name.
    span_s : float
        For how long was learnt (s); 0 when the windows do not stand in time.
    """
    notes = [tail.words, sensitivity_words(tail, median, steps_per_db, bands)]
    regimes = find_regimes(values, spread)
    if regimes is not None:
        share, features = regimes
        what = ", ".join(names[index] for index in features)
        notes.append(f"two regimes, {round(100 * share)} % of the windows in the rarer one, most apart in {what}")
    states = count_states(values, spread) if span_s else None
    if states is not None and states < STATES_ENOUGH:
        hours = span_s / 3600 * STATES_ENOUGH / states
        notes.append(
            f"the machine changed slowly, through about {max(1, round(states))} states: another may alarm more often "
            f"than was asked for; {hours:.2g} h of learning would show {STATES_ENOUGH}"
        )
    return tuple(note[:NOTE_MAX] for note in notes)


def sensitivity_words(tail: Tail, median: float, steps_per_db: Floats, bands: Sequence[bool]) -> str:
    """How large a change must be to be flagged: by the learnt spreads alone, whatever else the model knows.

    A change of d dB in a feature adds (steps_per_db · d)² to the square of the distance.
    """
    chosen = np.array(bands) if any(bands) else np.ones(len(steps_per_db), bool)
    weights = steps_per_db[chosen]
    one, every = float(np.median(weights)), math.sqrt(float((weights * weights).sum()))
    steps = _steps(tail.level, median)
    what = "band" if any(bands) else "feature"
    words = f"flagged: lasting changes from about {_db(steps / one)} in one {what}, {_db(steps / every)} in all at once"
    sure = _steps(tail.level - tail.error, median)
    if sure < UNSURE * steps:
        words += f"; were it sure of its threshold, {_db(sure / one)} in one would do: learn for longer"
    return words


def _steps(level: float, median: float) -> float:
    """What must be added to the median distance, at right angles, to reach a level."""
    return math.sqrt(max(1.0, level * level - median * median))


def _db(value: float) -> str:
    return f"{value:.0f} dB" if value >= 10 else f"{value:.1f} dB"
