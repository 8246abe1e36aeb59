"""Gaussian and mixture: what they learn, and that their integers say the same as their floats."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf as reference_shrinkage

from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.core.stages import Model
from edge_app.inference.standardize import Standardizer
from edge_app.training.network.exact import Floats
from edge_app.training.progress import Silent
from edge_app.training.trainers.distances import (
    GaussianLearner,
    MixtureLearner,
    covariance,
    fit_mixture,
    inverse_root,
    ledoit_wolf,
)
from edge_app.training.windows.augment import kinds_of
from edge_app.training.windows.datasets import Windows
from edge_app.training.windows.healthy import Healthy
from edge_app.training.windows.recipes import Task, load_tasks

SCHEMA = FeatureSchema("toy/1", ("a", "b", "c", "d"))


def task_of(tmp_path: Path, repository: Path, more: str) -> Task:
    shutil.copy(repository / "apps" / "simulated_pump" / "app.yaml", tmp_path)
    text = f"pipeline: pump\nname: toy\n{more}\ntrain:\n  - {{simulated: pump, rate_hz: 3332}}\n"
    (tmp_path / "train.yaml").write_text(text)
    return load_tasks(tmp_path)[0]


def healthy(features: np.ndarray) -> Healthy:  # type: ignore[type-arg]
    parts = [Windows(features.astype(np.int16), np.arange(len(features), dtype=float))]
    return Healthy(parts, SCHEMA, kinds_of(SCHEMA), [])


def leaning(n: int, seed: int = 0) -> np.ndarray:  # type: ignore[type-arg]
    """Four features, two of them nearly equal."""
    random = np.random.RandomState(seed)
    x = 300 * random.standard_normal((n, 4))
    x[:, 1] = x[:, 0] + 60 * random.standard_normal(n)
    return np.rint(x)


def test_whitening_makes_every_direction_alike() -> None:
    random = np.random.RandomState(1)
    matrix = random.standard_normal((5, 8))
    moments = matrix @ matrix.T
    root = inverse_root(moments)
    assert np.allclose(root @ moments @ root.T, np.eye(5), atol=1e-10)
    assert np.allclose(root, np.tril(root))


def test_shrinkage_is_that_of_scikit_learn() -> None:
    """Ledoit and Wolf's formula, by the other implementation at hand."""
    random = np.random.RandomState(2)
    steps = np.rint(20 * random.standard_normal((40, 3)) @ random.standard_normal((3, 12)))
    steps += np.rint(8 * random.standard_normal(steps.shape))
    expected = reference_shrinkage(steps, assume_centered=True)[1]
    assert ledoit_wolf(steps, covariance(steps)) == pytest.approx(expected, rel=1e-9)
    assert 0.0 < expected < 1.0


def test_a_gaussian_finds_unusual_what_each_feature_alone_would_let_pass(tmp_path: Path, repository: Path) -> None:
    task = task_of(tmp_path, repository, "kind: gaussian")
    learnt = GaussianLearner().learn(healthy(leaning(2000)), task, tmp_path, 7, Silent())
    model = learnt.model()
    usual = [model.infer(FeatureVector(row.astype(np.int16), SCHEMA)).raw for row in leaning(200, 1)]
    odd = model.infer(FeatureVector(np.array([300, -300, 0, 0], np.int16), SCHEMA)).raw  # one σ each, never together
    assert odd > 2 * max(usual)


def raws(model: Model, windows: Floats) -> Floats:
    return np.array([model.infer(FeatureVector(row.astype(np.int16), SCHEMA)).raw for row in windows], np.float64)


def test_the_integers_of_a_gaussian_stay_near_its_floats(tmp_path: Path, repository: Path) -> None:
    task = task_of(tmp_path, repository, "kind: gaussian\ngaussian: {shrinkage: 0.1}")
    learnt = GaussianLearner().learn(healthy(leaning(2000)), task, tmp_path, 7, Silent())
    windows = leaning(200, 1)
    whole = np.sqrt(raws(learnt.model(), windows))
    assert np.allclose(whole, np.sqrt(raws(learnt.float_model(), windows)), rtol=0.02, atol=1.0)
    # Mahalanobis: z' C^-1 z of standardized steps, C a tenth of the way to its diagonal; one σ is steps_per_sigma.
    standardizer = Standardizer(learnt.standardize)
    moments = covariance(standardizer.steps(leaning(2000).astype(np.int16)).astype(np.float64))
    mixed = 0.9 * moments + 0.1 * np.diag(np.diag(moments))
    z = standardizer.steps(windows.astype(np.int16))
    squares = np.einsum("ni,ij,nj->n", z, np.linalg.inv(mixed), z) * task.recipe.gaussian.steps_per_sigma**2
    assert np.allclose(whole, np.sqrt(squares), rtol=0.03, atol=1.5)


def two_ways(n: int, seed: int = 0) -> np.ndarray:  # type: ignore[type-arg]
    """A machine that runs in one of two ways, the second one a third of the time."""
    random = np.random.RandomState(seed)
    second = random.uniform(size=n) < 1 / 3
    return np.rint(40 * random.standard_normal((n, 4)) + np.where(second[:, None], 500.0, -250.0))


def test_a_mixture_finds_the_ways_a_machine_runs() -> None:
    steps: Floats = two_ways(3000) / 10
    mixture, rounds = fit_mixture(steps, 2, 100, 32, 7)
    order = np.argsort(mixture.means[:, 0])
    assert rounds < 100
    assert np.allclose(mixture.means[order], [[-25.0] * 4, [50.0] * 4], atol=1.0)
    assert mixture.weights[order] == pytest.approx([2 / 3, 1 / 3], abs=0.03)


def test_between_two_ways_of_running_is_unusual_and_integers_agree(tmp_path: Path, repository: Path) -> None:
    task = task_of(tmp_path, repository, "kind: gmm\ngmm: {components: 2, sigma_floor_db: 0.1}")
    learnt = MixtureLearner().learn(healthy(two_ways(3000)), task, tmp_path, 7, Silent())
    model = learnt.model()
    windows = two_ways(200, 1)
    whole = raws(model, windows)
    between = model.infer(FeatureVector(np.full(4, 125, np.int16), SCHEMA)).raw
    assert between > 3 * whole.max()
    assert np.allclose(np.sqrt(whole), np.sqrt(raws(learnt.float_model(), windows)), rtol=0.05, atol=3.0)
    # -2 log-likelihood of the nearest component, the least that any costs taken off; one σ is steps_per_sigma.
    settings = task.recipe.gmm
    standardizer = Standardizer(learnt.standardize)
    steps = standardizer.steps(two_ways(3000).astype(np.int16)).astype(np.float64)
    mixture, _ = fit_mixture(steps, 2, settings.rounds, settings.steps_per_sigma, 7)
    nearest = mixture.distances(standardizer.steps(windows.astype(np.int16)).astype(np.float64)).min(axis=1)
    squares = (nearest - mixture.costs().min()) * settings.steps_per_sigma**2
    assert np.allclose(np.sqrt(whole), np.sqrt(squares), rtol=0.05, atol=3.0)


def test_a_constant_feature_breaks_neither(tmp_path: Path, repository: Path) -> None:
    features = leaning(300)
    features[:, 3] = 77
    for kind, learner in (("gaussian", GaussianLearner()), ("gmm", MixtureLearner())):
        task = task_of(tmp_path, repository, f"kind: {kind}")
        learnt = learner.learn(healthy(features), task, tmp_path, 7, Silent())
        assert learnt.model().infer(FeatureVector(features[0].astype(np.int16), SCHEMA)).raw >= 0


@pytest.mark.parametrize("kind", ["gaussian", "gmm"])
def test_the_same_windows_give_the_same_manifest(tmp_path: Path, repository: Path, kind: str) -> None:
    task = task_of(tmp_path, repository, f"kind: {kind}")
    learner = GaussianLearner() if kind == "gaussian" else MixtureLearner()
    first, second = (learner.learn(healthy(two_ways(500)), task, tmp_path, 7, Silent()).manifest for _ in range(2))
    assert first == second
