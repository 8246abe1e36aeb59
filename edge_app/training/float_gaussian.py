"""A Gaussian in double precision, on the integer features: what the whole numbers of the device are compared with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_app.core.results import FeatureVector, Inference, LearntNormal, ModelIdentity
from edge_app.inference.manifest import Manifest
from edge_app.inference.score import ScoreMap
from edge_app.inference.standardize import RAW_MAX, renormed

Floats = NDArray[np.float64]


class FloatGaussian:
    """Squared Mahalanobis distance, neither rounded to steps nor limited before the end.

    Takes the manifest of a `gaussian` with a file, or of one whose normal is learnt wholly (then each feature counts in
    units of its own spread).
    """

    def __init__(self, manifest: Manifest, identity: ModelIdentity) -> None:
        self.identity = identity
        self.manifest = manifest
        self._map = ScoreMap(manifest.score.knots, manifest.score.kind)
        self._offset = np.array(manifest.standardize.offset, np.int16)
        self._per_count = np.array(manifest.standardize.multiplier) * 2.0**-manifest.standardize.shift
        gaussian = manifest.gaussian
        self._whitening = None if gaussian is None else np.array(gaussian.whitening) * 2.0**-gaussian.shift

    def with_normal(self, normal: LearntNormal) -> FloatGaussian:
        """The same around a machine's own normal."""
        return FloatGaussian(renormed(self.manifest, self.identity, normal), self.identity)

    def infer(self, features: FeatureVector) -> Inference:
        """One run."""
        steps: Floats = (features.values.astype(np.float64) - self._offset) * self._per_count
        if self._whitening is None:
            shares = steps * steps
            distance = float(shares.sum())
        else:
            white = self._whitening @ steps
            shares = np.maximum(steps * (self._whitening.T @ white), 0.0)
            distance = float(white @ white)
        raw = min(round(distance), RAW_MAX)
        contributions = np.minimum(np.rint(shares), RAW_MAX).astype(np.int32)
        return Inference(raw, self._map.score(raw), contributions, self._offset)
