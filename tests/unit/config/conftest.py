"""A world of small plugins, an app and a device, so that these tests hold whatever the real plugins become."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from edge_app.config import registry
from edge_app.core.plugin import Plugin


class Keys(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChipKeys(Keys):
    bus: int = 1
    address: int = 0x6A
    rate_hz: Annotated[float, Field(gt=0, examples=[3332])]
    range_g: Literal[2, 4, 8, 16] = 16
    axis: Literal["x", "y", "z", "xyz"] = "z"

    @field_validator("address")
    @classmethod
    def _possible(cls, value: int) -> int:
        if value not in (0x6A, 0x6B):
            raise ValueError("a chip sits at 0x6A or 0x6B")
        return value


class RecordingKeys(Keys):
    file: str | None = None
    rate_hz: float | None = None
    channel: str | None = None
    axes: int = 1
    unit: str = "g"
    range: float | None = None
    scale: float | None = None
    loop: bool = False


class BandKeys(Keys):
    band_hz: tuple[float, float]
    bands: int = Field(32, ge=1, le=128)


class NetKeys(Keys):
    file: str
    engine: Literal["exact", "fast"] = "exact"


class LimitKeys(Keys):
    raise_above: float = Field(0.8, ge=0, le=1)
    clear_below: float = Field(0.6, ge=0, le=1)
    latch: bool = False
    suppressed_by: str | None = None

    @model_validator(mode="after")
    def _in_order(self) -> LimitKeys:
        if self.clear_below > self.raise_above:
            raise ValueError(
                f"clear_below {self.clear_below:g} is above raise_above {self.raise_above:g}; write a lower one"
            )
        return self


class MqttKeys(Keys):
    broker: str
    confirm: Literal["broker"] | dict[Literal["by"], list[str]] = "broker"


def fake(name: str, keys: type[BaseModel], *, micropython: bool = True, **facts: object) -> Plugin:
    return Plugin(name, f"a {name}", keys, lambda config, context: None, micropython=micropython, facts=facts)


PLUGINS = {
    ("sensors", "chip"): fake("chip", ChipKeys, unit="g", rates_hz=(104, 416, 3332)),
    ("sensors", "recording"): fake("recording", RecordingKeys),
    ("features", "bands"): fake("bands", BandKeys),
    ("models", "net"): fake("net", NetKeys),
    ("models", "big_net"): fake("big_net", NetKeys, micropython=False),
    ("deciders", "limit"): fake("limit", LimitKeys),
    ("publishers", "mqtt"): fake("mqtt", MqttKeys),
}

APP = """\
app: bearings
version: 1.0.0
sensors:
  vibration: {quantity: acceleration, unit: g, min_rate_hz: 2560}
pipelines:
  drive_end:
    sensor: vibration
    gate: {feature: rms_g, above: 0.01}
    window: {seconds: 1.0, hop_s: 0.5}
    features: {plugin: bands, band_hz: [10, 1250]}
    model: {plugin: net, file: models/net.tflite}
    decision: {plugin: limit, raise_above: 0.8}
tunable: [pipelines.drive_end.decision.raise_above, pipelines.drive_end.gate.above]
"""

DEVICE = """\
device: {id: pump-7, site: plant-a}
apps: [../apps/bearings]
sensors:
  vibration: {plugin: chip, bus: 1, rate_hz: 3332, axis: z}
machine: {shaft_hz: 29.5}
publish: {broker: "mqtt://127.0.0.1"}
"""


class World:
    """An app and a device in a folder; `app()` and `device()` write them changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app_file = folder / "apps" / "bearings" / "app.yaml"
        self.device_file = folder / "devices" / "pump-7.yaml"
        self.model = self.app_file.parent / "models" / "net.tflite"
        self.model.parent.mkdir(parents=True)
        self.device_file.parent.mkdir()
        self.model.write_bytes(b"TFL3")
        self.app()
        self.device()

    def app(self, old: str = "", new: str = "") -> Path:
        assert old in APP
        self.app_file.write_text(APP.replace(old, new) if old else APP)
        return self.app_file

    def device(self, old: str = "", new: str = "", *, add: str = "") -> Path:
        assert old in DEVICE
        self.device_file.write_text((DEVICE.replace(old, new) if old else DEVICE) + dedent(add))
        return self.device_file

    def second_app(self, name: str) -> None:
        folder = self.folder / "apps" / name
        (folder / "models").mkdir(parents=True)
        (folder / "models" / "net.tflite").write_bytes(b"TFL3")
        (folder / "app.yaml").write_text(APP.replace("bearings", name))


@pytest.fixture
def world(tmp_path, monkeypatch) -> World:
    def find(group, name, local=None):
        if local and (group, name) in local:
            return local[group, name]
        if (group, name) in PLUGINS:
            return PLUGINS[group, name]
        raise registry._unknown(group, name, [known for kind, known in PLUGINS if kind == group])

    monkeypatch.setattr(registry, "find", find)
    monkeypatch.chdir(tmp_path)
    return World(tmp_path)
