"""The file we write is the file every interpreter reads."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from edge_app.inference.graph import read_graph
from edge_app.inference.int8 import Int8Engine
from edge_app.inference.tflite import litert, reference
from edge_app.training.network.dense import start_layers
from edge_app.training.network.exact import ACTIVATIONS
from edge_app.training.network.layers import forward
from edge_app.training.network.quantize import QuantizedModel, Steps, activation_steps, quantize
from edge_app.training.network.tflite_writer import write_tflite

ENDS = Steps(0.0625, 0)


def some_model(sizes: tuple[int, ...] = (9, 7, 4, 9), seed: int = 1) -> tuple[list, np.ndarray, QuantizedModel]:  # type: ignore[type-arg]
    random = np.random.RandomState(seed)
    layers = start_layers(sizes, random)
    inputs = ACTIVATIONS.round(random.randint(-100, 100, (300, sizes[0])) / 16.0)
    return layers, inputs, quantize(layers, inputs, ENDS)


def test_our_reader_finds_what_was_written() -> None:
    _, _, model = some_model()
    graph = read_graph(write_tflite(model), "x")
    assert [operator.name for operator in graph.operators] == ["FULLY_CONNECTED"] * 3
    assert (graph.input.shape, graph.input.dtype, graph.input.scale, graph.input.zero_point) == (
        (1, 9),
        "int8",
        0.0625,
        0,
    )
    assert (graph.output.shape, graph.output.scale, graph.output.zero_point) == ((1, 9), 0.0625, 0)


def test_the_same_layers_give_the_same_bytes() -> None:
    assert write_tflite(some_model()[2]) == write_tflite(some_model()[2])
    assert write_tflite(some_model(seed=2)[2]) != write_tflite(some_model()[2])


def test_the_file_begins_as_the_format_says_and_keeps_weights_aligned() -> None:
    _, _, model = some_model()
    content = write_tflite(model)
    assert content[4:8] == b"TFL3"
    for layer in model.layers:
        for data in (layer.weights.tobytes(), layer.bias.astype("<i4").tobytes()):
            place = content.find(struct.pack("<I", len(data)) + data)
            assert place >= 0
            assert (place + 4) % 16 == 0  # schema.fbs: Buffer.data (force_align: 16)


@pytest.mark.parametrize("sizes", [(9, 7, 4, 9), (37, 24, 6, 24, 37), (1, 1), (130, 3, 130)])
def test_every_interpreter_at_hand_takes_it_and_the_reference_agrees_to_the_byte(sizes: tuple[int, ...]) -> None:
    _, inputs, model = some_model(sizes)
    content = write_tflite(model)
    ours = Int8Engine(read_graph(content, "x"))
    steps = np.clip(inputs * 16, -128, 127).astype(np.int8)
    wanted = [np.array(ours.invoke(row)).ravel() for row in steps]
    engine = reference(content, "x")
    if engine is not None:
        assert all(
            np.array_equal(np.array(engine.invoke(row)).ravel(), y) for row, y in zip(steps, wanted, strict=True)
        )
    other = litert(content, "x")
    if other is not None:
        given = [np.array(other.invoke(row)).ravel().astype(int) for row in steps]
        assert all(np.max(np.abs(a - b)) <= 4 for a, b in zip(given, wanted, strict=True))
    assert engine is not None or other is not None


def test_int8_stays_near_the_float_model() -> None:
    layers, inputs, model = some_model((37, 24, 6, 24, 37))
    engine = Int8Engine(read_graph(write_tflite(model), "x"))
    steps = np.clip(inputs * 16, -128, 127).astype(np.int8)
    given = np.array([np.array(engine.invoke(row)).ravel() for row in steps]) * 0.0625
    wanted = np.clip(forward(layers, inputs), -8.0, 7.9375)
    assert np.sqrt(np.mean((given - wanted) ** 2)) < 0.02 * np.sqrt(np.mean(wanted**2))


def test_weights_reach_127_and_biases_have_the_scale_of_their_product() -> None:
    layers, _, model = some_model()
    first = model.layers[0]
    assert np.abs(first.weights).max() == 127
    assert first.weight_scale == np.float32(np.abs(layers[0].weights).max() / 127)
    layers[0].bias[:] = 1.0
    again = quantize(layers, np.zeros((4, 9)), ENDS).layers[0]
    assert again.bias.tolist() == [round(1.0 / (0.0625 * again.weight_scale))] * 7


@pytest.mark.parametrize(
    ("values", "scale", "zero_point"),
    [([0.0, 2.55], 0.01, -128), ([-2.55, 0.0], 0.01, 127), ([1.0, 2.55], 0.01, -128), ([-1.27, 1.28], 0.01, -1)],
)
def test_activation_ranges_reach_from_the_least_to_the_largest_and_hold_zero(
    values: list[float], scale: float, zero_point: int
) -> None:
    steps = activation_steps(np.array(values))
    assert steps.scale == pytest.approx(scale, rel=1e-6)
    assert steps.zero_point == zero_point
