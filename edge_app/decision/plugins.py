"""Deciders a configuration may name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_app.core.names import ID_PATTERN
from edge_app.core.plugin import DeciderContext, Plugin
from edge_app.core.units import SCORE_ONE

Score = Annotated[float, Field(ge=0.0, le=1.0)]


class AnomalyConfig(BaseModel):
    """When to speak. Scores are 0..1; due when `hits` of the last `of` judged windows are above `raise_above`."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    raise_above: Score = 0.80
    """A window with a higher score speaks for the alarm."""
    clear_below: Score = 0.60
    """A window with a lower score speaks against it; between the two a window says neither."""
    hits: int = Field(default=3, ge=1, le=24)
    """How many of the last `of` windows must speak for the alarm."""
    of: int = Field(default=5, ge=1, le=24)
    """How many judged windows are remembered."""
    on_delay_s: float = Field(default=0.0, ge=0.0, le=86400.0)
    """How long the evidence must last before the alarm is raised (s)."""
    off_delay_s: float = Field(default=0.0, ge=0.0, le=86400.0)
    """How long the evidence against it must last before it is cleared (s)."""
    unknown_after: int = Field(default=3, ge=1, le=10000)
    """So many windows in a row that cannot be judged make the state `unknown`; fewer are passed over."""
    idle_after: int = Field(default=3, ge=1, le=10000)
    """So many windows in a row below the gate make the state `idle`."""
    latch: bool = False
    """True: after the machine is healthy again the alarm stays until a person resets it."""
    level: Literal["warn", "alarm"] = "alarm"
    """How loud it is."""
    max_per_hour: int = Field(default=12, ge=0, le=3600)
    """Most alarms told in an hour (0: no limit); more are held back and counted, and told when there is room again."""
    realarm_s: float = Field(default=0.0, ge=0.0, le=30 * 86400.0)
    """Tell an alarm that nobody acknowledged again after this time (s); 0: never."""
    suppressed_by: str | None = Field(default=None, pattern=ID_PATTERN)
    """Pipeline of the same app whose alarm explains this one: while it stands, this one is not told."""

    @model_validator(mode="after")
    def _consistent(self) -> AnomalyConfig:
        if self.clear_below > self.raise_above:
            raise ValueError(
                f"clear_below {self.clear_below:g} is above raise_above {self.raise_above:g}; "
                "write one that is lower, or the alarm clears while it is due"
            )
        if self.hits > self.of:
            raise ValueError(
                f"hits {self.hits} of {self.of} windows can never be reached; write hits of {self.of} or fewer"
            )
        return self


def _create(config: AnomalyConfig, context: DeciderContext) -> Any:
    from edge_app.decision.anomaly import AnomalyDecider

    return AnomalyDecider(
        raise_above=round(config.raise_above * SCORE_ONE),
        clear_below=round(config.clear_below * SCORE_ONE),
        hits=config.hits,
        of=config.of,
        on_delay_ms=round(config.on_delay_s * 1000),
        off_delay_ms=round(config.off_delay_s * 1000),
        unknown_after=config.unknown_after,
        idle_after=config.idle_after,
        level=config.level,
        latch=config.latch,
        max_per_hour=config.max_per_hour,
        remind_ms=round(config.realarm_s * 1000),
    )


ANOMALY = Plugin(
    name="anomaly",
    summary="raises an alarm when enough of the last windows score above a threshold",
    config=AnomalyConfig,
    create=_create,
    micropython=True,
)
