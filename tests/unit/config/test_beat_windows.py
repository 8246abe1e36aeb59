"""`window: {each: beat}`: what it needs, and what has no meaning beside it."""

from __future__ import annotations

import pytest

from edge_app.config.resolve import load_device
from edge_app.core.errors import EdgeAppError

HOPS = "window: {seconds: 1.0, hop_s: 0.5}"


def window(world, text):
    world.app_file.write_text(world.app_file.read_text().replace(HOPS, f"window: {text}"))
    return load_device(world.device_file).apps[0].pipelines[0]


def refused(world, text):
    with pytest.raises(EdgeAppError) as caught:
        window(world, text)
    return str(caught.value)


def test_a_window_for_every_beat_needs_no_hop(world):
    pipeline = window(world, "{each: beat, seconds: 60}")
    assert (pipeline.each, pipeline.window_s, pipeline.hop_s) == ("beat", 60.0, 1.0)


def test_windows_are_cut_every_hop_unless_something_else_is_asked(world):
    assert load_device(world.device_file).apps[0].pipelines[0].each == "hop"


def test_a_hop_is_needed_where_the_heart_does_not_say_when(world):
    assert "`hop_s` is missing" in refused(world, "{seconds: 1.0}")


def test_a_hop_beside_each_beat_is_refused(world):
    assert "`hop_s` has no meaning with `each: beat`" in refused(world, "{each: beat, seconds: 60, hop_s: 1}")


def test_a_window_too_short_for_neighbours_is_refused(world):
    assert "`seconds: 4` is too short for `each: beat`" in refused(world, "{each: beat, seconds: 4}")


def test_windows_cut_for_something_else_are_refused(world):
    assert "each" in refused(world, "{each: breath, seconds: 60}")
