"""The vibration plugin: keys and refusals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pydantic import ValidationError

from edge_app.core.errors import ConfigError
from edge_app.core.frames import Window
from edge_app.core.plugin import FeatureContext
from edge_app.features.plugins import VIBRATION

CONTEXT = FeatureContext(
    rate_hz=3332.0, scale=16 / 32768, unit="g", n_axes=1, window_s=1.0, min_rate_hz=2560.0,
)  # fmt: skip


def noise_window() -> Window:
    counts = np.random.default_rng(1).normal(0, 500, (1, 3332)).astype(np.int16)
    return Window(counts, CONTEXT.scale, "g", 3332.0, 0.0, 1.0)


def test_an_extractor_is_made_of_two_keys() -> None:
    extractor = VIBRATION.create(VIBRATION.config(band_hz=[10, 1250], bands=32), CONTEXT)
    vector = extractor.extract(noise_window())
    assert vector.schema is extractor.schema
    assert len(vector.values) == 37


def test_a_sensor_that_does_not_measure_g_is_refused() -> None:
    with pytest.raises(ConfigError, match="delivers 'fs', vibration needs 'g'"):
        VIBRATION.create(VIBRATION.config(band_hz=[10, 1250]), dataclasses.replace(CONTEXT, unit="fs"))


@pytest.mark.parametrize("keys", [{}, {"band_hz": [10, 1250], "band": 3}, {"band_hz": [10, 1250], "bands": 0}])
def test_unknown_missing_and_impossible_keys_are_refused(keys: dict) -> None:
    with pytest.raises(ValidationError):
        VIBRATION.config(**keys)
