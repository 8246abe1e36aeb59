"""Reading .tflite files: what is in them, and that no damaged or hostile file gets past a ModelError."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from random_models import MAKERS
from tflite_builder import ModelBuilder

from edge_app.core.errors import ModelError
from edge_app.inference.graph import MAX_FILE_BYTES, read_graph, read_model_file
from edge_app.inference.int8 import UNFORESEEN, Int8Engine

SHARED = ("ad01_int8", "kws_ref_model", "hello_world_int8")


def dense(**changes: object) -> bytes:
    """One dense layer 4 → 2, as small as a model gets."""
    b = ModelBuilder()
    x = b.tensor([1, 4], 0.5, 3)
    w = b.constant(np.ones((2, 4), np.int8), 0.25)
    y = b.tensor([1, 2], 1.0, -7)
    b.operator("FULLY_CONNECTED", [x, w], [y], fused="relu")
    for key, value in changes.items():
        b.tensors[{"x": x, "w": w, "y": y}[key]].update(value)  # type: ignore[call-overload]
    return b.build([x], [y])


def refused(data: bytes) -> str:
    """The message of the ModelError that reading and preparing `data` must raise."""
    with pytest.raises(ModelError) as error:
        Int8Engine.from_bytes(data, "model.tflite")
    assert error.value.fix, "every error says how to fix it"
    assert "model.tflite" in error.value.what, "every error says where"
    return str(error.value)


def test_a_model_is_read_as_tensors_operators_and_options():
    graph = read_graph(dense(), "model.tflite")
    assert (graph.input.shape, graph.input.scale, graph.input.zero_point) == ((1, 4), 0.5, 3)
    assert (graph.output.shape, graph.output.scale, graph.output.zero_point) == ((1, 2), 1.0, -7)
    assert [operator.name for operator in graph.operators] == ["FULLY_CONNECTED"]
    assert graph.operators[0].options["fused"] == "relu"
    assert bytes(graph.tensors[1].data or b"") == bytes(8 * [1])


def test_the_shared_models_are_read(shared_data: Path):
    operators = {
        name: len(read_graph(read_model_file(shared_data / "models" / f"{name}.tflite"), name).operators)
        for name in SHARED
    }
    assert operators == {"ad01_int8": 10, "kws_ref_model": 13, "hello_world_int8": 3}


def test_a_missing_file_and_a_folder_are_model_errors(tmp_path: Path):
    for path in (tmp_path / "none.tflite", tmp_path):
        with pytest.raises(ModelError, match="cannot read the model file"):
            read_model_file(path)


def test_a_file_above_the_limit_is_refused_before_it_is_parsed(tmp_path: Path):
    path = tmp_path / "large.tflite"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(ModelError, match="larger than 16777216 bytes"):
        read_model_file(path)


def test_other_files_are_named_as_such():
    assert "identifier" in refused(b"")
    assert "identifier" in refused(b"\x7fELF" * 100)


def test_an_unknown_operator_is_named():
    b = ModelBuilder()
    x, y = b.tensor([1, 4]), b.tensor([1, 4], 1 / 256, -128)
    b.operator("LOGISTIC", [x], [y])
    assert "operator 0 is LOGISTIC, which the engines do not run" in refused(b.build([x], [y]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": {"dtype": "float32", "scales": []}}, "float32"),
        ({"x": {"shape": [1, 5]}}, "do not fit"),
        ({"y": {"shape": [1, 3]}}, "makes shape [1, 2], the file says [1, 3]"),
        ({"x": {"shape": [1, -4]}}, "sizes must be positive"),
        ({"x": {"shape": [1 << 20, 1 << 20]}}, "sizes must be positive"),
        ({"x": {"shape": [1] * 7}}, "more than the 6 allowed"),
        ({"x": {"scales": [float("nan")]}}, "scale"),
        ({"x": {"scales": [float("inf")]}}, "scale"),
        ({"x": {"scales": [0.0]}}, "scale"),
        ({"x": {"scales": [-1.0]}}, "scale"),
        ({"x": {"zero": 128}}, "zero point outside -128..127"),
        ({"w": {"scales": [0.1, 0.2, 0.3]}}, "3 scales along dimension 0 of shape [2, 4]"),
        ({"w": {"data": np.ones(7, np.int8)}}, "7 bytes of data, its shape [2, 4] needs 8"),
        ({"w": {"data": None}}, "reads a tensor that nothing has written"),
        ({"y": {"scales": [1e-12]}}, "too small for its input"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changes: dict[str, dict[str, object]], message: str):
    assert message in refused(dense(**changes))


def test_tensors_without_dimensions_are_refused():
    b = ModelBuilder()
    x, y = b.tensor([], 0.1), b.tensor([], 1 / 256, -128)
    b.operator("SOFTMAX", [x], [y], beta=1.0)
    assert "of shape [] cannot be its input" in refused(b.build([x], [y]))


def test_sums_that_may_pass_32_bits_are_refused():
    b = ModelBuilder()
    x, w = b.tensor([1, 1], 1.0), b.constant(np.ones((1, 1), np.int8), 1.0)
    bias = b.constant(np.array([2**31 - 1], np.int32), 1.0)
    y = b.tensor([1, 1], 1.0)
    b.operator("FULLY_CONNECTED", [x, w, bias], [y])
    assert f"sums may reach {2**31 - 1 + 255}" in refused(b.build([x], [y]))


def test_every_truncation_of_a_model_is_refused():
    data = dense()
    for length in range(len(data)):
        refused(data[:length])


def mutated(r: np.random.RandomState, data: bytes) -> bytes:
    """`data` cut, with some bytes changed, or with one 32-bit word replaced by a telling number."""
    changed = bytearray(data)
    kind = r.randint(4)
    if kind == 0:
        return bytes(changed[: r.randint(len(changed))])
    if kind == 1:
        for _ in range(r.randint(1, 4)):
            changed[r.randint(len(changed))] = r.randint(256)
    elif kind == 2:
        place = r.randint(len(changed) - 4)
        word = int(r.choice([0, 1, 4, 2**16, 2**31 - 1, 2**31, 2**32 - 1, len(data), r.randint(len(data))]))
        changed[place : place + 4] = word.to_bytes(4, "little")
    else:  # the structure stands at the end of our own files, weights at the beginning
        changed[-1 - r.randint(min(3000, len(changed)))] = r.choice([0, 1, 127, 128, 255])
    return bytes(changed)


def outcome(data: bytes) -> str:
    """The ModelError's message; empty when the model ran. Anything else fails the test."""
    try:
        engine = Int8Engine.from_bytes(data, "model.tflite")
        engine.invoke(np.zeros(engine.graph.input.shape, np.int8))
    except ModelError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("seed", range(4))
def test_damaged_models_give_a_model_error_or_an_answer_and_nothing_else(shared_data: Path, seed: int):
    models = [(shared_data / "models" / f"{name}.tflite").read_bytes() for name in SHARED]
    models += [make(np.random.RandomState(number)) for make in MAKERS.values() for number in range(4)]
    random = np.random.RandomState(seed)
    outcomes = [outcome(mutated(random, models[random.randint(len(models))])) for _ in range(1500)]
    assert not [text for text in outcomes if UNFORESEEN in text], "builders refuse such a model themselves"
    assert 500 < sum(text != "" for text in outcomes) < 1500, "both outcomes occur, else the test tests nothing"


def test_a_vector_named_a_thousand_times_does_not_cost_a_thousand_fold():
    b = ModelBuilder()
    x = y = b.tensor([1, 4])
    for _ in range(999):
        b.operator("QUANTIZE", [y], [z := b.tensor([1, 4])])
        y = z
    engine = Int8Engine.from_bytes(b.build([x], [y]), "model.tflite")
    assert np.array_equal(engine.invoke(np.array([[1, 2, 3, 4]], np.int8)), [[1, 2, 3, 4]])
    b.operator("QUANTIZE", [y], [b.tensor([1, 4])])
    assert "1001 items, more than the 1000 allowed" in refused(b.build([x], [y]))
