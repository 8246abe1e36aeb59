"""A person's ECG and PPG: beats with respiratory and slow variation, drawn as sums of bells, plus what disturbs them.

Source: P. E. McSharry, G. D. Clifford, L. Tarassenko, L. A. Smith, "A dynamical model for generating synthetic
electrocardiogram signals", IEEE Trans. Biomed. Eng. 50(3):289-294, 2003 (wave angles, widths and heights, table I;
RR spectrum with bands at 0.1 and 0.25 Hz). The PPG's two waves follow the same idea with our own widths.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge_app.core.frames import FULL_SCALE, Counts
from edge_app.sensors.sim_machine import Fault

PULSE_RATE_HZ = 250.0
PULSE_RANGE = 4.0
"""mV for the ECG, arbitrary units for the PPG."""
PULSE_FAULT_KINDS = ("none", "irregular", "ectopic", "motion")

_ECG = ((-0.20, 0.025, 0.15), (-0.025, 0.010, -0.12), (0.0, 0.011, 1.10), (0.026, 0.010, -0.25), (0.30, 0.060, 0.30))
"""P Q R S T as (time after R at 60 bpm (s), width (s), height (mV)), from the model's angles at 60 bpm."""
_ECTOPIC = ((-0.02, 0.035, 1.30), (0.09, 0.045, -0.55), (0.33, 0.070, -0.35))
_PPG = ((0.28, 0.085, 1.0), (0.52, 0.130, 0.42))
"""Systolic and dicrotic wave as (time after R (s), width (s), height)."""
_REACH_S = 1.2


class PulseGenerator:
    """Endless counts of ECG and PPG; see sim_rotor.RotorGenerator for the contract."""

    def __init__(
        self, *, rate_hz: float, scale: float, signals: tuple[str, ...], heart_rate_bpm: float, fault: Fault, seed: int
    ) -> None:
        self._rate_hz = rate_hz
        self._scale = scale
        self._signals = signals
        self._bpm = heart_rate_bpm
        self._fault = fault
        self._beats_random = np.random.RandomState(seed)
        self._noise_random = np.random.RandomState(seed + 1)
        self._beats: list[tuple[float, bool, float]] = [(0.4, False, 60.0 / heart_rate_bpm)]
        self._blocks = 0
        self._drift = 0.0
        self._motion = 0.0
        self.block_length = max(64, round(4.0 * rate_hz))
        """Samples of every block."""

    def next_block(self) -> Counts:
        """Counts of the next `block_length` samples, int16 of shape (n_signals, block_length)."""
        length = self.block_length
        start_s = self._blocks * length / self._rate_hz
        time_s = start_s + np.arange(length) / self._rate_hz
        self._extend_beats(float(time_s[-1]) + _REACH_S)
        level = self._fault.level(start_s)
        disturbance = self._disturb(time_s, level)
        values = np.empty((len(self._signals), length))
        for k, signal in enumerate(self._signals):
            noise = self._noise_random.standard_normal(length) * (0.012 if signal == "ecg" else 0.006)
            values[k] = self._waves(time_s, signal) + noise + disturbance * (0.5 if signal == "ecg" else 1.0)
        self._blocks += 1
        self._beats = [beat for beat in self._beats if beat[0] > float(time_s[-1]) - 2 * _REACH_S]
        counts: Counts = np.clip(np.rint(values / self._scale), -FULL_SCALE, FULL_SCALE).astype(np.int16)
        return counts

    def _extend_beats(self, until_s: float) -> None:
        """Times of R waves: mean rate, breathing at 0.25 Hz, pressure waves at 0.1 Hz, a little chance; faults."""
        while self._beats[-1][0] < until_s:
            at_s, was_ectopic, interval_s = self._beats[-1]
            chance, normal = float(self._beats_random.random_sample()), float(self._beats_random.standard_normal())
            level = self._fault.level(at_s)
            rhythm = 0.035 * math.sin(2 * math.pi * 0.25 * at_s) + 0.025 * math.sin(2 * math.pi * 0.1 * at_s)
            interval_s = 60.0 / self._bpm * (1.0 + rhythm + 0.008 * normal)
            ectopic = False
            if self._fault.kind == "irregular":
                interval_s *= math.exp(0.22 * min(1.0, level) * normal)
            elif self._fault.kind == "ectopic":
                ectopic = not was_ectopic and chance < 0.15 * level
                interval_s *= 0.62 if ectopic else (1.38 if was_ectopic else 1.0)
            self._beats.append((at_s + max(0.28, interval_s), ectopic, interval_s))

    def _waves(self, time_s: NDArray[np.float64], signal: str) -> NDArray[np.float64]:
        total = np.zeros(time_s.size)
        for at_s, ectopic, interval_s in self._beats:
            first = np.searchsorted(time_s, at_s - 0.5)
            last = np.searchsorted(time_s, at_s + _REACH_S)
            if first == last:
                continue
            near_s = time_s[first:last] - at_s
            stretch = math.sqrt(min(2.0, max(0.4, interval_s)))  # Bazett: repolarisation goes with the root of RR
            waves = _PPG if signal == "ppg" else (_ECTOPIC if ectopic else _ECG)
            strength = 0.55 if ectopic and signal == "ppg" else 1.0
            for centre_s, width_s, height in waves:
                centre_s = centre_s * stretch if abs(centre_s) > 0.1 else centre_s
                total[first:last] += strength * height * np.exp(-0.5 * ((near_s - centre_s) / width_s) ** 2)
        return total

    def _disturb(self, time_s: NDArray[np.float64], level: float) -> NDArray[np.float64]:
        """Baseline wander by breathing, mains hum, and motion when that is the fault."""
        wander = 0.05 * np.sin(2 * math.pi * 0.23 * time_s) + 0.03 * np.sin(2 * math.pi * 0.041 * time_s)
        if self._rate_hz > 120:
            wander = wander + 0.004 * np.sin(2 * math.pi * 50.0 * time_s)
        if self._fault.kind == "motion":
            steps = np.concatenate(([self._motion], self._noise_random.standard_normal(time_s.size)))
            walk = np.cumsum(steps) * 0.999
            self._motion = float(walk[-1]) * 0.5
            wander = wander + 0.08 * level * (walk[1:] - 0.5 * walk.mean())
        return np.asarray(wander)
