"""Standardising and the score mapping, by numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np

from edge_app.config.recipe import ModelRecipe, ScoreRecipe
from edge_app.core.results import FeatureSchema
from edge_app.inference.autoencoder import Standardizer
from edge_app.inference.score import ScoreMap
from edge_app.training.trainers.learn import infer_all, knots_for, learn, standardize_of, with_score
from edge_app.training.windows.augment import kinds_of

SCHEMA = FeatureSchema("vibration/1", ("rms_g", "band_10_20_hz", "band_20_40_hz", "band_40_80_hz"))


def healthy(n: int = 600, seed: int = 0) -> np.ndarray:  # type: ignore[type-arg]
    """Four features, two of them free: the others are their sum and difference."""
    free = np.random.RandomState(seed).randint(-300, 300, (n, 2))
    return np.stack([free[:, 0], free[:, 1], free.sum(1) // 2, (free[:, 0] - free[:, 1]) // 2], 1).astype(np.int16)


def test_twelve_steps_are_one_standard_deviation() -> None:
    features = healthy()
    standardize = standardize_of(features, kinds_of(SCHEMA), ModelRecipe(steps_per_sigma=12))
    steps = Standardizer(standardize).steps(features)
    assert np.abs(steps.mean(axis=0)).max() < 0.6
    assert np.abs(steps.std(axis=0) - 12).max() < 0.2


def test_a_feature_that_hardly_varied_gets_the_smallest_deviation() -> None:
    features = np.zeros((100, 4), np.int16)
    standardize = standardize_of(features, kinds_of(SCHEMA), ModelRecipe(steps_per_sigma=12, sigma_floor_db=1.0))
    one_db = np.rint(kinds_of(SCHEMA).per_db).astype(np.int16)[None]
    assert Standardizer(standardize).steps(one_db).tolist() == [[12, 12, 12, 12]]


def test_the_median_scores_healthy_and_the_threshold_lies_beyond_most() -> None:
    raws = [100 * n for n in range(1, 101)]  # median 5100, 95 % below 9600
    knots = knots_for(raws, ScoreRecipe(healthy=0.25, safety=1.5), 8000)
    score = ScoreMap(knots).score
    assert score(5100) == 2500
    assert abs(score(round(9600 * 1.5**2)) - 8000) <= 20  # distances are roots: 1.5 times as far is 2.25 times the raw
    assert score(0) == 0
    assert score(2**31 - 1) == 10000
    assert all(score(a) <= score(b) for a, b in zip(range(0, 30000, 97), range(97, 30097, 97), strict=True))


def test_the_learnt_model_tells_healthy_from_other_as_int8_and_as_float() -> None:
    features = healthy()
    recipe = ModelRecipe(hidden=[8, 2, 8], epochs=60, batch=64, rate=0.01)
    learnt = learn(features, SCHEMA, standardize_of(features, kinds_of(SCHEMA), recipe), recipe, "toy", 7)
    raws = [each.raw for each in infer_all(learnt.model(), healthy(seed=1), SCHEMA)]
    learnt = with_score(learnt, knots_for(raws, ScoreRecipe(), 8000), "by a test")
    model = learnt.model()
    other = healthy(100, seed=2)
    other[:, 3] += 1000
    assert np.median([each.score for each in infer_all(model, healthy(100, seed=3), SCHEMA)]) < 4000
    assert min(each.score for each in infer_all(model, other, SCHEMA)) > 8000
    floats = learnt.float_model()
    assert min(each.raw for each in infer_all(floats, other, SCHEMA)) > max(
        each.raw for each in infer_all(floats, healthy(100, seed=3), SCHEMA)
    )


def test_the_same_seed_gives_the_same_file() -> None:
    features = healthy()
    recipe = ModelRecipe(hidden=[4], epochs=2)
    standardize = standardize_of(features, kinds_of(SCHEMA), recipe)
    files = {learn(features, SCHEMA, standardize, recipe, "toy", seed).tflite for seed in (7, 7, 8)}
    assert len(files) == 2
