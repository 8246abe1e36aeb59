"""A pipeline whose score is written in its samples, so that runtime tests show only the runtime."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edge_app.core.errors import ModelError, SensorLost
from edge_app.core.frames import Frame, Quality, Window
from edge_app.core.gate import Gate
from edge_app.core.results import FeatureSchema, FeatureVector, Inference, ModelIdentity
from edge_app.decision.anomaly import AnomalyDecider
from edge_app.runtime.pipeline import Pipeline
from edge_app.runtime.timebase import TimeBase
from edge_app.runtime.voice import Identity

SCHEMA = FeatureSchema("fake/1", ("rms_g", "score"))


class ScoreInSamples:
    """Features of a window: its first sample is the level, its second the score."""

    schema = SCHEMA

    def extract(self, window):
        return FeatureVector(window.samples[0, :2].astype(np.int16), SCHEMA)

    def level(self, feature, value):
        return int(value)

    def physical(self, feature, level):
        return float(level)


class Echo:
    """Its score is the second feature."""

    identity = ModelIdentity("echo", "0" * 64)

    def infer(self, features):
        if features.schema is not SCHEMA:
            raise ModelError("foreign schema")
        score = int(features.values[1])
        return Inference(score, score, np.array([0, score], np.int32), np.zeros(2, np.int16))


@dataclass
class Emitted:
    """Takes the place of the outbox."""

    decisions: list = field(default_factory=list)
    states: dict = field(default_factory=dict)

    def __call__(self, decision, *, state_key, state):
        self.decisions.append(decision)
        self.states[state_key] = state

    @property
    def events(self):
        return [(decision.pipeline, decision.event) for decision in self.decisions]


def make_pipeline(clock, emitted, *, name="bearing", gate_above=None, hits=1, of=1, paced=False):
    """A pipeline that raises above score 8000 and clears below 6000."""
    return Pipeline(
        Identity("app", "1.0.0", name),
        ScoreInSamples(),
        None if gate_above is None else Gate("rms_g", 0, gate_above),
        Echo(),
        AnomalyDecider(8000, 6000, hits, of, unknown_after=1, idle_after=1),
        TimeBase(clock, paced=paced),
        emitted,
    )


def window(score, *, level=100, at_s=1.0, quality=None):
    """One second that ends at `at_s`, with its level and score in its samples."""
    samples = np.array([[level, score, 0, 0]], np.int16)
    return Window(samples, 1.0, "g", 4.0, at_s - 1.0, at_s, 0, quality or Quality(100))


class ScriptedSensor:
    """Delivers what its script says: an array is a frame, an exception is raised, None ends the signal."""

    name, unit, scale, rate_hz, n_axes = "scripted", "g", 1.0, 4.0, 1

    def __init__(self, clock, script):
        self._clock = clock
        self._script = list(script)
        self.opened = 0
        self.closed = 0

    def open(self):
        self.opened += 1
        if self._script and isinstance(self._script[0], BaseException) and self._script[0].args[0] == "open":
            raise self._script.pop(0)

    def read(self, timeout_s):
        if not self._script:
            return None
        step = self._script.pop(0)
        if isinstance(step, BaseException):
            raise step
        if step is None:
            return None
        samples = np.asarray(step, np.int16).reshape(1, -1)
        frame = Frame(samples, 1.0, "g", 4.0, self._clock.monotonic_s())
        self._clock.sleep_s(samples.shape[1] / 4.0)
        return frame

    def close(self):
        self.closed += 1

    def counters(self):
        return {}


def lost():
    """What an unplugged sensor raises."""
    return SensorLost("scripted sensor does not answer", "Plug it in.")
