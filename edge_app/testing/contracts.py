"""What every sensor plugin must do, ours and other people's: one suite over all of them.

A plugin's own test calls it with a rig that knows how to make the sensor and how to pull its plug:

    def test_my_sensor_keeps_the_contract():
        clock = FakeClock()
        bus = FakeI2CBus({0x40: MyFakeChip(clock)})
        rig = SensorRig(
            plugin=MY_PLUGIN,
            make=lambda: MySensor(bus, clock),
            unplug=lambda: bus.unplug(0x40),
            replug=lambda: bus.plug(0x40),
        )
        check_sensor(rig)

Each `check_…` below raises AssertionError with a sentence that says what is wrong; `SENSOR_CHECKS` lists them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge_app.core.errors import EdgeAppError, SensorError, SensorLost
from edge_app.core.frames import Frame
from edge_app.core.plugin import Plugin
from edge_app.core.stages import Sensor

UNITS = ("g", "fs", "au")
FRAMES = 8
"""Frames looked at by the checks."""
TIMEOUT_S = 2.0


@dataclass(frozen=True)
class SensorRig:
    """How the checks get at a sensor."""

    plugin: Plugin
    make: Callable[[], Sensor]
    """A fresh sensor, not opened."""
    unplug: Callable[[], None] | None = None
    """Takes the hardware away; None when there is none."""
    replug: Callable[[], None] | None = None
    """Brings it back."""
    before_read: Callable[[], None] = lambda: None
    """Called before each read: where a fake source must be fed."""


def check_sensor(rig: SensorRig) -> None:
    """All checks, one after the other."""
    for check in SENSOR_CHECKS:
        check(rig)


def check_declaration(rig: SensorRig) -> None:
    """The plugin is declared so that people and checks can use it."""
    plugin = rig.plugin
    _say(plugin.name == plugin.name.lower() and plugin.name, "the name is lower case")
    _say(plugin.summary and "\n" not in plugin.summary, "the summary is one line")
    _say(plugin.config.model_config.get("extra") == "forbid", "the config refuses unknown keys")
    schema = plugin.config.model_json_schema()
    for key, field in schema.get("properties", {}).items():
        _say("description" in field or "$ref" in field or "allOf" in field, f"the key {key!r} is described")


def check_open_is_lazy(rig: SensorRig) -> None:
    """The constructor reaches for nothing; what it promises stands before and after opening."""
    sensor = rig.make()
    _say(sensor.name and sensor.unit in UNITS, f"it has a name and a unit of {UNITS}, not {sensor.unit!r}")
    before = sensor.unit, sensor.scale, sensor.rate_hz, sensor.n_axes
    _say(sensor.rate_hz > 0 and sensor.scale > 0 and sensor.n_axes >= 1, "rate, scale and axes are positive")
    sensor.open()
    try:
        _say(
            (sensor.unit, sensor.scale, sensor.rate_hz, sensor.n_axes) == before, "opening does not change its promises"
        )
    finally:
        sensor.close()


def check_frames(rig: SensorRig) -> None:
    """Frames are int16, channel first, contiguous, of their own memory, and agree with the sensor."""
    sensor, frames = _record(rig)
    for frame in frames:
        _say(frame.samples.dtype == np.int16, f"samples are int16, not {frame.samples.dtype}")
        _say(frame.samples.ndim == 2 and frame.samples.shape[0] == sensor.n_axes, "samples are (n_axes, n)")
        _say(frame.samples.flags.c_contiguous, "samples are C-contiguous")
        _say(frame.length > 0, "a frame holds at least one sample")
        _say((frame.unit, frame.scale, frame.rate_hz) == (sensor.unit, sensor.scale, sensor.rate_hz), "frames agree")
        _say(0 < frame.full_scale <= 32767, "full_scale is a positive count")
        _say(math.isfinite(frame.start_s), "start_s is a time")
    _say(
        not np.shares_memory(frames[0].samples, frames[1].samples), "a frame's samples are not overwritten by the next"
    )


def check_times(rig: SensorRig) -> None:
    """Times rise, frames neither overlap nor leave holes, and the samples come at about the promised rate."""
    sensor, frames = _record(rig)
    for earlier, later in itertools.pairwise(frames):
        slack_s = 0.2 * earlier.length / sensor.rate_hz + 1 / sensor.rate_hz
        _say(later.start_s > earlier.start_s, "times rise")
        _say(abs(later.start_s - earlier.end_s) <= slack_s, f"frames follow one another within {slack_s:.4f} s")
        _say(later.lost == 0, "nothing is lost while all is well")
    span_s = frames[-1].end_s - frames[0].start_s
    measured_hz = sum(frame.length for frame in frames) / span_s
    _say(
        0.8 < measured_hz / sensor.rate_hz < 1.25,
        f"about {sensor.rate_hz:g} samples come a second, not {measured_hz:g}",
    )


def check_close(rig: SensorRig) -> None:
    """Closing may be repeated; reading a closed sensor is a clear error; it can be opened again."""
    sensor = rig.make()
    sensor.close()
    sensor.open()
    sensor.close()
    sensor.close()
    try:
        sensor.read(0.0)
    except SensorError as error:
        _say("open" in str(error), "the error after close says that the sensor must be opened")
    else:
        raise AssertionError("reading a closed sensor is an error")
    sensor.open()
    try:
        rig.before_read()
        _say(sensor.read(TIMEOUT_S) is not None, "it delivers again after being opened again")
    finally:
        sensor.close()


def check_counters(rig: SensorRig) -> None:
    """What went wrong is counted under plain names, by numbers that are zero while all is well."""
    sensor, _ = _record(rig)
    counters = sensor.counters()
    for name, value in counters.items():
        _say(name.isidentifier() and name == name.lower(), f"counter names are like `overruns`, not {name!r}")
        _say(isinstance(value, int) and value >= 0, f"counter {name} is a count")


def check_unplugging(rig: SensorRig) -> None:
    """Taken away it is lost within the time-out, brought back it delivers after close and open; the gap is told."""
    if rig.unplug is None or rig.replug is None:
        return
    sensor = rig.make()
    sensor.open()
    try:
        rig.before_read()
        sensor.read(TIMEOUT_S)
        rig.unplug()
        _expect_loss(sensor)
        sensor.close()
        try:
            sensor.open()
        except EdgeAppError as error:
            _say("\n" in str(error), "the error says how to fix it")
        else:
            raise AssertionError("a sensor that is not there does not open")
        rig.replug()
        sensor.open()
        rig.before_read()
        frame = sensor.read(TIMEOUT_S)
        _say(frame is not None and frame.length > 0, "it delivers again when it is back")
        _say(sensor.counters().get("reopens", 1) >= 1, "reopening is counted")
    finally:
        sensor.close()


SENSOR_CHECKS: tuple[Callable[[SensorRig], None], ...] = (
    check_declaration,
    check_open_is_lazy,
    check_frames,
    check_times,
    check_close,
    check_counters,
    check_unplugging,
)
"""Every check, for `pytest.mark.parametrize`."""


def _record(rig: SensorRig) -> tuple[Sensor, list[Frame]]:
    sensor = rig.make()
    sensor.open()
    frames: list[Frame] = []
    try:
        while len(frames) < FRAMES:
            rig.before_read()
            frame = sensor.read(TIMEOUT_S)
            if frame is None:
                raise AssertionError(f"it delivers at least {FRAMES} frames")
            frames.append(frame)
    finally:
        sensor.close()
    return sensor, frames


def _expect_loss(sensor: Sensor) -> None:
    """A sensor without hardware raises SensorLost after a few reads at most: what was on its way may still come."""
    for _ in range(50):
        try:
            sensor.read(TIMEOUT_S)
        except SensorLost as error:
            _say("\n" in str(error), "the error says how to fix it")
            return
    raise AssertionError("a sensor that is taken away is lost")


def _say(holds: object, sentence: str) -> None:
    if not holds:
        raise AssertionError(f"broken promise: {sentence}")
