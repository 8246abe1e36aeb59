"""What learning normal takes from a pipeline's configuration: how it decides, and what its sensor is."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from edge_app.config.resolved import ResolvedPipeline, ResolvedSensor
from edge_app.core.stages import Sensor
from edge_app.core.units import SCORE_ONE
from edge_app.inference.normal_settings import NormalSettings

LEARNABLE = ("autoencoder", "gaussian", "gmm")
"""Kinds of models that know normal only; the others tell classes apart that they were trained on."""
PASSING = ("fault", "sensor_faults", "seed", "profile", "schedule", "duration_s", "frame_s", "loop")
"""Keys of a sensor that say what happens, not what it is (of simulated and recorded ones)."""


def learnable(model: Any) -> bool:
    """Whether the machine's own normal can be learnt for a model."""
    return hasattr(model, "with_normal") and getattr(model.manifest, "kind", "") in LEARNABLE


def binding_of(spec: ResolvedSensor, sensor: Sensor) -> str:
    """Hash of what serves a slot: plugin, place, axis, rate, scale. Another sensor has another normal."""
    config = spec.config.model_dump(mode="json")
    facts = {
        "plugin": spec.plugin.name,
        "config": {key: value for key, value in config.items() if key not in PASSING},
        "axis": spec.axis,
        "unit": sensor.unit,
        "rate_hz": sensor.rate_hz,
        "scale": sensor.scale,
        "axes": sensor.n_axes,
    }
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def normal_settings(spec: ResolvedPipeline, binding: str = "") -> NormalSettings:
    """Window, hop and decider of a pipeline."""
    config = spec.decision.config
    return NormalSettings(
        window_s=spec.window_s,
        hop_s=spec.hop_s,
        hits=int(getattr(config, "hits", 1)),
        of=int(getattr(config, "of", 1)),
        on_delay_s=float(getattr(config, "on_delay_s", 0.0)),
        raise_score=round(float(getattr(config, "raise_above", 0.8)) * SCORE_ONE),
        binding=binding,
    )
