"""Tries what the runtime would build from an app: features, gate, model, decider; nothing is opened or run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge_app.config.apps import APP_FILE
from edge_app.config.errors import nearest
from edge_app.config.load import shown
from edge_app.config.resolved import ResolvedApp, ResolvedDevice, ResolvedPipeline
from edge_app.core.errors import ConfigError, EdgeAppError, ModelError
from edge_app.core.gate import gate_names
from edge_app.core.plugin import DeciderContext, FeatureContext, ModelContext

SCALE = {"g": 16 / 32768, "fs": 1 / 32768, "au": 1.0}
"""Units per count of a likely sensor (±16 g, 16-bit sound), by unit: no check depends on the exact value."""


UNCLEAR = "unclear"
"""The label by which a model says that it cannot tell the kind."""


def try_app(
    app: ResolvedApp, *, rates_hz: Mapping[str, float] | None = None, machine: Any = None
) -> list[EdgeAppError]:
    """What would stop the runtime from building this app, one error a pipeline at most.

    Parameters
    ----------
    app : ResolvedApp
        The app, as load_app or load_device gives it.
    rates_hz : mapping of slot to rate, optional
        Rates of the device's sensors (Hz); a slot not named runs at the lowest rate that suffices.
    machine : mapping, optional
        The device's `machine` block as plain values.
    """
    found: list[EdgeAppError] = []
    for pipeline in app.pipelines:
        rate_hz = (rates_hz or {}).get(pipeline.slot.name) or pipeline.slot.min_rate_hz
        try:
            _try_pipeline(app, pipeline, rate_hz, machine or {})
        except EdgeAppError as error:
            found.append(placed(app, pipeline, error))
    return found


def try_device(device: ResolvedDevice) -> list[EdgeAppError]:
    """The same for every app of a device, at its sensors' rates."""
    rates_hz = {slot: sensor.rate_hz for slot, sensor in device.sensors.items() if sensor.rate_hz}
    return [error for app in device.apps for error in try_app(app, rates_hz=rates_hz, machine=device.machine)]


def untold(device: ResolvedDevice) -> list[str]:
    """Which second models will name nothing on this device, whatever it senses, and why; for apps without errors."""
    found = []
    for app in device.apps:
        for pipeline in app.pipelines:
            if pipeline.diagnose is None or pipeline.diagnose.features is None:
                continue
            sensor = device.sensors.get(pipeline.slot.name)
            rate_hz = (sensor.rate_hz if sensor else None) or pipeline.slot.min_rate_hz
            features = pipeline.diagnose.features
            extractor = features.plugin.create(features.config, _context(pipeline, rate_hz, device.machine or {}))
            for doubt in getattr(extractor, "doubts", ()):
                found.append(f"{app.name}/{pipeline.name} will not name the kind of trouble: {doubt}")
    return found


def _context(pipeline: ResolvedPipeline, rate_hz: float, machine: Mapping[str, Any]) -> FeatureContext:
    slot = pipeline.slot
    return FeatureContext(
        rate_hz=rate_hz,
        scale=SCALE[slot.unit],
        unit=slot.unit,
        n_axes=slot.axes,
        window_s=pipeline.window_s,
        min_rate_hz=slot.min_rate_hz,
        machine=machine,
    )


def _try_pipeline(app: ResolvedApp, pipeline: ResolvedPipeline, rate_hz: float, machine: Mapping[str, Any]) -> None:
    context = _context(pipeline, rate_hz, machine)
    extractor = pipeline.features.plugin.create(pipeline.features.config, context)
    names = gate_names(extractor)
    if pipeline.gate is not None and pipeline.gate.feature not in names:
        raise unknown_feature(pipeline.gate.feature, names)
    check_scores(pipeline.model.plugin.create(pipeline.model.config, ModelContext(app.folder, extractor.schema)))
    if (diagnose := pipeline.diagnose) is not None:
        own = diagnose.features.plugin.create(diagnose.features.config, context) if diagnose.features else extractor
        kinds_of(diagnose.model.plugin.create(diagnose.model.config, ModelContext(app.folder, own.schema)))
    times = DeciderContext(round(pipeline.window_s * 1000), round(pipeline.hop_s * 1000))
    pipeline.decision.plugin.create(pipeline.decision.config, times)


def check_scores(model: Any) -> None:
    """Raises ModelError when a pipeline's model only tells kinds apart: without an alarming one there is no score."""
    manifest = getattr(model, "manifest", None)
    if getattr(model, "labels", ()) and manifest is not None and not manifest.alarm_labels:
        raise ModelError(
            f"the model {model.identity.name} names no label that is an alarm, so it gives no score",
            "Name it in `diagnose: {model: …}` beside a model that judges, or train it with `alarm: [labels]`.",
        )


def kinds_of(model: Any) -> frozenset[str]:
    """Kinds of trouble a model of `diagnose` can name. Raises ModelError when it names none."""
    manifest = getattr(model, "manifest", None)
    kinds = frozenset((manifest.alarm_labels if manifest else ()) or getattr(model, "labels", ())) - {UNCLEAR}
    if not kinds:
        raise ModelError(
            f"diagnose: the model {model.identity.name} tells no kinds apart",
            "Name a classifier, a forest or `bearing_type` there.",
        )
    return kinds


def unknown_feature(name: str, names: Sequence[str]) -> ConfigError:
    """A gate names a feature that is not computed."""
    guess = nearest(name, names)
    hint = f"Did you mean `feature: {guess}`? " if guess else ""
    return ConfigError(f"gate.feature: there is no feature `{name}`", f"{hint}Features: {_few(names)}.")


def _few(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 16 else ", ".join([*names[:6], "…", *names[-8:]])


def placed(app: ResolvedApp, pipeline: ResolvedPipeline, error: EdgeAppError) -> EdgeAppError:
    """The error with the app's file and the pipeline in front."""
    where = f"{shown(app.folder / APP_FILE)}: pipelines.{pipeline.name}: "
    found = type(error)(where + error.what, error.fix)
    found.__cause__ = error
    return found
