"""Which engine is chosen, and that the choice never changes the bytes of `engine: exact`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from random_models import MAKERS

from edge_app.core.errors import ModelError
from edge_app.inference import tflite
from edge_app.inference.graph import read_graph
from edge_app.inference.int8 import Int8Engine

HAS_TFLITE_RUNTIME = find_spec("tflite_runtime") is not None
HAS_LITERT = find_spec("ai_edge_litert") is not None


def small() -> bytes:
    return MAKERS["autoencoder"](np.random.RandomState(1))


@pytest.mark.skipif(not HAS_TFLITE_RUNTIME, reason="tflite-runtime has wheels up to Python 3.11")
def test_a_small_dense_model_runs_in_the_reference_interpreter_with_our_bytes():
    data = small()
    engine = tflite.make_engine(data, "small.tflite")
    assert str(engine.facts) == "tflite-runtime 2.14.0 (BUILTIN_REF)"
    assert engine.facts.exact
    ours, r = Int8Engine.from_bytes(data), np.random.RandomState(2)
    for _ in range(50):
        inputs = r.randint(-128, 128, ours.graph.input.shape).astype(np.int8)
        assert np.array_equal(engine.invoke(inputs), ours.invoke(inputs))


def test_a_large_model_runs_in_our_engine(shared_data: Path):
    data = (shared_data / "models" / "kws_ref_model.tflite").read_bytes()
    engine = tflite.make_engine(data, "kws.tflite")
    assert (engine.facts.name, engine.facts.exact) == ("numpy", True)


def test_without_an_interpreter_our_engine_serves_both_modes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tflite, "_module", lambda package, distribution: None)
    for mode in ("exact", "fast"):
        assert tflite.make_engine(small(), "small.tflite", mode).facts.name == "numpy"


@pytest.mark.skipif(not HAS_TFLITE_RUNTIME, reason="tflite-runtime has wheels up to Python 3.11")
def test_another_version_of_the_interpreter_is_not_taken_for_exact(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tflite, "EXACT_RUNTIME_VERSION", "2.13.0")
    assert tflite.make_engine(small(), "small.tflite").facts.name == "numpy"


@pytest.mark.skipif(not HAS_TFLITE_RUNTIME, reason="tflite-runtime has wheels up to Python 3.11")
def test_an_interpreter_whose_bytes_differ_is_not_taken_for_exact(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tflite.InterpreterEngine, "invoke", lambda self, inputs: inputs + 1)
    assert tflite.make_engine(small(), "small.tflite").facts.name == "numpy"


@pytest.mark.skipif(not (HAS_TFLITE_RUNTIME or HAS_LITERT), reason="no interpreter installed")
def test_fast_says_which_kernels_run_and_that_they_are_not_exact():
    engine = tflite.make_engine(small(), "small.tflite", "fast")
    assert engine.facts.name in ("tflite-runtime", "ai-edge-litert")
    assert not engine.facts.exact
    assert engine.invoke(np.zeros(read_graph(small(), "").input.shape, np.int8)).dtype == np.int8


@pytest.mark.skipif(not (HAS_TFLITE_RUNTIME or HAS_LITERT), reason="no interpreter installed")
@pytest.mark.parametrize("name", ["ad01_int8", "kws_ref_model"])
def test_fast_kernels_agree_roughly_with_the_exact_answer(shared_data: Path, name: str):
    data = (shared_data / "models" / f"{name}.tflite").read_bytes()
    fast, exact = tflite.make_engine(data, name, "fast"), Int8Engine.from_bytes(data, name)
    r, same, total, worst = np.random.RandomState(0), 0, 0, 0
    for _ in range(50):
        inputs = r.randint(-128, 128, exact.graph.input.shape).astype(np.int8)
        difference = np.abs(fast.invoke(inputs).astype(int) - exact.invoke(inputs))
        same, total, worst = same + int((difference == 0).sum()), total + difference.size, max(worst, difference.max())
    print(f"{name}: {fast.facts} agrees with exact in {same} of {total} bytes, worst difference {worst} steps")
    assert same / total > 0.5  # sanity only: the rate is a measurement, not a promise


def test_errors_of_the_interpreters_become_model_errors():
    for error in (ValueError("bad"), RuntimeError("worse")):

        def action(error: Exception = error) -> None:
            raise error

        with pytest.raises(ModelError, match=r"m\.tflite: the interpreter refuses the model: (bad|worse)"):
            tflite._mapped("m.tflite", action)


def test_the_installed_interpreters_are_told_with_version_and_trouble(monkeypatch: pytest.MonkeyPatch):
    found = tflite.interpreters()
    assert set(found) <= {"tflite-runtime", "ai-edge-litert"}
    assert ("tflite-runtime" in found) == HAS_TFLITE_RUNTIME
    assert all(trouble == "" for _, trouble in found.values())

    def broken(name: str) -> None:
        raise ImportError("numpy.core.multiarray failed to import")

    monkeypatch.setattr(tflite, "import_module", broken)
    assert all("numpy.core.multiarray" in trouble for _, trouble in tflite.interpreters().values())
