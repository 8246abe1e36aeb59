"""int8 of every kind of layer: what the file holds, what each layer loses, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.core.errors import ModelError
from edge_app.inference.graph import read_graph
from edge_app.inference.int8 import Int8Engine
from edge_app.inference.tflite import litert, reference
from edge_app.training.network.exact import WEIGHTS
from edge_app.training.network.layer_errors import layer_errors
from edge_app.training.network.layers import Conv1d, Dense, Depthwise1d, Layers, Mean, Pool1d, Reshape, Softmax, forward
from edge_app.training.network.quantize import (
    PROBABILITIES,
    QuantizedConv,
    QuantizedDense,
    Steps,
    centred,
    logit_steps,
    quantize,
    stratified,
)
from edge_app.training.network.tflite_writer import write_tflite

ENDS = Steps(1 / 16, 0)
LENGTH = 64


def network(seed: int = 0) -> Layers:
    """Every kind of layer once."""
    random = np.random.RandomState(seed)

    def weights(*shape: int, spread: float) -> np.ndarray:  # type: ignore[type-arg]
        return WEIGHTS.round(spread * random.standard_normal(shape))

    return [
        Reshape((LENGTH, 1)),
        Conv1d(weights(8, 7, 1, spread=0.3), weights(8, spread=0.1), True, 2),
        Pool1d(2),
        Depthwise1d(weights(3, 8, spread=0.4), np.zeros(8), True),
        Conv1d(weights(6, 5, 8, spread=0.2), np.zeros(6), False),
        Pool1d(2, average=True),
        Reshape((48,)),
        Dense(weights(10, 48, spread=0.2), np.zeros(10), True),
        Dense(weights(3, 10, spread=0.9), np.zeros(3), False),
        Softmax(),
    ]


def averaged() -> Layers:
    """Ends in a mean over time."""
    layers = list(network())
    return [
        *layers[:6],
        Mean(),
        Dense(WEIGHTS.round(np.random.RandomState(1).standard_normal((3, 6))), np.zeros(3), False),
        Softmax(),
    ]


def inputs(n: int, seed: int = 3) -> np.ndarray:  # type: ignore[type-arg]
    return np.clip(np.rint(16 * np.random.RandomState(seed).standard_normal((n, LENGTH))), -128, 127) / 16


@pytest.mark.parametrize("layers", [network(), averaged()], ids=["flattened", "averaged"])
def test_interpreters_give_what_our_engine_gives_and_that_is_near_the_float_model(layers: Layers) -> None:
    x = inputs(200)
    content = write_tflite(quantize(layers, x, ENDS, PROBABILITIES))
    ours = Int8Engine(read_graph(content, "x"))
    rows = np.rint(16 * x).astype(np.int8)
    given = np.array([ours.invoke(row).ravel() for row in rows])

    exact, other = reference(content, "x"), litert(content, "x")
    assert exact is not None or other is not None
    if exact is not None:
        assert all(np.array_equal(exact.invoke(row).ravel(), mine) for row, mine in zip(rows, given, strict=True))
    if other is not None:
        theirs = np.array([other.invoke(row).ravel() for row in rows]).astype(int)
        assert np.max(np.abs(theirs - given)) <= 6
    floats = forward(layers, x)
    assert np.max(np.abs((given + 128.0) / 256 - floats)) < 0.05


def test_a_convolution_has_a_scale_for_every_channel_and_each_uses_all_of_int8() -> None:
    layers = network()
    model = quantize(layers, inputs(50), ENDS, PROBABILITIES)
    first = model.layers[0]
    assert isinstance(first, QuantizedConv)
    assert np.abs(first.weights).max(axis=(1, 2)).tolist() == [127] * 8
    tensors = {tensor.name: tensor for tensor in read_graph(write_tflite(model), "x").tensors}
    assert tensors["conv_0_w"].shape == (8, 7, 1, 1)
    assert tensors["conv_0_w"].scales == first.scales
    assert tensors["input"].shape == (1, LENGTH, 1, 1)
    assert tensors["output"].scale == 1 / 256


def test_a_channel_of_tiny_weights_and_large_bias_still_fits_32_bits() -> None:
    layers: Layers = [Reshape((8, 1)), Conv1d(np.zeros((1, 3, 1)), np.array([8.0]), False), Mean()]
    model = quantize(layers, np.zeros((4, 8)), ENDS, Steps(1 / 8, 0))
    content = write_tflite(model)
    assert Int8Engine(read_graph(content, "x")).invoke(np.zeros(8, np.int8)).tolist() == [[64]]  # 8.0 in steps of 1/8


def test_the_error_table_says_what_each_layer_lost() -> None:
    layers, x = network(), inputs(200)
    errors = layer_errors(layers, quantize(layers, x, ENDS, PROBABILITIES), inputs(200, seed=9))
    assert [each.name for each in errors] == [
        "1 conv 8",
        "2 pool 8",
        "3 conv 8",
        "4 conv 6",
        "5 pool 6",
        "6 reshape 48",
        "7 dense 10",
        "8 dense 3",
        "9 softmax 3",
    ]
    assert all(20 < each.snr_db < 60 for each in errors)


def test_calibrating_on_quiet_windows_only_shows_as_clipping() -> None:
    layers, x = network(), inputs(200)
    quiet = layer_errors(layers, quantize(layers, x / 8, ENDS, PROBABILITIES), x)
    whole = layer_errors(layers, quantize(layers, x, ENDS, PROBABILITIES), x)
    assert quiet[0].clipped_percent > 10 > whole[0].clipped_percent == 0.0
    assert quiet[0].snr_db < whole[0].snr_db - 10


def test_logits_lose_what_they_share_and_that_changes_no_probability() -> None:
    random = np.random.RandomState(5)
    layer = Dense(WEIGHTS.round(random.standard_normal((3, 6)) + 4.0), np.array([5.0, 6.0, 10.0]), False)
    x = np.rint(16 * random.standard_normal((50, 6))) / 16
    same = centred(layer)
    assert same.bias.tolist() == [-2.0, -1.0, 3.0]  # less their mean of 7
    assert np.abs(same.weights.sum(axis=0)).max() < 1e-12
    before, after = (forward([each, Softmax()], x) for each in (layer, same))
    assert np.abs(before - after).max() < 2e-4  # the weights' grid


def test_a_window_that_leaves_no_doubt_makes_the_steps_of_the_logits_no_coarser() -> None:
    doubtful = np.array([[0.5, -0.5, 0.0], [-3.0, 3.0, 0.0]])
    certain = np.array([[60.0, -30.0, -30.0]])
    assert logit_steps(doubtful).scale == pytest.approx(6 / 255)  # -3 to 3
    # Limited to ±3.5 the last one's other probabilities are e^-7 = 0.0009 each instead of 0: less than half of 1/256.
    assert logit_steps(np.vstack([doubtful, certain])).scale == pytest.approx(7 / 255)
    # Two that are both far above the third are told apart where they are: 20 from 19 is 0.73 to 0.27.
    assert logit_steps(np.array([[20.0, 19.0, -39.0]])).scale == pytest.approx(40 / 255, rel=0.02)


def test_logits_of_many_windows_hardly_ever_tie() -> None:
    random = np.random.RandomState(2)
    first = Dense(WEIGHTS.round(0.3 * random.standard_normal((16, LENGTH))), np.zeros(16), True)
    last = Dense(WEIGHTS.round(2.0 * random.standard_normal((3, 16)) + 1.0), np.zeros(3), False)
    layers, x = [first, last, Softmax()], inputs(2000)
    model = quantize(layers, x, ENDS, PROBABILITIES)
    made = model.layers[1]
    assert isinstance(made, QuantizedDense)
    reached = forward([first, last], x)
    assert made.output.scale < 0.5 * (reached.max() - reached.min()) / 255
    assert all(each.snr_db > 30 for each in layer_errors(layers, model, inputs(500, seed=9)))


def test_calibration_takes_as_much_of_a_rare_class_as_of_any_other() -> None:
    classes = np.array([0] * 900 + [1] * 90 + [2] * 10)
    rows = stratified(classes, ("a", "b", "c"), 150)
    assert np.bincount(classes[rows]).tolist() == [50, 50, 10]
    assert rows[0] == 0
    assert rows[-1] == 999


def test_a_class_missing_from_calibration_is_refused() -> None:
    with pytest.raises(ModelError, match=r"class c is missing from the windows the model is calibrated on"):
        stratified(np.array([0, 1, 0]), ("a", "b", "c"), 100)
