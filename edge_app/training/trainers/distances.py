"""Learns a Gaussian, and a mixture of Gaussians, of the healthy machine's windows; at the end they become integers.

All sums are of whole numbers or of numbers on a grid, so they are exact; factorisations go element by element. So the
same windows give the same bytes everywhere (exact.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_app.inference.manifest import Gaussian, Gmm, Standardize
from edge_app.inference.standardize import Standardizer
from edge_app.training.network.exact import Floats, Grid, exponential
from edge_app.training.progress import Progress
from edge_app.training.trainers.learn import HasSigma, Learnt, bare_manifest, standardize_of
from edge_app.training.windows.datasets import Features
from edge_app.training.windows.healthy import Healthy, changed
from edge_app.training.windows.recipes import Task

INT16_MAX = 32767
SHIFT_MAX = 14
SHARES = Grid(12)
"""Responsibilities in steps of 2**-12: their products with squared steps sum exactly over a million windows."""
LEAST_SIGMA = 0.25
"""Smallest deviation of a component, as share of one standard deviation of all windows."""


def covariance(steps: Floats) -> Floats:
    """Second moments (n_features, n_features) about zero of standardized steps (n, n_features): they are centred."""
    moments: Floats = steps.T @ steps / len(steps)
    return moments


def ledoit_wolf(steps: Floats, moments: Floats) -> float:
    """Best share of the mean variance on the diagonal, for as few windows as there are.

    Source: Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", J. Multivariate
    Analysis 88:365-411, 2004, lemma 3.2.
    """
    n, p = steps.shape
    mean = float(np.trace(moments)) / p
    target = mean * np.eye(p)
    distance = float(np.sum((moments - target) ** 2))
    squares = steps**2
    spread = float(np.sum(squares.T @ squares)) / n - float(np.sum(moments**2))
    return min(1.0, max(0.0, spread / n / distance)) if distance else 1.0


def inverse_root(matrix: Floats) -> Floats:
    """W with W · matrix · Wᵀ = 1: the inverse of the Cholesky factor, element by element in fixed order."""
    n = len(matrix)
    left, factor = matrix.copy(), np.zeros((n, n))
    for k in range(n):
        factor[k:, k] = left[k:, k] / math.sqrt(left[k, k])
        left[k + 1 :, k + 1 :] -= factor[k + 1 :, k : k + 1] * factor[k + 1 :, k]
    inverse = np.eye(n)
    for k in range(n):
        inverse[k] /= factor[k, k]
        inverse[k + 1 :] -= factor[k + 1 :, k : k + 1] * inverse[k]
    return inverse


class GaussianLearner:
    """Mahalanobis distance."""

    def learn(self, healthy: Healthy, task: Task, data_dir: Path, seed: int, progress: Progress) -> Learnt:
        """The model, from all healthy windows."""
        learnt = self.again(healthy.features, healthy, task, seed)
        shrinkage = learnt.manifest.metrics["shrinkage"]
        progress.say("train", f"gaussian of {len(healthy.schema.names)} features, shrinkage {shrinkage:g}")
        return learnt

    def again(self, shown: Features, healthy: Healthy, task: Task, seed: int) -> Learnt:
        """The model of some windows."""
        settings = task.recipe.gaussian
        standardize, steps = _standardized(shown, healthy, task, seed, settings)
        moments = covariance(steps)
        shrinkage = settings.shrinkage
        if shrinkage is None:
            shrinkage = round(ledoit_wolf(steps, moments), 4)
        target = np.diag(np.diag(moments)) if settings.shrinkage is not None else np.eye(len(moments)) * _mean(moments)
        mixed = (1.0 - shrinkage) * moments + shrinkage * target
        mixed += np.eye(len(mixed)) * (LEAST_SIGMA * settings.steps_per_sigma) ** 2 * 1e-2
        whitening = inverse_root(mixed) * settings.steps_per_sigma
        shift = max(1, min(SHIFT_MAX, math.floor(math.log2(INT16_MAX / float(np.max(np.abs(whitening)))))))
        rows = np.clip(np.rint(whitening * 2.0**shift), -INT16_MAX, INT16_MAX).astype(np.int64)
        manifest = replace(
            bare_manifest(healthy.schema, standardize, "gaussian", task.recipe.name, seed),
            gaussian=Gaussian(tuple(tuple(int(each) for each in row) for row in rows), shift),
            metrics={"shrinkage": shrinkage},
        )
        return Learnt(standardize, manifest)


def _mean(moments: Floats) -> float:
    return float(np.trace(moments)) / len(moments)


@dataclass
class Mixture:
    """Gaussians with diagonal covariances over standardized steps."""

    weights: Floats
    """Shape (k,), adding up to 1."""
    means: Floats
    """Shape (k, n_features), in steps."""
    sigmas: Floats
    """Shape (k, n_features), in steps."""

    def distances(self, steps: Floats) -> Floats:
        """-2 × log-likelihood of each component, up to a constant: (n, k)."""
        found = np.empty((len(steps), len(self.weights)))
        for k in range(len(self.weights)):
            found[:, k] = (((steps - self.means[k]) / self.sigmas[k]) ** 2).sum(axis=1) + self.costs()[k]
        return found

    def costs(self) -> Floats:
        """What volume and weight cost a component."""
        logs = [[math.log(each) for each in row] for row in self.sigmas.tolist()]
        costs = [2.0 * math.fsum(row) - 2.0 * math.log(w) for row, w in zip(logs, self.weights.tolist(), strict=True)]
        return np.array(costs)


def fit_mixture(steps: Floats, components: int, rounds: int, steps_per_sigma: int, seed: int) -> tuple[Mixture, int]:
    """Expectation and maximisation from far-apart windows; ends when no window changes its share any more.

    Source: Dempster, Laird and Rubin, J. Royal Statistical Society B 39:1-38, 1977.
    """
    least = LEAST_SIGMA * steps_per_sigma
    mixture = _start(steps, components, least, seed)
    before = np.zeros((len(steps), components))
    for number in range(1, rounds + 1):
        distances = mixture.distances(steps)
        powers = exponential(-0.5 * (distances - distances.min(axis=1, keepdims=True)))
        total = powers[:, :1].copy()
        for k in range(1, components):
            total += powers[:, k : k + 1]
        shares = SHARES.round(powers / total)
        if np.array_equal(shares, before):
            return mixture, number
        before = shares
        mixture = _maximised(steps, shares, mixture, least)
    return mixture, rounds


def _start(steps: Floats, components: int, least: float, seed: int) -> Mixture:
    """Means far from each other, out of at most 4096 windows; one deviation for all."""
    some = steps[:: max(1, len(steps) // 4096)]
    chosen = [int(np.random.RandomState(seed).randint(len(some)))]
    nearest = ((some - some[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < components:
        ordered = np.argsort(nearest, kind="stable")
        chosen.append(int(ordered[(len(ordered) * 95) // 100]))  # far, and no outlier
        nearest = np.minimum(nearest, ((some - some[chosen[-1]]) ** 2).sum(axis=1))
    spread = np.maximum(np.sqrt((steps**2).sum(axis=0) / len(steps)), least)
    return Mixture(np.full(components, 1.0 / components), some[chosen].copy(), np.tile(spread, (components, 1)))


def _maximised(steps: Floats, shares: Floats, before: Mixture, least: float) -> Mixture:
    count = shares.sum(axis=0)
    alive = np.maximum(count, 1.0)[:, None]
    means = shares.T @ steps / alive
    variances = shares.T @ (steps**2) / alive - means**2
    empty = count < 1.0
    means[empty] = before.means[empty]
    sigmas = np.sqrt(np.maximum(variances, least**2))
    weights = np.maximum(count, 1.0)
    return Mixture(weights / weights.sum(), means, sigmas)


class MixtureLearner:
    """A mixture of Gaussians."""

    def learn(self, healthy: Healthy, task: Task, data_dir: Path, seed: int, progress: Progress) -> Learnt:
        """The model, from all healthy windows."""
        learnt = self.again(healthy.features, healthy, task, seed)
        weights = ", ".join(f"{100 * each:.0f} %" for each in learnt.manifest.metrics["weights"])
        progress.say("train", f"mixture of {task.recipe.gmm.components} Gaussians ({weights})")
        return learnt

    def again(self, shown: Features, healthy: Healthy, task: Task, seed: int) -> Learnt:
        """The model of some windows."""
        settings = task.recipe.gmm
        standardize, steps = _standardized(shown, healthy, task, seed, settings)
        mixture, rounds = fit_mixture(steps, settings.components, settings.rounds, settings.steps_per_sigma, seed)
        unit = settings.steps_per_sigma
        multipliers = unit / mixture.sigmas
        shift = max(1, min(SHIFT_MAX, math.floor(math.log2(INT16_MAX / float(multipliers.max())))))
        costs = mixture.costs() - mixture.costs().min()
        means = np.clip(np.rint(mixture.means), -1024, 1023).astype(np.int64)
        whole = np.rint(multipliers * 2.0**shift).astype(np.int64)
        manifest = replace(
            bare_manifest(healthy.schema, standardize, "gmm", task.recipe.name, seed),
            gmm=Gmm(
                means=tuple(tuple(int(each) for each in row) for row in means),
                multipliers=tuple(tuple(int(each) for each in row) for row in whole),
                shift=shift,
                bias=tuple(int(each) for each in np.rint(unit * unit * costs)),
            ),
            metrics={"weights": [round(float(each), 4) for each in mixture.weights], "rounds": rounds},
        )
        return Learnt(standardize, manifest)


def _standardized(
    shown: Features, healthy: Healthy, task: Task, seed: int, settings: HasSigma
) -> tuple[Standardize, Floats]:
    windows = changed(shown, healthy, task, seed)
    standardize = standardize_of(windows, healthy.kinds, settings)
    return standardize, Standardizer(standardize).steps(windows).astype(np.float64)
