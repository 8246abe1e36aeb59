"""Mahalanobis distance on integer features, derived by hand, and beside the float formula."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from model_files import gaussian_manifest, vector

from edge_app.core.results import ModelIdentity
from edge_app.inference.gaussian import GaussianModel
from edge_app.inference.manifest import Gaussian, Standardize


def test_the_distance_is_the_squared_length_of_the_whitened_steps():
    model = GaussianModel(gaussian_manifest(), ModelIdentity("test_int8", "0" * 64))
    # Given 40, 80 and 0 counts above the baseline: z = 10, 20, 0; W doubles the second: y = 10, 40, 0.
    inference = model.infer(vector(140, 280, -300))
    # Then raw = 100 + 1600, shares are 10·10 and 20·(2·40).
    assert inference.raw == 1700
    assert inference.contributions.tolist() == [100, 1600, 0]
    assert inference.baseline.tolist() == [100, 200, -300]
    # log2(1700) = 10.731 → 2747 in Q8: 5000 + (2747 - 2048)·5000/1024 = 8413.1
    assert inference.score == 8413


def test_the_distance_follows_the_float_mahalanobis_distance():
    # Given correlated healthy vectors (log2 in Q8) and the float whitening of their covariance, 32 steps per sigma,
    r = np.random.RandomState(3)
    mixing = r.normal(size=(3, 3))
    healthy = (np.array([100, 200, -300]) + 120 * r.normal(size=(4000, 3)) @ mixing.T).round()
    sigma = healthy.std(axis=0)
    multiplier = np.round(128 / sigma * 4096).astype(int)
    z = (healthy - healthy.mean(axis=0)) * multiplier / 4096
    values, vectors = np.linalg.eigh(np.cov(z.T))
    whitening = 32 * (vectors / np.sqrt(values)).T
    manifest = replace(
        gaussian_manifest(),
        standardize=Standardize(
            tuple(healthy.mean(axis=0).round().astype(int).tolist()), tuple(multiplier.tolist()), 12
        ),
        gaussian=Gaussian(tuple(tuple(row) for row in np.round(whitening * 1024).astype(int).tolist()), 10),
    )
    model = GaussianModel(manifest, ModelIdentity("g", "0" * 64))
    # when healthy vectors are judged, then the square root of raw is 32 times their distance, to a tenth of a sigma.
    inverse = np.linalg.inv(np.cov(healthy.T))
    for sample in healthy[:500].astype(np.int16):
        difference = sample - healthy.mean(axis=0)
        distance = float(np.sqrt(difference @ inverse @ difference))
        assert abs(model.infer(vector(*sample)).raw ** 0.5 / 32 - distance) < 0.1
