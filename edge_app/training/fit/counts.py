"""What is measured and counted for `fit`: a calibration, a simulated window, multiply-adds, sizes of code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge_app.config.resolved import ResolvedPipeline
from edge_app.core.clock import Clock, SystemClock
from edge_app.core.frames import Frame, Window
from edge_app.features.schema import VibrationSettings
from edge_app.features.vibration import Vibration
from edge_app.inference.graph import Graph
from edge_app.sensors.simulated import Simulated
from edge_app.windowing import make_windower

RUNS = 20
MACHINE = {"acceleration": "pump", "sound": "sound", "ecg": "pulse", "pulse": "pulse"}
"""Which simulated machine gives a signal of a quantity."""


def calibrate(clock: Clock) -> float:
    """Time of a fixed piece of the kind of work features are: a short integer spectrum in numpy (s)."""
    counts = np.random.RandomState(7).normal(0, 3000, (1, 3332)).astype(np.int16)
    window = Window(counts, 16 / 32768, "g", 3332.0, 0.0, 1.0)
    extractor = Vibration(VibrationSettings((10.0, 1250.0), 32, 1, 2560.0, 1.0), 3332.0, 16 / 32768)
    return min(times(lambda: extractor.extract(window), 2 * RUNS, clock))


def times(call: Callable[[], object], runs: int, clock: Clock) -> list[float]:
    times = []
    for _ in range(runs + 2):
        begun_s = clock.monotonic_s()
        call()
        times.append(max(1e-9, clock.monotonic_s() - begun_s))
    return times[2:]


def simulated_window(spec: ResolvedPipeline) -> Window:
    """A window of a simulated signal of the slot's quantity, at the lowest rate that suffices."""
    slot = spec.slot
    machine = MACHINE.get(slot.quantity, "pump")
    channels = 2 if machine == "pulse" else slot.axes
    sensor = Simulated(
        machine,
        clock=SystemClock(),
        seed=1,
        rate_hz=slot.min_rate_hz,
        n_axes=channels,
        duration_s=1.2 * spec.window_s + 5.0,
        paced=False,
    )
    windower = make_windower(spec.each, sensor.rate_hz, spec.window_s, spec.hop_s, slot.axes)
    windows: list[Window] = []
    sensor.open()
    while (frame := sensor.read(1.0)) is not None:
        rows = [0 if slot.quantity == "ecg" else 1] if machine == "pulse" else list(range(slot.axes))
        chosen = np.ascontiguousarray(frame.samples[rows])
        windows += windower.push(Frame(chosen, frame.scale, slot.unit, frame.rate_hz, frame.start_s))
    sensor.close()
    return windows[-1]


def macs_of(graph: Graph) -> int:
    """Multiply-adds of one run."""
    total = 0
    for operator in graph.operators:
        output = graph.tensors[operator.outputs[0]]
        if operator.name == "FULLY_CONNECTED":
            weights = graph.tensors[operator.inputs[1]]
            total += output.elements * weights.shape[-1]
        elif operator.name == "CONV_2D":
            weights = graph.tensors[operator.inputs[1]]
            total += output.elements * int(np.prod(weights.shape[1:]))
        elif operator.name == "DEPTHWISE_CONV_2D":
            weights = graph.tensors[operator.inputs[1]]
            total += output.elements * int(np.prod(weights.shape[1:3]))
    return total


def code_bytes(on_board: bool) -> float:
    """Size of our own source: all of it, or what MicroPython takes unchanged (bytes)."""
    package = Path(__file__).resolve().parents[2]
    total = 0
    for path in package.rglob("*.py"):
        if on_board and not path.read_bytes()[:40].startswith(b"# Runs unchanged on MicroPython."):
            continue
        total += path.stat().st_size
    return float(total)
