"""What the stages after the window hand on: features, inference, decision."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import ConfigError

FeatureValues = NDArray[np.int16]

NAMES_LISTED = 60
"""Of more features an error names the first and the last."""


@dataclass(frozen=True)
class FeatureSchema:
    """Names and meaning of a feature vector; models name its hash, so that none meets features it was not made for."""

    plugin: str
    """Plugin that makes the vector, with the version of its arithmetic: "vibration/1"."""
    names: tuple[str, ...]
    """One name per feature, unit or band in the name: "band_10_12_hz", "rms_g"."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """What the features depend on beside the window (bands, window seconds, axes): plain JSON values."""

    @property
    def hash(self) -> str:
        """First 16 hex digits of the SHA-256 of the canonical JSON of everything above."""
        text = json.dumps(
            {"plugin": self.plugin, "names": self.names, "settings": dict(self.settings)},
            sort_keys=True,
            separators=(",", ":"),
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def check_name(self, feature: str, *beside: str) -> None:
        """Raises ConfigError for a feature that is neither in the vector nor one of those known `beside` it."""
        names = (*beside, *self.names)
        if feature not in names:
            listed = ", ".join(names) if len(names) <= NAMES_LISTED else f"{names[0]} to {names[-1]}"
            raise ConfigError(f"no feature {feature!r} in {self.plugin}", f"Features: {listed}.")


@dataclass(frozen=True, slots=True)
class FeatureVector:
    """Named numbers of one window."""

    values: FeatureValues
    """int16 of shape (n_features,): log2 in Q8 (see core/units.py) of the quantity named in the schema."""
    schema: FeatureSchema
    """Names of `values`, in order."""
    evidence: Mapping[str, int] = field(default_factory=dict)
    """Named numbers beside the schema, for a gate or for people, for no model (loudness …): log2 in Q8."""
    clipped: int = 0
    """Values that met the int16 limits."""
    doubts: tuple[str, ...] = ()
    """Why the window cannot be judged after all, worst first, each a short phrase with its number; empty when it can.
    For what only the extractor sees: a pulse that is no pulse, beats that do not repeat."""


@dataclass(frozen=True, slots=True)
class Inference:
    """One run of the model on one feature vector."""

    raw: int
    """The model's raw output reduced to one integer (autoencoder: sum of squared steps; gaussian: distance)."""
    score: int
    """The manifest's mapping of `raw`, 0..10000."""
    contributions: NDArray[np.int32]
    """int32 of shape (n_features,): each feature's share of `raw`; they need not sum to it exactly."""
    baseline: FeatureValues
    """int16 of shape (n_features,): the value of each feature in the healthy baseline, as in FeatureVector.values."""
    clipped: int = 0
    """Model inputs that met the int8 limits."""
    label: str = ""
    """A classifier's most probable class; empty for models that know one class only."""
    shares: tuple[tuple[str, int], ...] = ()
    """A classifier's probability of each class (name, 0..10000), in the order of the manifest's labels."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What kind of trouble the last windows speak of, by the pipeline's second model (`diagnose`)."""

    label: str
    """The kind, a label of that model; empty when it cannot be told."""
    percent: int
    """Its mean share over those windows (percent); 0 without a label."""
    reason: str = ""
    """Why it cannot be told, when the features say so."""
    seen: str = ""
    """What the last window shows of that kind, in the extractor's own words."""


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model judged."""

    name: str
    """The manifest's name."""
    sha256: str
    """Of the model file, 64 hex digits; messages carry the first 12."""
    normal: str = ""
    """First 8 hex digits of the learnt normal's hash; empty when the shipped mapping served."""


@dataclass(frozen=True)
class LearntNormal:
    """An installed machine's own normal: what stands in for the shipped model's offsets, multipliers and score map."""

    offset: tuple[int, ...]
    """int16 per feature: its normal value, as in FeatureVector.values."""
    multiplier: tuple[int, ...] | None
    """1..32767 per feature, as in the manifest's `standardize`; None keeps the model's own."""
    shift: int | None
    """1..30, the multipliers' fractional bits; None exactly when they are."""
    knots: tuple[tuple[int, int], ...]
    """(log2(raw) in Q8, score 0..10000), rising: the score map; the app's raise threshold lies where it was set."""
    schema: str
    """Hash of the feature schema it was learnt with."""
    model: str
    """sha256 of the model it was learnt with."""
    binding: str = ""
    """Hash of what served the sensor slot; empty when learnt from recordings."""
    windows: int = 0
    """Windows learnt from."""
    seconds: int = 0
    """From the first to the last of them (s)."""
    learnt_ms: int = 0
    """UTC (ms) of the end of learning."""
    clock: str = "none"
    """ntp rtc none: how far `learnt_ms` can be believed."""
    false_alarms_per_week: float = 1.0
    """What was asked for."""
    raise_score: int = 8000
    """The app's raise threshold then, 0..10000."""
    tail: str = ""
    """How the threshold was found: generalised-pareto, exponential or single-window (see inference/normal.py)."""
    uncertainty_q8: int = 0
    """By how much log2 (Q8) of the threshold's raw value is uncertain, one standard error; it is included."""
    wander: tuple[int, ...] = ()
    """Per feature, standard deviation of its means over twelve blocks of the learning, as in `offset`: what drift is
    held against; empty when unknown."""
    quality: int = 100
    """Mean quality of the windows (percent)."""
    notes: tuple[str, ...] = ()
    """What a person should know: the way of the tail in a sentence, several regimes …"""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the device concludes, and says: one event of one pipeline. Identity (jid, boot, seq) is the journal's."""

    app: str
    app_version: str
    pipeline: str
    event: str
    """raised cleared changed acked shelved unshelved reset unknown known idle started summary gap test."""
    state: str
    """normal pending active unknown idle."""
    level: str
    """ok info warn alarm."""
    flags: tuple[str, ...]
    """Of: latched, acked, shelved, suppressed."""
    score: int
    """0..10000; -1 when there was none (unknown, idle, gap)."""
    threshold: int
    """0..10000, the one the event is about; -1 when there was none (gap)."""
    why: Mapping[str, object]
    """{"text": one sentence, "top": [[feature, change in dB×10, share in percent], …]} and, for a gap, "gap"."""
    quality: int
    """0..100, of the window behind it."""
    wall_ms: int
    """UTC (ms) of the end of the window."""
    clock: str
    """ntp rtc none."""
    mono_ms: int
    """ms since the process's boot count began."""
    window_ms: int
    """Length of the evidence (ms)."""
    model: ModelIdentity | None
