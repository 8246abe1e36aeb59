"""A model of the app's own: the score is rms_g over `full_score_g`."""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from edge_app.core.plugin import Plugin
from edge_app.core.results import Inference, ModelIdentity


class LevelConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")
    full_score_g: float = Field(1.0, gt=0, description="The rms (g) that scores 1.")


class LevelModel:
    identity = ModelIdentity("level", "0" * 64)

    def __init__(self, schema, full_score_g):
        self._index = schema.names.index("rms_g")
        self._full_score_g = full_score_g
        self._size = len(schema.names)

    def infer(self, features):
        rms_g = 2.0 ** (int(features.values[self._index]) / 256)
        score = min(10000, round(10000 * rms_g / self._full_score_g))
        contributions = np.zeros(self._size, np.int32)
        contributions[self._index] = score
        return Inference(score, score, contributions, np.zeros(self._size, np.int16))


PLUGINS = {
    "models": [
        Plugin(
            "level",
            "score by level",
            LevelConfig,
            lambda config, context: LevelModel(context.schema, config.full_score_g),
        )
    ]
}
