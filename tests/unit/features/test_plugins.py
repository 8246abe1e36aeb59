"""The vibration plugin: keys, refusals, bearing lines."""

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
MACHINE = {"shaft_hz": 29.5, "bearing": {"balls": 9, "ball_mm": 7.94, "pitch_mm": 39.04, "angle_deg": 0.0}}


def noise_window() -> Window:
    counts = np.random.default_rng(1).normal(0, 500, (1, 3332)).astype(np.int16)
    return Window(counts, CONTEXT.scale, "g", 3332.0, 0.0, 1.0)


def test_an_extractor_is_made_of_two_keys() -> None:
    extractor = VIBRATION.create(VIBRATION.config(band_hz=[10, 1250], bands=32), CONTEXT)
    vector = extractor.extract(noise_window())
    assert vector.schema is extractor.schema
    assert len(vector.values) == 37
    assert vector.evidence == {}


def test_bearing_lines_are_evidence_when_the_machine_is_known_and_leave_the_schema_alone() -> None:
    config = VIBRATION.config(band_hz=[10, 1250])
    plain = VIBRATION.create(config, CONTEXT)
    known = VIBRATION.create(config, dataclasses.replace(CONTEXT, machine=MACHINE))
    assert known.schema.hash == plain.schema.hash
    vector = known.extract(noise_window())
    assert set(vector.evidence) == {"bpfo", "bpfi", "bsf", "ftf"}
    assert (vector.values == plain.extract(noise_window()).values).all()


@pytest.mark.parametrize("machine", [{"shaft_hz": 29.5}, {"bearing": MACHINE["bearing"]}, {"shaft_hz": None}])
def test_half_a_machine_gives_no_lines(machine: dict) -> None:
    extractor = VIBRATION.create(VIBRATION.config(band_hz=[10, 1250]), dataclasses.replace(CONTEXT, machine=machine))
    assert extractor.extract(noise_window()).evidence == {}


def test_a_sensor_that_does_not_measure_g_is_refused() -> None:
    with pytest.raises(ConfigError, match="delivers 'fs', vibration needs 'g'"):
        VIBRATION.create(VIBRATION.config(band_hz=[10, 1250]), dataclasses.replace(CONTEXT, unit="fs"))


def test_an_envelope_outside_the_band_is_refused() -> None:
    config = VIBRATION.config(band_hz=[10, 1250], envelope_hz=[500, 2000])
    with pytest.raises(ConfigError, match=r"envelope_hz: \[500, 2000\]"):
        VIBRATION.create(config, dataclasses.replace(CONTEXT, machine=MACHINE))


@pytest.mark.parametrize("keys", [{}, {"band_hz": [10, 1250], "band": 3}, {"band_hz": [10, 1250], "bands": 0}])
def test_unknown_missing_and_impossible_keys_are_refused(keys: dict) -> None:
    with pytest.raises(ValidationError):
        VIBRATION.config(**keys)
