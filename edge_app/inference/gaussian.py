"""Anomaly by Mahalanobis distance on the integer features; the manifest is the whole model.

z_i as in autoencoder.py. With the manifest's whitening matrix W (int16, `shift` fractional bits, about the
inverse square root of the covariance of z, times the steps one standard deviation shall have):

    y_i = clamp((Σ_j W_ij · z_j + 2^(shift-1)) >> shift, -32768, 32767)
    raw = min(Σ y_i², 2^31 - 1)
    contribution_j = clamp((z_j · Σ_i W_ij · y_i + 2^(shift-1)) >> shift, 0, 2^31 - 1)

Σ_j contribution_j is zᵀWᵀWz up to rounding and the negative shares set to 0. Sums are below 2^53 and exact.

A Gaussian named without a file (`UnlearntGaussian`) takes offsets and multipliers from learning normal; its covariance
is diagonal: y = z, contribution_j = z_j².
"""

from __future__ import annotations

import hashlib

import numpy as np

from edge_app.core.errors import ModelError
from edge_app.core.results import FeatureSchema, FeatureVector, Inference, LearntNormal, ModelIdentity
from edge_app.inference.manifest import Features, Manifest, Score, Standardize
from edge_app.inference.score import LOG2, ScoreMap
from edge_app.inference.standardize import RAW_MAX, SchemaGuard, Standardizer, renormed

UNLEARNT = "normal has not been learnt: run `edge-app learn`"


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

    def with_normal(self, normal: LearntNormal) -> GaussianModel:
        """The same covariance around an installed machine's own normal."""
        return GaussianModel(renormed(self.manifest, self.identity, normal), self.identity)

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


class UnlearntGaussian:
    """A Gaussian that comes without a file: it cannot judge before normal was learnt on the installed machine."""

    unready = UNLEARNT

    def __init__(self, schema: FeatureSchema) -> None:
        self.manifest = bare_manifest(schema)
        digest = hashlib.sha256(f"gaussian/1 {schema.hash}".encode()).hexdigest()
        self.identity = ModelIdentity(self.manifest.name, digest)

    def with_normal(self, normal: LearntNormal) -> DiagonalGaussian:
        """A Gaussian of this machine's own spreads; the identity stays, for the normal is kept under it."""
        return DiagonalGaussian(renormed(self.manifest, self.identity, normal), self.identity)

    def infer(self, features: FeatureVector) -> Inference:
        """Raises ModelError: there is nothing to compare with."""
        raise ModelError(f"model {self.identity.name}: {UNLEARNT}", "Until then its windows are `unknown`.")


class DiagonalGaussian:
    """Distance from a learnt normal, each feature in units of its own spread."""

    def __init__(self, manifest: Manifest, identity: ModelIdentity) -> None:
        self.identity = identity
        self.manifest = manifest
        self.score_map = ScoreMap(manifest.score.knots)
        self._guard = SchemaGuard(manifest)
        self._standardizer = Standardizer(manifest.standardize)

    def with_normal(self, normal: LearntNormal) -> DiagonalGaussian:
        """The same around a normal learnt anew."""
        return DiagonalGaussian(renormed(self.manifest, self.identity, normal), self.identity)

    def infer(self, features: FeatureVector) -> Inference:
        """One run; see the module's formula."""
        self._guard.check(features)
        squares = self._standardizer.steps(features.values)
        squares *= squares
        raw = min(int(squares.sum()), RAW_MAX)
        return Inference(
            raw=raw,
            score=self.score_map.score(raw),
            contributions=squares.astype(np.int32),
            baseline=self._standardizer.offset,
        )


def bare_manifest(schema: FeatureSchema) -> Manifest:
    """Papers of a Gaussian that knows its features and nothing of their values: all zero, in units of one count."""
    count = len(schema.names)
    return Manifest(
        name="gaussian",
        kind="gaussian",
        file="",
        sha256="",
        input=None,
        output=None,
        features=Features(schema.plugin, schema.hash, schema.names, dict(schema.settings)),
        standardize=Standardize((0,) * count, (1,) * count, 1),
        score=Score(LOG2, ((0, 0), (1, 0))),
        score_set_by="not learnt yet",
    )
