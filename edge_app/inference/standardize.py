"""What the models share: features to steps, the guard against foreign features, an installed machine's own normal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import BaselineError, ModelError
from edge_app.core.results import FeatureVector, LearntNormal, ModelIdentity
from edge_app.inference.manifest import Manifest, Score, Standardize

STEPS_LOW, STEPS_HIGH = -1024, 1023
RAW_MAX = 2**31 - 1


class Standardizer:
    """Features to steps: z = clamp(((f - offset) * multiplier + 2^(shift-1)) >> shift, -1024, 1023)."""

    def __init__(self, parameters: Standardize) -> None:
        self.offset = np.array(parameters.offset, np.int16)
        self._offset = self.offset.astype(np.int64)
        self._multiplier = np.array(parameters.multiplier, np.int64)
        self._half, self._shift = 1 << (parameters.shift - 1), parameters.shift

    def steps(self, values: NDArray[np.int16]) -> NDArray[np.int64]:
        """int64 of shape (n_features,), within -1024..1023."""
        steps = values - self._offset
        steps *= self._multiplier
        steps += self._half
        steps >>= self._shift
        np.maximum(steps, STEPS_LOW, out=steps)
        return np.minimum(steps, STEPS_HIGH, out=steps)


class SchemaGuard:
    """Refuses vectors of other features than the model's; the schema object met last is not hashed again."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._known: object = None

    def check(self, features: FeatureVector) -> None:
        """Raises ModelError when the vector is not of the schema the model was made for."""
        if features.schema is self._known:
            return
        expected = self._manifest.features
        if features.schema.hash != expected.hash or len(features.values) != len(expected.names):
            raise ModelError(
                f"model {self._manifest.name} expects features {expected.hash} ({len(expected.names)} numbers), "
                f"was given {features.schema.hash} ({len(features.values)} numbers)",
                "Use the features the model was trained on, or train again.",
            )
        self._known = features.schema


def renormed(manifest: Manifest, identity: ModelIdentity, normal: LearntNormal) -> Manifest:
    """The manifest with a learnt normal's offsets, multipliers (if it has any) and score knots.

    Raises
    ------
    BaselineError
        When the normal was learnt with another model or other features.
    """
    if normal.schema != manifest.features.hash or normal.model != identity.sha256:
        raise BaselineError(
            f"the learnt normal belongs to model {normal.model[:12]} and features {normal.schema}, not to "
            f"{manifest.name} ({identity.sha256[:12]}, {manifest.features.hash})",
            "Learn again: `edge-app learn`.",
        )
    standardize = replace(manifest.standardize, offset=normal.offset)
    if normal.multiplier is not None and normal.shift is not None:
        standardize = replace(standardize, multiplier=normal.multiplier, shift=normal.shift)
    count = len(manifest.features.names)
    if len(standardize.offset) != count or len(standardize.multiplier) != count:
        raise BaselineError(
            f"the learnt normal has {len(standardize.offset)} features, {manifest.name} has {count}",
            "Learn again: `edge-app learn`.",
        )
    return replace(manifest, standardize=standardize, score=Score(manifest.score.kind, normal.knots))


def classes_have_no_normal(name: str) -> BaselineError:
    """The error of models that tell known classes apart."""
    return BaselineError(
        f"{name} tells classes apart that it was trained on: there is no normal of this machine to learn for it",
        "Learn the normal of a pipeline whose model is an autoencoder, a gaussian or a gmm.",
    )
