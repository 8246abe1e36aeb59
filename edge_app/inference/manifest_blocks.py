"""The blocks of a model's manifest: what each holds, and how it is read and checked.

Everything is whole numbers within stated bounds, so that the same file means the same on every machine. All readers
raise ModelError with file and key. docs/reference/models.md documents the JSON, `manifest.py` puts the blocks together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_app.inference.manifest_fields import Fields
from edge_app.inference.score import LINEAR, LOG2, check_knots

MAX_FEATURES = 4096
STEPS_PER_SIGMA = 12
"""Of a manifest that does not say it."""
MAX_LABELS = 64
MAX_LABEL_LENGTH = 48
MAX_COMPONENTS = 64
MAX_TREES = 1000
MAX_NODES = 65535
MAX_DEPTH = 64
"""Comparisons from a root to a leaf: bounds the time of a decision whatever the file says."""
LEAF_ONE = 255
"""Shares of a leaf add up to this."""
MEAN_LOW, MEAN_HIGH = -1024, 1023
"""Range of standardized steps, so of a component's mean too."""
BIAS_MAX = 2**30 - 1


@dataclass(frozen=True)
class TensorFacts:
    """The model's input or output."""

    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Features:
    """The feature vector the model was made for."""

    plugin: str
    hash: str
    names: tuple[str, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Standardize:
    """How features become steps: ((f - offset) * multiplier + 2^(shift-1)) >> shift."""

    offset: tuple[int, ...]
    """int16 per feature: its healthy (for classes: normal) value, log2 in Q8; explanations compare with it."""
    multiplier: tuple[int, ...]
    """1..32767 per feature."""
    shift: int
    """1..30."""
    steps_per_sigma: int = STEPS_PER_SIGMA
    """Steps of one standard deviation: a learnt normal keeps them, for the model knows nothing else."""


@dataclass(frozen=True)
class Classifier:
    """What a classifier's output means (see classifier.py)."""

    output: str
    """"probabilities" (softmax: scale 1/256, zero point -128) or "logits"."""


@dataclass(frozen=True)
class Gaussian:
    """Parameters of a gaussian model (see gaussian.py)."""

    whitening: tuple[tuple[int, ...], ...]
    """Rows of int16, as many as features, over the standardized features."""
    shift: int
    """1..30: the whitening's fractional bits."""


@dataclass(frozen=True)
class Gmm:
    """Parameters of a mixture of gaussians with diagonal covariances (see gmm.py); one row per component."""

    means: tuple[tuple[int, ...], ...]
    """-1024..1023 per component and feature, in standardized steps."""
    multipliers: tuple[tuple[int, ...], ...]
    """0..32767 per component and feature: from a deviation in steps to the model's unit of distance."""
    shift: int
    """1..30: the multipliers' fractional bits."""
    bias: tuple[int, ...]
    """0..2^30-1 per component, in squared units of distance: what weight and volume cost it; the smallest is 0."""


@dataclass(frozen=True)
class Forest:
    """Decision trees as arrays over all nodes of all trees (see forest.py)."""

    roots: tuple[int, ...]
    """Node each tree begins at."""
    feature: tuple[int, ...]
    """Index of the feature compared; -1 at a leaf."""
    threshold: tuple[int, ...]
    """int16: the left child follows when feature <= threshold (raw features, not standardized); 0 at a leaf."""
    left: tuple[int, ...]
    """Left child, always a later node; at a leaf its row of `leaves`."""
    right: tuple[int, ...]
    """Right child, always a later node; 0 at a leaf."""
    leaves: tuple[tuple[int, ...], ...]
    """Rows of shares 0..255, one per label, each row adding up to 255."""


@dataclass(frozen=True)
class Score:
    """The mapping of the raw output to the score: see score.py."""

    kind: str
    """"log2_knots" (distances) or "linear_knots" (shares of classes, 0..10000)."""
    knots: tuple[tuple[int, int], ...]


def features_block(block: Fields) -> Features:
    """`features`"""
    names = block.texts("names", MAX_FEATURES)
    if not names or len(set(names)) != len(names):
        raise block.fail("names", "must be different names, at least one")
    return Features(
        plugin=block.text("plugin"),
        hash=block.text("hash", pattern=r"[0-9a-f]{16}"),
        names=names,
        settings=block.mapping("settings"),
    )


def tensor_block(block: Fields) -> TensorFacts:
    """`input` and `output`"""
    return TensorFacts(
        shape=block.integers("shape", 1, 1 << 24, limit=6),
        dtype=block.choice("dtype", ("int8",)),
        scale=block.positive("scale"),
        zero_point=block.integer("zero_point", -128, 127),
    )


def standardize_block(block: Fields, count: int) -> Standardize:
    """`standardize`, for `count` features"""
    stated = "steps_per_sigma" in block.data
    return Standardize(
        offset=block.integers("offset", -32768, 32767, exactly=count),
        multiplier=block.integers("multiplier", 1, 32767, exactly=count),
        shift=block.integer("shift", 1, 30),
        steps_per_sigma=block.integer("steps_per_sigma", 1, 1024) if stated else STEPS_PER_SIGMA,
    )


def score_block(block: Fields, kind: str) -> Score:
    """`score`; a distance has logarithmic knots, a share of classes linear ones"""
    block.choice("kind", (kind,))
    knots = block.pairs("knots", 256)
    try:
        check_knots(knots)
    except ValueError as error:
        raise block.fail("knots", str(error)) from error
    return Score(kind, knots)


def score_kind(kind: str) -> str:
    """The kind of knots a kind of model has."""
    return LINEAR if kind in ("classifier", "forest") else LOG2


def classifier_block(block: Fields) -> Classifier:
    """`classifier`"""
    return Classifier(block.choice("output", ("probabilities", "logits")))


def gaussian_block(block: Fields, count: int) -> Gaussian:
    """`gaussian`, for `count` features"""
    return Gaussian(
        whitening=block.rows("whitening", -32768, 32767, rows=count, columns=count),
        shift=block.integer("shift", 1, 30),
    )


def gmm_block(block: Fields, count: int) -> Gmm:
    """`gmm`, for `count` features"""
    bias = block.integers("bias", 0, BIAS_MAX, limit=MAX_COMPONENTS)
    if not bias or min(bias) != 0:
        raise block.fail("bias", "must hold one number per component, the smallest 0")
    return Gmm(
        means=block.rows("means", MEAN_LOW, MEAN_HIGH, rows=len(bias), columns=count),
        multipliers=block.rows("multipliers", 0, 32767, rows=len(bias), columns=count),
        shift=block.integer("shift", 1, 30),
        bias=bias,
    )


def forest_block(block: Fields, count: int, labels: int) -> Forest:
    """`forest`, for `count` features and `labels` classes"""
    feature = block.integers("feature", -1, count - 1, limit=MAX_NODES)
    nodes = len(feature)
    if nodes == 0:
        raise block.fail("feature", "is empty: a forest has nodes")
    leaves = block.rows("leaves", 0, LEAF_ONE, rows=None, columns=labels, limit=nodes)
    for place, row in enumerate(leaves):
        if sum(row) != LEAF_ONE:
            raise block.fail(f"leaves[{place}]", f"adds up to {sum(row)}, not to {LEAF_ONE}")
    forest = Forest(
        roots=block.integers("roots", 0, nodes - 1, limit=MAX_TREES),
        feature=feature,
        threshold=block.integers("threshold", -32768, 32767, exactly=nodes),
        left=block.integers("left", 0, nodes - 1, exactly=nodes),
        right=block.integers("right", 0, nodes - 1, exactly=nodes),
        leaves=leaves,
    )
    if not forest.roots:
        raise block.fail("roots", "is empty: a forest has trees")
    _check_paths(forest, block)
    return forest


def _check_paths(forest: Forest, block: Fields) -> None:
    """Children come after their parents (so no walk is endless), no walk is long, and every leaf has its row."""
    depth = [0] * len(forest.feature)
    for node, feature in enumerate(forest.feature):
        if feature < 0:
            if forest.left[node] >= len(forest.leaves):
                raise block.fail(
                    f"left[{node}]", f"names row {forest.left[node]} of leaves, there are {len(forest.leaves)}"
                )
            continue
        for side, children in (("left", forest.left), ("right", forest.right)):
            child = children[node]
            if child <= node:
                raise block.fail(f"{side}[{node}]", f"is {child}: a child must come after its node")
            depth[child] = max(depth[child], depth[node] + 1)
            if depth[child] > MAX_DEPTH:
                raise block.fail(f"{side}[{node}]", f"lies more than {MAX_DEPTH} comparisons deep")


def labels_of(top: Fields, kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`labels` and `alarm_labels`: what a classifier or forest tells apart, and which of it is alarming"""
    if kind not in ("classifier", "forest"):
        return (top.texts("labels", 1000) if "labels" in top.data else ()), ()
    labels = top.texts("labels", MAX_LABELS)
    if len(labels) < 2 or len(set(labels)) != len(labels):
        raise top.fail("labels", f"of a {kind} must be 2 to {MAX_LABELS} different names")
    if any(len(label) > MAX_LABEL_LENGTH for label in labels):
        raise top.fail("labels", f"must be names of at most {MAX_LABEL_LENGTH} characters: messages carry them")
    alarm = top.texts("alarm_labels", MAX_LABELS)
    strange = [label for label in alarm if label not in labels]
    if strange or len(set(alarm)) != len(alarm) or len(alarm) == len(labels):
        raise top.fail(
            "alarm_labels", f"must be different names out of {', '.join(labels)}, not all of them; it is {list(alarm)}"
        )
    return labels, alarm
