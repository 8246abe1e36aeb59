"""The numpy int8 engine: the exact answer on any machine, and the oracle for all other engines.

Equal byte for byte to tflite-runtime 2.14 with its reference kernels (`OpResolverType.BUILTIN_REF`), whose
arithmetic docs/reference/int8-arithmetic.md writes down. Everything is prepared at load; one instance per thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import ModelError
from edge_app.inference import int8_more_ops as more
from edge_app.inference import int8_ops as ops
from edge_app.inference.graph import Graph, Operator, read_graph
from edge_app.inference.int8_arithmetic import Values

Int8Array = NDArray[np.int8]

UNFORESEEN = "cannot be prepared"

_BUILDERS: Mapping[str, Callable[[ops.Build, Operator], ops.Step | None]] = {
    "ADD": more.add,
    "AVERAGE_POOL_2D": more.average_pool_2d,
    "CONV_2D": ops.conv_2d,
    "DEPTHWISE_CONV_2D": ops.depthwise_conv_2d,
    "FULLY_CONNECTED": ops.fully_connected,
    "MAX_POOL_2D": more.max_pool_2d,
    "MEAN": more.mean,
    "PAD": more.pad,
    "PADV2": more.pad,
    "QUANTIZE": more.quantize,
    "RESHAPE": more.reshape,
    "SOFTMAX": more.softmax,
}


class Int8Engine:
    """Runs a fully int8 model of one input and one output.

    Parameters
    ----------
    graph : Graph
        From `read_graph`. ModelError when it holds what the engine does not run; the message names the operator.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        _check_ends(graph)
        build = ops.Build(graph, _start_values(graph))
        self._steps = [step for operator in graph.operators if (step := _prepared(build, operator)) is not None]
        self._input = build.values[graph.inputs[0]]
        self._output = build.values[graph.outputs[0]]

    @classmethod
    def from_bytes(cls, data: bytes, where: str = "model") -> Int8Engine:
        """An engine for the bytes of a .tflite file."""
        return cls(read_graph(data, where))

    def invoke(self, inputs: Int8Array) -> Int8Array:
        """int8 outputs of int8 inputs; shapes are the model's (inputs of as many elements are reshaped)."""
        np.copyto(self._input, inputs.reshape(self._input.shape))
        for step in self._steps:
            step()
        return self._output.astype(np.int8)


def _prepared(build: ops.Build, operator: Operator) -> ops.Step | None:
    """An operator's step. Builders refuse what they do not run; the net below is for what nobody thought of."""
    try:
        return _BUILDERS[operator.name](build, operator)
    except (ArithmeticError, LookupError, MemoryError, TypeError, ValueError) as error:
        raise build.fail(operator, f"{UNFORESEEN} ({type(error).__name__}: {error})") from error


def _check_ends(graph: Graph) -> None:
    """One input and one output, both int8 with one scale."""
    for tensors, what in ((graph.inputs, "input"), (graph.outputs, "output")):
        if len(tensors) != 1:
            raise ModelError(
                f"{graph.where}: {len(tensors)} {what}s; models with one are run",
                "Convert it with one input and one output.",
            )
        tensor = graph.tensors[tensors[0]]
        if tensor.dtype != "int8" or len(tensor.scales) != 1:
            raise ModelError(
                f"{graph.where}: the {what} {tensor} is {tensor.dtype} with {len(tensor.scales)} scales, "
                "expected int8 with one",
                "Convert the model fully int8: inference_input_type = inference_output_type = tf.int8.",
            )


def _start_values(graph: Graph) -> dict[int, Values]:
    """Arrays of the graph's input and of the int8 constants (a constant may be an operand of ADD)."""
    values = {graph.inputs[0]: np.zeros(graph.input.shape, np.float32)}
    for tensor in graph.tensors:
        if tensor.dtype == "int8" and tensor.data is not None and len(tensor.scales) == 1:
            values[tensor.index] = np.frombuffer(tensor.data, np.int8).reshape(tensor.shape).astype(np.float32)
    return values
