"""Which engine runs an int8 model; the only file that imports an interpreter.

engine "exact": reference arithmetic with double rounding. Our numpy engine, or tflite-runtime 2.14 with its reference
kernels where that is quicker (small dense models); both give the same bytes, and a probe compares them at load.
LiteRT's reference kernels round dense layers once and are therefore never used for it.

engine "fast": optimised kernels, which round differently: ai-edge-litert (XNNPACK), else tflite-runtime.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Any, Protocol

import numpy as np

from edge_app.core.errors import ModelError
from edge_app.inference.graph import Graph, read_graph
from edge_app.inference.int8 import Int8Array, Int8Engine

EXACT_RUNTIME_VERSION = "2.14.0"

PACKAGES = (("tflite_runtime", "tflite-runtime"), ("ai_edge_litert", "ai-edge-litert"))
"""(package, distribution) of the interpreters known here."""

PROBES = 4
"""Pseudo-random inputs on which the exact engines are compared at load."""


@dataclass(frozen=True)
class EngineFacts:
    """Which engine runs, for logs, `edge-app doctor` and manifests."""

    name: str
    """numpy, tflite-runtime or ai-edge-litert."""
    version: str
    resolver: str
    """Which kernels: "double rounding", "BUILTIN_REF", "default" …"""
    exact: bool
    """Whether its bytes are those of the reference arithmetic."""

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.resolver})"


class Engine(Protocol):
    """Runs an int8 model of one input and one output."""

    facts: EngineFacts

    def invoke(self, inputs: Int8Array) -> Int8Array:
        """int8 outputs of int8 inputs of the model's input shape."""


class NumpyEngine(Int8Engine):
    """Our engine, with its facts."""

    facts = EngineFacts("numpy", np.__version__, "double rounding", exact=True)


class InterpreterEngine:
    """An interpreter from a wheel, one thread."""

    def __init__(self, interpreter: Any, facts: EngineFacts, where: str) -> None:
        self.facts = facts
        self._where = where
        self._interpreter = interpreter
        _mapped(where, interpreter.allocate_tensors)
        self._input = interpreter.get_input_details()[0]["index"]
        self._output = interpreter.get_output_details()[0]["index"]
        self._shape = tuple(interpreter.get_input_details()[0]["shape"])

    def invoke(self, inputs: Int8Array) -> Int8Array:
        """int8 outputs of int8 inputs."""
        try:
            self._interpreter.set_tensor(self._input, inputs.reshape(self._shape))
            self._interpreter.invoke()
            outputs: Int8Array = self._interpreter.get_tensor(self._output)
        except (ValueError, RuntimeError) as error:
            raise _refused(self._where, error) from error
        return outputs


def make_engine(data: bytes, where: str, mode: str = "exact", graph: Graph | None = None) -> Engine:
    """The engine for a model file.

    Parameters
    ----------
    data : bytes
        The .tflite file; it is read and checked by our own reader before any interpreter sees it.
    where : str
        File name for messages.
    mode : "exact" or "fast"
    graph : Graph
        What `read_graph` made of the same bytes, when the caller has it already.
    """
    ours = NumpyEngine(graph or read_graph(data, where))
    if mode == "fast":
        return litert(data, where) or optimised(data, where) or ours
    if not reference_is_quicker(ours.graph):
        return ours
    try:
        theirs = reference(data, where)
    except ModelError:  # an operator version newer than that interpreter; ours runs it
        return ours
    return theirs if theirs is not None and _same_bytes(ours, theirs) else ours


def reference(data: bytes, where: str) -> Engine | None:
    """tflite-runtime 2.14 with reference kernels; None where that very version is not installed."""
    module = _module("tflite_runtime", "tflite-runtime")
    if module is None or module[1] != EXACT_RUNTIME_VERSION:
        return None
    facts = EngineFacts("tflite-runtime", module[1], "BUILTIN_REF", exact=True)
    return _interpreter(module[0], data, where, facts, module[0].OpResolverType.BUILTIN_REF)


def optimised(data: bytes, where: str) -> Engine | None:
    """tflite-runtime with its optimised kernels; None where it is not installed."""
    module = _module("tflite_runtime", "tflite-runtime")
    if module is None:
        return None
    facts = EngineFacts("tflite-runtime", module[1], "default", exact=False)
    return _interpreter(module[0], data, where, facts, module[0].OpResolverType.AUTO)


def litert(data: bytes, where: str) -> Engine | None:
    """ai-edge-litert with XNNPACK; None where it is not installed."""
    module = _module("ai_edge_litert", "ai-edge-litert")
    if module is None:
        return None
    facts = EngineFacts("ai-edge-litert", module[1], "default (XNNPACK)", exact=False)
    return _interpreter(module[0], data, where, facts, module[0].OpResolverType.AUTO)


def reference_is_quicker(graph: Graph) -> bool:
    """Whether tflite-runtime's reference kernels should beat our numpy engine on this model.

    Our engine costs a fixed time per operator and little per multiplication; the plain loops of the reference the
    other way round. Constants from benchmarks/inference.py (ratios hold roughly on any machine); since both give the
    same bytes a wrong guess costs time only.
    """
    multiplications = sum(_multiplications(graph, operator.index) for operator in graph.operators)
    return multiplications < 12_000 * len(graph.operators)


def _multiplications(graph: Graph, index: int) -> int:
    """Multiply-accumulates of an operator; convolutions count double (their loops are slower)."""
    operator = graph.operators[index]
    outputs = graph.tensors[operator.outputs[0]].elements
    if operator.name == "FULLY_CONNECTED":
        return outputs * graph.tensors[operator.inputs[1]].shape[-1]
    if operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        weights = graph.tensors[operator.inputs[1]].shape
        return 2 * outputs * math.prod(weights[1:] if operator.name == "CONV_2D" else weights[1:3])
    return outputs


def interpreters() -> dict[str, tuple[str, str]]:
    """Interpreter packages installed here: name → (version, why it cannot be loaded, empty when it can)."""
    found = {}
    for package, distribution in PACKAGES:
        try:
            version = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
        trouble = ""
        try:
            import_module(f"{package}.interpreter")
        except (ImportError, AttributeError) as error:  # AttributeError: built against another numpy
            trouble = f"{type(error).__name__}: {error}".splitlines()[0]
        found[distribution] = (version, trouble)
    return found


def _module(package: str, distribution: str) -> tuple[Any, str] | None:
    """(interpreter module, version); None when the package is not installed or cannot be loaded here."""
    try:
        return import_module(f"{package}.interpreter"), metadata.version(distribution)
    except (ImportError, AttributeError, metadata.PackageNotFoundError):
        return None


def _interpreter(module: Any, data: bytes, where: str, facts: EngineFacts, resolver: Any) -> InterpreterEngine:
    def make() -> Any:
        return module.Interpreter(model_content=data, num_threads=1, experimental_op_resolver_type=resolver)

    return InterpreterEngine(_mapped(where, make), facts, where)


def _mapped(where: str, action: Callable[[], Any]) -> Any:
    """Run `action`; the interpreters' errors become ModelErrors."""
    try:
        return action()
    except (ValueError, RuntimeError) as error:
        raise _refused(where, error) from error


def _refused(where: str, error: Exception) -> ModelError:
    return ModelError(
        f"{where}: the interpreter refuses the model: {error}", "Set `engine: exact`, or convert the model again."
    )


def _same_bytes(ours: NumpyEngine, theirs: Engine) -> bool:
    """Whether both engines agree on a few pseudo-random inputs; no claim of exactness rests on a version alone."""
    random = np.random.RandomState(0)
    shape = ours.graph.input.shape
    probes = [random.randint(-128, 128, shape).astype(np.int8) for _ in range(PROBES)]
    return all(np.array_equal(ours.invoke(probe), theirs.invoke(probe)) for probe in probes)
