"""A sensor on a machine that exists only as physics: pump, fan, machine sound, or a person's pulse.

Its configuration is sensors/plugins.py, SimulatedConfig.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edge_app.core.clock import Clock
from edge_app.core.errors import ConfigError, SensorError, SensorLost
from edge_app.core.frames import FULL_SCALE, Counts, Frame
from edge_app.dsp.bearing import Bearing
from edge_app.sensors.recording import wait_until
from edge_app.sensors.sim_machine import AXES, BEARING_6205, FAULT_KINDS, MACHINES, Fault
from edge_app.sensors.sim_operation import PROFILES, Operation, Point
from edge_app.sensors.sim_pulse import PULSE_FAULT_KINDS, PULSE_RANGE, PULSE_RATE_HZ, PulseGenerator
from edge_app.sensors.sim_rotor import RotorGenerator

_NO_FAULT = Fault()


@dataclass(frozen=True)
class SensorFault:
    """Something wrong with the sensor, not with the machine."""

    kind: str
    """dropout, stuck, clip or silent."""
    at_s: float
    """When it begins, on the signal's own time (s)."""
    for_s: float = 1.0
    """How long it lasts (s)."""


class Generator(Protocol):
    """Endless counts, in blocks of a length of its own."""

    def next_block(self) -> Counts: ...


class Simulated:
    """Sensor that computes its signal, in real time (`paced`) or as fast as it is read.

    Parameters
    ----------
    machine : "pump", "fan", "sound" or "pulse"
    seed : int
        Same seed, same counts, whatever the size of reads.
    rate_hz : float, optional
        Sampling rate (Hz); default 3332 (pump, fan), 16000 (sound) or 250 (pulse).
    n_axes : int
        1 is z, 2 is x z, 3 is x y z with gravity on z. Sound has 1. Pulse: 1 is `signal`, 2 is ECG and PPG.
    range_units : float, optional
        What 32768 counts stand for; default 16 g, 1 (full scale) or 4 (pulse).
    profile : "steady", "varying" or "cycling"
        How the machine is run (sim_operation.py).
    schedule : sequence of (at_s, speed, load)
        Instead of a profile; 1 is nominal, speed 0 stops the machine.
    shaft_hz : float, optional
        Nominal speed (Hz); default 29.5 (pump, sound) or 24.5 (fan).
    fault : Fault
        Of FAULT_KINDS, or of PULSE_FAULT_KINDS for a pulse.
    sensor_faults : sequence of SensorFault
        dropout (samples are lost), stuck (the last value repeats), clip (the amplifier saturates), silent (as dropout,
        and as fast as possible too `read` raises SensorLost once).
    duration_s : float, optional
        The signal ends then (s); default never.
    frame_s : float, optional
        Length of a frame (s); default 0.064 paced and 0.5 as fast as possible.
    """

    def __init__(
        self,
        machine: str = "pump",
        *,
        clock: Clock,
        seed: int = 1,
        rate_hz: float | None = None,
        n_axes: int = 1,
        range_units: float | None = None,
        profile: str = "steady",
        schedule: Sequence[Point] = (),
        shaft_hz: float | None = None,
        bearing: Bearing = BEARING_6205,
        fault: Fault = _NO_FAULT,
        sensor_faults: Sequence[SensorFault] = (),
        signal: str = "ppg",
        heart_rate_bpm: float = 66.0,
        duration_s: float | None = None,
        paced: bool = True,
        frame_s: float | None = None,
    ) -> None:
        _check("machine", machine, (*MACHINES, "pulse"))
        _check("profile", profile, PROFILES)
        _check(f"fault of a {machine}", fault.kind, PULSE_FAULT_KINDS if machine == "pulse" else FAULT_KINDS)
        if n_axes not in AXES or (machine in ("sound", "pulse") and n_axes > (2 if machine == "pulse" else 1)):
            raise ConfigError(f"simulated {machine} with {n_axes} axes.", "Sound has 1, pulse 1 or 2, others 1 to 3.")
        model = MACHINES.get(machine)
        self.name = f"simulated {machine} (seed {seed})"
        self.unit = model.unit if model else "au"
        self.rate_hz = float(rate_hz or (model.rate_hz if model else PULSE_RATE_HZ))
        self.scale = (range_units or (model.range_units if model else PULSE_RANGE)) / 32768.0
        self.n_axes = n_axes
        self.full_scale = FULL_SCALE
        self._clock = clock
        self._paced = paced
        self._frame_length = max(1, round((frame_s or (0.064 if paced else 0.5)) * self.rate_hz))
        self._last = None if duration_s is None else round(duration_s * self.rate_hz)
        self._sensor_faults = sorted(sensor_faults, key=lambda each: each.at_s)
        self._make = _Recipe(machine, seed, profile, tuple(schedule), shaft_hz, bearing, fault, signal, heart_rate_bpm)
        self._source: _Stream | None = None
        self._epoch_s = 0.0
        self._sent = 0
        self._lost = 0
        self._stuck_at: Counts | None = None
        self._is_open = False
        self._counts = {"lost_samples": 0, "timeouts": 0}

    def open(self) -> None:
        """Start. After a close() the signal goes on; what passed in between at real-time pace is lost."""
        if self._source is None:
            self._source = _Stream(self._make.generator(self.rate_hz, self.scale, self.n_axes))
            self._epoch_s = self._clock.monotonic_s()
        elif self._paced and not self._is_open:
            passed = round((self._clock.monotonic_s() - self._epoch_s) * self.rate_hz)
            self._skip_to(max(self._sent, passed))
        self._is_open = True

    def read(self, timeout_s: float) -> Frame | None:
        """Next frame, at its time when paced; None when `duration_s` is over."""
        if not self._is_open or self._source is None:
            raise SensorError(f"{self.name} is not open.", "Call open() before read().")
        while True:
            if self._last is not None and self._sent >= self._last:
                return None
            fault, until = self._fault_until(self._sent)
            length = min(self._frame_length, until - self._sent)
            if self._last is not None:
                length = min(length, self._last - self._sent)
            if fault is not None and fault.kind in ("dropout", "silent"):
                self._drop(fault, until, timeout_s)
                continue
            due_s = self._epoch_s + (self._sent + length) / self.rate_hz
            if self._paced:
                self._wait(due_s, timeout_s)
            return self._deliver(self._source, fault, length)

    def _deliver(self, source: _Stream, fault: SensorFault | None, length: int) -> Frame:
        samples = source.take(length)
        if fault is None:
            self._stuck_at = None
        elif fault.kind == "stuck":
            if self._stuck_at is None:
                self._stuck_at = samples[:, :1].copy()
            samples = np.ascontiguousarray(np.broadcast_to(self._stuck_at, samples.shape))
        elif fault.kind == "clip":
            centre = samples.mean(axis=1, keepdims=True)
            samples = (np.sign(samples - centre) * FULL_SCALE).astype(np.int16)
        start_s = self._epoch_s + self._sent / self.rate_hz
        frame = Frame(samples, self.scale, self.unit, self.rate_hz, start_s, self.full_scale, self._lost)
        self._sent += length
        self._lost = 0
        return frame

    def _fault_until(self, sample: int) -> tuple[SensorFault | None, int]:
        """The sensor fault at this sample, and the sample at which this changes."""
        until = 1 << 62
        for fault in self._sensor_faults:
            first, last = round(fault.at_s * self.rate_hz), round((fault.at_s + fault.for_s) * self.rate_hz)
            if first <= sample < last:
                return fault, last
            if first > sample:
                until = min(until, first)
        return None, until

    def _drop(self, fault: SensorFault, until: int, timeout_s: float) -> None:
        """Pass over samples that never arrive; raises SensorLost when the reader waits in vain."""
        if self._paced:
            self._wait(self._epoch_s + until / self.rate_hz, timeout_s)
        self._skip_to(until)
        if fault.kind == "silent" and not self._paced:
            raise SensorLost(f"{self.name} was silent for {fault.for_s:g} s.", "Its `sensor_faults` say so.")

    def _skip_to(self, sample: int) -> None:
        missing = sample - self._sent
        if self._source is not None:
            self._source.skip(missing)
        self._sent = sample
        self._lost += missing
        self._counts["lost_samples"] += missing

    def _wait(self, due_s: float, timeout_s: float) -> None:
        try:
            wait_until(self._clock, due_s, timeout_s, self.name)
        except SensorLost:
            self._counts["timeouts"] += 1
            raise

    def close(self) -> None:
        """Stop; may be called again."""
        self._is_open = False

    def counters(self) -> Mapping[str, int]:
        """Samples lost and reads in vain so far, from `sensor_faults`."""
        return dict(self._counts)


def _check(what: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ConfigError(f"simulated {what}: {value!r} is unknown.", f"Known: {', '.join(known)}.")


@dataclass(frozen=True)
class _Recipe:
    machine: str
    seed: int
    profile: str
    schedule: tuple[Point, ...]
    shaft_hz: float | None
    bearing: Bearing
    fault: Fault
    signal: str
    heart_rate_bpm: float

    def generator(self, rate_hz: float, scale: float, n_axes: int) -> Generator:
        model = MACHINES.get(self.machine)
        if model is None:
            return PulseGenerator(
                rate_hz=rate_hz,
                scale=scale,
                signals=("ecg", "ppg") if n_axes == 2 else (self.signal,),
                heart_rate_bpm=self.heart_rate_bpm,
                fault=self.fault,
                seed=self.seed,
            )
        return RotorGenerator(
            model,
            rate_hz=rate_hz,
            scale=scale,
            n_axes=n_axes,
            operation=Operation(self.profile, self.seed + 1000, self.schedule),
            bearing=self.bearing,
            fault=self.fault,
            shaft_hz=self.shaft_hz or model.shaft_hz,
            seed=self.seed,
        )


class _Stream:
    """Samples of a generator in pieces of any length."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._block = generator.next_block()
        self._at = 0

    def take(self, length: int) -> Counts:
        """The next `length` samples, C-contiguous."""
        if self._at + length <= self._block.shape[1]:
            self._at += length
            return np.ascontiguousarray(self._block[:, self._at - length : self._at])
        parts: list[Counts] = []
        while length > 0:
            if self._at == self._block.shape[1]:
                self._block = self._generator.next_block()
                self._at = 0
            piece = self._block[:, self._at : self._at + length]
            parts.append(piece)
            self._at += piece.shape[1]
            length -= piece.shape[1]
        return np.concatenate(parts, axis=1)

    def skip(self, length: int) -> None:
        """Pass over samples, a block at a time."""
        while length > 0:
            length -= self.take(min(length, self._block.shape[1])).shape[1]
