"""The autoencoder's arithmetic, derived by hand on a model that gives back its input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_files import SCHEMA, identity_model, manifest_for, vector

from edge_app.core.errors import ModelError
from edge_app.core.results import FeatureSchema
from edge_app.inference.autoencoder import Autoencoder
from edge_app.inference.tflite import NumpyEngine

MODEL = identity_model()
INT16 = st.integers(-32768, 32767)


def autoencoder() -> Autoencoder:
    return Autoencoder(manifest_for(MODEL), NumpyEngine.from_bytes(MODEL, "test.tflite"))


def test_a_healthy_vector_has_no_error_and_the_lowest_score():
    inference = autoencoder().infer(vector(100, 200, -300))
    assert (inference.raw, inference.score, inference.clipped) == (0, 0, 0)
    assert inference.contributions.tolist() == [0, 0, 0]
    assert inference.baseline.tolist() == [100, 200, -300]


def test_what_the_int8_input_cannot_hold_counts_in_full_as_error():
    # Given 100 + 800 counts: z = 800·1024/4096 = 200 steps; q = 200 + 2 is cut to 127, which the model gives back as
    # 125 steps. Then e = 200 - 125 = 75 and raw = 5625; log2 = 12.4576 → 3189 in Q8, past the last knot.
    inference = autoencoder().infer(vector(900, 200, -300))
    assert inference.raw == 75**2
    assert inference.contributions.tolist() == [5625, 0, 0]
    assert (inference.score, inference.clipped) == (10000, 1)


def test_the_score_lies_on_the_line_between_the_knots():
    # z = (100 + 548 - 100)·1024/4096 = 137; cut at 125: e = 12, raw = 144, log2 = 7.1699 → 1836 (rounded) in Q8:
    # (1836 - 1024)·5000/1024 = 3964.8 → 3965.
    inference = autoencoder().infer(vector(648, 200, -300))
    assert (inference.raw, inference.score) == (144, 3965)


def test_steps_are_limited_to_eleven_bits():
    # (32767 - 100)·1024/4096 = 8167 is limited to 1023: e = 1023 - 125 = 898.
    assert autoencoder().infer(vector(32767, 200, -300)).raw == 898**2


def scalar(manifest: object, engine: NumpyEngine, values: list[int]) -> tuple[int, list[int], int]:
    """The formula of autoencoder.py in plain integers."""
    m = manifest_for(MODEL)
    steps, inputs = [], []
    for value, offset, multiplier in zip(values, m.standardize.offset, m.standardize.multiplier, strict=True):
        z = ((value - offset) * multiplier + (1 << (m.standardize.shift - 1))) >> m.standardize.shift
        steps.append(max(-1024, min(1023, z)))
        inputs.append(max(-128, min(127, steps[-1] + 2)))
    outputs = engine.invoke(np.array([inputs], np.int8)).reshape(-1).tolist()
    squares = [(z - (y + 3)) ** 2 for z, y in zip(steps, outputs, strict=True)]
    return sum(squares), squares, sum(q != z + 2 for q, z in zip(inputs, steps, strict=True))


@given(st.tuples(INT16, INT16, INT16))
def test_whole_arrays_and_plain_integers_agree(values: tuple[int, int, int]):
    model = autoencoder()
    inference = model.infer(vector(*values))
    raw, squares, clipped = scalar(None, NumpyEngine.from_bytes(MODEL, "test.tflite"), list(values))
    assert (inference.raw, inference.contributions.tolist(), inference.clipped) == (raw, squares, clipped)


def test_a_vector_of_other_features_is_refused():
    model = autoencoder()
    model.infer(vector(1, 2, 3))
    other = FeatureSchema("vibration/1", ("a", "b", "c"))
    with pytest.raises(ModelError, match=f"expects features {SCHEMA.hash}"):
        model.infer(vector(1, 2, 3, schema=other))


def test_an_output_in_steps_of_its_own_is_counted_in_the_inputs_steps():
    # Given outputs of half the input's scale: the identity gives 2·(q - 2) - 3, cut at 127, so r = 2^15,
    manifest = manifest_for(MODEL)
    assert manifest.output is not None
    manifest = replace(manifest, output=replace(manifest.output, scale=0.025))

    class Doubling:
        facts = NumpyEngine.facts

        def invoke(self, inputs: np.ndarray) -> np.ndarray:
            return np.minimum(2 * (inputs.astype(int) - 2) - 3, 127).astype(np.int8)

    # when z = 20, 65 and 0, then 40 half steps are 20 steps, and 130 half steps (127 + 3, just fitting) are 65.
    inference = Autoencoder(manifest, Doubling()).infer(vector(180, 460, -300))
    assert inference.contributions.tolist() == [0, 0, 0]
    # z = 100: 127 + 3 = 130 half steps are 65: e = 35
    assert Autoencoder(manifest, Doubling()).infer(vector(100, 600, -300)).contributions.tolist() == [0, 1225, 0]
