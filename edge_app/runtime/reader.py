"""One thread a sensor: the blocking read, the windows, and what to do when the sensor fails."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge_app.core.clock import Clock
from edge_app.core.errors import SensorError
from edge_app.core.frames import Frame, Quality, Window
from edge_app.core.stages import Sensor
from edge_app.runtime.lane import Lane
from edge_app.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

READ_TIMEOUT_S = 2.0
"""A sensor that delivers nothing for this long has failed."""
BACKOFF_FIRST_S, BACKOFF_LAST_S = 0.5, 30.0
"""Waits between attempts to reopen a failed sensor: doubled each time, with jitter."""


@dataclass
class SensorCounts:
    """What happened at one sensor so far."""

    samples: int = 0
    bytes: int = 0
    lost: int = 0
    faults: int = 0
    reopens: int = 0


class Reader:
    """Reads one sensor for all its pipelines.

    A failing sensor is closed and reopened with back-off and jitter; its pipelines are told once a hop that they
    cannot judge, and `on_signal` lets the sensor's own alarm speak. Other sensors go on.
    """

    def __init__(
        self,
        slot: str,
        sensor: Sensor,
        lanes: list[Lane],
        clock: Clock,
        watchdog: Watchdog,
        *,
        on_signal: Callable[[bool, str, float], None],
    ) -> None:
        self.slot = slot
        self.sensor = sensor
        self.lanes = lanes
        self.counts = SensorCounts()
        self.last_error: str | None = None
        self.first_sample_s: float | None = None
        self._clock = clock
        self._watchdog = watchdog
        self._on_signal = on_signal
        self._jitter = random.Random(slot)
        self._is_open = False

    def open(self) -> None:
        """Open the sensor. Raises SensorError, or ConfigError for a rate its bus cannot carry.

        Whoever calls this before `run()` learns what was never right (another chip, a wrong address, no permission);
        inside `run()` the same errors mean back-off.
        """
        self.sensor.open()
        self._is_open = True

    def close(self) -> None:
        """Let go of the sensor; idempotent."""
        self.sensor.close()
        self._is_open = False

    def run(self, stop: threading.Event) -> None:
        """Read until the signal ends or `stop` is set."""
        backoff_s = BACKOFF_FIRST_S
        try:
            while not stop.is_set():
                try:
                    if not self._is_open:
                        self.open()
                    self._read_until_end(stop)
                    return
                except SensorError as error:
                    if self.last_error is None:
                        backoff_s = BACKOFF_FIRST_S
                    self._failed(error)
                self.close()
                self._wait_before_reopening(backoff_s, stop)
                backoff_s = min(2 * backoff_s, BACKOFF_LAST_S)
        finally:
            self.close()
            self._watchdog.forget(self.slot)

    def _read_until_end(self, stop: threading.Event) -> None:
        """Take frames until the signal has ended or we are told to stop."""
        while not stop.is_set():
            frame = self.sensor.read(READ_TIMEOUT_S)
            self._watchdog.feed(self.slot)
            if frame is None:
                return
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        if self.first_sample_s is None:
            self.first_sample_s = self._clock.monotonic_s()
            log.info("slot %s: first sample from %s", self.slot, self.sensor.name)
        if self.last_error is not None:
            self.last_error = None
            self._begin_anew()
        self.counts.samples += frame.length
        self.counts.bytes += frame.samples.nbytes
        self.counts.lost += max(0, frame.lost)
        for lane in self.lanes:
            lane.deliver(lane.windower.push(frame))
        self._on_signal(True, "", frame.end_s)

    def _begin_anew(self) -> None:
        """The sensor is back: windows start afresh; the time without signal has been told hop by hop."""
        for lane in self.lanes:
            lane.windower.reset()

    def _failed(self, error: SensorError) -> None:
        self.counts.faults += 1
        if self.last_error is None:
            log.warning("slot %s: %s", self.slot, error)
        self.last_error = error.what

    def _wait_before_reopening(self, backoff_s: float, stop: threading.Event) -> None:
        """Back off with jitter; meanwhile the pipelines decide `unknown` once a hop."""
        until_s = self._clock.monotonic_s() + backoff_s * self._jitter.uniform(0.75, 1.25)
        due_s = {id(lane): self._clock.monotonic_s() for lane in self.lanes}
        while not stop.is_set() and (now_s := self._clock.monotonic_s()) < until_s:
            self._watchdog.feed(self.slot)
            self._on_signal(False, self.last_error or "no signal", now_s)
            for lane in self.lanes:
                if now_s >= due_s[id(lane)]:
                    due_s[id(lane)] = now_s + lane.hop_s
                    lane.deliver([self._empty_window(lane, now_s)])
            self._clock.wait(stop, min(0.25, max(0.0, until_s - now_s)))
        self.counts.reopens += 1

    def _empty_window(self, lane: Lane, now_s: float) -> Window:
        """A window without samples: there was time, but no signal."""
        quality = Quality(0, (f"no signal: {self.last_error}",), judgeable=False)
        samples = np.zeros((self.sensor.n_axes, 0), np.int16)
        return Window(samples, 1.0, self.sensor.unit, self.sensor.rate_hz, now_s - lane.hop_s, now_s, -1, quality)
