"""Time is given, never taken: the only module that touches `time`."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What a loop may ask of time."""

    def monotonic_s(self) -> float:
        """Seconds on a clock that never goes back; origin arbitrary."""

    def wall_ms(self) -> int:
        """UTC in milliseconds since 1970, as the machine believes it."""

    def sleep_s(self, duration_s: float) -> None:
        """Wait; returns at once for durations of zero or less."""

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Wait for `event`, at most `timeout_s`; true when it is set."""


class SystemClock:
    """The machine's own time."""

    def monotonic_s(self) -> float:
        return time.monotonic()

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def sleep_s(self, duration_s: float) -> None:
        if duration_s > 0:
            time.sleep(duration_s)

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        return event.wait(timeout_s)


def utc_text(wall_ms: int) -> str:
    """A wall-clock reading for people: "2026-01-31 23:59:58 UTC"."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(wall_ms // 1000))


def process_cpu_s() -> float:
    """CPU time of this process, all threads (s)."""
    return time.process_time()


def clock_quality(wall_ms: int) -> str:
    """How far the wall clock can be believed: "ntp", "rtc" or "none".

    "none" when the clock stands before 2024 (a board without a clock chip wakes in 1970). "ntp" when systemd-timesyncd
    or chrony left its mark (`/run/systemd/timesync/synchronized`, adjtimex state not TIME_ERROR); else "rtc".
    """
    if wall_ms < 1_704_067_200_000:
        return "none"
    return "ntp" if _kernel_says_synchronised() else "rtc"


def _kernel_says_synchronised() -> bool:
    from os.path import exists

    return exists("/run/systemd/timesync/synchronized") or exists("/run/chrony/chronyd.pid")
