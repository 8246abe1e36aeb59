"""A silent sensor is an alarm of its own."""

from __future__ import annotations

import threading

from edge_app.core.units import SCORE_ONE
from edge_app.runtime.timebase import TimeBase
from edge_app.runtime.voice import Decider, Emit, Identity, Voice

SILENT_AFTER_S = 10.0
"""A sensor without a sample for this long raises its alarm; shorter breaks only make windows unknown."""


class SensorAlarm:
    """Watches one slot; its events are published under the pipeline name `sensor-<slot>`.

    Silence counts as score 1, signal as score 0; the decider's on-delay is `SILENT_AFTER_S`.
    """

    def __init__(self, identity: Identity, slot: str, decider: Decider, timebase: TimeBase, emit: Emit) -> None:
        self.identity = identity
        self.decider = decider
        self.alarms = 0
        self._slot = slot
        self._time = timebase
        self._voice = Voice(identity, decider, timebase, emit, None)
        self._settled = False
        """The signal is there and nothing is left to tell, so frames need no look. Not so after a restart."""
        self._lock = threading.Lock()

    def hear(self, present: bool, problem: str, now_s: float) -> None:
        """Called by the reader: for every frame (present), and while it waits for a failed sensor (absent)."""
        if present and self._settled:
            return
        with self._lock:
            events = self.decider.step("judged", 0 if present else SCORE_ONE, self._time.mono_ms(now_s))
            self._settled = present and self.decider.state == "normal" and not self.decider.flags
            for event in events:
                if event != "known":
                    self._say(event, problem, now_s)

    def command(self, name: str, minutes: int | None = None) -> tuple[str, ...]:
        """Acknowledge, shelve, unshelve or reset."""
        with self._lock:
            self._settled = False
            now_s = self._time.now_s()
            events = self.decider.command(name, self._time.mono_ms(now_s), minutes)
            for event in events:
                self._say(event, f"{name} by an operator on the device", now_s)
            return events

    def _say(self, event: str, problem: str, now_s: float) -> None:
        self.alarms += event == "raised"
        text = f"sensor {self._slot} delivers again" if event == "cleared" else f"sensor {self._slot}: {problem}"
        quality = 100 if event == "cleared" else 0
        self._voice.say(event, now_s, {"text": text}, window_ms=round(SILENT_AFTER_S * 1000), quality=quality)
