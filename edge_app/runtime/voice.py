"""From a decider's events to decisions, whoever owns the decider: a pipeline, or the watch over a sensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from edge_app.core.results import Decision, ModelIdentity
from edge_app.runtime.timebase import TimeBase


class Decider(Protocol):
    """What a decider plugin makes; see decision/anomaly.py."""

    @property
    def state(self) -> str: ...

    @property
    def level(self) -> str: ...

    @property
    def flags(self) -> tuple[str, ...]: ...

    @property
    def threshold(self) -> int: ...

    @property
    def standing(self) -> bool: ...

    def threshold_for(self, event: str) -> int: ...

    def step(self, verdict: str, score: int, now_ms: int) -> tuple[str, ...]: ...

    def command(self, name: str, now_ms: int, minutes: int | None = None) -> tuple[str, ...]: ...

    def suppress(self, on: bool, now_ms: int) -> tuple[str, ...]: ...

    def snapshot(self) -> dict[str, Any]: ...

    def restore(self, snapshot: dict[str, Any], now_ms: int) -> bool: ...


@dataclass(frozen=True)
class Identity:
    """Which pipeline of which app speaks."""

    app: str
    app_version: str
    pipeline: str

    @property
    def key(self) -> str:
        """Name of its persisted state."""
        return f"{self.app}/{self.pipeline}"


class Emit(Protocol):
    """Where events go: runtime/build.py's Announcer, and through it the outbox."""

    def __call__(self, decision: Decision | None, *, state_key: str, state: Mapping[str, Any]) -> None: ...


class Voice:
    """Says what a decider concludes: the decision with all its circumstances, and the state to keep with it.

    Parameters
    ----------
    identity : Identity
        In whose name it speaks.
    decider : Decider
        Whose state, level and flags a decision carries; its owner's lock is held while `say` runs.
    timebase : TimeBase
    emit : Emit
    model : ModelIdentity or None
        Which model judges; None when none does.
    """

    def __init__(
        self, identity: Identity, decider: Decider, timebase: TimeBase, emit: Emit, model: ModelIdentity | None
    ) -> None:
        self._identity = identity
        self._decider = decider
        self._time = timebase
        self._emit = emit
        self.model = model
        """Which model judges; changes when a normal is learnt."""

    def say(
        self,
        event: str,
        at_s: float,
        why: Mapping[str, Any],
        *,
        window_ms: int,
        quality: int,
        score: int = -1,
        level: str = "",
    ) -> None:
        """Tell one event that happened at monotonic time `at_s`, with its evidence (ms, percent, 0..10000).

        `level` stands in for the decider's, for what is no matter of the alarm.
        """
        decision = Decision(
            app=self._identity.app,
            app_version=self._identity.app_version,
            pipeline=self._identity.pipeline,
            event=event,
            state=self._decider.state,
            level=level or self._decider.level,
            flags=self._decider.flags,
            score=score,
            threshold=self._decider.threshold_for(event),
            why=why,
            quality=quality,
            wall_ms=self._time.wall_ms(at_s),
            clock=self._time.clock_name(),
            mono_ms=self._time.mono_ms(at_s),
            window_ms=window_ms,
            model=self.model,
        )
        self._emit(decision, state_key=self._identity.key, state=self._decider.snapshot())
