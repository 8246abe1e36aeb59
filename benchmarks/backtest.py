"""How much faster than real time a backtest runs: one process, one thread, the deployed pipeline of a vibration app.

    python benchmarks/backtest.py [--minutes 20] [--axes 3] [--rate 3332]

A simulated pump whose bearing fails after half of the time; windows of 1 s every 0.5 s, 37 integer features an axis, an
int8 autoencoder in the exact engine trained for these axes (not timed), alarm rules. Best and median of several runs;
the signal lies in memory, so reading files is not measured. A what-if that changes alarm rules only is timed beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

from edge_app.cli.main import main as edge_app
from edge_app.config.apps import load_app
from edge_app.runtime.backtest import redecide, run_recording
from edge_app.sensors.sim_machine import Fault
from edge_app.sensors.simulated import Simulated
from edge_app.testing.clock import FakeClock
from edge_app.training.importers.base import Signal

APP = Path(__file__).resolve().parents[1] / "apps" / "simulated_pump" / "app.yaml"
RECIPE = """pipeline: pump
name: pump_int8
seed: 7
hop_s: 0.5
train:
  - {{simulated: pump, rate_hz: {rate:g}, seed: 101, seconds: 600}}
model: {{hidden: [24, 6, 24], epochs: 10, batch: 128, rate: 0.002}}
"""


def make_app(folder: Path, axes: int, rate_hz: float) -> None:
    """The simulated pump's app for so many axes, trained on ten minutes."""
    (folder / "models").mkdir(parents=True)
    text = APP.read_text().replace("axes: 1", f"axes: {axes}")
    (folder / "app.yaml").write_text(text if axes == 1 else text.replace("feature: rms_g", "feature: axis0_rms_g"))
    (folder / "train.yaml").write_text(RECIPE.format(rate=rate_hz))
    with contextlib.redirect_stdout(io.StringIO()):
        status = edge_app(["train", str(folder), "--data", str(folder), "--json"])
    if status:
        raise SystemExit("training failed")


def simulated(minutes: float, axes: int, rate_hz: float) -> Signal:
    """Half of the time healthy, then with damage on the inner race."""
    blocks = []
    for fault, seed in ((Fault(), 1), (Fault(kind="inner", severity=0.4), 2)):
        sensor = Simulated(
            "pump",
            clock=FakeClock(),
            seed=seed,
            rate_hz=rate_hz,
            n_axes=axes,
            fault=fault,
            duration_s=minutes * 30,
            paced=False,
        )
        sensor.open()
        while (frame := sensor.read(1.0)) is not None:
            blocks.append(frame.samples)
        sensor.close()
    return Signal("simulated", np.concatenate(blocks, axis=1), sensor.scale, sensor.rate_hz, sensor.unit)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--axes", type=int, default=3)
    parser.add_argument("--rate", type=float, default=3332.0)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_app(Path(folder, "app"), options.axes, options.rate)
        app = load_app(Path(folder, "app"))
        signal = simulated(options.minutes, options.axes, options.rate)
        full, again = [], []
        for _ in range(options.runs):
            begun = time.perf_counter()
            tracks = run_recording(app, signal, ["pump"])
            full.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            redecide(app, tracks)
            again.append(time.perf_counter() - begun)
    raised = [told.at_s for told in tracks["pump"].told if told.event == "raised"]
    print(f"Python {platform.python_version()}, numpy {np.__version__}, {platform.machine()}, one thread")
    print(f"{signal.seconds:.0f} s of {options.axes} axes at {options.rate:g} Hz, alarms raised at {raised} s")
    for title, times in (("whole pipeline", full), ("alarm rules only", again)):
        best, middle = min(times), statistics.median(times)
        print(f"{title:17} {signal.seconds / best:8.0f} × real time best, {signal.seconds / middle:.0f} median")


if __name__ == "__main__":
    main()
