"""Levels of a bearing's defect lines, and what is said where they cannot be known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from edge_app.core.errors import ConfigError
from edge_app.core.frames import Window
from edge_app.core.plugin import FeatureContext
from edge_app.features.plugins import BEARING_LINES

RATE_HZ = 6667.0
MACHINE = {"shaft_hz": 30.0, "bearing": {"balls": 9, "ball_mm": 7.94, "pitch_mm": 39.04, "angle_deg": 0.0}}
CONTEXT = FeatureContext(
    rate_hz=RATE_HZ, scale=16 / 32768, unit="g", n_axes=1, window_s=1.0, min_rate_hz=3200.0, machine=MACHINE
)  # fmt: skip
ORDERS = {"bpfo_line": 3.585, "bpfi_line": 5.415}  # 6205: 9/2 (1 ± 7.94/39.04), Randall & Antoni 2011, equations 1, 2


def window_that_rings(order: float, *, noise: float = 300.0) -> Window:
    """A blow `order` times a turn, each ringing at 2 kHz for a few milliseconds, in noise."""
    t = np.arange(int(RATE_HZ)) / RATE_HZ
    since = np.mod(t, 1.0 / (order * MACHINE["shaft_hz"]))
    ringing = 4000.0 * np.exp(-since / 0.001) * np.sin(2.0 * np.pi * 2000.0 * since)
    counts = ringing + np.random.default_rng(1).normal(0.0, noise, len(t))
    return Window(np.rint(counts).astype(np.int16)[None], CONTEXT.scale, "g", RATE_HZ, 0.0, 1.0)


@pytest.mark.parametrize(("family", "order"), ORDERS.items())
def test_blows_at_a_defect_frequency_raise_that_line_and_no_other(family: str, order: float) -> None:
    extractor = BEARING_LINES.create(BEARING_LINES.config(), CONTEXT)
    vector = extractor.extract(window_that_rings(order))
    ratios = dict(zip(extractor.schema.names, vector.values, strict=True))
    assert vector.doubts == ()
    assert max(ratios, key=lambda name: ratios[name]) == family
    assert extractor.physical(family, ratios[family]) > 10**1.5  # 15 dB of power


def test_noise_alone_raises_no_line() -> None:
    extractor = BEARING_LINES.create(BEARING_LINES.config(), CONTEXT)
    counts = np.random.default_rng(2).normal(0.0, 500.0, (1, int(RATE_HZ))).astype(np.int16)
    vector = extractor.extract(Window(counts, CONTEXT.scale, "g", RATE_HZ, 0.0, 1.0))
    assert (
        max(extractor.physical(name, value) for name, value in zip(extractor.schema.names, vector.values, strict=True))
        < 10
    )


def test_without_the_machines_bearing_the_part_cannot_be_known() -> None:
    extractor = BEARING_LINES.create(BEARING_LINES.config(), dataclasses.replace(CONTEXT, machine={"shaft_hz": 30.0}))
    assert extractor.extract(window_that_rings(3.585)).doubts == (
        "the machine's bearing and shaft speed are not given",
    )


def test_a_slow_sensor_cannot_name_the_part_and_says_which_rate_could() -> None:
    extractor = BEARING_LINES.create(BEARING_LINES.config(), dataclasses.replace(CONTEXT, rate_hz=3332.0))
    window = dataclasses.replace(window_that_rings(3.585), rate_hz=3332.0)
    assert extractor.extract(window).doubts == ("3332 Hz is too slow for the lines of a bearing: 6400 Hz",)


def test_the_schema_does_not_depend_on_sensor_or_machine() -> None:
    here = BEARING_LINES.create(BEARING_LINES.config(), CONTEXT)
    there = BEARING_LINES.create(BEARING_LINES.config(), dataclasses.replace(CONTEXT, rate_hz=12000.0, machine={}))
    assert here.schema.hash == there.schema.hash
    assert here.schema.names == ("bpfo_line", "bpfi_line", "bsf_line", "ftf_line")


def test_a_band_the_rate_cannot_carry_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not lie below half of min_rate_hz, 3200 Hz"):
        BEARING_LINES.create(BEARING_LINES.config(envelope_hz=(1000.0, 4000.0)), CONTEXT)
