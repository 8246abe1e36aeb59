"""Anomaly by reconstruction: what the autoencoder cannot give back is unusual. All arithmetic in whole numbers.

For feature f_i (int16, log2 in Q8) with the manifest's offset, multiplier and shift, input zero point zi, output zero
point zo, and r = round(2^16 · output scale / input scale), which is 2^16 for models trained here: both ends count the
same steps:

    z_i = clamp(((f_i - offset_i) · multiplier_i + 2^(shift-1)) >> shift, -1024, 1023)
    q_i = clamp(z_i + zi, -128, 127)                  values outside are counted as clipped
    y   = engine(q)                                   int8
    e_i = z_i - (((y_i - zo) · r + 2^15) >> 16)       unclipped z: a large feature is not made small by the int8 limits
    raw = min(Σ e_i², 2^31 - 1),  contribution_i = e_i²,  score = knots at log2(raw)
"""

from __future__ import annotations

import numpy as np

from edge_app.core.errors import ModelError
from edge_app.core.results import FeatureVector, Inference, LearntNormal, ModelIdentity
from edge_app.inference.manifest import Manifest
from edge_app.inference.score import ScoreMap
from edge_app.inference.standardize import RAW_MAX, SchemaGuard, Standardizer, renormed
from edge_app.inference.tflite import Engine

__all__ = ["Autoencoder", "Standardizer"]


RATIO_BITS = 16
RATIO_ONE, RATIO_HALF = 1 << RATIO_BITS, 1 << (RATIO_BITS - 1)


def scale_ratio(output_scale: float, input_scale: float) -> int:
    """Input steps of one output step, Q16."""
    return int(output_scale / input_scale * RATIO_ONE + 0.5)


class Autoencoder:
    """An int8 autoencoder behind the `Model` contract."""

    def __init__(self, manifest: Manifest, engine: Engine) -> None:
        if manifest.input is None or manifest.output is None:
            raise ModelError(f"the manifest of {manifest.name} is not an autoencoder's", "Use plugin `gaussian`.")
        self.identity = ModelIdentity(manifest.name, manifest.sha256)
        self.manifest = manifest
        self.score_map = ScoreMap(manifest.score.knots)
        self._engine = engine
        self._guard = SchemaGuard(manifest)
        self._standardizer = Standardizer(manifest.standardize)
        self._zero_in, self._zero_out = manifest.input.zero_point, manifest.output.zero_point
        self._ratio = scale_ratio(manifest.output.scale, manifest.input.scale)

    def with_normal(self, normal: LearntNormal) -> Autoencoder:
        """The same network and engine around an installed machine's own normal."""
        return Autoencoder(renormed(self.manifest, self.identity, normal), self._engine)

    def infer(self, features: FeatureVector) -> Inference:
        """One run; see the module's formula."""
        self._guard.check(features)
        steps = self._standardizer.steps(features.values)
        wanted = steps + self._zero_in
        inputs = np.minimum(np.maximum(wanted, -128), 127)
        clipped = int(np.count_nonzero(inputs != wanted))
        outputs = self._engine.invoke(inputs.astype(np.int8)).reshape(-1)
        if self._ratio == RATIO_ONE:
            error = steps - outputs
            error += self._zero_out
        else:
            error = steps - (((outputs.astype(np.int64) - self._zero_out) * self._ratio + RATIO_HALF) >> RATIO_BITS)
        error *= error
        raw = min(int(error.sum()), RAW_MAX)
        return Inference(
            raw=raw,
            score=self.score_map.score(raw),
            contributions=error.astype(np.int32),
            baseline=self._standardizer.offset,
            clipped=clipped,
        )
