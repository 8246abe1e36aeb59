"""Vibration or sound of a rotating machine, block by block: harmonics, flow noise, bearing impacts, sensor.

Chain, per axis: (flow noise * structure) + (impacts * resonances) + harmonics + mains + gravity + sensor noise, then
quantised and clipped. Convolutions run as overlap-add in the frequency domain; numpy's RandomState, whose streams
never change, drives everything, so that a seed gives the same counts always, whatever the size of reads.
Formulas and sources: docs/explanation/simulated-pump.md.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge_app.core.frames import FULL_SCALE, Counts
from edge_app.dsp.bearing import Bearing
from edge_app.sensors.sim_bearing import ImpactTrain
from edge_app.sensors.sim_machine import AXES, Fault, Machine, Mode
from edge_app.sensors.sim_operation import Operation

Signal = NDArray[np.float64]

KERNEL_S = 0.08
"""Length of the structure's answer; the slowest mode has fallen below 1 % by then (s)."""
TABLE = 4096
"""Points of one revolution; linear interpolation between them errs by less than -85 dB at the 12th harmonic."""
_SHAFT = {"x": (0.8, 90.0), "y": (0.35, 40.0), "z": (1.0, 0.0)}
"""Gain and phase (degrees) of shaft harmonics by direction: the orbit."""
_FLOW = {"x": 0.9, "y": 0.6, "z": 1.0}
_IMPACT = {"x": 0.6, "y": 0.35, "z": 1.0}
_MAINS_HZ = 100.0


class RotorGenerator:
    """Endless counts of one simulated rotating machine.

    Parameters
    ----------
    machine : Machine
        Levels and resonances.
    rate_hz, scale : float
        Sampling rate (Hz) and units per count.
    n_axes : int
        1 (z), 2 (x, z) or 3 (x, y, z).
    operation : Operation
    bearing, fault, seed
    """

    def __init__(
        self,
        machine: Machine,
        *,
        rate_hz: float,
        scale: float,
        n_axes: int,
        operation: Operation,
        bearing: Bearing,
        fault: Fault,
        shaft_hz: float,
        seed: int,
    ) -> None:
        self._machine = machine
        self._rate_hz = rate_hz
        self._scale = scale
        self._directions = AXES[n_axes]
        self._operation = operation
        self._fault = fault
        self._shaft_hz = shaft_hz
        self._random = np.random.RandomState(seed)
        self._impacts = ImpactTrain(bearing, fault.kind, seed + 1)
        self._prepare_kernels()
        self._prepare_tables()
        self._sensor_noise = machine.noise_density * math.sqrt(rate_hz / 2)
        self._tail = np.zeros((n_axes, self._kernel_length))
        self._blocks = 0
        self._revolutions = 0.0
        self._point = operation.at(0.0)
        self._last_table: Signal | None = None
        self.block_length = self._fft_length - self._kernel_length
        """Samples of every block."""

    def _prepare_kernels(self) -> None:
        """Spectra of the structure's answers to flow noise and to impacts."""
        self._kernel_length = max(8, round(KERNEL_S * self._rate_hz))
        self._fft_length = 1 << math.ceil(math.log2(14 * self._kernel_length))
        flow, impact = answers(self._machine, self._rate_hz, self._kernel_length)
        self._flow_spectrum = np.fft.rfft(flow, self._fft_length)
        self._impact_spectrum = np.fft.rfft(impact, self._fft_length)

    def _prepare_tables(self) -> None:
        """One revolution of every shaft order, per axis."""
        self._orders = list(range(1, len(self._machine.harmonics) + 1))
        vane_orders = [self._machine.vanes * (k + 1) for k in range(len(self._machine.vane_pass))]
        self._n_shaft = len(self._orders)
        self._orders += vane_orders
        angle = 2 * math.pi * np.arange(TABLE + 1) / TABLE
        self._basis = np.empty((len(self._directions), len(self._orders), TABLE + 1))
        for axis, direction in enumerate(self._directions):
            gain, phase_deg = _SHAFT[direction]
            for k, order in enumerate(self._orders):
                self._basis[axis, k] = gain * np.sin(order * angle + math.radians(phase_deg * (1 + 0.37 * k) + 31 * k))
        length = self._fft_length - self._kernel_length
        mains = 2 * math.pi * _MAINS_HZ / self._rate_hz * np.arange(length)
        self._mains = (np.sin(mains), np.cos(mains)) if 0.47 * self._rate_hz > _MAINS_HZ else None
        self._ramp = np.arange(length) / length

    def next_block(self) -> Counts:
        """Counts of the next `block_length` samples, int16 of shape (n_axes, block_length)."""
        length = self.block_length
        start_s = self._blocks * length / self._rate_hz
        stop_s = (self._blocks + 1) * length / self._rate_hz
        before, after = self._point, self._operation.at(stop_s)
        level = self._fault.level(0.5 * (start_s + stop_s))
        revolutions = self._turn(before[0], after[0])
        moved = self._shake(before, after, level, revolutions)
        moved += self._turn_tables(after, level, revolutions)
        if self._mains is not None and after[0] > 0:
            angle = 2 * math.pi * math.fmod(_MAINS_HZ * start_s, 1.0)
            moved += self._machine.mains * (math.cos(angle) * self._mains[0] + math.sin(angle) * self._mains[1])
        moved += self._white(moved.shape) * self._sensor_noise
        moved[-1] += self._machine.gravity
        self._point = after
        self._blocks += 1
        np.rint(moved * (1.0 / self._scale), out=moved)
        return np.clip(moved, -FULL_SCALE, FULL_SCALE, out=moved).astype(np.int16)

    def _turn(self, before: float, after: float) -> Signal:
        """Angle of the shaft at every sample (revolutions), speed changing evenly."""
        first_hz, last_hz = before * self._shaft_hz, after * self._shaft_hz
        span_s = self.block_length / self._rate_hz
        ramp = self._ramp
        angle = self._revolutions + span_s * ramp * (first_hz + 0.5 * (last_hz - first_hz) * ramp)
        self._revolutions += span_s * 0.5 * (first_hz + last_hz)
        return np.asarray(angle)

    def _shake(self, before: tuple[float, float], after: tuple[float, float], level: float, turned: Signal) -> Signal:
        """Flow noise and impacts through the structure, shape (n_axes, block_length)."""
        length = self.block_length
        gains = (self._flow_gain(*before, level), self._flow_gain(*after, level))
        if gains == (0.0, 0.0) and not self._tail.any():
            return np.zeros((len(self._directions), length))
        impacts = self._excitation(after[0], level, turned)
        gain = gains[0] + (gains[1] - gains[0]) * self._ramp
        noise = self._white((len(self._directions), length)) * gain
        answer = np.empty((len(self._directions), length))
        spectrum_of_impacts = None
        if impacts is not None:
            spectrum_of_impacts = np.fft.rfft(impacts, self._fft_length) * self._impact_spectrum
        for axis, direction in enumerate(self._directions):
            spectrum = np.fft.rfft(noise[axis] * _FLOW[direction], self._fft_length) * self._flow_spectrum
            if spectrum_of_impacts is not None:
                spectrum += _IMPACT[direction] * spectrum_of_impacts
            whole = np.fft.irfft(spectrum, self._fft_length)
            whole[: self._kernel_length] += self._tail[axis]
            answer[axis] = whole[:length]
            self._tail[axis] = whole[length:]
        return answer

    def _flow_gain(self, speed: float, load: float, level: float) -> float:
        """RMS of flow noise: with speed to the power 2.5, least near the best point (load 0.9)."""
        if speed <= 0:
            return 0.0
        rough = 0.5 * level if self._fault.kind in ("inner", "outer", "ball") else 0.0
        off_best = 0.8 + 0.25 * load + 1.5 * (load - 0.9) ** 2
        return float(self._machine.flow * speed**2.5 * off_best * (1.0 + rough))

    def _excitation(self, speed: float, level: float, turned: Signal) -> Signal | None:
        """What strikes the structure: bearing impacts, or collapsing bubbles."""
        if level <= 0 or speed <= 0:
            return None
        if self._fault.kind == "cavitation":
            beat = np.maximum(0.0, np.sin(2 * math.pi * self._machine.vanes * turned)) ** 4
            return np.asarray(0.05 * self._machine.impact * level * speed**2 * beat * self._white(turned.shape) ** 3)
        return self._impacts.strike(turned, self._machine.impact * level * speed)

    def _turn_tables(self, after: tuple[float, float], level: float, turned: Signal) -> Signal:
        """Shaft orders at the turned angle, fading from the last block's amplitudes to this one's."""
        table = np.einsum("k,akt->at", self._amplitudes(*after, level), self._basis)
        last = self._last_table if self._last_table is not None else table
        self._last_table = table
        place = (turned - np.floor(turned)) * TABLE
        index = place.astype(np.int32)
        place -= index
        moved = np.empty((len(self._directions), turned.size))
        steady = float(np.abs(table - last).max()) < 0.25 * self._scale
        for axis in range(len(self._directions)):
            moved[axis] = _between(table[axis], index, place)
            if not steady:
                earlier = _between(last[axis], index, place)
                moved[axis] = earlier + self._ramp * (moved[axis] - earlier)
        return moved

    def _amplitudes(self, speed: float, load: float, level: float) -> Signal:
        """Peak of every order: unbalance grows with speed squared, vane pass away from the best point."""
        kind = self._fault.kind
        shaft = [amplitude * speed**2 for amplitude in self._machine.harmonics]
        if kind == "unbalance":
            shaft[0] *= 1.0 + 9.0 * level
        if kind == "misalignment":
            shaft[1] *= 1.0 + 14.0 * level
            shaft[2] *= 1.0 + 8.0 * level
        rough = 0.7 + 0.3 * load + 2.0 * (load - 0.9) ** 2
        nearly_all = [*shaft, *(amplitude * speed**2 * rough for amplitude in self._machine.vane_pass)]
        highest_hz = 0.47 * self._rate_hz
        return np.array(
            [
                a if order * self._shaft_hz * speed < highest_hz else 0.0
                for a, order in zip(nearly_all, self._orders, strict=True)
            ]
        )

    def _white(self, shape: tuple[int, ...]) -> Signal:
        """White noise of variance 1: sum of four uniform 16-bit numbers (kurtosis 2.7; filtered, it is nearly 3)."""
        size = math.prod(shape)
        uniform = np.frombuffer(self._random.bytes(8 * size), dtype="<i2").reshape(4, size)
        total = uniform.sum(axis=0, dtype=np.int32)
        return np.asarray((total + 2.0) * (math.sqrt(3.0) / 65536.0)).reshape(shape)


def answers(machine: Machine, rate_hz: float, length: int) -> tuple[Signal, Signal]:
    """The structure's answers to white noise of variance 1 per sample and to an impact of strength 1.

    Both are samples of the same continuous answers whatever the rate: the noise's spectral density and the shape of an
    impact do not depend on it. Resonances beyond 0.47 of the rate are left out, as the sensor's low-pass does.
    """
    time_s = np.arange(length) / rate_hz
    corner = 2 * math.pi * machine.broadband_hz
    decay = math.exp(-corner / rate_hz)
    # first-order low-pass of unit energy, sampled so that its gain at 0 Hz is kept: sqrt(2 corner)/corner
    flow = math.sqrt(2.0 / corner * rate_hz) * (1.0 - decay) * np.exp(-corner * time_s)
    impact = np.zeros(length)
    for mode in machine.modes:
        if mode.frequency_hz < 0.47 * rate_hz:
            omega = 2 * math.pi * mode.frequency_hz
            ringing = _ring(mode, time_s)
            flow += mode.flow * math.sqrt(4 * mode.damping * omega / rate_hz) * ringing  # unit energy times its share
            impact += mode.impact * ringing
    fine = sum(mode.impact * _ring(mode, np.arange(1000) / 1e5) for mode in machine.modes)
    energy = 1.0 + sum(mode.flow**2 for mode in machine.modes)
    return flow / math.sqrt(energy), impact / float(np.abs(fine).max())


def _ring(mode: Mode, time_s: Signal) -> Signal:
    """A resonance struck at 0 s."""
    omega = 2 * math.pi * mode.frequency_hz
    return np.asarray(np.exp(-mode.damping * omega * time_s) * np.sin(omega * math.sqrt(1 - mode.damping**2) * time_s))


def _between(table: Signal, index: NDArray[np.int32], place: Signal) -> Signal:
    """Linear interpolation in a table of one revolution (its last point repeats the first)."""
    low = table.take(index)
    return np.asarray(low + place * np.diff(table).take(index))
