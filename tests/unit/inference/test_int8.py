"""The numpy int8 engine against the reference: tflite-runtime 2.14 with BUILTIN_REF, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_models import MAKERS
from tflite_builder import ModelBuilder

from edge_app.core.errors import ModelError
from edge_app.inference.int8 import Int8Engine

INPUTS_PER_LAYER = 4
LAYERS = 300
"""Random layers per kind of operator."""


class Reference:
    """tflite-runtime 2.14 with reference kernels."""

    def __init__(self, data: bytes) -> None:
        runtime: Any = pytest.importorskip("tflite_runtime.interpreter", reason="tflite-runtime has wheels up to 3.11")
        self.interpreter = runtime.Interpreter(
            model_content=data, experimental_op_resolver_type=runtime.OpResolverType.BUILTIN_REF
        )
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]
        self.output = self.interpreter.get_output_details()[0]

    def invoke(self, inputs: np.ndarray) -> np.ndarray:
        self.interpreter.set_tensor(self.input["index"], inputs)
        self.interpreter.invoke()
        return np.asarray(self.interpreter.get_tensor(self.output["index"]))


def random_input(r: np.random.RandomState, engine: Int8Engine) -> np.ndarray:
    return r.randint(-128, 128, engine.graph.input.shape).astype(np.int8)


@pytest.mark.parametrize("name", ["ad01_int8", "kws_ref_model", "hello_world_int8"])
def test_200_random_inputs_of_a_shared_model_give_the_bytes_of_the_reference(shared_data: Path, name: str):
    data = (shared_data / "models" / f"{name}.tflite").read_bytes()
    engine, reference, r = Int8Engine.from_bytes(data, name), Reference(data), np.random.RandomState(14)
    wrong = 0
    for _ in range(200):
        inputs = random_input(r, engine)
        wrong += int((engine.invoke(inputs) != reference.invoke(inputs)).sum())
    assert wrong == 0


@pytest.mark.parametrize("kind", MAKERS)
def test_random_layers_give_the_bytes_of_the_reference(kind: str):
    different, inner = [], 0
    for seed in range(LAYERS):
        r = np.random.RandomState(seed)
        data = MAKERS[kind](r)
        engine, reference = Int8Engine.from_bytes(data, kind), Reference(data)
        for _ in range(INPUTS_PER_LAYER):
            inputs = random_input(r, engine)
            ours, theirs = engine.invoke(inputs), reference.invoke(inputs)
            inner += int((np.abs(theirs.astype(int)) < 127).sum())
            if ours.shape != theirs.shape or not np.array_equal(ours, theirs):
                different.append(seed)
    assert different == []
    assert inner > 2000, "most outputs must lie inside the range, else equality means little"


@pytest.mark.parametrize("kind", ["fully_connected", "convolution", "depthwise", "autoencoder"])
def test_the_quick_form_and_the_definition_give_the_same_bytes(kind: str, monkeypatch: pytest.MonkeyPatch):
    from edge_app.inference import int8_arithmetic

    for seed in range(60):
        r = np.random.RandomState(seed)
        data = MAKERS[kind](r)
        quick = Int8Engine.from_bytes(data, kind)
        with monkeypatch.context() as patch:
            patch.setattr(int8_arithmetic.Requantizer, "_proved", lambda self: False)
            slow = Int8Engine.from_bytes(data, kind)
        inputs = random_input(r, quick)
        assert np.array_equal(quick.invoke(inputs), slow.invoke(inputs))


def test_a_dense_layer_by_hand():
    # Given y = x·Wᵀ + b with scales 0.5 (x), 0.25 (W), 1.0 (y), zero points 3 and -7.
    b = ModelBuilder()
    x = b.tensor([1, 3], 0.5, 3)
    w = b.constant(np.array([[1, 2, 3], [-4, 5, -6]], np.int8), 0.25)
    bias = b.constant(np.array([8, -16], np.int32), 0.125)
    y = b.tensor([1, 2], 1.0, -7)
    b.operator("FULLY_CONNECTED", [x, w, bias], [y])
    engine = Int8Engine.from_bytes(b.build([x], [y]))
    # When x is (13, 23, 33): above its zero point (10, 20, 30).
    out = engine.invoke(np.array([[13, 23, 33]], np.int8))
    # Then the sums are 10+40+90+8 = 148 and -40+100-180-16 = -136, times 0.5·0.25/1 = 1/8: 18.5 → 19 and -17 → -17.
    assert out.tolist() == [[19 - 7, -17 - 7]]


def test_sums_above_2_to_the_24_stay_exact():
    # 2000 inputs of -128 times weights of -127 sum to 32,512,000 > 2^24, where float32 would round.
    b = ModelBuilder()
    x = b.tensor([1, 2000], 1.0)
    w = b.constant(np.full((1, 2000), -127, np.int8), 1.0)
    bias = b.constant(np.array([-32_512_000 + 33], np.int32), 1.0)
    y = b.tensor([1, 1], 1.0)
    b.operator("FULLY_CONNECTED", [x, w, bias], [y])
    engine = Int8Engine.from_bytes(b.build([x], [y]))
    assert engine.invoke(np.full((1, 2000), -128, np.int8)).tolist() == [[33]]


def test_the_same_engine_gives_the_same_answer_again():
    engine = Int8Engine.from_bytes(MAKERS["convolution"](np.random.RandomState(5)))
    r = np.random.RandomState(0)
    first, second = random_input(r, engine), random_input(r, engine)
    answer = engine.invoke(first)
    kept = answer.copy()
    engine.invoke(second)
    assert np.array_equal(answer, kept), "an answer is the caller's own"
    assert np.array_equal(engine.invoke(first), kept)


def test_a_model_with_two_inputs_is_refused():
    b = ModelBuilder()
    x, other, y = b.tensor([1, 4]), b.tensor([1, 4]), b.tensor([1, 4])
    b.operator("ADD", [x, other], [y])
    with pytest.raises(ModelError, match="2 inputs"):
        Int8Engine.from_bytes(b.build([x, other], [y]))


def test_a_dead_channel_with_a_tiny_weight_scale_is_run():
    # Converters write scales like 1e-33 for channels whose weights are all but zero; the output is the zero point.
    b = ModelBuilder()
    x = b.tensor([1, 1, 1, 2], 0.5, 0)
    w = b.constant(np.full((2, 1, 1, 2), 100, np.int8), [1e-33, 0.01])
    y = b.tensor([1, 1, 1, 2], 0.5, 4)
    b.operator("CONV_2D", [x, w], [y], padding="valid", stride_h=1, stride_w=1)
    engine = Int8Engine.from_bytes(b.build([x], [y]))
    assert engine.invoke(np.array([[[[10, 20]]]], np.int8)).reshape(-1).tolist() == [4, 34]  # 30·100·0.01 + 4
