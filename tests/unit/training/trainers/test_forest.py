"""A forest of scikit-learn and its whole-number twin ask the same questions."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.config.recipe import RecipeConfig
from edge_app.core.errors import ModelError, PluginError
from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.inference.forest import ForestModel
from edge_app.inference.manifest import checked_text, identity, manifest_text, read_manifest
from edge_app.training.progress import Silent
from edge_app.training.trainers import forest as module
from edge_app.training.trainers.forest import integers_of, leaf_row, leaf_shares, load_forest, train_forest
from edge_app.training.windows.samples import Samples

NAMES = ("healthy", "outer")
SCHEMA = FeatureSchema("toy/1", ("a", "b", "c"))


def samples(n: int, seed: int = 0) -> Samples:
    """Outer where a + b is large."""
    features = np.random.RandomState(seed).randint(-3000, 3000, (n, 3)).astype(np.int16)
    classes = (features[:, 0].astype(int) + features[:, 1] > 2000).astype(np.int64)
    return Samples(features, classes, np.zeros(n, np.int64), np.arange(n, dtype=float), NAMES, SCHEMA, ())


def recipe() -> RecipeConfig:
    return RecipeConfig.model_validate(
        {
            "pipeline": "p",
            "name": "toy",
            "kind": "forest",
            "train": [{"file": "x.wav"}],
            "classes": {"healthy": ["healthy"], "outer": ["outer"]},
            "alarm": ["outer"],
            "forest": {"trees": 12, "depth": 6},
        }
    )


def test_every_window_reaches_the_leaves_it_reaches_in_float() -> None:
    data = samples(600)
    float_forest = load_forest()(n_estimators=9, max_depth=6, random_state=3, n_jobs=1)
    float_forest.fit(data.features.astype(np.float32), data.classes)
    ours = leaf_shares(integers_of(float_forest, 2), data.features) / (255.0 * 9)
    theirs = float_forest.predict_proba(data.features.astype(np.float32))
    assert np.max(np.abs(ours - theirs)) <= 1 / 255  # a wrong leaf would differ by far more


def test_the_model_on_the_device_gives_what_was_measured() -> None:
    made = train_forest(samples(600), samples(200, 1), recipe(), 7, Silent())
    manifest = read_manifest(manifest_text(made.manifest).encode(), "toy.json")
    assert manifest.forest is not None
    model = ForestModel(manifest, identity(manifest, b""))
    fresh = samples(100, 2).features
    shares = leaf_shares(manifest.forest, fresh)
    for row, share in zip(fresh, shares, strict=True):
        found = model.infer(FeatureVector(row, SCHEMA))
        assert found.label == NAMES[int(np.argmax(share))]
        assert found.raw == pytest.approx(10000 * share[1] / share.sum(), abs=1)


def test_it_is_right_most_of_the_time_and_the_same_twice() -> None:
    first, second = (train_forest(samples(600), samples(200, 1), recipe(), 7, Silent()).manifest for _ in range(2))
    assert first == second
    assert first.metrics["int8"]["accuracy"] > 0.9
    assert first.metrics["int8"]["confusion"] == first.metrics["float"]["confusion"]


def test_leaves_add_up_to_255_whatever_rounding_leaves() -> None:
    assert leaf_row(np.array([1.0, 1.0, 1.0]), [0, 1, 2], 3) == (85, 85, 85)
    assert leaf_row(np.array([2.0, 1.0]), [0, 2], 3) == (170, 0, 85)
    assert sum(leaf_row(np.array([1.0, 5.0, 7.0]), [0, 1, 2], 3)) == 255


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn.ensemble", None)
    with pytest.raises(PluginError, match=r"scikit-learn, which is not installed[\s\S]*edge-app\[train\]"):
        module.load_forest()


def test_a_forest_larger_than_a_model_may_be_is_refused_before_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_NODES", 40)
    with pytest.raises(ModelError, match=r"toy: the forest has [0-9]+ nodes, a model has at most 40") as refused:
        train_forest(samples(600), samples(200, 1), recipe(), 7, Silent())
    assert "`min_leaf`" in refused.value.fix


def test_a_manifest_that_could_not_be_loaded_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    made = train_forest(samples(600), samples(200, 1), recipe(), 7, Silent())
    monkeypatch.setattr("edge_app.inference.manifest.MAX_MANIFEST_BYTES", 2000)
    with pytest.raises(ModelError, match=r"toy\.json: this forest takes [0-9]+ bytes, a manifest has at most 2000"):
        checked_text(made.manifest, "toy.json")
