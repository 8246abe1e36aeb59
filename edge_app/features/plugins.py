"""Feature plugins: the keys of `features:` in app.yaml, and the extractor made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge_app.core.errors import ConfigError
from edge_app.core.plugin import FeatureContext, Plugin

if TYPE_CHECKING:
    from edge_app.features.audio import LogMelFeatures
    from edge_app.features.bearing_lines import BearingLines
    from edge_app.features.ecg import EcgBeat
    from edge_app.features.rhythm import Rhythm
    from edge_app.features.vibration import Vibration
    from edge_app.features.waveform import Waveform


class VibrationConfig(BaseModel):
    """Keys of `features: {plugin: vibration, …}`."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    band_hz: Annotated[tuple[float, float], Field(description="Lowest and highest frequency analysed (Hz).")]
    bands: Annotated[int, Field(ge=1, le=128, description="Bands of equal frequency ratio between them.")] = 32
    noise_ug_per_rthz: Annotated[
        float, Field(gt=0, le=1e5, description="White noise added to every band before its logarithm (µg per root Hz).")
    ] = 300.0


class BearingLinesConfig(BaseModel):
    """Keys of `features: {plugin: bearing_lines, …}`."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    envelope_hz: Annotated[
        tuple[float, float], Field(description="Band in which the bearing rings, whose envelope is searched (Hz).")
    ] = (1000.0, 2900.0)
    min_rate_hz: Annotated[float, Field(gt=0, le=1e6, description="Sensor rate that band takes (Hz).")] = 6400.0
    slow_envelope_hz: Annotated[
        tuple[float, float], Field(description="Band searched with a sensor slower than that (Hz).")
    ] = (500.0, 1250.0)
    slow_min_rate_hz: Annotated[
        float, Field(gt=0, le=1e6, description="Rate this one takes (Hz); with a still slower sensor nothing is named.")
    ] = 3200.0


def _create_vibration(config: VibrationConfig, context: FeatureContext) -> Vibration:
    from edge_app.features.schema import VibrationSettings
    from edge_app.features.vibration import Vibration

    if context.unit != "g":
        raise ConfigError(
            f"features vibration: the sensor delivers {context.unit!r}, vibration needs 'g'",
            "Bind an accelerometer to the slot, or choose another feature plugin.",
        )
    settings = VibrationSettings(
        config.band_hz,
        config.bands,
        context.n_axes,
        context.min_rate_hz,
        context.window_s,
        config.noise_ug_per_rthz,
    )
    return Vibration(settings, context.rate_hz, context.scale)


VIBRATION = Plugin(
    name="vibration",
    summary="levels, shape, velocity and log band powers of acceleration, in integers",
    config=VibrationConfig,
    create=_create_vibration,
    micropython=True,
)


def _create_bearing_lines(config: BearingLinesConfig, context: FeatureContext) -> BearingLines:
    from edge_app.dsp.bearing import Bearing
    from edge_app.features.bearing_lines import Band, BearingLines, BearingLinesSettings

    bearing, shaft_hz = context.machine.get("bearing"), context.machine.get("shaft_hz")
    line_hz = Bearing(**bearing).line_hz(shaft_hz) if bearing and shaft_hz else None
    bands = (Band(config.min_rate_hz, config.envelope_hz), Band(config.slow_min_rate_hz, config.slow_envelope_hz))
    settings = BearingLinesSettings(bands, context.window_s)
    return BearingLines(settings, context.rate_hz, line_hz)


BEARING_LINES = Plugin(
    name="bearing_lines",
    summary="how far the defect lines of a bearing stand out, for naming the part that fails",
    config=BearingLinesConfig,
    create=_create_bearing_lines,
    micropython=True,
)


class LogMelConfig(BaseModel):
    """Keys of `features: {plugin: log_mel, …}`."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    band_hz: Annotated[tuple[float, float], Field(description="Lowest and highest frequency heard (Hz).")]
    bands: Annotated[int, Field(ge=2, le=64, description="Bands of equal width in mel between them.")] = 12
    frame_ms: Annotated[float, Field(ge=4, le=128, description="Length of a frame (ms).")] = 64.0
    hop_ms: Annotated[float, Field(ge=1, le=128, description="Time between the starts of two frames (ms).")] = 32.0
    floor_db: Annotated[
        float,
        Field(ge=10, le=80, description="What lies this far (dB) under the window's own level is not heard."),
    ] = 40.0


def _create_log_mel(config: LogMelConfig, context: FeatureContext) -> LogMelFeatures:
    from edge_app.features.audio import AudioSettings, LogMelFeatures

    if context.unit != "fs":
        raise ConfigError(
            f"features log_mel: the sensor delivers {context.unit!r}, log_mel needs 'fs'",
            "Bind a microphone to the slot, or choose another feature plugin.",
        )
    if context.n_axes != 1:
        raise ConfigError(
            f"features log_mel: the slot has {context.n_axes} axes, log_mel listens to one channel",
            "Set `axes: 1` in the slot, and choose the channel where the sensor is bound.",
        )
    settings = AudioSettings(
        config.band_hz,
        config.bands,
        config.frame_ms,
        config.hop_ms,
        config.floor_db,
        context.min_rate_hz,
        context.window_s,
    )
    return LogMelFeatures(settings, context.rate_hz, context.scale)


LOG_MEL = Plugin(
    name="log_mel",
    summary="log-mel spectrum of sound over time, free of its level, in integers",
    config=LogMelConfig,
    create=_create_log_mel,
    micropython=True,
)


class RhythmConfig(BaseModel):
    """Keys of `features: {plugin: rhythm, …}`."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    signal: Annotated[Literal["ecg", "ppg"], Field(description="What the sensor shows: an ECG or a pulse wave (PPG).")]


def _create_rhythm(config: RhythmConfig, context: FeatureContext) -> Rhythm:
    from edge_app.features.rhythm import Rhythm, RhythmSettings

    if context.n_axes != 1:
        raise ConfigError(
            f"features rhythm: the slot has {context.n_axes} axes, rhythm looks at one channel",
            "Set `axes: 1` in the slot, and choose the channel where the sensor is bound.",
        )
    return Rhythm(RhythmSettings(config.signal, context.window_s), context.rate_hz)


RHYTHM = Plugin(
    name="rhythm",
    summary="heart rate, variability and irregularity from the beats of an ECG or a pulse wave",
    config=RhythmConfig,
    create=_create_rhythm,
    micropython=True,
)


class EcgBeatConfig(BaseModel):
    """Keys of `features: {plugin: ecg_beat}`: there are none."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def _create_ecg_beat(config: EcgBeatConfig, context: FeatureContext) -> EcgBeat:
    from edge_app.features.ecg import EcgBeat

    if context.n_axes != 1:
        raise ConfigError(
            f"features ecg_beat: the slot has {context.n_axes} axes, ecg_beat looks at one lead",
            "Set `axes: 1` in the slot, and choose the lead where the sensor is bound.",
        )
    return EcgBeat(context.rate_hz, context.window_s)


ECG_BEAT = Plugin(
    name="ecg_beat",
    summary="one heartbeat of an ECG among its neighbours: when it came, and how it looks beside them",
    config=EcgBeatConfig,
    create=_create_ecg_beat,
    micropython=True,
)


class WaveformConfig(BaseModel):
    """Keys of `features: {plugin: waveform, …}`."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    samples: Annotated[int, Field(ge=8, le=4096, description="Values per axis: the length of the network's input.")]
    rate_hz: Annotated[float, Field(gt=0, description="Rate of the values (Hz), whatever the sensor's.")]
    top_hz: Annotated[float, Field(gt=0, description="Highest frequency kept (Hz), below half of `rate_hz`.")]


def _create_waveform(config: WaveformConfig, context: FeatureContext) -> Waveform:
    from edge_app.features.waveform import Waveform, WaveformSettings

    if config.samples * context.n_axes > 4096:
        raise ConfigError(
            f"features waveform: {config.samples} samples of {context.n_axes} axes are more than 4096 values",
            "Set fewer `samples`, or use fewer axes.",
        )
    settings = WaveformSettings(config.rate_hz, config.samples, config.top_hz, context.n_axes)
    return Waveform(settings, context.rate_hz, context.window_s)


WAVEFORM = Plugin(
    name="waveform",
    summary="the band-limited signal itself, free of its level, for convolutional networks",
    config=WaveformConfig,
    create=_create_waveform,
)
