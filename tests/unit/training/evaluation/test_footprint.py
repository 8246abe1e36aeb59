"""What a model costs: counted from the graph, measured by a clock that is given."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from trails import SCHEMA, ScoreModel

from edge_app.core.results import FeatureVector
from edge_app.inference.graph import read_graph, read_model_file
from edge_app.training.evaluation.footprint import arena_bytes, latency, machine


class SteppingClock:
    """Goes on by 5 µs at every reading."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic_s(self) -> float:
        self.now_s += 5e-6
        return self.now_s


def test_memory_is_the_largest_sum_of_two_neighbouring_layers(repository):
    file = repository / "apps" / "simulated_pump" / "models" / "pump_int8.tflite"
    graph = read_graph(read_model_file(file), str(file))
    widths = [graph.tensors[graph.inputs[0]].elements]
    widths += [graph.tensors[operator.outputs[0]].elements for operator in graph.operators]

    # Dense layers one after the other: input and output of each live together, in blocks of 16 bytes.
    blocks = [-(-width // 16) * 16 for width in widths]
    assert arena_bytes(graph) == max(one + other for one, other in pairwise(blocks))


def test_the_time_of_a_run_is_the_median_of_many():
    vector = FeatureVector(np.array([5], np.int16), SCHEMA)

    microseconds, runs = latency(ScoreModel(), [vector], SteppingClock())

    assert round(microseconds, 3) == 5.0
    assert runs == 200


def test_the_machine_is_named():
    assert "Python 3." in machine()
