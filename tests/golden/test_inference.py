"""The numpy engine gives, on every Python and numpy, the bytes tflite-runtime 2.14's reference kernels gave."""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))

from make_inference_golden import GOLDEN, cases, model_hash, seeded_inputs

from edge_app.inference.int8 import Int8Engine

EXPECTED: dict[str, dict[str, str]] = json.loads(GOLDEN.read_text())["cases"]


@pytest.fixture(scope="module")
def models(shared_data: Path) -> dict[str, list[bytes]]:
    return cases(shared_data)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_numpy_engine_gives_the_golden_bytes(models: dict[str, list[bytes]], name: str):
    assert model_hash(models[name]) == EXPECTED[name]["models"], "the test's own models changed: write the file anew"
    digest = hashlib.sha256()
    for data in models[name]:
        engine = Int8Engine.from_bytes(data, name)
        for inputs in seeded_inputs(engine.graph.input.shape):
            digest.update(engine.invoke(inputs).tobytes())
    assert digest.hexdigest() == EXPECTED[name]["outputs"]


def test_all_cases_are_covered(models: dict[str, list[bytes]]):
    assert set(models) == set(EXPECTED)


@pytest.mark.skipif(find_spec("ai_edge_litert") is None, reason="ai-edge-litert is not installed")
@pytest.mark.parametrize("name", ["ad01_int8", "kws_ref_model", "autoencoder"])
def test_how_far_litert_is_from_the_exact_answer_is_printed(models: dict[str, list[bytes]], name: str):
    runtime: Any = pytest.importorskip("ai_edge_litert.interpreter")
    for resolver in ("AUTO", "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "BUILTIN_REF"):
        same, total, worst = 0, 0, 0
        for data in models[name]:
            engine = Int8Engine.from_bytes(data, name)
            theirs = runtime.Interpreter(
                model_content=data, experimental_op_resolver_type=getattr(runtime.OpResolverType, resolver)
            )
            theirs.allocate_tensors()
            for inputs in seeded_inputs(engine.graph.input.shape):
                theirs.set_tensor(theirs.get_input_details()[0]["index"], inputs)
                theirs.invoke()
                answer = theirs.get_tensor(theirs.get_output_details()[0]["index"]).astype(int)
                difference = np.abs(answer - engine.invoke(inputs))
                same += int((difference == 0).sum())
                total += difference.size
                worst = max(worst, int(difference.max()))
        print(f"{name}: ai-edge-litert {resolver} agrees in {same} of {total} bytes, worst {worst} steps")
        assert same > total / 3  # sanity only: the rate is a measurement, not a promise
