"""Writes recordings as `edge-app record` leaves them, without recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_app.core.clock import SystemClock
from edge_app.sensors.sidecar import Chunk, LabelSpan, Sidecar, Stretch, sidecar_text, wav_header
from edge_app.sensors.sim_machine import Fault
from edge_app.sensors.simulated import Simulated


def pump_counts(seconds: float, seed: int = 1, fault: str = "", severity: float = 0.6) -> np.ndarray:
    """Counts (1, n) of the simulated pump at 3332 Hz."""
    sensor = Simulated(
        "pump",
        clock=SystemClock(),
        seed=seed,
        fault=Fault(kind=fault, severity=severity) if fault else Fault(),
        duration_s=seconds,
        paced=False,
    )
    sensor.open()
    blocks = []
    while (frame := sensor.read(1.0)) is not None:
        blocks.append(frame.samples)
    sensor.close()
    return np.concatenate(blocks, axis=1)


def write_session(
    folder: Path,
    counts: np.ndarray,
    labels: tuple[tuple[int, str], ...] = ((0, "normal"),),
    *,
    rate_hz: float = 3332.0,
    unit: str = "g",
    device: str = "pump-7",
    stretches: tuple[tuple[int, float], ...] = ((0, 0.0),),
) -> Path:
    """One chunk and its sidecar; `labels` (first sample, label), `stretches` (first sample, its time in s)."""
    from hashlib import sha256

    folder.mkdir(parents=True)
    data = np.ascontiguousarray(counts.T, dtype="<i2").tobytes()
    content = wav_header(len(data), counts.shape[0], rate_hz) + data
    (folder / "0001.wav").write_bytes(content)
    sidecar = Sidecar(
        name=folder.name,
        device=device,
        site="plant-a",
        slot="vibration",
        sensor="simulated pump",
        plugin="simulated",
        unit=unit,
        scale=16 / 32768,
        full_scale=32767,
        rate_hz=rate_hz,
        axes=counts.shape[0],
        started="2026-01-31 12:00:00 UTC",
        started_ms=1769860800000,
        clock="ntp",
        edge_app="0.1.0",
        state="finished",
        labels=tuple(LabelSpan(sample, label) for sample, label in labels),
        stretches=tuple(Stretch(sample, time_s) for sample, time_s in stretches),
        chunks=(Chunk("0001.wav", counts.shape[1], sha256(content).hexdigest()),),
        quality={},
    )
    (folder / "recording.json").write_text(sidecar_text(sidecar))
    return folder
