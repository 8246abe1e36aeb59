"""Trails and models for tests of protocols: each window's one feature is the score the model gives it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from edge_app.config.evaluation import CaseConfig
from edge_app.core.results import FeatureSchema, FeatureVector, Inference, ModelIdentity
from edge_app.decision.anomaly import AnomalyDecider
from edge_app.training.importers.base import Recording
from edge_app.training.protocols.base import Case, Trail

SCHEMA = FeatureSchema("test/1", ("value",), {})


class ScoreModel:
    """Score and raw output are the feature, less `zero`."""

    def __init__(self, zero: int = 0) -> None:
        self.identity = ModelIdentity("score", "0" * 64)
        self.zero = zero

    def infer(self, features: FeatureVector) -> Inference:
        score = int(np.clip(int(features.values[0]) - self.zero, 0, 10000))
        return Inference(score, score, np.zeros(1, np.int32), np.zeros(1, np.int16))


class LabelModel:
    """The class whose number the feature is; -1 is unclear. As sure as `sure` says."""

    def __init__(self, classes: tuple[str, ...], sure: float = 0.8) -> None:
        self.identity = ModelIdentity("label", "1" * 64)
        self.classes, self.sure = classes, sure

    def infer(self, features: FeatureVector) -> Inference:
        index = int(features.values[0])
        label = self.classes[index] if index >= 0 else "unclear"
        shares = ((label, round(10000 * self.sure)),)
        return Inference(0, 0, np.zeros(1, np.int32), np.zeros(1, np.int16), label=label, shares=shares)


def make_case(protocol: str = "anomaly", classes: dict[str, tuple[str, ...]] | None = None, **keys: Any) -> Case:
    """A case of an app with windows of 1 s that raises at 3 of 5 windows above 0.8."""

    def decider() -> AnomalyDecider:
        return AnomalyDecider(raise_above=8000, clear_below=6000, hits=3, of=5)

    front: Any = SimpleNamespace(
        decider=decider,
        raise_score=8000,
        decision=SimpleNamespace(config=SimpleNamespace(on_delay_s=0.0)),
        pipeline=SimpleNamespace(window=SimpleNamespace(seconds=1.0, hop_s=1.0)),
    )
    config = CaseConfig(name="case", pipeline="pipe", protocol=protocol, **keys)
    return Case(config, front, "test", classes or {})


def make_trail(
    name: str,
    label: str,
    values: list[int],
    *,
    group: str | None = None,
    unknown: tuple[int, ...] = (),
    every_s: float = 1.0,
    **facts: Any,
) -> Trail:
    """Windows of 1 s, `every_s` apart; those in `unknown` were clipped and are not judged."""
    count = len(values)
    starts = np.arange(count) * every_s
    judged = [value for index, value in enumerate(values) if index not in unknown]
    recording = Recording(name, "test", label, group or name, load=_never, facts=facts)
    extractor: Any = SimpleNamespace(schema=SCHEMA)
    return Trail(
        recording=recording,
        split="test",
        span_s=None,
        rate_hz=100.0,
        seconds=float(count),
        extractor=extractor,
        verdicts=tuple("unknown" if index in unknown else "judged" for index in range(count)),
        start_s=starts,
        end_s=starts + 1.0,
        reasons=tuple(f"clipped {index}.5 %" if index in unknown else "" for index in range(count)),
        focus=np.full(count, -1),
        vectors=tuple(FeatureVector(np.array([value], np.int16), SCHEMA) for value in judged),
    )


def _never() -> Any:
    raise AssertionError("protocols read no samples")
