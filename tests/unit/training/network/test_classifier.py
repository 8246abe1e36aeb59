"""The classifier: slopes, weights, stopping, and the same bits everywhere."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from edge_app.config.recipe import StopRecipe
from edge_app.training.network.classifier import (
    Labelled,
    class_weights,
    cross_entropy,
    fit,
    metric_of,
    train_classifier,
)
from edge_app.training.network.dense import TrainingSettings, backward, start_layers
from edge_app.training.network.exact import ACTIVATIONS, exponential, softmax
from edge_app.training.network.layers import activations, forward


def clouds(n: int, seed: int = 0, shares: tuple[float, ...] = (0.8, 0.1, 0.1)) -> Labelled:
    """Three classes around (0, 0), (3, 0) and (0, 3); eighteen more numbers say nothing."""
    random = np.random.RandomState(seed)
    classes = random.choice(3, n, p=shares)
    x = random.standard_normal((n, 20))
    x[:, :2] += np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])[classes]
    return Labelled(ACTIVATIONS.round(x), classes, 3)


SETTINGS = TrainingSettings((12, 6), epochs=20, batch=64, rate=0.005)
EVEN = np.ones(3)


def test_it_learns_to_tell_clouds_apart() -> None:
    layers, watch = train_classifier(clouds(2000), clouds(500, 1), SETTINGS, StopRecipe(), EVEN, seed=7)
    assert metric_of(layers, clouds(500, 2), "accuracy") > 0.9  # the clouds overlap: the best rule gets 0.94
    assert 1 <= watch.epoch <= 20


def test_slopes_are_those_of_the_cross_entropy() -> None:
    data = clouds(16)
    weights = np.array([1.0, 2.0, 0.5])
    layers = start_layers((20, 6, 3), np.random.RandomState(3))
    for layer in layers:
        layer.bias += 0.25
    rows = np.arange(16)

    def loss() -> float:
        chances = softmax(forward(layers, data.inputs))[rows, data.classes]
        return float(np.mean(-np.log(chances) * weights[data.classes]))

    values = activations(layers, data.inputs)
    slopes = backward(layers, values, cross_entropy(data, weights)(values[-1], rows) / 16)
    for layer, (by_weight, _) in zip(layers, slopes, strict=True):
        place = np.unravel_index(np.argmax(np.abs(by_weight)), by_weight.shape)
        kept = layer.weights[place]
        layer.weights[place] = kept + 2**-7
        above = loss()
        layer.weights[place] = kept - 2**-7
        quotient = (above - loss()) / 2**-6
        layer.weights[place] = kept
        assert abs(quotient - by_weight[place]) < 0.03 * abs(by_weight[place]) + 1e-3


def test_training_ends_when_nothing_gets_better_and_keeps_the_best_epoch() -> None:
    told: list[tuple[int, float]] = []
    layers, watch = train_classifier(
        clouds(600),
        clouds(200, 1),
        TrainingSettings((12, 6), epochs=200, batch=64, rate=0.01),
        StopRecipe(metric="accuracy", patience=4),
        EVEN,
        seed=7,
        told=lambda epoch, value: told.append((epoch, value)),
    )
    assert len(told) == watch.epoch + 4 < 200
    assert watch.best == max(value for _, value in told)
    assert metric_of(layers, clouds(200, 1), "accuracy") == pytest.approx(watch.best, abs=0.011)


def test_masked_weights_stay_zero() -> None:
    layers = start_layers((20, 8, 3), np.random.RandomState(1))
    masks = [np.ones_like(each.weights) for each in layers]
    masks[0][:, 5:] = 0.0
    tuned, _ = fit(
        layers, clouds(300), clouds(100, 1), SETTINGS, StopRecipe(), EVEN, np.random.RandomState(2), masks=masks
    )
    assert not tuned[0].weights[:, 5:].any()
    assert tuned[0].weights[:, :5].any()


@pytest.mark.parametrize(
    ("balance", "ratio"),
    [("none", 1.0), ("root", 3.0), ("equal", 9.0)],  # of 900 and 100 windows: 9 times rarer
)
def test_a_rare_class_counts_as_the_recipe_says(balance: str, ratio: float) -> None:
    weights = class_weights([900, 100], balance, [1.0, 1.0])
    assert weights[1] / weights[0] == pytest.approx(ratio, rel=0.01)
    assert (900 * weights[0] + 100 * weights[1]) / 1000 == pytest.approx(1.0, abs=0.001)


def test_emphasis_comes_beside_the_balance() -> None:
    weights = class_weights([500, 500], "equal", [1.0, 3.0])
    assert weights.tolist() == pytest.approx([0.5, 1.5], abs=0.001)


def test_the_exponential_is_right_to_the_last_bits() -> None:
    x = -np.concatenate([np.linspace(0, 40, 1001), [700.0, 0.0, 1e-300]])
    assert np.allclose(exponential(x), np.exp(x), rtol=1e-14, atol=0)
    assert exponential(np.array([-1e9]))[0] < 1e-300


def test_the_same_seed_gives_the_same_bits() -> None:
    first, second = (
        train_classifier(clouds(200), clouds(50, 1), SETTINGS, StopRecipe(), EVEN, seed=3)[0] for _ in range(2)
    )
    assert b"".join(each.weights.tobytes() for each in first) == b"".join(each.weights.tobytes() for each in second)


SCRIPT = """
import hashlib
import numpy as np
from edge_app.config.recipe import StopRecipe
from edge_app.training.network.classifier import Labelled, train_classifier
from edge_app.training.network.dense import TrainingSettings
from edge_app.training.trainers.distances import covariance, fit_mixture, inverse_root
from edge_app.training.network.exact import ACTIVATIONS
random = np.random.RandomState(4)
x = ACTIVATIONS.round(random.randint(-4000, 4000, (512, 48)) / 1024.0)
data = Labelled(x, random.randint(0, 3, 512), 3)
settings = TrainingSettings((40, 16), epochs=3, decay=0.01)
layers, _ = train_classifier(data, data, settings, StopRecipe(), np.array([1.0, 2.0, 0.5]), 7)
steps = np.rint(16 * x)
mixture, _ = fit_mixture(steps, 3, 10, 16, 7)
whitening = inverse_root(covariance(steps) + np.eye(48))
parts = [each.weights for each in layers] + [mixture.means, mixture.sigmas, np.rint(whitening * 2**20)]
print(hashlib.sha256(b"".join(each.tobytes() for each in parts)).hexdigest())
"""


def test_threads_and_processor_features_do_not_show_in_classifiers_nor_in_mixtures() -> None:
    """One and two OpenBLAS threads, its kernels for an old and this processor, numpy without AVX-512 and AVX2."""
    digests = set()
    for change in (
        {"OPENBLAS_NUM_THREADS": "1"},
        {"OPENBLAS_NUM_THREADS": "2", "OPENBLAS_CORETYPE": "Prescott"},
        {"NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX2 FMA3"},
    ):
        run = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SCRIPT],
            env=os.environ | change,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert run.returncode == 0, run.stderr
        digests.add(run.stdout.strip())
    assert len(digests) == 1
