"""Integer front end beside a float one: time per window, ratio, and (--loss) the error on real recordings.

    python benchmarks/frontend.py [--repeat 300] [--loss] [--data ../shared]

Best and median of single windows on one thread, integer and float taken in turn, so that both see the same machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import numpy as np
from float_frontend import FloatFrontend
from float_sound import FloatLogMel

from edge_app.core.frames import Window
from edge_app.features.audio import AudioSettings, LogMelFeatures
from edge_app.features.bearing_lines import Band, BearingLines, BearingLinesSettings
from edge_app.features.schema import VibrationSettings
from edge_app.features.vibration import Vibration

SCALE_G = 16 / 32768
CASES = ((3332.0, 1), (3332.0, 3), (12000.0, 1), (25600.0, 1), (48000.0, 1))


def window_of(rate_hz: float, n_axes: int, seed: int = 7) -> Window:
    """One second of a turning machine: shaft, harmonics, impacts, noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(rate_hz + 0.5)) / rate_hz
    g = 0.1 * np.sin(2 * np.pi * 29.5 * t) + 0.02 * rng.standard_normal((n_axes, len(t)))
    g[:, :: int(rate_hz / 105)] += 0.5
    counts = np.clip(np.round(g / SCALE_G), -32768, 32767).astype(np.int16)
    return Window(counts, SCALE_G, "g", rate_hz, 0.0, 1.0)


def times_us(calls: dict[str, Callable[[], object]], repeat: int) -> dict[str, tuple[float, float]]:
    """Best and median of each call (us), the calls taken in turn."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeat):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            taken[name].append((time.perf_counter() - start) * 1e6)
    return {name: (min(all_of), sorted(all_of)[len(all_of) // 2]) for name, all_of in taken.items()}


def speed(repeat: int) -> None:
    """Prints a line per rate and axis count."""
    print(f"numpy {np.__version__}; us per 1-s window, best (median); 37 features per axis")
    print("   rate_hz axes   integer          float            ratio best (median)   bearing lines")
    line_hz = {"bpfo": 105.8, "bpfi": 159.7, "bsf": 139.0, "ftf": 11.75}
    lines = BearingLinesSettings((Band(2560.0, (500.0, 1250.0)),), 1.0)
    for rate_hz, n_axes in CASES:
        window = window_of(rate_hz, n_axes)
        settings = VibrationSettings((10.0, 1250.0), 32, n_axes, 2560.0, 1.0)
        integer = Vibration(settings, rate_hz, SCALE_G)
        lined = BearingLines(lines, rate_hz, line_hz)
        real = FloatFrontend(rate_hz, SCALE_G, n_axes, window.samples.shape[1])
        calls: dict[str, Callable[[], object]] = {
            "integer": lambda e=integer, w=window: e.extract(w),  # type: ignore[misc]
            "float": lambda f=real, w=window: f.features(w.samples),  # type: ignore[misc]
            "lines": lambda e=lined, w=window: e.extract(w),  # type: ignore[misc]
        }
        got = times_us(calls, repeat)
        (best_i, mid_i), (best_f, mid_f) = got["integer"], got["float"]
        print(
            f"  {rate_hz:8.0f} {n_axes:4d}   {best_i:5.0f} ({mid_i:5.0f})    {best_f:5.0f} ({mid_f:5.0f})    "
            f"{best_i / best_f:4.2f} ({mid_i / mid_f:4.2f})           {got['lines'][0]:5.0f} ({got['lines'][1]:5.0f})"
        )


def sound_speed(repeat: int) -> None:
    """Prints the log-mel of a 2-s window of noise at 16 kHz: integer beside double precision."""
    counts = np.random.default_rng(7).normal(0, 3000, (1, 32000)).astype(np.int16)
    window = Window(counts, 1 / 32768, "fs", 16000.0, 0.0, 2.0)
    integer = LogMelFeatures(AudioSettings((100.0, 7500.0), 12, 64.0, 32.0, 40.0, 16000.0, 2.0), 16000.0, 1 / 32768)
    real = FloatLogMel(16000.0, 1 / 32768)
    got = times_us({"integer": lambda: integer.extract(window), "float": lambda: real.features(counts)}, repeat)
    (best_i, mid_i), (best_f, mid_f) = got["integer"], got["float"]
    print("log-mel of a 2-s window at 16 kHz, 61 frames, 12 bands")
    print(
        f"  16000    1   {best_i:5.0f} ({mid_i:5.0f})    {best_f:5.0f} ({mid_f:5.0f})    "
        f"{best_i / best_f:4.2f} ({mid_i / mid_f:4.2f})"
    )


def loss(folder: Path) -> None:
    """Prints the error in dB per range over all CWRU recordings."""
    from frontend_loss import errors_db, recordings

    files = recordings(folder)
    for range_g in (2, 16):
        errors = np.concatenate([errors_db(one, range_g)[0] for one in files])
        parts = np.percentile(np.abs(errors), (50, 95, 99, 100))
        print("±%2d g: |error| of band levels 50 %% %.4f dB, 95 %% %.4f, 99 %% %.4f, worst %.4f" % (range_g, *parts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=300)
    parser.add_argument("--loss", action="store_true")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("EDGE_APP_DATA", "../shared")))
    options = parser.parse_args()
    speed(options.repeat)
    sound_speed(options.repeat)
    if options.loss:
        loss(options.data)


if __name__ == "__main__":
    main()
