"""Sensors a configuration may name; what each takes, and how it is made. Chips: chips/plugins.py."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge_app.core.errors import ConfigError
from edge_app.core.plugin import Plugin, SensorContext

Positive = Annotated[float, Field(gt=0.0)]


class SensorConfig(BaseModel):
    """Unknown keys refused, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, defer_build=True)


class MicrophoneConfig(SensorConfig):
    """A sound card or USB microphone."""

    device: str = Field(
        "",
        max_length=128,
        description="Part of its name or its ALSA card id (`edge-app sensors scan` shows them); empty: the default.",
    )
    rate_hz: Positive = Field(16000.0, ge=4000.0, le=192000.0, description="Sampling rate (Hz).")
    axes: int = Field(1, ge=1, le=8, description="Channels.")


def _create_microphone(config: MicrophoneConfig, context: SensorContext) -> Any:
    from edge_app.sensors.microphone import Microphone

    return Microphone(config.device, config.rate_hz, context.clock, n_channels=config.axes)


MICROPHONE = Plugin(
    "microphone",
    "microphone over PortAudio, chosen by name (extra [audio])",
    MicrophoneConfig,
    _create_microphone,
    facts={"unit": "fs"},
)


class RecordingConfig(SensorConfig):
    """A recorded signal in a sensor's place."""

    file: str | None = Field(
        None, min_length=1, description="WAV, CSV, NPZ, NPY or MAT; without it `--replay` names one."
    )
    rate_hz: Positive | None = Field(None, description="Sampling rate (Hz), needed where the file does not say it.")
    channel: str | None = Field(None, description="Name, ending of a name, or number from 1; several joined by +.")
    axes: int = Field(1, ge=1, le=8, description="Channels wanted when `channel` does not say.")
    unit: Literal["g", "fs", "au"] | None = Field(None, description="Unit of the signal; default: what the app asks.")
    range: Positive | None = Field(None, description="What 32768 counts stand for, in the unit.")
    scale: Positive | None = Field(None, description="Units per value, for files that hold raw counts.")
    loop: bool = Field(False, description="Begin again at the end.")
    frame_s: Positive | None = Field(None, le=10.0, description="Length of a frame (s).")


def _create_recording(config: RecordingConfig, context: SensorContext) -> Any:
    from edge_app.sensors.recording import Recording

    if config.file is None:
        raise ConfigError(
            f"sensors.{context.slot}: no recording is named for this slot",
            f"Name one: `--replay {context.slot}=FILE`, or write `file: …` in the device's file.",
        )
    return Recording(
        context.base_dir / config.file,
        clock=context.clock,
        rate_hz=config.rate_hz,
        channel=config.channel,
        unit=config.unit or context.unit or "g",
        range_units=config.range,
        n_axes=config.axes,
        scale=config.scale,
        loop=config.loop,
        paced=context.paced,
        frame_s=config.frame_s,
    )


RECORDING = Plugin(
    "recording",
    "a recorded signal: WAV, CSV, NPZ, NPY or MAT",
    RecordingConfig,
    _create_recording,
    facts={"unpaced": True},
)


class BearingConfig(SensorConfig):
    """Geometry of the simulated bearing; the default is a 6205."""

    balls: int = Field(9, ge=3, le=100, description="Rolling elements.")
    ball_mm: Positive = Field(7.94, description="Diameter of a rolling element (mm).")
    pitch_mm: Positive = Field(39.04, description="Pitch diameter (mm).")
    angle_deg: float = Field(0.0, ge=0.0, lt=90.0, description="Contact angle (degrees).")


class FaultConfig(SensorConfig):
    """A fault of the machine (or the pulse) that grows."""

    kind: Literal[
        "none", "inner", "outer", "ball", "unbalance", "misalignment", "cavitation", "irregular", "ectopic", "motion"
    ] = Field("none", description="irregular, ectopic and motion are faults of a pulse, the others of a machine.")
    start_s: float = Field(0.0, ge=0.0, description="When it begins (s).")
    growth_s: float = Field(20.0, ge=0.0, description="How long it grows (s); 0 is at once.")
    severity: float = Field(1.0, ge=0.0, le=10.0, description="How bad it becomes; 1 is plain to see.")


class SensorFaultConfig(SensorConfig):
    """Something wrong with the sensor, not with the machine."""

    kind: Literal["dropout", "stuck", "clip", "silent"] = Field(description="What goes wrong.")
    at_s: float = Field(ge=0.0, description="When it begins (s).")
    for_s: float = Field(1.0, gt=0.0, description="How long it lasts (s).")


SchedulePoint = Annotated[tuple[float, float, float], Field(strict=False)]


class SimulatedConfig(SensorConfig):
    """A machine or a body made by formulas; the same seed gives the same bytes."""

    machine: Literal["pump", "fan", "pulse", "sound"] = Field("pump", description="What is simulated.")
    seed: int = Field(1, ge=0, le=2_000_000_000, description="Same seed, same counts.")
    rate_hz: Positive | None = Field(
        None, le=200_000.0, description="Sampling rate (Hz); default 3332, sound 16000, pulse 250."
    )
    axes: int = Field(1, ge=1, le=3, description="1: z; 2: x z; 3: x y z. Pulse: 2 is ECG and PPG.")
    range: Positive | None = Field(
        None, description="What 32768 counts stand for; default 16 g, 1 for sound, 4 for pulse."
    )
    profile: Literal["steady", "varying", "cycling"] = Field("steady", description="How the machine is run.")
    schedule: list[SchedulePoint] = Field(
        [], max_length=1000, description="[at_s, speed, load] …, instead of a profile; 1 is nominal, speed 0 stops it."
    )
    shaft_hz: Positive | None = Field(None, le=1000.0, description="Nominal shaft speed (Hz); default 29.5, fan 24.5.")
    bearing: BearingConfig = Field(
        default_factory=lambda: BearingConfig.model_validate({}), description="Geometry of the bearing."
    )
    fault: FaultConfig = Field(
        default_factory=lambda: FaultConfig.model_validate({}),
        description="What goes wrong with the machine, and when.",
    )
    sensor_faults: list[SensorFaultConfig] = Field([], max_length=1000, description="Faults of the sensor itself.")
    signal: Literal["ppg", "ecg"] = Field("ppg", description="Pulse with one axis: which signal.")
    heart_rate_bpm: float = Field(66.0, ge=20.0, le=250.0, description="Pulse: mean heart rate (1/min).")
    duration_s: Positive | None = Field(None, description="The signal ends then (s); default never.")
    frame_s: Positive | None = Field(None, le=10.0, description="Length of a frame (s).")

    @property
    def unit(self) -> str:
        """Unit of the signal."""
        return {"sound": "fs", "pulse": "au"}.get(self.machine, "g")


def _create_simulated(config: SimulatedConfig, context: SensorContext) -> Any:
    from edge_app.dsp.bearing import Bearing
    from edge_app.sensors.sim_machine import Fault
    from edge_app.sensors.simulated import SensorFault, Simulated

    return Simulated(
        config.machine,
        clock=context.clock,
        seed=config.seed,
        rate_hz=config.rate_hz,
        n_axes=config.axes,
        range_units=config.range,
        profile=config.profile,
        schedule=config.schedule,
        shaft_hz=config.shaft_hz,
        bearing=Bearing(**config.bearing.model_dump()),
        fault=Fault(**config.fault.model_dump()),
        sensor_faults=[SensorFault(**each.model_dump()) for each in config.sensor_faults],
        signal=config.signal,
        heart_rate_bpm=config.heart_rate_bpm,
        duration_s=config.duration_s,
        paced=context.paced,
        frame_s=config.frame_s,
    )


SIMULATED = Plugin(
    "simulated",
    "a simulated pump, fan, pulse or machine sound",
    SimulatedConfig,
    _create_simulated,
    facts={"unpaced": True},
)
