"""Feature plugins: the keys of `features:` in app.yaml, and the extractor made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from edge_app.core.errors import ConfigError
from edge_app.core.plugin import FeatureContext, Plugin

if TYPE_CHECKING:
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
