"""Float steps kept beside a model: read back as they were, the same bytes on every day, damage refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from edge_app.core.errors import ModelError
from edge_app.training.network.layers import Conv1d, Dense, Layers, Mean, Pool1d, Reshape, Softmax, forward
from edge_app.training.network.steps import MAX_FILE_BYTES, float_output, load_steps, steps_bytes

RANDOM = np.random.RandomState(1)
AUTOENCODER: Layers = [
    Dense(np.round(RANDOM.standard_normal((3, 4)), 2) * 2**-1, RANDOM.standard_normal(3), True),
    Dense(np.ones((4, 3)) / 4, np.zeros(4), False),
]
NETWORK: Layers = [
    Reshape((8, 1)),
    Conv1d(np.ones((2, 3, 1)) / 8, np.array([0.1, -0.1]), True, 2),
    Pool1d(2, average=True),
    Mean(),
    Dense(np.eye(2), np.zeros(2), False),
    Softmax(),
]


def test_steps_come_back_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "m.steps.npz"
    file.write_bytes(steps_bytes({"trained": NETWORK, "pruned": NETWORK[:2]}))
    found = load_steps(file)
    assert list(found) == ["trained", "pruned"]
    assert [type(each) for each in found["trained"]] == [type(each) for each in NETWORK]
    x = np.arange(16.0).reshape(2, 8) / 16
    assert np.array_equal(forward(found["trained"], x), forward(NETWORK, x))


def test_the_same_layers_give_the_same_bytes() -> None:
    assert steps_bytes({"trained": AUTOENCODER}) == steps_bytes({"trained": AUTOENCODER})


def test_an_autoencoder_answers_in_steps_and_a_classifier_in_probabilities() -> None:
    steps = np.array([[16, -32, 300, 0]])
    limited = np.array([[16, -32, 127, 0]]) / 16
    assert np.array_equal(float_output(AUTOENCODER, steps), forward(AUTOENCODER, limited) * 16)
    assert float_output(NETWORK, np.zeros((1, 8), int)).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04rubbish", b"not a zip at all"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "m.steps.npz"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"cannot read the float steps"):
        load_steps(file)


def test_a_file_with_objects_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "m.steps.npz"
    np.savez(file, **{"trained/0/Dense": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(ModelError, match=r"cannot read the float steps"):
        load_steps(file)


def test_a_file_that_would_unpack_to_more_than_fits_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "m.steps.npz"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("trained/0/Dense/bias.npy", bytes(MAX_FILE_BYTES + 1))
    assert file.stat().st_size < 100_000
    with pytest.raises(ModelError, match=f"larger than {MAX_FILE_BYTES} bytes"):
        load_steps(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.steps\.npz"):
        load_steps(tmp_path / "nowhere.steps.npz")
