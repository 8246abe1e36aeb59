"""What people may write in `app.yaml` and in a device's file; keys stand in the order of the path.

Blocks with a `plugin:` key hold that plugin's own keys beside it; they are checked by the plugin's own model
(config/apps.py, config/resolve.py).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_app.core.names import ID_PATTERN

SEMVER_PATTERN = r"^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})(-[0-9A-Za-z.-]{1,32})?$"
FEATURE_PATTERN = r"^[a-z0-9_.]{1,48}$"

QUANTITY_UNITS = {"acceleration": "g", "sound": "fs", "pulse": "au", "ecg": "au"}
"""Units inside the program, by quantity: g, share of full scale, arbitrary units. Other quantities are in "au"."""

TARGETS = ("linux", "micropython")

Id = Annotated[str, Field(pattern=ID_PATTERN)]


class Strict(BaseModel):
    """Unknown keys refused, nothing converted, no infinities, frozen after loading."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, defer_build=True)


class PluginBlock(BaseModel):
    """A stage done by a plugin: its name, and its own keys beside it."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, allow_inf_nan=False, defer_build=True)

    plugin: Id = Field(description="Name of the plugin; its own keys stand beside this one.", examples=["lsm6ds3"])


class PublishBlock(PluginBlock):
    """Where decisions are sent."""

    plugin: Id = Field(
        default="mqtt",
        description="Name of the publisher plugin; its own keys stand beside this one.",
        examples=["mqtt"],
    )


class SlotConfig(Strict):
    """A sensor the app needs, in physical terms; the device says which one it is."""

    quantity: Id = Field(
        description="What is sensed: acceleration, sound, pulse, ecg, or a word of your own.", examples=["acceleration"]
    )
    unit: Literal["g", "fs", "au"] = Field(
        description="Unit the app computes in: g (acceleration), fs (sound; 1.0 is full scale), au (arbitrary units).",
        examples=["g"],
    )
    min_rate_hz: float = Field(gt=0, le=1e6, description="Lowest sampling rate that suffices (Hz).", examples=[2560])
    axes: int = Field(default=1, ge=1, le=16, description="Axes (channels) the app uses.", examples=[1])
    optional: bool = Field(
        default=False, description="A device may leave the slot unbound; its pipelines are then left out."
    )

    @model_validator(mode="after")
    def _unit_suits_quantity(self) -> SlotConfig:
        expected = QUANTITY_UNITS.get(self.quantity, "au")
        if self.unit != expected:
            raise ValueError(
                f"`unit: {self.unit}` does not suit `quantity: {self.quantity}`\nWrite `unit: {expected}`."
            )
        return self


class GateConfig(Strict):
    """Operating gate: below it the machine stands still; the window is `idle` and not judged."""

    feature: Annotated[str, Field(pattern=FEATURE_PATTERN)] = Field(
        description="Feature that tells running from standing.", examples=["rms_g"]
    )
    above: float = Field(
        ge=0, description="The machine runs when the feature is above this (unit of the feature).", examples=[0.01]
    )


class WindowConfig(Strict):
    """How the signal is cut."""

    each: Literal["hop", "beat"] = Field(
        default="hop", description="What a window is cut for: every hop, or every heartbeat of an ECG (`beat`)."
    )
    seconds: float = Field(gt=0, le=600, description="Length of a window (s).", examples=[1.0])
    hop_s: float = Field(
        default=1.0,
        gt=0,
        le=600,
        description="Time between the starts of two windows (s). Needed, but not with `each: beat`.",
        examples=[0.5],
    )

    @model_validator(mode="after")
    def _no_holes(self) -> WindowConfig:
        given = "hop_s" in self.model_fields_set
        if self.each == "beat" and given:
            raise ValueError("`hop_s` has no meaning with `each: beat`: the heart says when\nTake it out.")
        if self.each == "beat" and self.seconds < 8:
            raise ValueError(
                f"`seconds: {self.seconds:g}` is too short for `each: beat`: a beat is judged among its neighbours\n"
                "Write 8 or more."
            )
        if self.each == "hop" and not given:
            raise ValueError("`hop_s` is missing\nAdd it: the time between the starts of two windows (s).")
        if self.hop_s > self.seconds:
            raise ValueError(
                f"`hop_s: {self.hop_s:g}` is longer than the window of {self.seconds:g} s: signal would go unseen\n"
                f"Write a hop of at most {self.seconds:g} s."
            )
        return self


class QualityConfig(Strict):
    """Where a window stops being judgeable (`unknown`); the same fields as windowing.QualityLimits."""

    clipped_share: float = Field(
        default=0.05, gt=0, le=1, description="Share of samples at the sensor's full scale.", examples=[0.05]
    )
    stuck_share: float = Field(
        default=0.05, gt=0, le=1, description="Share of the window in one run of the same value.", examples=[0.05]
    )
    rate_error: float = Field(
        default=0.10, gt=0, le=1, description="Relative difference of measured and nominal rate.", examples=[0.1]
    )
    rate_after_s: float = Field(
        default=10.0, gt=0, le=3600, description="Signal needed before the rate is believed (s)."
    )
    gap_s: float = Field(default=0.1, gt=0, le=60, description="Jump of timestamps that counts as a gap (s).")


class DiagnoseConfig(Strict):
    """A second model that names the kind of trouble; it runs only when a window speaks for an alarm."""

    features: PluginBlock | None = Field(
        default=None, description="What it is computed from, on the same window; without it, the pipeline's features."
    )
    model: PluginBlock = Field(description="What names the kind: a classifier, a forest, `bearing_type` …")
    above: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Mean share of a kind over the last windows from which on it is named.",
        examples=[0.5],
    )
    of: int = Field(default=5, ge=1, le=1000, description="Last windows that count.", examples=[5])


class PipelineConfig(Strict):
    """From one sensor to decisions; one model, one alarm."""

    sensor: Id = Field(description="Slot it listens to: a key of `sensors`.", examples=["vibration"])
    gate: GateConfig | None = Field(
        default=None, description="When the machine counts as running; without it every window is judged."
    )
    window: WindowConfig = Field(description="How the signal is cut.")
    quality: QualityConfig = Field(
        default_factory=lambda: QualityConfig(), description="When a window is too poor to be judged."
    )
    features: PluginBlock = Field(description="What is computed from a window.")
    model: PluginBlock = Field(description="What judges the features.")
    diagnose: DiagnoseConfig | None = Field(
        default=None, description="What names the kind of trouble beside an alarm; without it no kind is named."
    )
    decision: PluginBlock = Field(description="When to speak.")


class AppConfig(Strict):
    """`app.yaml`: what to sense and when to speak, on any board."""

    app: Id = Field(description="Name of the app.", examples=["predictive_maintenance"])
    version: Annotated[str, Field(pattern=SEMVER_PATTERN)] = Field(
        description="Version of the app: three numbers.", examples=["1.0.0"]
    )
    summary: str | None = Field(default=None, max_length=200, description="One line for people: what the app decides.")
    targets: list[Literal["linux", "micropython"]] | None = Field(
        default=None,
        min_length=1,
        description="Where it must run; without it, wherever all its plugins do.",
        examples=[["linux"]],
    )
    plugins: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+\.py$")] | None = Field(
        default=None, description="File in the app's folder with plugins of its own.", examples=["plugin.py"]
    )
    recipe: str | list[str] | None = Field(
        default=None,
        description="How its models are trained: file or files in the app's folder; without it train.yaml, if there.",
        examples=[["train.yaml", "train-types.yaml"]],
    )
    sensors: dict[Id, SlotConfig] = Field(min_length=1, description="Sensors the app needs, by slot.")
    pipelines: dict[Id, PipelineConfig] = Field(min_length=1, description="What is judged, by name.")
    tunable: list[str] = Field(
        default_factory=list,
        description="Keys a device may override, by full path.",
        examples=[["pipelines.bearing.decision.raise_above"]],
    )


class DeviceIdentity(Strict):
    """Who this device is; both ids stand in every topic."""

    id: Id = Field(description="Unique within the site.", examples=["pump-7"])
    site: Id = Field(description="Where it stands.", examples=["plant-a"])


class BearingConfig(Strict):
    """Geometry of a rolling bearing, from its maker's table; gives the defect frequencies."""

    balls: int = Field(ge=3, le=200, description="Rolling elements.", examples=[9])
    ball_mm: float = Field(gt=0, le=1000, description="Diameter of a rolling element (mm).", examples=[7.94])
    pitch_mm: float = Field(gt=0, le=10000, description="Pitch circle diameter (mm).", examples=[39.04])
    angle_deg: float = Field(default=0.0, ge=0, lt=90, description="Contact angle (degrees).", examples=[0])

    @model_validator(mode="after")
    def _balls_fit(self) -> BearingConfig:
        if self.ball_mm >= self.pitch_mm:
            raise ValueError(
                f"`ball_mm: {self.ball_mm:g}` is not smaller than `pitch_mm: {self.pitch_mm:g}`\n"
                "The pitch circle runs through the centres of the balls; check whether the two are swapped."
            )
        return self


class MachineConfig(Strict):
    """Facts of the machine; they let an explanation name the part that fails."""

    shaft_hz: float | None = Field(
        default=None, gt=0, le=5000, description="Shaft speed (Hz, i.e. rpm / 60).", examples=[29.5]
    )
    bearing: BearingConfig | None = Field(default=None, description="The bearing listened to.")

    @model_validator(mode="after")
    def _bearing_needs_speed(self) -> MachineConfig:
        if self.bearing is not None and self.shaft_hz is None:
            raise ValueError("`bearing` is given without `shaft_hz`\nAdd the shaft speed, e.g. `shaft_hz: 29.5`.")
        return self


class JournalConfig(Strict):
    """The durable store decisions wait in."""

    max_bytes: int = Field(
        default=16 * 1024 * 1024,
        ge=256 * 1024,
        le=1 << 34,
        description="Largest size of the journal (bytes).",
        examples=[16777216],
    )


class DeviceConfig(Strict):
    """A device's file: who it is, which apps run, and how it is wired."""

    device: DeviceIdentity = Field(description="Who this device is.")
    apps: list[str] = Field(
        min_length=1,
        description="Folders of the apps, from this file's folder, or names of apps that came with edge-app.",
        examples=[["../../apps/predictive_maintenance"]],
    )
    sensors: dict[Id, PluginBlock] = Field(default_factory=dict, description="What is wired to each slot of the apps.")
    machine: MachineConfig = Field(default_factory=lambda: MachineConfig(), description="Facts of the machine.")
    override: dict[str, Any] = Field(
        default_factory=dict,
        description="Values of the apps that differ here, by full path; only what an app lists as `tunable`.",
        examples=[{"pipelines.bearing.decision.raise_above": 0.85}],
    )
    publish: PublishBlock | None = Field(
        default=None, description="Where decisions are sent; without it they stay in the journal."
    )
    journal: JournalConfig = Field(
        default_factory=lambda: JournalConfig(), description="Where decisions wait to be sent."
    )


RENAMED: dict[str, str] = {
    "rate": "rate_hz",
    "sample_rate": "rate_hz",
    "sampling_rate": "rate_hz",
    "sample_rate_hz": "rate_hz",
    "range": "range_g",
    "addr": "address",
    "min_rate": "min_rate_hz",
    "hop": "hop_s",
    "length": "seconds",
    "window_s": "seconds",
    "threshold": "raise_above",
    "url": "broker",
    "host": "broker",
    "user": "username",
}
"""Words people write for a key of ours, where the nearest spelling would not find it."""
