"""Feature plugins: the keys of `features:` in app.yaml, and the extractor made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from edge_app.core.errors import ConfigError
from edge_app.core.plugin import FeatureContext, Plugin

if TYPE_CHECKING:
    from edge_app.features.bearing_lines import BearingLines
    from edge_app.features.vibration import LineSettings, Vibration


class VibrationConfig(BaseModel):
    """Keys of `features: {plugin: vibration, …}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    band_hz: Annotated[tuple[float, float], Field(description="Lowest and highest frequency analysed (Hz).")]
    bands: Annotated[int, Field(ge=1, le=128, description="Bands of equal frequency ratio between them.")] = 32
    noise_ug_per_rthz: Annotated[
        float, Field(gt=0, le=1e5, description="White noise added to every band before its logarithm (µg per root Hz).")
    ] = 300.0
    envelope_hz: Annotated[
        tuple[float, float] | None,
        Field(description="Band whose envelope is searched for bearing lines (Hz); default 0.4 to 1 times its top."),
    ] = None


class BearingLinesConfig(BaseModel):
    """Keys of `features: {plugin: bearing_lines, …}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    envelope_hz: Annotated[
        tuple[float, float], Field(description="Band in which the bearing rings, whose envelope is searched (Hz).")
    ] = (1000.0, 2900.0)
    min_rate_hz: Annotated[
        float, Field(gt=0, le=1e6, description="Sensor rate it takes (Hz); with a slower one nothing is named.")
    ] = 6400.0


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
    return Vibration(settings, context.rate_hz, context.scale, _lines(config, context.machine))


def _lines(config: VibrationConfig, machine: Mapping[str, Any]) -> LineSettings | None:
    """Bearing lines to look for; none without a bearing and a shaft speed."""
    from edge_app.dsp.bearing import Bearing
    from edge_app.features.vibration import LineSettings

    bearing, shaft_hz = machine.get("bearing"), machine.get("shaft_hz")
    if not bearing or not shaft_hz:
        return None
    low, high = config.envelope_hz or (0.4 * config.band_hz[1], config.band_hz[1])
    if not 0.0 < low < high <= config.band_hz[1]:
        raise ConfigError(
            f"envelope_hz: [{low:g}, {high:g}] does not lie below the top of band_hz, {config.band_hz[1]:g} Hz",
            "Choose two rising frequencies inside `band_hz`.",
        )
    return LineSettings(Bearing(**bearing).line_hz(shaft_hz), (low, high))


VIBRATION = Plugin(
    name="vibration",
    summary="levels, shape, velocity and log band powers of acceleration, in integers",
    config=VibrationConfig,
    create=_create_vibration,
    micropython=True,
)


def _create_bearing_lines(config: BearingLinesConfig, context: FeatureContext) -> BearingLines:
    from edge_app.dsp.bearing import Bearing
    from edge_app.features.bearing_lines import BearingLines, BearingLinesSettings

    bearing, shaft_hz = context.machine.get("bearing"), context.machine.get("shaft_hz")
    line_hz = Bearing(**bearing).line_hz(shaft_hz) if bearing and shaft_hz else None
    settings = BearingLinesSettings(config.envelope_hz, config.min_rate_hz, context.window_s)
    return BearingLines(settings, context.rate_hz, line_hz)


BEARING_LINES = Plugin(
    name="bearing_lines",
    summary="how far the defect lines of a bearing stand out, for naming the part that fails",
    config=BearingLinesConfig,
    create=_create_bearing_lines,
    micropython=False,
)
