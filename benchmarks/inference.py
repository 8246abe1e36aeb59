"""µs per run of every engine installed here on the shared models and on autoencoders of the sizes the apps use.

    python benchmarks/inference.py [--repeat 7]

Best of N, one thread, in turns so that a slow moment hits all engines. `exact` engines give equal bytes; for the
others the share of equal bytes over 200 random inputs is printed. Run under 3.11 (tflite-runtime) and 3.13 (LiteRT).
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "support"))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tflite_builder import ModelBuilder  # noqa: E402

from edge_app.inference import tflite  # noqa: E402
from edge_app.inference.graph import read_graph  # noqa: E402


def autoencoder(*sizes: int) -> bytes:
    """A dense autoencoder with random weights; all layers but the last with ReLU."""
    r, b = np.random.RandomState(0), ModelBuilder()
    x = first = b.tensor([1, sizes[0]], 0.05, 0)
    for number, (inputs, outputs) in enumerate(pairwise(sizes), start=2):
        last = number == len(sizes)
        w = b.constant(np.clip(r.normal(0, 40, (outputs, inputs)), -127, 127).astype(np.int8), 0.01)
        bias = b.constant(r.randint(-500, 500, outputs).astype(np.int32), 0.0005)
        y = b.tensor([1, outputs], 0.05, 0 if last else -128)
        b.operator("FULLY_CONNECTED", [x, w, bias], [y], fused="none" if last else "relu")
        x = y
    return b.build([first], [x])


def models(shared: Path) -> dict[str, bytes]:
    """Models by name, small to large."""
    found = {
        "autoencoder 38-24-8-24-38": autoencoder(38, 24, 8, 24, 38),
        "autoencoder 96-64-32-8-32-64-96": autoencoder(96, 64, 32, 8, 32, 64, 96),
    }
    for name in ("hello_world_int8", "ad01_int8", "kws_ref_model"):
        path = shared / "models" / f"{name}.tflite"
        if path.exists():
            found[name] = path.read_bytes()
    return found


def best_us(action: Callable[[], object], repeat: int) -> float:
    """Best time of one call (µs) over `repeat` rounds of at least 5 ms."""
    action()
    start = time.perf_counter()
    action()
    calls = max(1, int(0.005 / max(1e-7, time.perf_counter() - start)))
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        for _ in range(calls):
            action()
        times.append((time.perf_counter() - start) / calls)
    return min(times) * 1e6


def engines(data: bytes, name: str) -> list[tflite.Engine]:
    """Every engine that can run the model here, ours first."""
    ours: tflite.Engine = tflite.NumpyEngine(read_graph(data, name))
    others = [make(data, name) for make in (tflite.reference, tflite.optimised, tflite.litert)]
    return [ours, *[engine for engine in others if engine is not None]]


def agreement(ours: tflite.Engine, other: tflite.Engine, shape: tuple[int, ...]) -> float:
    """Share of equal output bytes over 200 random inputs."""
    r = np.random.RandomState(0)
    inputs = [r.randint(-128, 128, shape).astype(np.int8) for _ in range(200)]
    return float(np.mean([np.mean(ours.invoke(x) == other.invoke(x)) for x in inputs]))


def report(name: str, data: bytes, repeat: int) -> None:
    """One model's table."""
    graph = read_graph(data, name)
    start = time.perf_counter()
    chosen = tflite.make_engine(data, name)
    load_ms = (time.perf_counter() - start) * 1e3
    print(f"\n{name}: {len(data)} bytes, loaded and probed in {load_ms:.1f} ms, `exact` runs {chosen.facts}")
    inputs = np.random.RandomState(1).randint(-128, 128, graph.input.shape).astype(np.int8)
    found = engines(data, name)
    ours_us = 0.0
    for engine in found:
        us = best_us(lambda engine=engine: engine.invoke(inputs), repeat)  # type: ignore[misc]
        ours_us = ours_us or us
        same = agreement(found[0], engine, graph.input.shape)
        print(f"  {engine.facts!s:42} {us:9.1f} µs   {us / ours_us:6.2f} × numpy   equal bytes {100 * same:6.2f} %")


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description="µs per run of every int8 engine installed")
    parser.add_argument("--repeat", type=int, default=7, help="rounds; the best counts")
    repeat = parser.parse_args().repeat
    print(f"Python {platform.python_version()}, numpy {np.__version__}, {platform.machine()}")
    for name, data in models(Path(os.environ.get("EDGE_APP_DATA", ROOT.parent / "shared"))).items():
        report(name, data, repeat)


if __name__ == "__main__":
    main()
