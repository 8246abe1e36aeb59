"""Pulse waves and ECGs of the simulated person, and the beats behind them."""

from __future__ import annotations

import numpy as np

from edge_app.sensors.sim_machine import Fault
from edge_app.sensors.sim_pulse import PulseGenerator


def simulated(signal="ppg", *, rate_hz=100.0, seconds=30.0, bpm=66.0, seed=1, fault="none", severity=1.0, scale=1e-4):
    """Counts int16 of shape (n,), and the times of the R waves behind them (s)."""
    generator = PulseGenerator(
        rate_hz=rate_hz,
        scale=scale,
        signals=(signal,),
        heart_rate_bpm=bpm,
        fault=Fault(kind=fault, severity=severity),
        seed=seed,
    )
    blocks, beats_s = [], {}
    wanted = round(seconds * rate_hz)
    while sum(len(block) for block in blocks) < wanted:
        blocks.append(generator.next_block()[0])
        beats_s |= {at_s: None for at_s, _, _ in generator._beats}
    counts = np.concatenate(blocks)[:wanted]
    return counts, np.array([at_s for at_s in sorted(beats_s) if 0 <= at_s < seconds])
