"""Tells systemd that sampling goes on (sd_notify(3)): one datagram, no dependency."""

from __future__ import annotations

import contextlib
import os
import socket

from edge_app.core.clock import Clock


class Watchdog:
    """Feeds systemd's watchdog from the sampling loop, never from a timer: a hung loop must be noticed.

    Every reader calls `feed(slot)` each time round its loop, in back-off too (a sensor that is away is a declared
    state, not a hang). The datagram is sent only while all readers have been heard within the watchdog's period.
    """

    def __init__(self, clock: Clock, slots: list[str]) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._clock = clock
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._period_s = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6
        self._heard_s = {slot: clock.monotonic_s() for slot in slots}
        self._sent_s = float("-inf")

    def notify(self, text: str) -> None:
        """Send one line to systemd, when there is one."""
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.connect(self._address)
            channel.sendall(text.encode())

    def feed(self, slot: str) -> None:
        """The loop of `slot` is alive."""
        if not self._period_s:
            return
        now_s = self._clock.monotonic_s()
        self._heard_s[slot] = now_s
        all_alive = now_s - min(self._heard_s.values()) < self._period_s
        if all_alive and now_s - self._sent_s > self._period_s / 4:
            self._sent_s = now_s
            self.notify("WATCHDOG=1")

    def forget(self, slot: str) -> None:
        """The loop of `slot` has ended on purpose (a recording is over)."""
        self._heard_s.pop(slot, None)
