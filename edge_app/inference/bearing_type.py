"""Names the part of a bearing that fails by the line that stands out: physics, no training.

    label = the family with the highest line, when it is `above_db` over its surroundings and `lead_db` over the next
    share of a family = its power ratio / the sum of all power ratios

A wrong part named is worse than none, so anything less is "unclear".

Source
------
R. B. Randall, J. Antoni, "Rolling element bearing diagnostics - a tutorial", MSSP 25 (2011), section 3: a defect
modulates the resonances it excites at its own frequency, so that line stands out of the envelope's spectrum.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np

from edge_app.core.errors import ModelError
from edge_app.core.results import FeatureSchema, FeatureVector, Inference, ModelIdentity
from edge_app.core.units import DB_PER_POWER_OCTAVE, LOG2_ONE, SCORE_ONE
from edge_app.dsp.fixed import exp2_q16

PARTS: Mapping[str, str] = {"bpfo_line": "outer", "bpfi_line": "inner", "bsf_line": "ball", "ftf_line": "cage"}
"""Class of each feature of `bearing_lines`."""
UNCLEAR = "unclear"


class BearingType:
    """A rule behind the `Model` contract, for the `diagnose` block of a pipeline.

    Parameters
    ----------
    above_db, lead_db : float
        How far the highest line must stand over its surroundings, and over the next line (dB). Raises ModelError when
        the features are not lines of a bearing.
    """

    def __init__(self, schema: FeatureSchema, above_db: float, lead_db: float) -> None:
        if schema.names != tuple(PARTS):
            raise ModelError(
                f"bearing_type judges the lines of a bearing, it was given {schema.plugin}",
                "Write `features: {plugin: bearing_lines}` beside it.",
            )
        text = json.dumps({"plugin": "bearing_type/1", "above_db": above_db, "lead_db": lead_db}, sort_keys=True)
        self.identity = ModelIdentity("bearing_type", hashlib.sha256(text.encode()).hexdigest())
        self.labels = (*PARTS.values(), UNCLEAR)
        self._above = round(above_db * LOG2_ONE / DB_PER_POWER_OCTAVE)
        self._lead = round(lead_db * LOG2_ONE / DB_PER_POWER_OCTAVE)

    def infer(self, features: FeatureVector) -> Inference:
        """The part; its share of all lines' power is the score."""
        levels = [int(each) for each in features.values]
        order = sorted(range(len(levels)), key=lambda index: -levels[index])
        highest, next_one = levels[order[0]], levels[order[1]]
        clear = highest >= self._above and highest - next_one >= self._lead
        powers = [exp2_q16(highest - each) for each in levels]
        total = sum(powers)
        parts = [(2 * SCORE_ONE * power + total) // (2 * total) for power in powers]
        shares = (*parts, 0) if clear else (*([0] * len(parts)), SCORE_ONE)
        return Inference(
            raw=max(0, highest),
            score=parts[order[0]] if clear else 0,
            contributions=np.maximum(features.values, 0).astype(np.int32),
            baseline=np.zeros(len(levels), np.int16),
            label=self.labels[order[0]] if clear else UNCLEAR,
            shares=tuple(zip(self.labels, shares, strict=True)),
        )
