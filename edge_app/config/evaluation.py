"""An app's `evaluate.yaml`: what `edge-app evaluate` measures, on which recordings, by which protocol."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from edge_app.config.recipe import Source, Span
from edge_app.config.schema import BearingConfig, Id, Strict

Plain = str | int | float | bool

HEALTHY = ["healthy", "normal"]
"""Labels that mean a sound machine unless a case says otherwise."""


class Spans(Strict):
    """Which parts of a recording (s) belong to which split, where one recording serves more than one."""

    train: Span | None = None
    """From and to (s): a model may have learnt from it."""
    val: Span | None = None
    """From and to (s): something was chosen by it."""
    test: Span | None = None
    """From and to (s): nothing was learnt or chosen by it."""

    @model_validator(mode="after")
    def _apart(self) -> Spans:
        found = sorted(span for span in (self.train, self.val, self.test) if span is not None)
        if any(second[0] < first[1] for first, second in pairwise(found)):
            raise ValueError("the parts overlap; leave at least a window between them")
        return self


class BaselineConfig(Strict):
    """How much of a machine's own signal its normal is learnt from; the rest is judged."""

    share: float | None = Field(default=None, gt=0, lt=1)
    """First part of each recording (of its length)."""
    seconds: float | None = Field(default=None, gt=0)
    """First seconds of each recording, pauses left out."""
    false_alarms_per_week: float = Field(default=1.0, gt=0)
    """What the learnt threshold aims at, as `edge-app learn` does."""

    @model_validator(mode="after")
    def _one(self) -> BaselineConfig:
        if self.share is not None and self.seconds is not None:
            raise ValueError("a baseline has either `share` or `seconds`; write one of the two")
        return self


class CaseConfig(Strict):
    """One question about the app: a protocol, and the recordings it is asked of."""

    name: Id
    """How results call it."""
    pipeline: Id
    """Which pipeline of the app is measured."""
    part: Literal["model", "diagnose"] = "model"
    """Its model, or the second model of its `diagnose` block."""
    protocol: Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]
    """How it is measured: anomaly, quiet, own_baseline, group_baseline, classify, beats or heart_rate."""
    dataset: str | None = None
    """Recordings of this dataset only; default whatever is found."""
    labels: list[str] = []
    """Recordings with one of these labels only; default all."""
    where: dict[str, list[Plain]] = {}
    """Recordings whose fact of this name has one of these values only, e.g. `load_hp: [0, 3]`."""
    sources: list[Source] = []
    """Files or simulated machines instead of a dataset, written as in a recipe."""
    healthy: list[str] = HEALTHY
    """Labels of a sound machine; every other label is a fault."""
    classes: dict[str, list[str]] = {}
    """For `classify`: the model's class of each label; default the recipe's, else the labels themselves."""
    splits: dict[Literal["train", "val", "test"], list[str]] = {}
    """Recordings, by id or its end, that belong to a split although no recipe says so: limits were chosen on them."""
    spans: dict[str, Spans] = {}
    """By recording id: which part belongs to which split."""
    baseline: BaselineConfig = Field(default_factory=lambda: BaselineConfig())
    """For `own_baseline`: what the normal is learnt from."""
    group: str | None = None
    """For `group_baseline`: fact that tells machines apart, e.g. `motor`; default the recording's group."""
    channel: str | None = None
    """Channel of the recordings, by name; default their first, as many as the app has axes."""
    hop_s: float | None = Field(default=None, gt=0)
    """Distance of two windows (s) instead of the app's, to look at more of short recordings."""
    bearing: BearingConfig | None = None
    """Geometry of the bearing, as in a device's file; the shaft's speed comes from the recordings' `rpm`."""
    set: dict[str, Any] = {}
    """Keys of app.yaml that differ in this case, by dotted path, set before the app is checked."""
    about: str = ""
    """For the report: what the question is, what its answer is worth."""


class EvaluationConfig(Strict):
    """Keys of `evaluate.yaml`."""

    cases: list[CaseConfig] = Field(min_length=1, max_length=64)
    """What is measured, in the order of the report."""

    @model_validator(mode="after")
    def _names_once(self) -> EvaluationConfig:
        names = [case.name for case in self.cases]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two cases are named {twice[0]}; give each its own name")
        return self
