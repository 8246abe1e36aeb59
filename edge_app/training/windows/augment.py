"""What the same healthy machine may look like on another day: other speed, level, mounting, path.

Speed and level are changed in the raw counts, before the front end. Changes of single bands are added to the
finished features, which are logarithms: there a change in dB is an addition. All random numbers are whole numbers,
all arithmetic IEEE-exact, so the same recipe gives the same features everywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_app.config.recipe import Augment
from edge_app.core.frames import FULL_SCALE
from edge_app.core.results import FeatureSchema
from edge_app.core.units import DB_PER_POWER_OCTAVE, LOG2_ONE
from edge_app.training.importers.base import Signal
from edge_app.training.network.exact import Floats, nearly_normal
from edge_app.training.windows.datasets import Features

_BAND = re.compile(r"(?:axis(\d+)_)?band_([\d.]+)_([\d.]+)_hz")
_SHAPES = ("crest", "kurtosis")
HEADROOM_Q8 = 2 * LOG2_ONE
"""A band this far (6 dB) above the front end's own noise takes a smooth change whole; at the noise not at all."""
NODES_PER_DECADE = 4
"""Support points of a smooth change over frequency."""


def change_raw(signal: Signal, speed: float, gain_db: float) -> Signal:
    """The signal as if the shaft turned `speed` times as fast and everything were `gain_db` louder.

    Cubic interpolation (Lagrange, four points) at `speed` times the positions; result rounded and limited to int16.
    """
    gain = round(10.0 ** (gain_db / 20.0) * 65536.0) / 65536.0
    counts = signal.counts.astype(np.float64)
    if speed != 1.0:
        counts = np.stack([_resampled(axis, speed) for axis in counts])
    limited = np.clip(np.rint(counts * gain), -FULL_SCALE, FULL_SCALE)
    return replace(signal, counts=limited.astype(np.int16))


def _resampled(x: Floats, speed: float) -> Floats:
    """x at positions 1, 1 + speed, 1 + 2 speed …; Source: Lagrange's third-order polynomial through four points."""
    at = 1.0 + np.arange(int((len(x) - 3) / speed)) * speed
    whole = at.astype(np.int64)
    t = at - whole
    before, here, after, later = (x[whole + offset] for offset in (-1, 0, 1, 2))
    result: Floats = (
        -t * (t - 1.0) * (t - 2.0) / 6.0 * before
        + (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0 * here
        - (t + 1.0) * t * (t - 2.0) / 2.0 * after
        + (t + 1.0) * t * (t - 1.0) / 6.0 * later
    )
    return result


@dataclass(frozen=True)
class FeatureKinds:
    """Which features are bands, levels and shapes, and how a dB counts in each."""

    per_db: Floats
    """Q8 counts of one dB, per feature."""
    is_band: NDArray[np.bool_]
    is_shape: NDArray[np.bool_]
    centre_hz: Floats
    """Geometric centre of each band (Hz), 0 for others."""
    noise_q8: Floats
    """log2 in Q8 of the noise the front end adds to each band; far below everything for others."""


def kinds_of(schema: FeatureSchema) -> FeatureKinds:
    """Reads the kinds off a schema's names."""
    bands = [_BAND.fullmatch(name) for name in schema.names]
    edges = [(float(each[2]), float(each[3])) if each else (0.0, 0.0) for each in bands]
    density = float(str(schema.settings.get("noise_ug_per_rthz", 0.0))) * 1e-6
    noise = [
        float(np.rint(LOG2_ONE * np.log2(density**2 * (high - low)))) if high and density else -1e6
        for low, high in edges
    ]
    return FeatureKinds(
        per_db=np.array([LOG2_ONE / (DB_PER_POWER_OCTAVE * (1 if each else 2)) for each in bands]),
        is_band=np.array([each is not None for each in bands]),
        is_shape=np.array([name.split("_")[-1] in _SHAPES for name in schema.names]),
        centre_hz=np.array([float(np.rint(16.0 * np.sqrt(low * high))) / 16.0 for low, high in edges]),
        noise_q8=np.array(noise),
    )


def change_features(
    features: Features, kinds: FeatureKinds, augment: Augment, random: np.random.RandomState
) -> Features:
    """`augment.copies` changed versions of every window, in one array.

    Bands change by independent jitter plus a smooth curve, the latter less the nearer they are to the front end's
    noise; levels (rms, peak, velocity) by what the strongest band changes; crest and kurtosis by themselves.
    """
    return np.concatenate([_changed(features, kinds, augment, random) for _ in range(augment.copies)])


def _changed(features: Features, kinds: FeatureKinds, augment: Augment, random: np.random.RandomState) -> Features:
    values = features.astype(np.float64)
    change_db = nearly_normal(random, values.shape) * jitter_db(kinds, augment)
    headroom = np.clip((values - kinds.noise_q8) / HEADROOM_Q8, 0.0, 1.0)
    nodes = _smooth_matrix(kinds)
    curves = nearly_normal(random, (len(values), nodes.shape[1]))
    for node in range(nodes.shape[1]):  # elementwise, so the order of additions is fixed
        change_db += headroom * (augment.smooth_db * curves[:, node : node + 1] * nodes[:, node])
    if kinds.is_band.any():
        strongest = np.argmax(np.where(kinds.is_band, values, -1e9), axis=1)
        level_db = change_db[np.arange(len(values)), strongest]
        is_level = ~kinds.is_band & ~kinds.is_shape
        change_db[:, is_level] += level_db[:, None]
    changed = np.rint(values + change_db * kinds.per_db)
    return np.clip(changed, -32768, 32767).astype(np.int16)


def jitter_db(kinds: FeatureKinds, augment: Augment) -> Floats:
    """Standard deviation of the independent change of each feature (dB)."""
    found = np.full(len(kinds.per_db), augment.shape_db)
    for from_hz, deviation_db in augment.jitter_db:
        found[kinds.is_band & (kinds.centre_hz >= from_hz)] = deviation_db
    return found


def _smooth_matrix(kinds: FeatureKinds) -> Floats:
    """Weights (n_features, n_nodes) of a piecewise linear curve over the bands; zero for other features."""
    places = np.flatnonzero(kinds.is_band)
    weights = np.zeros((len(kinds.per_db), 1))
    if len(places) < 2:
        return weights
    decades = float(np.rint(16 * np.log10(kinds.centre_hz[places].max() / kinds.centre_hz[places].min()))) / 16
    n_nodes = max(2, round(NODES_PER_DECADE * decades) + 1)
    weights = np.zeros((len(kinds.per_db), n_nodes))
    for rank, place in enumerate(places):
        position = rank * (n_nodes - 1) / (len(places) - 1)
        left = min(int(position), n_nodes - 2)
        weights[place, left] = left + 1 - position
        weights[place, left + 1] = position - left
    return weights
