"""A model without training: values have limits, and the score says how far the worst is beyond its own.

Arithmetic: limit_score.py. The limits stand in app.yaml, so a device may move them where the app lists them as tunable.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from edge_app.core.errors import ModelError
from edge_app.core.levels import level
from edge_app.core.results import FeatureSchema, FeatureVector, Inference, ModelIdentity
from edge_app.inference.limit_score import HALF, LimitScore

_UNITS = {"bpm": "bpm", "ms": "ms", "percent": "%", "g": "g", "hz": "Hz", "mmps": "mm/s"}


@dataclass(frozen=True)
class Limit:
    """Between what a feature is normal (its physical unit)."""

    below: float | None = None
    """Below this it is not."""
    above: float | None = None
    """Above this it is not."""
    say: str = ""
    """What passing it means, for people; empty: the limit itself is named."""


class LimitsModel:
    """Limits behind the `Model` contract.

    Parameters
    ----------
    schema : FeatureSchema
        Of the features judged. Raises ModelError when a limit is none of theirs.
    limits : mapping of feature to Limit
    factor : float
        How many times beyond its limit a value scores 1; as far within it scores 0.
    """

    def __init__(self, schema: FeatureSchema, limits: Mapping[str, Limit], factor: float) -> None:
        unknown = [name for name in limits if name not in schema.names]
        if unknown:
            raise ModelError(
                f"limits: there is no feature {unknown[0]} in {schema.plugin}", f"Features: {', '.join(schema.names)}."
            )
        facts = {
            "plugin": "limits/1",
            "factor": factor,
            "limits": {name: asdict(each) for name, each in limits.items()},
        }
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
        self.identity = ModelIdentity("limits", hashlib.sha256(text.encode()).hexdigest())
        self._schema = schema
        self._names = list(limits)
        self._limits = [limits[name] for name in self._names]
        rows = [(schema.names.index(name), _level(each.below), _level(each.above)) for name, each in limits.items()]
        self._score = LimitScore(rows, level(factor))
        self._baseline = np.zeros(len(schema.names), np.int16)
        for index, low, high in rows:
            self._baseline[index] = high if high is not None else low

    def infer(self, features: FeatureVector) -> Inference:
        """The score, and which limit made it."""
        if features.schema is not self._schema and features.schema.hash != self._schema.hash:
            raise ModelError(
                f"limits were set for {self._schema.plugin} ({self._schema.hash}), were given {features.schema.hash}",
                "Use the features the limits name.",
            )
        score, which, high_side, points = self._score.judge(features.values)
        contributions = np.zeros(len(self._schema.names), np.int32)
        for (index, _, _), mine in zip(self._score.limits, points, strict=True):
            contributions[index] = max(0, mine - HALF)
        return Inference(
            raw=score,
            score=score,
            contributions=contributions,
            baseline=self._baseline,
            label=self._words(which, high_side) if score > HALF else "",
        )

    def _words(self, which: int, high_side: bool) -> str:
        limit, name = self._limits[which], self._names[which]
        words, _, unit = name.rpartition("_")
        if unit not in _UNITS:
            words, unit = name, ""
        value = limit.above if high_side else limit.below
        text = (
            f"{words.replace('_', ' ')} {'above' if high_side else 'below'} {value:g} {_UNITS.get(unit, '')}".rstrip()
        )
        return f"{limit.say} ({text})" if limit.say else text


def _level(value: float | None) -> int | None:
    return None if value is None else level(value)
