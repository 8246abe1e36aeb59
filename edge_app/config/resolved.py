"""What the configuration comes to: plain frozen values the runtime is built from. Nothing is validated after this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_app.core.plugin import Plugin


@dataclass(frozen=True)
class Slot:
    """A sensor an app needs."""

    name: str
    quantity: str
    unit: str
    """g, fs or au."""
    min_rate_hz: float
    axes: int
    optional: bool = False
    """Whether a device may leave it unbound."""


@dataclass(frozen=True)
class Stage:
    """A stage done by a plugin: `plugin.create(config, context)` makes it."""

    plugin: Plugin
    config: Any
    """Of type `plugin.config`."""


@dataclass(frozen=True)
class GateSpec:
    """Below `above` (unit of the feature) the machine stands still."""

    feature: str
    above: float


@dataclass(frozen=True)
class DiagnoseSpec:
    """A pipeline's second model."""

    features: Stage | None
    """None: it reads the pipeline's features."""
    model: Stage
    above: float
    of: int


@dataclass(frozen=True)
class ResolvedPipeline:
    """From one slot to decisions; overrides of the device are applied."""

    name: str
    slot: Slot
    gate: GateSpec | None
    window_s: float
    hop_s: float
    quality: Mapping[str, float]
    """Keyword arguments of windowing.QualityLimits."""
    features: Stage
    model: Stage
    decision: Stage
    diagnose: DiagnoseSpec | None = None
    each: str = "hop"
    """What a window is cut for: "hop" or "beat"."""


@dataclass(frozen=True)
class ResolvedApp:
    """One app, ready to be built."""

    name: str
    version: str
    folder: Path
    summary: str
    targets: tuple[str, ...]
    """Where it can run: of "linux", "micropython"."""
    slots: Mapping[str, Slot]
    pipelines: tuple[ResolvedPipeline, ...]
    tunable: tuple[str, ...] = ()


@dataclass(frozen=True)
class ResolvedSensor:
    """What serves a slot."""

    slot: str
    plugin: Plugin
    config: Any
    """Of type `plugin.config`; a replay's file, rate and channel are in it."""
    unit: str
    """What the apps ask of this slot."""
    axis: str | None
    """Which of its axes the sensor delivers, None when it has no such choice."""
    rate_hz: float | None
    """Sampling rate (Hz), None when only the recording itself knows."""
    min_rate_hz: float
    """Highest of the rates the apps ask of this slot (Hz)."""
    replayed: bool = False
    """Whether a recording stands in for the sensor (`--replay`)."""


@dataclass(frozen=True)
class ResolvedDevice:
    """A device: everything runtime/build.py needs."""

    id: str
    site: str
    path: Path
    """The device's file."""
    base_dir: Path
    """Its folder; relative paths in it start here."""
    apps: tuple[ResolvedApp, ...]
    """Without the pipelines whose optional slot is bound to nothing."""
    sensors: Mapping[str, ResolvedSensor]
    """By slot; only those that an app uses."""
    machine: Mapping[str, Any]
    """Plain values: shaft_hz, bearing {balls, ball_mm, pitch_mm, angle_deg}; keys not given are absent."""
    publish: Stage | None
    journal_max_bytes: int
    warnings: tuple[str, ...] = field(default=())
    """For a person to read: bindings nobody uses …"""
