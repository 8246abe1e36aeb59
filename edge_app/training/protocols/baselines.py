"""Learning a machine's own normal inside an evaluation: by the very function `edge-app learn` uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.core.stages import Model
from edge_app.inference.normal import fit_normal
from edge_app.inference.normal_settings import NormalSettings
from edge_app.training.protocols.base import Case, Trail


def settings_for(case: Case, hop_s: float, *, unknown: int = 0, idle: int = 0) -> NormalSettings:
    """What `edge-app learn` would be told on a device with this app, windows `hop_s` (s) apart."""
    decider: Any = case.front.decider()
    config = case.front.decision.config
    return NormalSettings(
        window_s=case.front.pipeline.window.seconds,
        hop_s=hop_s,
        false_alarms_per_week=case.config.baseline.false_alarms_per_week,
        hits=int(decider.hits_needed),
        of=int(decider.of),
        on_delay_s=float(getattr(config, "on_delay_s", 0.0)),
        raise_score=case.front.raise_score,
        unknown=unknown,
        idle=idle,
    )


def learnt(model: Any, values: NDArray[np.int16], settings: NormalSettings) -> Model:
    """The model with the normal of these windows. Raises BaselineError."""
    fitted: Model = model.with_normal(fit_normal(values, model, settings))
    return fitted


def spacing_s(trail: Trail) -> float:
    """Usual distance of two windows (s); for captures taken now and then, of two captures."""
    if len(trail.start_s) < 2:
        return float(trail.seconds)
    return float(np.median(np.diff(trail.start_s)))


def cycled(parts: Sequence[NDArray[np.int16]], skip: int, rounds: int = 3) -> NDArray[np.int16]:
    """Windows of several recordings as if the machine had gone through all of them `rounds` times.

    Recordings at several speeds, one after the other, would look like one machine that drifts. Cutting each into
    `rounds` pieces of equal length and taking the pieces in turn shows every speed several times, and alike in each
    round. `skip` windows are left out at each cut, so that pieces of one recording share no samples; a recording too
    short for that is cut without. The few windows at its end that would make a piece longer than the others go unused.
    """
    found: list[list[NDArray[np.int16]]] = [[] for _ in range(rounds)]
    for part in parts:
        gap = skip if len(part) - skip * (rounds - 1) >= rounds else 0
        length = (len(part) - gap * (rounds - 1)) // rounds
        for turn in range(rounds):
            first = turn * (length + gap)
            found[turn].append(part[first : first + length])
    return np.concatenate([piece for pieces in found for piece in pieces])
