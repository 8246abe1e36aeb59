"""Anomaly by Mahalanobis distance on the integer features; the manifest is the whole model.

z_i as in autoencoder.py. With the manifest's whitening matrix W (int16, `shift` fractional bits, about the
inverse square root of the covariance of z, times the steps one standard deviation shall have):

    y_i = clamp((Σ_j W_ij · z_j + 2^(shift-1)) >> shift, -32768, 32767)
    raw = min(Σ y_i², 2^31 - 1)
    contribution_j = clamp((z_j · Σ_i W_ij · y_i + 2^(shift-1)) >> shift, 0, 2^31 - 1)

Σ_j contribution_j is zᵀWᵀWz up to rounding and the negative shares set to 0. Sums are below 2^53 and exact.
"""

from __future__ import annotations

import numpy as np

from edge_app.core.errors import ModelError
from edge_app.core.results import FeatureVector, Inference, ModelIdentity
from edge_app.inference.autoencoder import RAW_MAX, SchemaGuard, Standardizer
from edge_app.inference.manifest import Manifest
from edge_app.inference.score import ScoreMap


class GaussianModel:
    """A Gaussian model behind the `Model` contract."""

    def __init__(self, manifest: Manifest, identity: ModelIdentity) -> None:
        if manifest.gaussian is None:
            raise ModelError(f"the manifest of {manifest.name} is not a gaussian model's", "Use plugin `tflite`.")
        self.identity = identity
        self.manifest = manifest
        self.score_map = ScoreMap(manifest.score.knots)
        self._guard = SchemaGuard(manifest)
        self._standardizer = Standardizer(manifest.standardize)
        self._whitening = np.array(manifest.gaussian.whitening, np.int64)
        self._shift = manifest.gaussian.shift
        self._half = 1 << (self._shift - 1)

    def infer(self, features: FeatureVector) -> Inference:
        """One run; see the module's formula."""
        self._guard.check(features)
        steps = self._standardizer.steps(features.values)
        white = np.clip((self._whitening @ steps + self._half) >> self._shift, -32768, 32767)
        shares = (steps * (self._whitening.T @ white) + self._half) >> self._shift
        raw = min(int((white * white).sum()), RAW_MAX)
        return Inference(
            raw=raw,
            score=self.score_map.score(raw),
            contributions=np.clip(shares, 0, RAW_MAX).astype(np.int32),
            baseline=self._standardizer.offset,
        )
