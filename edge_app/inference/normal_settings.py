"""What learning normal is asked, and of which models. Every run knows it; the fit (normal.py) comes when it is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from edge_app.core.results import FeatureVector, Inference, LearntNormal, ModelIdentity

WINDOWS_MIN = 8


@dataclass(frozen=True)
class Rule:
    """The part of a decider that false alarms depend on."""

    hits: int = 1
    of: int = 1
    delay: int = 0
    """Windows the evidence must hold after the first (the on-delay)."""
    clears: int = 1
    """Windows below after which a standing alarm ends, so that another can begin."""


class Learnable(Protocol):
    """A model whose normal can be replaced: the same file, other offsets, multipliers and score map."""

    identity: ModelIdentity
    manifest: Any

    def infer(self, features: FeatureVector) -> Inference: ...

    def with_normal(self, normal: LearntNormal) -> Learnable: ...


@dataclass(frozen=True)
class NormalSettings:
    """What is asked, and what the decider does with the score."""

    window_s: float
    hop_s: float
    """Distance of two windows in operation (s); for snapshots that of two snapshots."""
    false_alarms_per_week: float = 1.0
    hits: int = 1
    of: int = 1
    on_delay_s: float = 0.0
    raise_score: int = 8000
    """The app's raise threshold, 0..10000."""
    healthy_score: int = 2500
    """Score of the median window."""
    spread: str = "bounded"
    """own: each feature in units of its own spread here. model: in those of the shipped model. bounded: in the wider
    of the two, so that what the model knows to vary from day to day is not trusted to stand still."""
    sigma_floor_db: float = 1.0
    """Smallest spread believed (dB): some minutes of a machine vary less than its days do."""
    breaks: tuple[int, ...] = ()
    """Windows (numbers of rows, rising) before which the decider had forgotten: the machine had stood still."""
    windows_min: int = WINDOWS_MIN
    in_time: bool = True
    """Whether the windows stand in the order of time. False for recordings put in an order that is not the machine's:
    then nothing can be said about its steadiness."""
    unknown: int = 0
    """Windows seen meanwhile that could not be judged."""
    idle: int = 0
    """Windows seen meanwhile in which the machine stood still."""
    quality: int = 100
    """Mean quality of the windows (percent)."""
    binding: str = ""
    learnt_ms: int = 0
    clock: str = "none"

    @property
    def rule(self) -> Rule:
        """The decider as the tail sees it."""
        delay = -int(-self.on_delay_s // self.hop_s)
        return Rule(self.hits, self.of, delay, max(self.hits, self.of - self.hits + 1))

    @property
    def overlap(self) -> int:
        """Windows after a window that share samples with it."""
        return max(0, -int(-self.window_s // self.hop_s) - 1)
