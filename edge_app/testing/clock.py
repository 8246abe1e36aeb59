"""A clock that stands still until it is told to go on."""

from __future__ import annotations

import threading


class FakeClock:
    """Implements core/clock.Clock; sleeping and waiting advance it at once.

    Parameters
    ----------
    start_s : float
        First reading of the monotonic clock (s).
    wall_ms : int
        UTC (ms) at that moment; the default is 2026-01-01.
    """

    def __init__(self, start_s: float = 1000.0, wall_ms: int = 1_767_225_600_000) -> None:
        self._now_s = start_s
        self._wall_offset_ms = wall_ms - round(start_s * 1000)
        self.sleeps_s: list[float] = []
        self._lock = threading.Lock()

    def monotonic_s(self) -> float:
        return self._now_s

    def wall_ms(self) -> int:
        return round(self._now_s * 1000) + self._wall_offset_ms

    def sleep_s(self, duration_s: float) -> None:
        if duration_s > 0:
            self.sleeps_s.append(duration_s)
            self.advance(duration_s)

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Advance by the whole time-out unless `event` is set already."""
        if not event.is_set():
            self.sleep_s(timeout_s)
        return event.is_set()

    def advance(self, duration_s: float) -> None:
        """Let time pass."""
        with self._lock:
            self._now_s += duration_s

    def set_wall_ms(self, wall_ms: int) -> None:
        """Set the wall clock, as a time server or a person would; the monotonic clock goes on."""
        self._wall_offset_ms = wall_ms - round(self._now_s * 1000)
