"""The contract suite catches sensors that break it: one broken promise at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict, Field

from edge_app.core.errors import SensorLost
from edge_app.core.frames import Frame
from edge_app.core.plugin import Plugin
from edge_app.testing.contracts import SENSOR_CHECKS, SensorRig, check_sensor


class Config(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rate_hz: float = Field(100.0, description="Sampling rate (Hz).")


PLUGIN = Plugin("good", "a sensor that keeps its promises", Config, lambda config, context: Good())


class Good:
    """Ten samples every 0.1 s."""

    name, unit, scale, rate_hz, n_axes = "good", "g", 0.001, 100.0, 1
    plugged = True

    def __init__(self):
        self.is_open = False
        self.frames = 0
        self.opened = 0

    def open(self):
        if not type(self).plugged:
            raise SensorLost("not there", "plug it in")
        self.is_open, self.frames, self.opened = True, 0, self.opened + 1

    def close(self):
        self.is_open = False

    def read(self, timeout_s):
        if not self.is_open or not type(self).plugged:
            raise SensorLost("not open", "open it, plug it in")
        self.frames += 1
        return self.frame(self.frames)

    def frame(self, number):
        samples = np.full((1, 10), number, np.int16)
        return Frame(samples, self.scale, self.unit, self.rate_hz, 5 + number * 0.1)

    def counters(self):
        return {"overruns": 0, "reopens": self.opened - 1}


def rig(sensor_class, plugin=PLUGIN):
    def pull(plugged):
        return lambda: setattr(sensor_class, "plugged", plugged)

    return SensorRig(plugin, sensor_class, pull(False), pull(True))


def test_a_good_sensor_passes():
    check_sensor(rig(Good))


class Floats(Good):
    def frame(self, number):
        return replace(super().frame(number), samples=np.ones((1, 10)))


class Transposed(Good):
    def frame(self, number):
        return replace(super().frame(number), samples=np.ones((10, 1), np.int16))


class Fortran(Good):
    n_axes = 2

    def frame(self, number):
        return replace(super().frame(number), samples=np.asfortranarray(np.ones((2, 10), np.int16)))


class Reusing(Good):
    memory = np.zeros((1, 10), np.int16)

    def frame(self, number):
        return replace(super().frame(number), samples=self.memory)


class Overlapping(Good):
    def frame(self, number):
        return replace(super().frame(number), start_s=5 + number * 0.05)


class Slow(Good):
    def frame(self, number):
        return replace(super().frame(number), start_s=5 + number * 0.15)


class Losing(Good):
    def frame(self, number):
        return replace(super().frame(number), lost=1)


class Eager(Good):
    rate_hz = 0.0


class Fickle(Good):
    def open(self):
        super().open()
        self.scale = 0.5


class Undead(Good):
    def read(self, timeout_s):
        self.frames += 1
        return self.frame(self.frames)


class Clinging(Good):
    def read(self, timeout_s):
        if not self.is_open:
            raise SensorLost("not open", "open it")
        self.frames += 1
        return self.frame(self.frames)


class Curt(Good):
    def open(self):
        if not type(self).plugged:
            raise SensorLost("not there")
        super().open()


class Shouting(Good):
    def counters(self):
        return {"Over Runs": 0}


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (Floats, "samples are int16"),
        (Transposed, r"samples are \(n_axes, n\)"),
        (Fortran, "C-contiguous"),
        (Reusing, "not overwritten by the next"),
        (Overlapping, "frames follow one another"),
        (Slow, "frames follow one another"),
        (Losing, "nothing is lost while all is well"),
        (Eager, "positive"),
        (Fickle, "does not change its promises"),
        (Undead, "closed sensor is an error"),
        (Clinging, "taken away is lost"),
        (Curt, "how to fix it"),
        (Shouting, "counter names"),
    ],
)
def test_a_sensor_that_breaks_one_promise_is_told_which(broken, promise):
    here = rig(broken)
    with pytest.raises(AssertionError, match=promise):
        check_sensor(here)
    broken.plugged = True


@pytest.mark.parametrize(
    ("change", "promise"),
    [
        ({"name": "Good"}, "lower case"),
        ({"summary": ""}, "one line"),
        ({"config": type("Open", (BaseModel,), {})}, "unknown keys"),
    ],
)
def test_a_badly_declared_plugin_is_told_why(change, promise):
    with pytest.raises(AssertionError, match=promise):
        check_sensor(rig(Good, replace(PLUGIN, **change)))


def test_every_check_has_a_sentence_for_its_name():
    assert all(check.__doc__ for check in SENSOR_CHECKS)
