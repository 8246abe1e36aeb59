"""Which of several known classes a window belongs to, by decision trees over the integer features.

The manifest is the whole model (`Forest` in manifest_blocks.py). In each tree, from its root on, the left child follows
when f[feature] <= threshold, else the right one; f are the raw int16 features. A leaf holds a share of each class in
1/255. Shares of all trees are added:

    w_c = Σ_trees leaf_c;  share, label, raw and score as in classifier.py
    contribution_i = z_i², z from `standardize`, whose offsets are the normal class's values: what is unusual
"""

from __future__ import annotations

from edge_app.core.errors import ModelError
from edge_app.core.results import FeatureVector, Inference, LearntNormal, ModelIdentity
from edge_app.inference.classifier import Classes
from edge_app.inference.manifest import Manifest
from edge_app.inference.standardize import SchemaGuard, Standardizer, classes_have_no_normal


class ForestModel:
    """A random forest behind the `Model` contract."""

    def __init__(self, manifest: Manifest, identity: ModelIdentity) -> None:
        if manifest.forest is None:
            raise ModelError(f"the manifest of {manifest.name} is not a forest's", f"Use plugin `{manifest.kind}`.")
        self.identity = identity
        self.manifest = manifest
        self.forest = manifest.forest
        self.classes = Classes(manifest)
        self.labels = manifest.labels
        self.score_map = self.classes.score_map
        self._guard = SchemaGuard(manifest)
        self._standardizer = Standardizer(manifest.standardize)

    def with_normal(self, normal: LearntNormal) -> ForestModel:
        """Refused: raises BaselineError."""
        raise classes_have_no_normal(self.identity.name)

    def infer(self, features: FeatureVector) -> Inference:
        """One run; see the module's formula."""
        self._guard.check(features)
        weights = self._weights(features.values.tolist())
        return self.classes.inference(weights, self._standardizer.steps(features.values))

    def _weights(self, values: list[int]) -> list[int]:
        """Sum of the leaves' shares, per class; the loader made sure that every walk ends."""
        feature, threshold = self.forest.feature, self.forest.threshold
        left, right = self.forest.left, self.forest.right
        weights = [0] * len(self.classes.labels)
        for node in self.forest.roots:
            while feature[node] >= 0:
                node = left[node] if values[feature[node]] <= threshold[node] else right[node]
            for place, share in enumerate(self.forest.leaves[left[node]]):
                weights[place] += share
        return weights
