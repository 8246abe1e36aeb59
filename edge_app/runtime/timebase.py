"""Which wall-clock time a window has: live signals follow the machine's clock, replayed ones run on their own."""

from __future__ import annotations

from edge_app.core.clock import Clock, clock_quality

ASK_S = 1.0
"""How long an answer about the wall clock is believed (s): asking costs two looks at the file system."""


class TimeBase:
    """Turns a window's monotonic time into what messages carry.

    Parameters
    ----------
    clock : Clock
        The machine's time.
    paced : bool
        True when signals arrive in real time. An unpaced replay gets ahead of the clock, so its wall time is the
        start plus the signal's own seconds.
    """

    def __init__(self, clock: Clock, *, paced: bool) -> None:
        self._clock = clock
        self._paced = paced
        self._start_mono_s = clock.monotonic_s()
        self._start_wall_ms = clock.wall_ms()
        self._clock_name = ""
        self._ask_again_s = self._start_mono_s

    def mono_ms(self, at_s: float) -> int:
        """Milliseconds since this process began."""
        return max(0, round((at_s - self._start_mono_s) * 1000))

    def wall_ms(self, at_s: float) -> int:
        """UTC in milliseconds at monotonic time `at_s`."""
        if not self._paced:
            return self._start_wall_ms + self.mono_ms(at_s)
        return self._clock.wall_ms() - round((self._clock.monotonic_s() - at_s) * 1000)

    def clock_name(self) -> str:
        """ntp, rtc or none: how far the wall clock can be believed now, asked once in ASK_S at most."""
        now_s = self._clock.monotonic_s()
        if now_s >= self._ask_again_s:
            self._ask_again_s = now_s + ASK_S
            self._clock_name = clock_quality(self._clock.wall_ms())
        return self._clock_name

    def now_s(self) -> float:
        """Monotonic time now (s)."""
        return self._clock.monotonic_s()
