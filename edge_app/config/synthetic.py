"""The block `synthetic` of a recipe: ECG recordings made of those it learns from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edge_app.config.schema import Strict


class Synthetic(Strict):
    """ECG recordings made of the recipe's own training recordings; only training sees them. For `window: {each: beat}`
    and data sets whose beats are annotated with PhysioNet's codes."""

    copies: int = Field(default=6, ge=1, le=32)
    """Recordings made of each one."""
    seed: int = Field(default=1, ge=0, le=2_000_000_000)
    """Of everything random in them."""
    early: list[Annotated[float, Field(gt=0, le=0.5)]] = Field(default=[0.01, 0.02, 0.05], min_length=1, max_length=16)
    """Share of the usual beats at which early ones are set in, alone or in a row; one of these for each copy."""
    fibrillation: float = Field(default=0.35, ge=0, le=1)
    """Share of the copies with a stretch whose beats come as in atrial fibrillation, and stay normal ones."""
    transplanted: float = Field(default=0.03, ge=0, le=0.5)
    """In the later half of the copies: share of the beats that become ventricular ones of another recording."""
    noise: float = Field(default=0.06, ge=0, le=1)
    """Muscle noise up to this share of the complexes' height; in the later half of the copies bursts of twice that."""
    weight: float = Field(default=0.5, gt=0, le=16)
    """How much a synthetic window counts beside a real one."""
    every: dict[str, Annotated[int, Field(ge=1, le=100)]] = {}
    """Of these classes only every so many synthetic window is taken, and counts as so many: {normal: 6}."""
