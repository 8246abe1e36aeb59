"""Levels of a bearing's defect lines, and what is said where they cannot be known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from edge_app.core.errors import ConfigError
from edge_app.core.frames import Window
from edge_app.core.plugin import FeatureContext
from edge_app.core.results import FeatureVector
from edge_app.features.plugins import BEARING_LINES

RATE_HZ = 6667.0
MACHINE = {"shaft_hz": 30.0, "bearing": {"balls": 9, "ball_mm": 7.94, "pitch_mm": 39.04, "angle_deg": 0.0}}
CONTEXT = FeatureContext(
    rate_hz=RATE_HZ, scale=16 / 32768, unit="g", n_axes=1, window_s=1.0, min_rate_hz=3200.0, machine=MACHINE
)  # fmt: skip
ORDERS = {"bpfo_line": 3.585, "bpfi_line": 5.415}  # 6205: 9/2 (1 ± 7.94/39.04), Randall & Antoni 2011, equations 1, 2


def window_that_rings(
    order: float, *, noise: float = 300.0, ringing_hz: float = 2000.0, rate_hz: float = RATE_HZ
) -> Window:
    """A blow `order` times a turn, each ringing for a few milliseconds, in noise."""
    t = np.arange(int(rate_hz)) / rate_hz
    since = np.mod(t, 1.0 / (order * MACHINE["shaft_hz"]))
    ringing = 4000.0 * np.exp(-since / 0.001) * np.sin(2.0 * np.pi * ringing_hz * since)
    counts = ringing + np.random.default_rng(1).normal(0.0, noise, len(t))
    return Window(np.rint(counts).astype(np.int16)[None], CONTEXT.scale, "g", rate_hz, 0.0, 1.0)


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


def at_3332_hz(ringing_hz: float) -> FeatureVector:
    extractor = BEARING_LINES.create(BEARING_LINES.config(), dataclasses.replace(CONTEXT, rate_hz=3332.0))
    return extractor.extract(window_that_rings(5.415, ringing_hz=ringing_hz, rate_hz=3332.0))


def test_a_sensor_too_slow_for_the_upper_band_hears_the_lower_one() -> None:
    # 800 Hz lies within 500 to 1250 Hz; 300 Hz does not
    heard = dict(zip(("bpfo", "bpfi", "bsf", "ftf"), at_3332_hz(800.0).values, strict=True))
    assert max(heard, key=lambda name: heard[name]) == "bpfi"
    assert heard["bpfi"] > 5 * 256  # 15 dB are 5.0 octaves of power
    assert max(at_3332_hz(300.0).values) < heard["bpfi"] - 256


def test_a_sensor_too_slow_for_both_cannot_name_the_part_and_says_which_rate_could() -> None:
    extractor = BEARING_LINES.create(BEARING_LINES.config(), dataclasses.replace(CONTEXT, rate_hz=1600.0))
    window = dataclasses.replace(window_that_rings(3.585), rate_hz=1600.0)
    assert extractor.extract(window).doubts == ("1600 Hz is too slow for the lines of a bearing: 3200 Hz",)


def test_the_highest_line_is_described_with_its_name_place_and_height() -> None:
    extractor = BEARING_LINES.create(BEARING_LINES.config(), CONTEXT)
    vector = FeatureVector(np.array([300, 1531, 200, 100], np.int16), extractor.schema)
    # 5.415 times 30 turns a second; 1531/256 octaves of power: 18.0 dB
    assert extractor.describe(vector) == "BPFI, 162 Hz, stands 18 dB above its surroundings"


def test_the_schema_does_not_depend_on_sensor_or_machine() -> None:
    here = BEARING_LINES.create(BEARING_LINES.config(), CONTEXT)
    there = BEARING_LINES.create(BEARING_LINES.config(), dataclasses.replace(CONTEXT, rate_hz=12000.0, machine={}))
    assert here.schema.hash == there.schema.hash
    assert here.schema.names == ("bpfo_line", "bpfi_line", "bsf_line", "ftf_line")


def test_a_band_the_rate_cannot_carry_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"envelope \[1000, 4000\] does not lie below half of the rate .*, 3200 Hz"):
        BEARING_LINES.create(BEARING_LINES.config(envelope_hz=(1000.0, 4000.0)), CONTEXT)
    with pytest.raises(ConfigError, match="slow_min_rate_hz"):
        BEARING_LINES.create(BEARING_LINES.config(slow_envelope_hz=(500.0, 1700.0)), CONTEXT)
