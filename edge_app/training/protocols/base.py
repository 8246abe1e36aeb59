"""The contract of a protocol: what it is given, what it gives back.

A protocol is a module of this folder, named as `protocol:` in evaluate.yaml and entered in find.py, with one function

    def run(case: Case, trails: Sequence[Trail], models: Mapping[str, Model]) -> CaseResult

`trails` are the case's recordings of the split asked for, already taken through the device's windower, quality gate,
features and operating gate. `models` are the steps of the model in their order: "trained" and "pruned" (floats), "int8"
(as shipped); "int8" is always there. A protocol judges every trail by every model, measures, and returns plain values.
It reads no file and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.config.evaluation import CaseConfig
from edge_app.core.results import FeatureSchema, FeatureVector, Inference
from edge_app.core.stages import FeatureExtractor, Model
from edge_app.training.importers.base import Recording
from edge_app.training.windows.front import Front

INT8 = "int8"
"""Name of the shipped model's step."""


@dataclass(frozen=True)
class Case:
    """What is asked, and of which app."""

    config: CaseConfig
    front: Front
    """The app's pipeline with the case's `set` applied: slot, window, features, decider."""
    split: str
    """The one asked for: "test", "val", "train" or "all"."""
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The model's classes and the labels (or beat symbols) that belong to each; empty where nothing says it."""

    def is_healthy(self, label: str) -> bool:
        """Whether recordings of this label show a sound machine."""
        return label in self.config.healthy

    def class_of(self, label: str) -> str:
        """The class a label (or beat symbol) belongs to, "" when to none."""
        return next((name for name, labels in self.classes.items() if label in labels), "")


@dataclass(frozen=True)
class Trail:
    """A recording, or the part of it that belongs to the split, as far as the model does not matter."""

    recording: Recording
    split: str
    """"train", "val" or "test"."""
    span_s: tuple[float, float] | None
    """The part looked at (s), None for all of it."""
    rate_hz: float
    seconds: float
    """Signal looked at, pauses left out (s)."""
    extractor: FeatureExtractor
    verdicts: tuple[str, ...]
    """Of each window, in order: "judged", "unknown", "idle"."""
    start_s: NDArray[np.float64]
    """Start of each window (s) from the beginning of the recording."""
    end_s: NDArray[np.float64]
    """End of each window (s)."""
    reasons: tuple[str, ...]
    """Why a window could not be judged, its worst reason; "" when it could."""
    focus: NDArray[np.int64]
    """Sample index, from the beginning of the recording, of the mark (heartbeat) each window is about; -1 for none."""
    vectors: tuple[FeatureVector, ...]
    """Features of the judged windows, in order."""

    @property
    def began_s(self) -> float:
        """Where the part looked at begins (s from the beginning of the recording)."""
        return self.span_s[0] if self.span_s is not None else 0.0

    @property
    def id(self) -> str:
        """The recording's."""
        return self.recording.id

    @property
    def label(self) -> str:
        """The recording's."""
        return self.recording.label

    @cached_property
    def judged(self) -> NDArray[np.int64]:
        """Indices of the judged windows."""
        return np.array([index for index, verdict in enumerate(self.verdicts) if verdict == "judged"], np.int64)

    @cached_property
    def features(self) -> NDArray[np.int16]:
        """int16 of shape (n_judged, n_features)."""
        if not self.vectors:
            return np.empty((0, len(self.schema.names)), np.int16)
        return np.array([vector.values for vector in self.vectors], np.int16)

    @property
    def schema(self) -> FeatureSchema:
        """Of the features."""
        return self.extractor.schema

    def counts(self) -> dict[str, Any]:
        """Windows formed, judged, idle and not judgeable with their reasons: for every recording's report."""
        found: dict[str, Any] = {"windows": len(self.verdicts)}
        for verdict in ("judged", "unknown", "idle"):
            found[verdict] = self.verdicts.count(verdict)
        if found["unknown"]:
            texts = [_wording(reason) for reason in self.reasons if reason]
            found["reasons"] = {text: texts.count(text) for text in sorted(set(texts), key=texts.count, reverse=True)}
        return found


def _wording(reason: str) -> str:
    """A reason without its numbers: "clipped 4.1 %" and "clipped 7 %" are one."""
    return " ".join("…" if any(letter.isdigit() for letter in word) else word for word in reason.split())


def infer_all(model: Model, trail: Trail) -> list[Inference]:
    """The model on every judged window; float steps take them all at once."""
    many = getattr(model, "infer_many", None)
    if many is not None:
        return list(many(trail.vectors))
    return [model.infer(vector) for vector in trail.vectors]


def events(trail: Trail, inferences: Sequence[Inference], decider: Any, first: int = 0) -> list[tuple[str, float]]:
    """What the app's decider tells of a recording: (event, time in s from the beginning of the recording).

    `first` is the first window it is shown; `inferences` are of all judged windows.
    """
    found, at = [], 0
    for index, verdict in enumerate(trail.verdicts):
        score = -1
        if verdict == "judged":
            score = inferences[at].score
            at += 1
        if index < first:
            continue
        end_s = float(trail.end_s[index])
        found += [(event, end_s) for event in decider.step(verdict, score, round(end_s * 1000))]
    return found


# What a report draws.


@dataclass(frozen=True)
class Curve:
    """One line of a plot."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Roc:
    """True against false positive rate, one curve a step."""

    title: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class ScoreTrace:
    """Score over time of one recording, with threshold and alarms."""

    title: str
    curve: Curve
    """x in s, y 0..1."""
    threshold: float
    alarms_s: tuple[float, ...] = ()
    learnt_until_s: float | None = None
    """Where the baseline ends, when one was learnt from this recording."""
    marks: tuple[tuple[float, str], ...] = ()
    """Other moments (s) with a word each."""


@dataclass(frozen=True)
class Confusion:
    """Counts of (true, predicted)."""

    title: str
    true: tuple[str, ...]
    predicted: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """One row a true class."""
    unit: str = "windows"


@dataclass(frozen=True)
class Calibration:
    """How often a class was right, by how sure the model was."""

    title: str
    bins: tuple[tuple[float, float, int], ...]
    """(mean probability told, share that was right, count) of each bin that is not empty."""


@dataclass(frozen=True)
class Scatter:
    """Measured against true values."""

    title: str
    x_label: str
    y_label: str
    points: tuple[tuple[float, float], ...]


Figure = Roc | ScoreTrace | Confusion | Calibration | Scatter


@dataclass
class CaseResult:
    """What a protocol found; everything here is plain JSON but the figures."""

    metrics: dict[str, dict[str, Any]]
    """Step ("trained", "pruned", "int8") → name → value, None where it is not defined; `<name>_ci95` beside it."""
    recordings: dict[str, dict[str, Any]]
    """Recording id → what was found, int8 unless a key says otherwise."""
    undefined: dict[str, str] = field(default_factory=dict)
    """Metric, or its interval → why there is no number."""
    notes: list[str] = field(default_factory=list)
    """Sentences for people: how something was counted, what the figures do not show."""
    figures: list[Figure] = field(default_factory=list)
    headline: list[str] = field(default_factory=list)
    """Metrics that matter most, in order; default all."""


Run = Callable[[Case, Sequence[Trail], Mapping[str, Model]], CaseResult]
