"""What a model costs: bytes of the file, memory for activations, time of a run; each marked measured or counted."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from edge_app.core.clock import Clock, SystemClock
from edge_app.core.results import FeatureVector
from edge_app.core.stages import Model
from edge_app.inference.graph import ITEM_BYTES, Graph, read_graph, read_model_file
from edge_app.training.network.layers import activations, parameters
from edge_app.training.protocols.float_models import FloatModel

RUNS = 200
FLOAT_BYTES = 4
ALIGNMENT = 16
"""Bytes; the interpreters begin every tensor on such a border."""


@dataclass(frozen=True)
class Footprint:
    """Size, memory and time of one step of a model."""

    bytes: int
    """Of the model file, or of its weights as 32-bit floats."""
    bytes_how: str
    """"measured" (a file) or "counted"."""
    ram_bytes: int | None
    """Activations alive at once, at most; counted from the graph. None where there is no graph."""
    latency_us: float
    """Median time of one run here (µs), features not included; measured."""
    runs: int

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "bytes": self.bytes,
            "bytes_how": self.bytes_how,
            "ram_bytes": self.ram_bytes,
            "ram_how": "counted",
            "latency_us": round(self.latency_us, 1),
            "latency_how": f"measured, median of {self.runs}",
        }


def footprint(
    model: Model, model_file: Path | None, vectors: Sequence[FeatureVector], clock: Clock | None = None
) -> Footprint:
    """Of a model on the windows it was judged on; `vectors` holds at least one."""
    latency_us, runs = latency(model, vectors, clock or SystemClock())
    if isinstance(model, FloatModel):
        inputs = np.zeros((1, len(model.manifest.features.names)))
        sizes = [each.size * FLOAT_BYTES for each in activations(model.layers, inputs)]
        peak = max((first + second for first, second in pairwise(sizes)), default=sizes[0])
        return Footprint(parameters(model.layers) * FLOAT_BYTES, "counted", peak, latency_us, runs)
    if model_file is None:
        return Footprint(0, "counted", None, latency_us, runs)
    size = model_file.stat().st_size
    if model_file.suffix != ".tflite":
        return Footprint(size, "measured", None, latency_us, runs)
    graph = read_graph(read_model_file(model_file), str(model_file))
    return Footprint(size, "measured", arena_bytes(graph), latency_us, runs)


def latency(model: Model, vectors: Sequence[FeatureVector], clock: Clock) -> tuple[float, int]:
    """Median time of one run (µs) over many, after some to warm up."""
    chosen = [vectors[index % len(vectors)] for index in range(RUNS + 10)]
    times = []
    for vector in chosen:
        begun_s = clock.monotonic_s()
        model.infer(vector)
        times.append(clock.monotonic_s() - begun_s)
    return float(np.median(times[10:])) * 1e6, RUNS


def arena_bytes(graph: Graph) -> int:
    """Largest sum of activations that live at the same time, each rounded up to 16 bytes.

    An activation lives from the operator that makes it (the input: from the start) to the last that reads it (the
    output: to the end). An interpreter that plans its memory well needs this much for activations, and its own
    bookkeeping beside it.
    """
    last = len(graph.operators)
    born = dict.fromkeys(graph.inputs, 0)
    dies: dict[int, int] = {}
    for index, operator in enumerate(graph.operators):
        born |= dict.fromkeys(operator.outputs, index)
        dies |= {number: index for number in operator.inputs if number in born}
    dies |= dict.fromkeys(graph.outputs, last)
    sums = [
        sum(_aligned(graph, number) for number, begin in born.items() if begin <= index <= dies.get(number, begin))
        for index in range(last)
    ]
    return max(sums, default=0)


def _aligned(graph: Graph, number: int) -> int:
    tensor = graph.tensors[number]
    size = tensor.elements * ITEM_BYTES[tensor.dtype]
    return (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def machine() -> str:
    """What the times were measured on, for the report."""
    return f"{_processor()}, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model", "Hardware"))]
    return names[0] if names and names[0] else (platform.processor() or "unknown processor")
