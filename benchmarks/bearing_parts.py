"""Which part of a bearing is named at the rate of a MEMS accelerometer: CWRU recordings as such a chip would give them.

    python benchmarks/bearing_parts.py --data ../shared/data/cwru [--sizes 007 021] [--shaft-error 0.03]

For each recording and each way of slowing it down, how many windows end with which part named: the features
`bearing_lines` and the model `bearing_type` with their defaults, averaged over five windows as a `diagnose:` block
does. The ways: at 3332 Hz behind an anti-aliasing filter (as an LSM6DSO has), at 3332 Hz without one, so that what the
bearing rings at above 1666 Hz folds back (LSM6DS3), and at 4000 Hz behind a filter.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_app.core.frames import Window
from edge_app.core.plugin import FeatureContext, ModelContext
from edge_app.dsp.decimate import scaled_taps
from edge_app.features.plugins import BEARING_LINES
from edge_app.inference.plugins import BEARING_TYPE
from edge_app.runtime.diagnosis import UNCLEAR, Diagnoser
from edge_app.training.importers.base import Recording
from edge_app.training.importers.find import recordings_in

BEARING = {"balls": 9, "ball_mm": 7.94, "pitch_mm": 39.04, "angle_deg": 0.0}
"""SKF 6205-2RS of the rig's drive end."""
SCALE_G = 16 / 32768
WAYS = {"3332 Hz filtered": (3332.0, True), "3332 Hz folded": (3332.0, False), "4000 Hz filtered": (4000.0, True)}
FINER = 16
"""Samples put between two of the recording before the chip's are read off by straight lines."""

Floats = NDArray[np.float64]


def slowed(signal: Floats, rate_hz: float, new_rate_hz: float, *, filtered: bool) -> NDArray[np.int16]:
    """Counts of a chip at a lower rate: filtered or not, then read off at its own instants."""
    if filtered:
        signal = np.convolve(signal, _taps(0.45 * new_rate_hz / rate_hz, 0.5 * new_rate_hz / rate_hz), "same")
    between = np.zeros(len(signal) * FINER)
    between[::FINER] = signal * FINER
    between = np.convolve(between, _taps(0.45 / FINER, 0.55 / FINER), "same")
    instants = np.arange(int(len(signal) * new_rate_hz / rate_hz)) * (rate_hz / new_rate_hz * FINER)
    read = np.interp(instants, np.arange(len(between)), between)
    counts: NDArray[np.int16] = np.clip(np.rint(read / SCALE_G), -32768, 32767).astype(np.int16)
    return counts


def _taps(passband: float, stopband: float) -> Floats:
    half = scaled_taps(passband, stopband, 0)
    return np.array([*reversed(half[1:]), *half])


def named(counts: NDArray[np.int16], rate_hz: float, shaft_hz: float) -> list[str]:
    """The part named after each window of a second, every half second; "" for none."""
    context = FeatureContext(rate_hz, SCALE_G, "g", 1, 1.0, 3200.0, {"shaft_hz": shaft_hz, "bearing": BEARING})
    lines = BEARING_LINES.create(BEARING_LINES.config(), context)
    model = BEARING_TYPE.create(BEARING_TYPE.config(), ModelContext(Path(), lines.schema))
    diagnoser = Diagnoser(model, lines, 5000, 5, frozenset(model.labels) - {UNCLEAR})
    length = int(rate_hz + 0.5)
    first = Window(counts[None, :length], SCALE_G, "g", rate_hz, 0.0, 1.0)
    found = []
    for index in range((len(counts) - length) // (length // 2) + 1):
        start = index * (length // 2)
        window = replace(first, samples=counts[None, start : start + length], index=index)
        found.append(diagnoser.look(window, lines.extract(window)).label)
    return found


def look(recording: Recording, shaft_error: float) -> None:
    """Prints a line for each way."""
    signal = recording.load()
    for way, (rate_hz, filtered) in WAYS.items():
        drive_end = signal.counts[0] * float(signal.scale)
        counts = slowed(drive_end, signal.rate_hz, rate_hz, filtered=filtered)
        shaft_hz = float(recording.facts["rpm"]) / 60.0 * (1.0 + shaft_error)
        parts = Counter(named(counts, rate_hz, shaft_hz))
        told = ", ".join(f"{part or 'none'} {count}" for part, count in sorted(parts.items()))
        print(f"{recording.id:40s} {recording.label:8s} {way:18s} {told}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sizes", nargs="+", default=["007", "021", "normal"])
    parser.add_argument("--shaft-error", type=float, default=0.0)
    options = parser.parse_args()
    for recording in recordings_in(options.data, "cwru"):
        if any(size in recording.id for size in options.sizes):
            look(recording, options.shaft_error)


if __name__ == "__main__":
    main()
