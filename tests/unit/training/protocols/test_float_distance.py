"""The Gaussian in double precision beside the one of the device."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from model_files import gaussian_manifest, vector

from edge_app.core.results import LearntNormal, ModelIdentity
from edge_app.inference.gaussian import DiagonalGaussian, GaussianModel
from edge_app.inference.manifest import Standardize
from edge_app.training.protocols.base import INT8
from edge_app.training.protocols.float_models import FloatDistance, steps_of

IDENTITY = ModelIdentity("test_int8", "0" * 64)


def test_where_the_device_rounds_nothing_both_say_the_same() -> None:
    whole, real = GaussianModel(gaussian_manifest(), IDENTITY), FloatDistance(gaussian_manifest(), IDENTITY)
    given = vector(140, 280, -300)  # steps 10, 20, 0: tests/unit/inference/test_gaussian.py
    assert real.infer(given).raw == whole.infer(given).raw == 1700
    assert real.infer(given).contributions.tolist() == [100, 1600, 0]
    assert real.infer(given).score == whole.infer(given).score


def test_steps_are_not_rounded() -> None:
    # One count is a quarter of a step; the second feature counts double: (1/4)^2 + (2 · 6/4)^2 = 9.0625.
    assert FloatDistance(gaussian_manifest(), IDENTITY).infer(vector(101, 206, -300)).raw == 9
    assert GaussianModel(gaussian_manifest(), IDENTITY).infer(vector(101, 206, -300)).raw == 16  # steps 0, 2


def test_a_learnt_normal_moves_both_alike() -> None:
    base = gaussian_manifest()
    normal = LearntNormal(
        offset=(0, 0, 0), multiplier=(16384, 8192, 4096), shift=14, knots=((0, 0), (2560, 10000)),
        schema=base.features.hash, model=IDENTITY.sha256, binding="", windows=60, seconds=60, learnt_ms=0,
        clock="none", false_alarms_per_week=1.0, raise_score=8000,
    )  # fmt: skip
    manifest = replace(base, gaussian=None, standardize=Standardize((0,) * 3, (1,) * 3, 1))
    whole = DiagonalGaussian(manifest, IDENTITY).with_normal(normal)
    real = FloatDistance(manifest, IDENTITY).with_normal(normal)
    assert whole.infer(vector(10, 20, 40)).raw == real.infer(vector(10, 20, 40)).raw == 10**2 + 10**2 + 10**2


@pytest.mark.parametrize("seed", range(3))
def test_rounding_costs_less_than_half_a_step_a_feature(seed: int) -> None:
    values = np.random.default_rng(seed).integers(-900, 900, (50, 3))
    whole, real = GaussianModel(gaussian_manifest(), IDENTITY), FloatDistance(gaussian_manifest(), IDENTITY)
    for row in values:
        given = vector(*row.tolist())
        apart = np.sqrt(whole.infer(given).raw) - np.sqrt(real.infer(given).raw)
        assert abs(apart) < 0.5 * np.sqrt(1 + 4 + 1) + 0.5 * np.sqrt(3)


def test_an_evaluation_finds_it_beside_the_shipped_model() -> None:
    model = GaussianModel(gaussian_manifest(), IDENTITY)
    models, why_not = steps_of(model, None)
    assert list(models) == ["trained", INT8]
    assert models[INT8] is model
    assert why_not == ""
