"""Feature plugins: the keys of `features:` in app.yaml, and the extractor made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from edge_app.core.errors import ConfigError
from edge_app.core.plugin import FeatureContext, Plugin

if TYPE_CHECKING:
    from edge_app.features.vibration import Vibration


class VibrationConfig(BaseModel):
    """Keys of `features: {plugin: vibration, …}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    band_hz: Annotated[tuple[float, float], Field(description="Lowest and highest frequency analysed (Hz).")]
    bands: Annotated[int, Field(ge=1, le=128, description="Bands of equal frequency ratio between them.")] = 32
    envelope_hz: Annotated[
        tuple[float, float] | None,
        Field(description="Band whose envelope is searched for bearing lines (Hz); default the upper 60 % of band_hz."),
    ] = None


def _create_vibration(config: VibrationConfig, context: FeatureContext) -> Vibration:
    from edge_app.features.schema import VibrationSettings
    from edge_app.features.vibration import Vibration

    if context.unit != "g":
        raise ConfigError(
            f"features vibration: the sensor delivers {context.unit!r}, vibration needs 'g'",
            "Bind an accelerometer to the slot, or choose another feature plugin.",
        )
    settings = VibrationSettings(config.band_hz, config.bands, context.n_axes, context.min_rate_hz, context.window_s)
    return Vibration(settings, context.rate_hz, context.scale)


VIBRATION = Plugin(
    name="vibration",
    summary="levels, shape, velocity and log band powers of acceleration, in integers",
    config=VibrationConfig,
    create=_create_vibration,
    micropython=True,
)
