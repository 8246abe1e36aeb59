"""Anomaly by the distance to the nearest of several Gaussians: one per way the healthy machine runs.

z_i as in autoencoder.py. Component k has a mean m_ki (steps), a multiplier a_ki (`shift` fractional bits; the model's
units of distance per step: about the units one standard deviation shall have, over that deviation in steps) and a
bias b_k, in squared units: what its weight w_k and its volume cost it, U²·(Σ_i ln σ_ki² − 2·ln w_k) with U units per
standard deviation, the smallest of all subtracted.

    y_ki = clamp(((z_i - m_ki) · a_ki + 2^(shift-1)) >> shift, -32767, 32767)
    d_k  = Σ_i y_ki² + b_k
    raw  = min(min_k d_k, 2^31 - 1),  contribution_i = y_ki² of the nearest component (the first of equals)

raw is −2·U² times the log-likelihood of the nearest component up to a constant; the sum over components, which a float
GMM takes, is at most 2·U²·ln K closer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import ModelError
from edge_app.core.results import FeatureVector, Inference, LearntNormal, ModelIdentity
from edge_app.inference.manifest import Manifest, Standardize
from edge_app.inference.score import ScoreMap
from edge_app.inference.standardize import RAW_MAX, SchemaGuard, Standardizer, renormed


class GmmModel:
    """A mixture of Gaussians with diagonal covariances behind the `Model` contract."""

    def __init__(self, manifest: Manifest, identity: ModelIdentity) -> None:
        if manifest.gmm is None:
            raise ModelError(f"the manifest of {manifest.name} is not a gmm's", f"Use plugin `{manifest.kind}`.")
        self.identity = identity
        self.manifest = manifest
        self.score_map = ScoreMap(manifest.score.knots)
        self._guard = SchemaGuard(manifest)
        self._standardizer = Standardizer(manifest.standardize)
        self._means = np.array(manifest.gmm.means, np.int64)
        self._multipliers = np.array(manifest.gmm.multipliers, np.int64)
        self._bias = np.array(manifest.gmm.bias, np.int64)
        self._shift, self._half = manifest.gmm.shift, 1 << (manifest.gmm.shift - 1)
        self._baselines = _baselines(self._means, manifest.standardize)

    def with_normal(self, normal: LearntNormal) -> GmmModel:
        """The same mixture, moved and scaled as a whole to an installed machine's own normal."""
        return GmmModel(renormed(self.manifest, self.identity, normal), self.identity)

    def infer(self, features: FeatureVector) -> Inference:
        """One run; see the module's formula."""
        self._guard.check(features)
        steps = self._standardizer.steps(features.values)
        scaled = ((steps - self._means) * self._multipliers + self._half) >> self._shift
        squares = np.clip(scaled, -32767, 32767) ** 2
        distances = squares.sum(axis=1) + self._bias
        nearest = int(np.argmin(distances))
        raw = min(int(distances[nearest]), RAW_MAX)
        return Inference(
            raw=raw,
            score=self.score_map.score(raw),
            contributions=squares[nearest].astype(np.int32),
            baseline=self._baselines[nearest],
        )


def _baselines(means: NDArray[np.int64], standardize: Standardize) -> NDArray[np.int16]:
    """Each component's mean as feature values, (n_components, n_features): f = offset + m * 2^shift / multiplier."""
    counts = np.rint(means * 2.0**standardize.shift / np.array(standardize.multiplier))
    found: NDArray[np.int16] = np.clip(counts + np.array(standardize.offset), -32768, 32767).astype(np.int16)
    return found
