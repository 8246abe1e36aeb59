"""A slot an app can do without: its pipelines are left out, and that is said."""

from __future__ import annotations

import pytest

from edge_app.config.resolve import load_device
from edge_app.core.errors import EdgeAppError

SLOTS = "sensors:\n  vibration: {quantity: acceleration, unit: g, min_rate_hz: 2560}\n"
BOTH_OPTIONAL = (
    "sensors:\n"
    "  vibration: {quantity: acceleration, unit: g, min_rate_hz: 2560, optional: true}\n"
    "  housing: {quantity: acceleration, unit: g, min_rate_hz: 2560, optional: true}\n"
)
SECOND = """\
  housing:
    sensor: housing
    window: {seconds: 1.0, hop_s: 0.5}
    features: {plugin: bands, band_hz: [10, 1250]}
    model: {plugin: net, file: models/net.tflite}
    decision: {plugin: limit, raise_above: 0.8, suppressed_by: drive_end}
tunable:"""


def two_slots(world, slots=BOTH_OPTIONAL):
    text = world.app_file.read_text().replace(SLOTS, slots).replace("tunable:", SECOND)
    world.app_file.write_text(text)


def test_the_pipelines_of_an_unbound_optional_slot_are_left_out_and_that_is_told(world):
    two_slots(world)
    device = load_device(world.device_file)
    assert [pipeline.name for pipeline in device.apps[0].pipelines] == ["drive_end"]
    assert list(device.sensors) == ["vibration"]
    assert device.warnings == (
        "the optional slot `housing` is bound to nothing: pipeline housing of bearings is left out",
    )


def test_a_bound_optional_slot_is_like_any_other(world):
    two_slots(world)
    world.device("  vibration: {", "  housing: {plugin: chip, rate_hz: 3332}\n  vibration: {")
    device = load_device(world.device_file)
    assert [pipeline.name for pipeline in device.apps[0].pipelines] == ["drive_end", "housing"]
    assert device.warnings == ()


def test_at_least_one_slot_must_be_bound(world):
    two_slots(world)
    world.device("  vibration: {plugin: chip, bus: 1, rate_hz: 3332, axis: z}\n", "  {}\n")
    with pytest.raises(EdgeAppError, match="no sensor is bound to any slot of the app bearings") as caught:
        load_device(world.device_file)
    assert "Bind at least one" in str(caught.value)


def test_a_slot_that_is_not_optional_must_be_bound_all_the_same(world):
    two_slots(world, BOTH_OPTIONAL.replace(", optional: true}\n  housing", "}\n  housing"))
    world.device("  vibration: {", "  housing: {")
    with pytest.raises(EdgeAppError, match="no sensor is bound to the slot `vibration`"):
        load_device(world.device_file)
