"""What the simulated machines are: levels, resonances, faults. Numbers only; the physics is in sim_rotor.py.

Levels of the pump are those of a small end-suction pump in good order: 0.05 to 0.3 g rms between 10 Hz and 1.6 kHz,
growing with speed and away from the best operating point. Sources of the formulas: docs/explanation/simulated-pump.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_app.dsp.bearing import Bearing

AXES = {1: ("z",), 2: ("x", "z"), 3: ("x", "y", "z")}
"""Directions by number of axes: x horizontal, y along the shaft, z vertical (gravity)."""

FAULT_KINDS = ("none", "inner", "outer", "ball", "unbalance", "misalignment", "cavitation")


BEARING_6205 = Bearing(balls=9, ball_mm=7.94, pitch_mm=39.04)
"""Deep-groove ball bearing 6205, as in the CWRU test rig."""


@dataclass(frozen=True)
class Fault:
    """A fault that begins at `start_s` and is fully grown `growth_s` later."""

    kind: str = "none"
    """One of FAULT_KINDS."""
    start_s: float = 0.0
    """When it begins (s)."""
    growth_s: float = 20.0
    """How long it grows, quadratically (s); 0 is at once."""
    severity: float = 1.0
    """1 is obvious to everyone; 0.1 is for the specialist."""

    def level(self, time_s: float) -> float:
        """Severity at a time: 0 before `start_s`."""
        if self.kind == "none" or time_s < self.start_s:
            return 0.0
        grown = 1.0 if self.growth_s <= 0 else min(1.0, (time_s - self.start_s) / self.growth_s)
        return self.severity * grown * grown


@dataclass(frozen=True)
class Mode:
    """One structural resonance."""

    frequency_hz: float
    damping: float
    """Ratio of critical damping."""
    flow: float
    """Share in the answer to flow noise."""
    impact: float
    """Share in the answer to bearing impacts."""


@dataclass(frozen=True)
class Machine:
    """Levels of one machine at nominal speed and load; units are the signal's (g or full scale)."""

    unit: str
    shaft_hz: float
    """Nominal shaft speed (Hz)."""
    vanes: int
    """Vanes of the impeller, or blades of the fan."""
    harmonics: tuple[float, ...]
    """Peak amplitude of 1x, 2x, 3x … shaft speed."""
    vane_pass: tuple[float, ...]
    """Peak amplitude of 1x, 2x vane-pass frequency."""
    mains: float
    """Peak amplitude of the motor's 100 Hz line (twice the mains frequency)."""
    flow: float
    """RMS of broadband flow noise over all frequencies; a sensor sees the part below half its rate."""
    impact: float
    """Peak of one bearing impact at severity 1."""
    noise_density: float
    """Sensor noise (units per square root of Hz)."""
    gravity: float
    """Constant part on the vertical axis."""
    modes: tuple[Mode, ...]
    broadband_hz: float
    """Corner of the broadband part of the flow noise (Hz)."""
    rate_hz: float
    """Sampling rate when the configuration names none (Hz)."""
    range_units: float
    """Range of the sensor when the configuration names none."""


PUMP = Machine(
    unit="g",
    shaft_hz=29.5,
    vanes=6,
    harmonics=(0.030, 0.012, 0.006, 0.004),
    vane_pass=(0.035, 0.012),
    mains=0.006,
    flow=0.075,
    impact=1.5,
    noise_density=90e-6,  # LSM6DS3 data sheet, table "Mechanical characteristics", An: 90 ug/sqrt(Hz)
    gravity=1.0,
    modes=(
        Mode(215, 0.06, 0.5, 0.05),
        Mode(430, 0.05, 0.7, 0.2),
        Mode(880, 0.045, 0.8, 1.0),
        Mode(1320, 0.04, 0.4, 0.7),
    ),
    broadband_hz=700.0,
    rate_hz=3332.0,
    range_units=16.0,
)

FAN = Machine(
    unit="g",
    shaft_hz=24.5,
    vanes=7,
    harmonics=(0.050, 0.010, 0.006),
    vane_pass=(0.015, 0.004),
    mains=0.008,
    flow=0.030,
    impact=0.9,
    noise_density=90e-6,
    gravity=1.0,
    modes=(
        Mode(120, 0.06, 0.7, 0.05),
        Mode(310, 0.05, 0.8, 0.2),
        Mode(760, 0.045, 0.6, 1.0),
        Mode(1180, 0.04, 0.3, 0.6),
    ),
    broadband_hz=400.0,
    rate_hz=3332.0,
    range_units=16.0,
)

SOUND = Machine(
    unit="fs",
    shaft_hz=29.5,
    vanes=6,
    harmonics=(0.008, 0.010, 0.006, 0.004),
    vane_pass=(0.020, 0.010),
    mains=0.012,
    flow=0.030,
    impact=0.35,
    noise_density=1.1e-6,  # about -77 dBFS in 8 kHz: a MEMS microphone of 65 dB signal to noise at 94 dB SPL
    gravity=0.0,
    modes=(
        Mode(380, 0.05, 0.7, 0.05),
        Mode(1150, 0.04, 0.7, 0.3),
        Mode(2450, 0.03, 0.5, 1.0),
        Mode(4300, 0.03, 0.3, 0.8),
    ),
    broadband_hz=1500.0,
    rate_hz=16000.0,
    range_units=1.0,
)

MACHINES = {"pump": PUMP, "fan": FAN, "sound": SOUND}
