"""How a plugin declares itself, and what it is given when it is created."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_app.core.clock import Clock
from edge_app.core.results import FeatureSchema


@dataclass(frozen=True)
class Plugin:
    """One plugin; what entry points of the groups edge_app.sensors, .features, .models, .deciders, .publishers name."""

    name: str
    """As written behind `plugin:` in a configuration."""
    summary: str
    """One line for people: what it is."""
    config: type[Any]
    """pydantic model of the keys beside `plugin:`; unknown keys are refused."""
    create: Callable[[Any, Any], Any]
    """create(config, context) gives the stage object; imports heavy libraries inside, opens nothing."""
    driver: str | None = None
    """Chip driver file and class, "edge_app.sensors.lsm6ds3:LSM6DS3", when there is one."""
    micropython: bool = False
    """Whether the same plugin runs under MicroPython."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Static facts for checks before anything is opened (rates a chip can do, addresses it may sit at …)."""


@dataclass(frozen=True)
class SensorContext:
    """What a sensor plugin's `create` is given."""

    slot: str
    clock: Clock
    base_dir: Path
    """Folder of the device configuration; relative paths start here."""
    paced: bool = True
    """False under `--speed max`: recordings and simulations deliver as fast as they are read."""
    unit: str = ""
    """What the app's slot asks for; empty when nothing asks."""


@dataclass(frozen=True)
class FeatureContext:
    """What a feature plugin's `create` is given."""

    rate_hz: float
    scale: float
    unit: str
    n_axes: int
    window_s: float
    min_rate_hz: float
    """What the app asks of its sensor (Hz): the analysis rate is the sensor's by a whole number, and not below this."""
    machine: Mapping[str, Any] = field(default_factory=dict)
    """The device's `machine:` block as plain values: shaft_hz, bearing {balls, ball_mm, pitch_mm, angle_deg}."""


@dataclass(frozen=True)
class ModelContext:
    """What a model plugin's `create` is given."""

    app_dir: Path
    schema: FeatureSchema


@dataclass(frozen=True)
class DeciderContext:
    """What a decider plugin's `create` is given."""

    window_ms: int
    hop_ms: int


@dataclass(frozen=True)
class PublisherContext:
    """What a publisher plugin's `create` is given."""

    site: str
    device: str
    clock: Clock
    base_dir: Path
    """Folder of the device configuration; relative paths (certificates, password files) start here."""
