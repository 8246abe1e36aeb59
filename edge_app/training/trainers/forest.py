"""A random forest of scikit-learn becomes whole numbers: thresholds, leaves in 1/255.

Features are whole numbers, so `f <= 3.5` and `f <= 3` ask the same: every window reaches the same leaves in the float
trees and in ours. Only the leaves' shares are rounded.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.config.recipe import RecipeConfig
from edge_app.core.errors import ModelError, PluginError
from edge_app.inference.manifest import Forest, Manifest, Score
from edge_app.inference.manifest_blocks import MAX_NODES
from edge_app.inference.score import LINEAR, LINEAR_KNOTS
from edge_app.training.metrics import BY_NAME, by_class, tally
from edge_app.training.network.classifier import class_weights
from edge_app.training.progress import Progress
from edge_app.training.trainers.classes import ClassModel, feature_facts, score_sentence, standardize_classes
from edge_app.training.windows.augment import change_features, kinds_of
from edge_app.training.windows.datasets import Features
from edge_app.training.windows.samples import Samples

LEAF_ONE = 255
"""Shares of a leaf add up to this."""


def train_forest(
    train: Samples, validation: Samples, recipe: RecipeConfig, seed: int, progress: Progress
) -> ClassModel:
    """A forest from labelled windows; the manifest is the whole model.

    Raises
    ------
    PluginError
        When scikit-learn is not installed.
    ModelError
        When the forest is larger than a model may be.
    """
    classifier = _fitted(train, recipe, seed)
    forest = integers_of(classifier, len(train.names))
    if (nodes := len(forest.feature)) > MAX_NODES:
        raise ModelError(
            f"{recipe.name}: the forest has {nodes} nodes, a model has at most {MAX_NODES}",
            "Set fewer `trees`, less `depth` or a larger `min_leaf` in `forest:`.",
        )
    told = {
        "float": np.argmax(_float_shares(classifier, validation.features, len(train.names)), axis=1),
        "int8": np.argmax(leaf_shares(forest, validation.features), axis=1),
    }
    metrics: dict[str, Any] = {"measured_on": "validation windows"}
    for step, classes in told.items():
        counts = tally(validation.classes, classes, len(train.names))
        metrics[step] = {name: round(figure(counts), 4) for name, figure in BY_NAME.items()}
        metrics[step] |= {"classes": by_class(counts, train.names), "confusion": counts.tolist()}
    metrics["trees"] = {"trees": len(forest.roots), "nodes": len(forest.feature), "leaves": len(forest.leaves)}
    name = recipe.stop.metric
    progress.say("train", f"forest of {len(forest.roots)} trees, {len(forest.feature)} nodes")
    progress.say(
        "measure", f"{name} on validation: float {metrics['float'][name]:.4f}, integers {metrics['int8'][name]:.4f}"
    )
    return ClassModel(b"", _manifest(train, recipe, forest, metrics, seed), {})


def load_forest() -> Any:
    """scikit-learn's class. Raises PluginError when it is not installed."""
    try:
        from sklearn.ensemble import RandomForestClassifier
    except ImportError as error:
        raise PluginError(
            "a forest is trained by scikit-learn, which is not installed.", "Install it: pip install 'edge-app[train]'."
        ) from error
    return RandomForestClassifier


def _fitted(train: Samples, recipe: RecipeConfig, seed: int) -> Any:
    features, classes = train.features, train.classes
    if "augment" in recipe.model_fields_set:
        random = np.random.RandomState(seed)
        features = change_features(features, kinds_of(train.schema), recipe.augment, random)
        classes = np.tile(classes, recipe.augment.copies)
    counts = np.bincount(classes, minlength=len(train.names)).tolist()
    weights = class_weights(counts, recipe.balance, [recipe.emphasis.get(name, 1.0) for name in train.names])
    settings = recipe.forest
    made = load_forest()(
        n_estimators=settings.trees,
        max_depth=settings.depth,
        min_samples_leaf=settings.min_leaf,
        random_state=seed,
        n_jobs=1,
    )
    return made.fit(features.astype(np.float32), classes, sample_weight=weights[classes])


def integers_of(classifier: Any, n_classes: int) -> Forest:
    """Trees of a fitted RandomForestClassifier as the arrays of a manifest; equal leaves share a row."""
    roots: list[int] = []
    nodes = _Nodes()
    columns = [int(each) for each in classifier.classes_]
    for each in classifier.estimators_:
        tree, first = each.tree_, len(nodes.feature)
        roots.append(first)
        for node in range(tree.node_count):
            if tree.children_left[node] < 0:
                nodes.add_leaf(leaf_row(tree.value[node, 0], columns, n_classes))
            else:
                threshold = max(-32768, min(32767, math.floor(tree.threshold[node])))
                left, right = int(tree.children_left[node]), int(tree.children_right[node])
                nodes.add(int(tree.feature[node]), threshold, first + left, first + right)
    return Forest(
        tuple(roots),
        tuple(nodes.feature),
        tuple(nodes.threshold),
        tuple(nodes.left),
        tuple(nodes.right),
        tuple(nodes.leaves),
    )


class _Nodes:
    """The arrays as they grow."""

    def __init__(self) -> None:
        self.feature: list[int] = []
        self.threshold: list[int] = []
        self.left: list[int] = []
        self.right: list[int] = []
        self.leaves: dict[tuple[int, ...], int] = {}

    def add(self, feature: int, threshold: int, left: int, right: int) -> None:
        self.feature.append(feature)
        self.threshold.append(threshold)
        self.left.append(left)
        self.right.append(right)

    def add_leaf(self, row: tuple[int, ...]) -> None:
        self.add(-1, 0, self.leaves.setdefault(row, len(self.leaves)), 0)


def leaf_row(values: NDArray[Any], columns: list[int], n_classes: int) -> tuple[int, ...]:
    """Shares of the classes in 1/255, adding up to 255: what rounding leaves over goes to the largest remainders."""
    shares = np.zeros(n_classes)
    shares[columns] = values / values.sum() * LEAF_ONE
    whole = np.floor(shares).astype(np.int64)
    rest = np.argsort(whole - shares, kind="stable")[: LEAF_ONE - int(whole.sum())]
    whole[rest] += 1
    return tuple(int(each) for each in whole)


def leaf_shares(forest: Forest, features: Features) -> NDArray[np.int64]:
    """Sums of the leaves' shares (n, n_classes), all windows at once; inference/forest.py gives the same one by one."""
    feature, threshold = np.array(forest.feature), np.array(forest.threshold)
    left, right, leaves = np.array(forest.left), np.array(forest.right), np.array(forest.leaves)
    total = np.zeros((len(features), leaves.shape[1]), np.int64)
    rows = np.arange(len(features))
    for root in forest.roots:
        at = np.full(len(features), root)
        while (inner := feature[at] >= 0).any():
            goes_left = features[rows, np.maximum(feature[at], 0)] <= threshold[at]
            at = np.where(inner, np.where(goes_left, left[at], right[at]), at)
        total += leaves[left[at]]
    return total


def _float_shares(classifier: Any, features: Features, n_classes: int) -> NDArray[np.float64]:
    shares = np.zeros((len(features), n_classes))
    shares[:, [int(each) for each in classifier.classes_]] = classifier.predict_proba(features.astype(np.float32))
    return shares


def _manifest(train: Samples, recipe: RecipeConfig, forest: Forest, metrics: dict[str, Any], seed: int) -> Manifest:
    alarm = tuple(name for name in train.names if name in recipe.alarm)
    return Manifest(
        name=recipe.name,
        kind="forest",
        file="",
        sha256="",
        input=None,
        output=None,
        features=feature_facts(train.schema),
        standardize=standardize_classes(train, recipe),
        score=Score(LINEAR, LINEAR_KNOTS),
        score_set_by=score_sentence(alarm),
        forest=forest,
        labels=train.names,
        alarm_labels=alarm,
        metrics=metrics,
        seed=seed,
    )
