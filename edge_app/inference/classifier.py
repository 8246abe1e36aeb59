"""Which of several known classes a window belongs to: an int8 network with one output per class, in whole numbers.

q as in autoencoder.py, in the shape of the network's input: [1, n] for dense networks; any [1, …] of n numbers for
convolutions, the features being the samples or spectra in that order (plugin `waveform` gives samples).

    w_c = y_c + 128                     output "probabilities" (softmax: 256·p, zero point −128)
    w_c = exp(scale · (y_c − max y))    output "logits", Q0.31 from the table of int8_softmax.py
    share_c = (2·10000·w_c + W) div 2W,  W = Σ w_c;  label = the class with the largest w (the first of equals)
    raw = the share of all alarm labels together, rounded once;  score = linear knots at raw
    contribution_i = z_i²

The contributions say which features are unusual against the class the offsets were taken from (normal), in steps:
what stands out, not what made the network choose.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import ModelError
from edge_app.core.results import FeatureVector, Inference, LearntNormal, ModelIdentity
from edge_app.core.units import SCORE_ONE
from edge_app.inference.int8_softmax import exponential_table
from edge_app.inference.manifest import Manifest
from edge_app.inference.score import LINEAR, ScoreMap
from edge_app.inference.standardize import SchemaGuard, Standardizer, classes_have_no_normal
from edge_app.inference.tflite import Engine


class Classes:
    """From a weight per class to label, shares, raw output and score: what classifiers and forests have in common."""

    def __init__(self, manifest: Manifest) -> None:
        self.labels = manifest.labels
        self._alarm = [manifest.labels.index(label) for label in manifest.alarm_labels]
        self.score_map = ScoreMap(manifest.score.knots, LINEAR)
        self._baseline = np.array(manifest.standardize.offset, np.int16)

    def inference(self, weights: Sequence[int], steps: NDArray[np.int64], clipped: int = 0) -> Inference:
        """What whole weights >= 0, not all 0, say of a window whose standardized features are `steps`."""
        total = sum(weights)
        raw = share_of(sum(weights[index] for index in self._alarm), total)
        return Inference(
            raw=raw,
            score=self.score_map.score(raw),
            contributions=(steps * steps).astype(np.int32),
            baseline=self._baseline,
            clipped=clipped,
            label=self.labels[weights.index(max(weights))],
            shares=tuple((name, share_of(weight, total)) for name, weight in zip(self.labels, weights, strict=True)),
        )


def share_of(weight: int, total: int) -> int:
    """weight / total in 1/10000, rounded, halves up."""
    return (2 * SCORE_ONE * weight + total) // (2 * total)


class Classifier:
    """An int8 classifier behind the `Model` contract."""

    def __init__(self, manifest: Manifest, engine: Engine) -> None:
        if manifest.classifier is None or manifest.input is None or manifest.output is None:
            raise ModelError(f"the manifest of {manifest.name} is not a classifier's", f"It is a {manifest.kind}'s.")
        self.identity = ModelIdentity(manifest.name, manifest.sha256)
        self.manifest = manifest
        self.classes = Classes(manifest)
        self.labels = manifest.labels
        self.score_map = self.classes.score_map
        self._engine = engine
        self._guard = SchemaGuard(manifest)
        self._standardizer = Standardizer(manifest.standardize)
        self._zero_in = manifest.input.zero_point
        logits = manifest.classifier.output == "logits"
        self._table = exponential_table(manifest.output.scale, 1.0) if logits else None

    def with_normal(self, normal: LearntNormal) -> Classifier:
        """Refused: raises BaselineError."""
        raise classes_have_no_normal(self.identity.name)

    def infer(self, features: FeatureVector) -> Inference:
        """One run; see the module's formula."""
        self._guard.check(features)
        steps = self._standardizer.steps(features.values)
        wanted = steps + self._zero_in
        inputs = np.minimum(np.maximum(wanted, -128), 127)
        clipped = int(np.count_nonzero(inputs != wanted))
        outputs = self._engine.invoke(inputs.astype(np.int8)).reshape(-1).tolist()
        return self.classes.inference(self._weights(outputs), steps, clipped)

    def _weights(self, outputs: list[int]) -> list[int]:
        """A whole number per class, in proportion to its probability."""
        if self._table is not None:
            highest = max(outputs)
            return [self._table[highest - each] for each in outputs]
        weights = [each + 128 for each in outputs]
        return weights if any(weights) else [1] * len(weights)
