"""A chip driver as a sensor: polls its FIFO in time, dates the samples, counts what goes wrong."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from edge_app.core.clock import Clock
from edge_app.core.errors import BusError, ConfigError, SensorError, SensorLost
from edge_app.core.frames import Counts, Frame

POLL_S = 0.05
"""Longest pause between two looks at the FIFO (s)."""
FIFO_SHARE = 0.4
"""How full the FIFO may get between two looks: the rest is for a scheduler that is late."""
FAILURES_IN_A_ROW = 3
"""Transfers that may fail one after the other before the sensor counts as lost; one NACK is noise on a long cable."""
PULL, PULL_RATE = 0.1, 0.005
"""How strongly a batch's arrival corrects the phase and the rate of the sample clock. PULL²/2 damps it critically."""
RESYNC_S = 0.25
"""A sample clock this far off has missed samples: it starts anew."""
RATE_TOLERANCE = 0.1
"""A chip's oscillator may be this far from its data sheet (share)."""
AXES = "xyz"


class Bus(Protocol):
    """What the adapter asks of a bus; drivers ask for read_into, read_repeated and write beside it."""

    name: str

    def open(self) -> None: ...

    def close(self) -> None: ...

    def clock_hz(self) -> int | None: ...


class SampleClock:
    """Dates samples by counting them, held to the monotonic clock.

    Counting gives even spacing; the clock gives the truth in the long run, since a chip's oscillator may be percents
    off. A second-order loop follows both phase and rate.
    """

    def __init__(self, rate_hz: float) -> None:
        self._nominal_s = 1 / rate_hz
        self.reset()

    def reset(self) -> None:
        """Forget: the next batch is dated by its arrival."""
        self._period_s = self._nominal_s
        self._next_s: float | None = None

    @property
    def rate_hz(self) -> float:
        """Measured rate (Hz)."""
        return 1 / self._period_s

    def date(self, n_samples: int, now_s: float, *, drained: bool) -> tuple[float, int]:
        """Time of the first of `n_samples` samples seen at `now_s`, and how many were missed before it.

        `drained` says that the newest sample is among them, so that `now_s` tells about it.
        """
        if self._next_s is None:
            start_s, missed = now_s - n_samples * self._period_s, 0
        else:
            start_s, missed = self._next_s, 0
            error_s = now_s - (start_s + n_samples * self._period_s)
            if drained and abs(error_s) > max(RESYNC_S, 4 * self._period_s):
                missed = max(0, round(error_s / self._nominal_s))
                start_s = max(start_s, now_s - n_samples * self._period_s)
            elif drained:
                start_s += PULL * error_s
                slowest, fastest = self._nominal_s * (1 + RATE_TOLERANCE), self._nominal_s * (1 - RATE_TOLERANCE)
                self._period_s = min(slowest, max(fastest, self._period_s + PULL_RATE * error_s / n_samples))
        self._next_s = start_s + n_samples * self._period_s
        return start_s, missed


class ChipSensor:
    """Sensor (core/stages.py) on a chip driver.

    Parameters
    ----------
    driver : Driver
        Of sensors/driver.py or an object like it; not opened.
    bus : Bus
        The bus the driver was given.
    clock : Clock
    axis : str
        Which axes, in which order: "z", "xyz", "zx" …; a driver with one channel has no such choice.
    bus_hz : int or None
        Clock of the bus, when the device tree does not know it.
    """

    def __init__(self, driver: Any, bus: Bus, clock: Clock, *, axis: str = "z", bus_hz: int | None = None) -> None:
        if not axis or len(set(axis) & set(AXES)) != len(axis):
            raise ConfigError(f"axis: {axis!r} does not name axes.", "Write one or several of x, y and z: `axis: z`.")
        self._driver = driver
        self._bus = bus
        self._clock = clock
        self._bus_hz = bus_hz
        self._channels: int = driver.n_axes
        self._axes = [AXES.index(letter) for letter in axis] if self._channels > 1 else [0]
        self.name = f"{driver.name.lower().replace('-', '')} on {bus.name} address 0x{driver.address:02X}"
        self.unit: str = driver.unit
        self.scale: float = driver.scale
        self.rate_hz: float = driver.rate_hz
        self.full_scale: int = driver.full_scale
        self.n_axes = len(self._axes)
        self.poll_s = min(POLL_S, FIFO_SHARE * driver.fifo_samples / self.rate_hz)
        most = min(driver.fifo_samples, max(64, int(4 * self.poll_s * self.rate_hz)))
        self._buffer = array("h", bytes(2 * self._channels * most))
        self._times = SampleClock(self.rate_hz)
        self._counts = {"overruns": 0, "nacks": 0, "timeouts": 0, "failures": 0, "reopens": 0}
        self._opened = 0
        self._open = False
        self._forget()

    def open(self) -> None:
        """Check the bus clock and the chip's identity, configure it, start sampling."""
        if self._open:
            return
        self._bus.open()
        try:
            self._check_bus_clock()
            self._driver.open()
        except BaseException as error:
            self._bus.close()
            if isinstance(error, BusError):
                self._count(error)
            raise
        self._open = True
        self._opened += 1
        self._counts["reopens"] = self._opened - 1
        self._forget()

    def close(self) -> None:
        """Stop the chip, as far as it still answers, and give the bus back."""
        if self._open:
            self._open = False
            self._driver.close()
            self._bus.close()

    def __enter__(self) -> ChipSensor:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, timeout_s: float) -> Frame:
        """Samples since the last read. Raises SensorLost when none came in time or the chip stopped answering."""
        if not self._open:
            raise SensorLost(f"{self.name} is closed.", "Call open() before read().")
        deadline_s = self._clock.monotonic_s() + timeout_s
        while True:
            self._clock.sleep_s(self._due_s - self._clock.monotonic_s())
            now_s = self._clock.monotonic_s()
            n_samples = self._poll()
            if n_samples:
                return self._frame(n_samples, now_s)
            if self._clock.monotonic_s() >= deadline_s:
                raise SensorLost(
                    f"{self.name} answers but delivered no sample for {timeout_s:g} s.",
                    "It may have lost its supply for a moment; it is configured anew when it is reopened.",
                )

    def counters(self) -> Mapping[str, int]:
        """overruns, nacks, timeouts, failures (other transfer errors), reopens."""
        return dict(self._counts)

    def _forget(self) -> None:
        """State of a run, fresh."""
        self._times.reset()
        self._lost = 0
        self._failed_in_a_row = 0
        self._due_s = self._clock.monotonic_s() + self.poll_s

    def _check_bus_clock(self) -> None:
        bus_hz = self._bus_hz or self._bus.clock_hz()
        if bus_hz and self.rate_hz > (fastest := self._driver.max_rate_hz(bus_hz)):
            raise ConfigError(
                f"rate_hz: {self.rate_hz:g} Hz is too much for {self.name}: at {bus_hz // 1000} kHz the bus carries"
                f" {fastest:g} Hz.",
                "Lower `rate_hz:`, or put `dtparam=i2c_arm_baudrate=400000` into /boot/firmware/config.txt and reboot.",
            )

    def _poll(self) -> int:
        """One look at the FIFO; 0 also after a transfer that failed and may be tried again."""
        self._due_s = self._clock.monotonic_s() + self.poll_s
        before = self._driver.overruns
        try:
            if self._failed_in_a_row:
                self._driver.restart()  # a burst cut short leaves the FIFO anywhere
            n_samples: int = self._driver.read_into(self._buffer)
        except BusError as error:
            self._tolerate(error)
            return 0
        self._failed_in_a_row = 0
        if self._driver.overruns != before:
            self._counts["overruns"] += self._driver.overruns - before
            self._gap()
        return n_samples

    def _gap(self) -> None:
        """Samples were lost, nobody knows how many."""
        self._lost = -1
        self._times.reset()

    def _tolerate(self, error: BusError) -> None:
        self._count(error)
        self._gap()
        self._failed_in_a_row += 1
        if error.kind == "gone" or self._failed_in_a_row >= FAILURES_IN_A_ROW:
            raise SensorLost(f"{self.name} is lost. {error.what}", error.fix) from error

    def _count(self, error: SensorError) -> None:
        kind = getattr(error, "kind", "failed")
        self._counts[{"nack": "nacks", "timeout": "timeouts"}.get(kind, "failures")] += 1

    def _frame(self, n_samples: int, now_s: float) -> Frame:
        drained = self._channels * n_samples < len(self._buffer)
        if not drained:
            self._due_s = now_s  # more is waiting
        start_s, missed = self._times.date(n_samples, now_s, drained=drained)
        lost, self._lost = self._lost or missed, 0
        return Frame(
            self._channel_first(n_samples), self.scale, self.unit, self.rate_hz, start_s, self.full_scale, lost
        )

    def _channel_first(self, n_samples: int) -> Counts:
        """Interleaved counts to a copy of shape (n_axes, n_samples)."""
        taken = np.frombuffer(self._buffer, np.int16, self._channels * n_samples)
        interleaved = taken.reshape(n_samples, self._channels)
        return np.ascontiguousarray(interleaved[:, self._axes].T)
