"""The autoencoder learns, its gradients are right, and its bytes are the same everywhere."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np

from edge_app.training.network.dense import TrainingSettings, backward, start_layers, train_autoencoder
from edge_app.training.network.exact import ACTIVATIONS, Floats
from edge_app.training.network.layers import activations, forward, parameters

SETTINGS = TrainingSettings((12, 3, 12), epochs=40, batch=64, rate=0.005)


def on_a_plane(n: int, seed: int = 0) -> Floats:
    """Ten numbers that really are three: what an autoencoder with a waist of three can give back."""
    random = np.random.RandomState(seed)
    return ACTIVATIONS.round(random.uniform(-1, 1, (n, 3)) @ np.random.RandomState(5).uniform(-1, 1, (3, 10)))


def test_it_gives_back_what_it_was_shown_and_not_what_it_was_not() -> None:
    layers = train_autoencoder(on_a_plane(2000), SETTINGS, seed=7)
    fresh = on_a_plane(200, seed=1)
    error = np.mean((forward(layers, fresh) - fresh) ** 2)
    off_plane = ACTIVATIONS.round(fresh + 0.5 * np.random.RandomState(2).standard_normal(fresh.shape))
    assert error < 0.02 * np.mean(fresh**2)
    assert np.mean((forward(layers, off_plane) - off_plane) ** 2) > 10 * error


def test_gradients_are_the_slopes_of_the_error() -> None:
    """Each analytic slope against a difference quotient: step 2**-8 on weights, error of the quotient below 1 %."""
    random = np.random.RandomState(3)
    layers = start_layers((4, 5, 4), random)
    for layer in layers:
        layer.bias += 0.25  # away from the ReLU's kink for most units
    x = ACTIVATIONS.round(random.uniform(0.5, 1.0, (8, 4)))

    def error() -> float:
        return float(((forward(layers, x) - x) ** 2).sum() / (2 * len(x)))

    values = activations(layers, x)
    slopes = backward(layers, values, (values[-1] - x) / len(x))  # of half the mean squared error
    for layer, (by_weight, _) in zip(layers, slopes, strict=True):
        place = np.unravel_index(np.argmax(np.abs(by_weight)), by_weight.shape)
        kept = layer.weights[place]
        layer.weights[place] = kept + 2**-8
        above = error()
        layer.weights[place] = kept - 2**-8
        quotient = (above - error()) / 2**-7
        layer.weights[place] = kept
        assert abs(quotient - by_weight[place]) < 0.03 * abs(by_weight[place]) + 1e-3


def test_another_seed_gives_another_model() -> None:
    x = on_a_plane(256)
    settings = TrainingSettings((6, 2, 6), epochs=2)
    first, second = (train_autoencoder(x, settings, seed)[0].weights.tobytes() for seed in (7, 8))
    assert first != second


def test_the_sizes_are_those_asked_for() -> None:
    layers = train_autoencoder(on_a_plane(64), TrainingSettings((6, 2, 6), epochs=1), seed=1)
    assert [(each.n_in, each.n_out, each.relu) for each in layers] == [
        (10, 6, True),
        (6, 2, True),
        (2, 6, True),
        (6, 10, False),
    ]
    assert parameters(layers) == 10 * 6 + 6 + 6 * 2 + 2 + 2 * 6 + 6 + 6 * 10 + 10


SCRIPT = """
import hashlib, sys
import numpy as np
from edge_app.training.network.dense import TrainingSettings, train_autoencoder
from edge_app.training.network.exact import ACTIVATIONS
random = np.random.RandomState(4)
x = ACTIVATIONS.round(random.randint(-4000, 4000, (512, 64)) / 1024.0)
layers = train_autoencoder(x, TrainingSettings((96, 16, 96), epochs=3), seed=7)
print(hashlib.sha256(b"".join(each.weights.tobytes() + each.bias.tobytes() for each in layers)).hexdigest())
"""


def test_threads_and_processor_features_of_the_algebra_library_do_not_show() -> None:
    """One and two OpenBLAS threads, its kernels for an old and this processor, numpy without AVX-512 and AVX2."""
    digests = set()
    for change in (
        {"OPENBLAS_NUM_THREADS": "1"},
        {"OPENBLAS_NUM_THREADS": "2"},
        {"OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Prescott"},
        {"NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX2 FMA3"},
    ):
        environment = os.environ | change
        run = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=120
        )
        assert run.returncode == 0, run.stderr
        digests.add(run.stdout.strip())
    assert len(digests) == 1
