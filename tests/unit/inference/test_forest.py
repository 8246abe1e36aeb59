"""A forest by hand, and beside a second, plain implementation on random trees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from model_files import SCHEMA, forest_manifest, vector, write_manifest

from edge_app.core.errors import BaselineError, ModelError
from edge_app.core.plugin import ModelContext
from edge_app.core.results import LearntNormal, ModelIdentity
from edge_app.inference.forest import ForestModel
from edge_app.inference.manifest import Forest, manifest_text, read_manifest
from edge_app.inference.plugins import FOREST, ForestConfig

IDENTITY = ModelIdentity("forest", "0" * 64)


def test_trees_vote_with_the_shares_of_their_leaves():
    model = ForestModel(forest_manifest(), IDENTITY)
    # f0 = 151 goes right, f2 = -300 left: (0, 200, 55); f1 = 200 goes left: (255, 0, 0); together 255, 200, 55 of 510.
    inference = model.infer(vector(151, 200, -300))
    assert inference.label == "normal"
    assert inference.shares == (("normal", 5000), ("inner", 3922), ("outer", 1078))
    assert inference.raw == inference.score == 5000  # (200 + 55) / 510
    # 51 counts above the offset are 12.75, so 13 steps
    assert inference.contributions.tolist() == [169, 0, 0]
    # One count lower in f0, and the first tree goes left: (255, 0, 0) twice.
    assert model.infer(vector(150, 200, -300)).score == 0


def nested(random: np.random.RandomState, depth: int) -> object:
    """A tree as ("leaf", shares) or (feature, threshold, left, right)."""
    if depth == 0 or random.rand() < 0.2:
        cuts = np.sort(random.randint(0, 256, 2))
        return ("leaf", (int(cuts[0]), int(cuts[1] - cuts[0]), int(255 - cuts[1])))
    threshold = int(random.randint(-500, 500))
    return (int(random.randint(3)), threshold, nested(random, depth - 1), nested(random, depth - 1))


def flattened(trees: list[object]) -> Forest:
    """The same trees as arrays, parents before children."""
    nodes: list[list[int]] = []
    leaves: list[tuple[int, ...]] = []

    def add(tree: object) -> int:
        place = len(nodes)
        nodes.append([])
        if tree[0] == "leaf":  # type: ignore[index]
            leaves.append(tree[1])  # type: ignore[index]
            nodes[place] = [-1, 0, len(leaves) - 1, 0]
        else:
            feature, threshold, left, right = tree  # type: ignore[misc]
            nodes[place] = [feature, threshold, add(left), add(right)]
        return place

    roots = tuple(add(tree) for tree in trees)
    columns = [tuple(node[column] for node in nodes) for column in range(4)]
    return Forest(roots, *columns, tuple(leaves))


def walked(tree: object, values: tuple[int, ...]) -> tuple[int, ...]:
    while tree[0] != "leaf":  # type: ignore[index]
        feature, threshold, left, right = tree  # type: ignore[misc]
        tree = left if values[feature] <= threshold else right
    return tree[1]  # type: ignore[index]


def test_random_forests_answer_as_a_plain_walk_over_nested_trees():
    random = np.random.RandomState(5)
    for _ in range(20):
        trees = [nested(random, 6) for _ in range(5)]
        manifest = replace(forest_manifest(), forest=flattened(trees))
        model = ForestModel(read_manifest(manifest_text(manifest).encode(), "m"), IDENTITY)
        for _ in range(20):
            values = tuple(int(each) for each in random.randint(-600, 600, 3))
            votes = np.sum([walked(tree, values) for tree in trees], axis=0)
            inference = model.infer(vector(*values))
            assert [share for _, share in inference.shares] == [(20000 * int(v) + 1275) // 2550 for v in votes]
            assert inference.label == model.labels[int(np.argmax(votes))]


def test_a_forest_is_made_by_the_plugin_and_learns_no_normal(tmp_path: Path):
    write_manifest(tmp_path / "f.json", forest_manifest())
    model = FOREST.create(ForestConfig(file="f.json"), ModelContext(tmp_path, SCHEMA))
    assert model.infer(vector(151, 200, -300)).score == 5000
    normal = LearntNormal((0, 0, 0), None, None, ((0, 0), (1, 1)), SCHEMA.hash, model.identity.sha256)
    with pytest.raises(BaselineError, match="tells classes apart"):
        model.with_normal(normal)


def hostile(**changes: object) -> str:
    forest = forest_manifest().forest
    assert forest is not None
    return manifest_text(replace(forest_manifest(), forest=replace(forest, **changes)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"roots": ()}, "forest.roots is empty"),
        ({"roots": (8,)}, "forest.roots[0] is 8"),
        ({"feature": ()}, "forest.feature is empty"),
        ({"feature": (3, -1, 2, -1, -1, 1, -1, -1)}, "forest.feature[0] is 3"),
        ({"threshold": (1, 2)}, "forest.threshold has 2 numbers, expected 8"),
        ({"threshold": (40000, 0, -300, 0, 0, 200, 0, 0)}, "forest.threshold[0] is 40000"),
        ({"left": (0, 0, 3, 1, 2, 6, 0, 3)}, "forest.left[0] is 0: a child must come after its node"),
        ({"right": (2, 0, 1, 0, 0, 7, 0, 0)}, "forest.right[2] is 1: a child must come after its node"),
        ({"left": (1, 4, 3, 1, 2, 6, 0, 3)}, "forest.left[1] names row 4 of leaves, there are 4"),
        ({"left": (1, 0, 3, 1, 2, 60, 0, 3)}, "forest.left[5] is 60"),
        ({"leaves": ((255, 0, 0), (0, 200, 54))}, "forest.leaves[1] adds up to 254, not to 255"),
        ({"leaves": ((255, 0),)}, "forest.leaves[0] has 2 numbers, expected 3"),
        ({"leaves": ((256, -1, 0),)}, "forest.leaves[0][0] is 256"),
        ({"leaves": ()}, "forest.leaves must be a list of 1 to"),
    ],
)
def test_a_hostile_forest_is_refused_with_its_place(changes: dict[str, object], message: str):
    with pytest.raises(ModelError) as error:
        read_manifest(hostile(**changes).encode(), "m.json")
    assert message in str(error.value)


def test_a_chain_that_would_take_long_is_refused():
    count = 70  # nodes 0, 2, 4 … go on to the right, 1, 3, 5 … are leaves
    feature = tuple(0 if place % 2 == 0 and place < 2 * count else -1 for place in range(2 * count + 1))
    left = tuple(place + 1 if place % 2 == 0 and place < 2 * count else 0 for place in range(2 * count + 1))
    right = tuple(place + 2 if place % 2 == 0 and place < 2 * count else 0 for place in range(2 * count + 1))
    text = hostile(roots=(0,), feature=feature, threshold=(0,) * (2 * count + 1), left=left, right=right)
    with pytest.raises(ModelError, match="more than 64 comparisons deep"):
        read_manifest(text.encode(), "m.json")
