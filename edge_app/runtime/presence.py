"""Messages without identity: birth and will, the present condition of each app, health."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from edge_app import __version__
from edge_app.core.clock import Clock, clock_quality
from edge_app.core.messages import Outgoing
from edge_app.journal.journal import Journal
from edge_app.transport.payload import health_json, now_json, state_json
from edge_app.transport.topics import Topics

HEALTH_S = 60.0
HEALTH_EXPIRY_S = 180
NOW_S = 1.0
"""Shortest time between two pictures of the present: they are for late joiners, decisions tell each change."""


class Presence:
    """What the broker keeps (retained) or forgets (health) about this device."""

    def __init__(
        self, journal: Journal, topics: Topics, device: str, clock: Clock, birth: Mapping[str, Any] | None
    ) -> None:
        self._journal = journal
        self._topics = topics
        self._device = device
        self._clock = clock
        self._birth = dict(birth or {})
        self._now: dict[str, dict[str, dict[str, Any]]] = {}
        self._mutex = threading.Lock()
        """Pipelines of one app change their common picture, each from its own thread."""
        self._dirty: set[str] = set()
        self._health: dict[str, Any] = {}
        self.health_due_s = 0.0
        """Monotonic time of the next health message."""
        self._now_due_s = 0.0

    def state(self, on: bool, reason: str = "") -> Outgoing:
        """Birth, or last will and farewell: all carry the same jid and boot."""
        fields: dict[str, Any] = {"reason": reason} if reason else {}
        if on:
            fields = {**self._birth, **self._time(), "sw": __version__}
            fields.update(first=self._first(), depth=self._journal.depth)
        text = state_json(self._device, self._journal.jid, self._journal.boot, on, fields)
        return Outgoing(self._topics.state, text.encode("ascii"), retain=True, schema="state/1")

    def set_now(self, app: str, pipeline: str, fields: Mapping[str, Any]) -> bool:
        """Note the condition of a pipeline; true when it changed."""
        with self._mutex:
            pipes = self._now.get(app, {})
            if pipes.get(pipeline) == fields:
                return False
            # A new dict each time: the writer thread may be reading the old one.
            self._now[app] = {**pipes, pipeline: dict(fields)}
            self._dirty.add(app)
            return True

    def set_health(self, fields: Mapping[str, Any]) -> None:
        """Note what health messages say beside the outbox's own numbers."""
        self._health = dict(fields)

    def connected(self) -> None:
        """A new session: everything retained is said again, health too."""
        self._dirty.update(list(self._now))
        self.health_due_s = self._now_due_s = 0.0

    @property
    def due_s(self) -> float:
        """Monotonic time of the next message."""
        return min(self.health_due_s, self._now_due_s) if self._dirty else self.health_due_s

    def take_now(self, now_s: float, last: bool = False) -> list[Outgoing]:
        """Conditions that changed since the last call; none while the last picture is younger than NOW_S."""
        messages: list[Outgoing] = []
        if not self._dirty or (now_s < self._now_due_s and not last):
            return messages
        self._now_due_s = now_s + NOW_S
        while self._dirty:
            app = self._dirty.pop()
            wall_ms = self._clock.wall_ms()
            text = now_json(self._device, app, self._journal.jid, self._journal.boot, wall_ms, self._now[app])
            messages.append(Outgoing(self._topics.now(app), text.encode("ascii"), retain=True, schema="now/1"))
        return messages

    def health(self, now_s: float, up_s: float, counters: Mapping[str, int]) -> Outgoing:
        """The health message of now; the next is due HEALTH_S later."""
        self.health_due_s = now_s + HEALTH_S
        fields = {**self._health, **counters, **self._time(), "up_s": round(up_s), "first": self._first()}
        text = health_json(self._device, self._journal.jid, self._journal.boot, fields)
        return Outgoing(self._topics.health, text.encode("ascii"), 0, expiry_s=HEALTH_EXPIRY_S, schema="health/1")

    def _time(self) -> dict[str, Any]:
        wall_ms = self._clock.wall_ms()
        return {"t": wall_ms, "ts": clock_quality(wall_ms)}

    def _first(self) -> list[Any] | None:
        first = self._journal.first() if self._journal.depth else None
        return list(first) if first else None
