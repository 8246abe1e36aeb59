"""One pipeline, from a window to a decision; its lines stand in the order of the data."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from edge_app.core.frames import Window
from edge_app.core.gate import Gate
from edge_app.core.results import Diagnosis, FeatureVector, Inference
from edge_app.core.stages import FeatureExtractor, Model
from edge_app.core.units import SCORE_ONE
from edge_app.decision.explain import explain_event, explain_verdict
from edge_app.decision.words import VIBRATION, Vocabulary
from edge_app.runtime.diagnosis import Diagnoser
from edge_app.runtime.timebase import TimeBase
from edge_app.runtime.trend import Trend
from edge_app.runtime.voice import Decider, Emit, Identity, Voice

SUMMARY_PERIOD_MS = 3_600_000
"""One summary an hour a pipeline: the proof that silence means health."""


@dataclass(frozen=True)
class Judgement:
    """What became of one window, kept for `edge-app why`, the demo's view and benchmarks."""

    window: Window
    verdict: str
    """judged, unknown or idle."""
    features: FeatureVector | None = None
    inference: Inference | None = None
    events: tuple[str, ...] = ()
    diagnosis: Diagnosis | None = None
    """What the second model says; None when it was not asked."""
    unready: str = ""
    """Why the model cannot judge any window yet; empty when it can."""

    @property
    def usable(self) -> bool:
        """Whether normal can be learnt from it: the signal is good and the machine runs."""
        if self.features is None or self.features.doubts:
            return False
        return self.verdict == "judged" or (self.verdict == "unknown" and bool(self.unready))


class LearningView(Protocol):
    """What a pipeline asks of the learning beside it; see runtime/learning.py."""

    def take(self, judgement: Judgement) -> None: ...

    def summary(self) -> tuple[str, dict[str, Any]]: ...

    def facts(self) -> dict[str, Any]: ...


@dataclass
class Counts:
    """What a pipeline has done so far."""

    windows: int = 0
    judged: int = 0
    unknown: int = 0
    idle: int = 0
    dropped: int = 0
    alarms: int = 0
    decisions: int = 0
    clipped_inputs: int = 0
    scores: array[int] = field(default_factory=lambda: array("I", bytes(4 * (SCORE_ONE + 1))))
    """How often each score 0..10000 was seen, 32 bits each (ten windows a second fill one in 13 years): the median of
    a day costs no more memory than that of a minute."""

    def median_score(self) -> float | None:
        """Median score 0..1 of all judged windows (the lower one of two), None before the first."""
        half, seen = (self.judged + 1) // 2, 0
        for score, times in enumerate(self.scores):
            seen += times
            if seen >= half > 0:
                return score / SCORE_ONE
        return None


class Pipeline:
    """Judges windows and says what a person must know.

    Owns its counters and the decider's state; a lock lets commands (acknowledge, shelve …) come from another thread.
    """

    def __init__(
        self,
        identity: Identity,
        extractor: FeatureExtractor,
        gate: Gate | None,
        model: Model,
        decider: Decider,
        timebase: TimeBase,
        emit: Emit,
        on_judgement: Callable[[Pipeline, Judgement], None] | None = None,
        diagnoser: Diagnoser | None = None,
        words: Vocabulary = VIBRATION,
    ) -> None:
        self.identity = identity
        self.extractor = extractor
        self.gate = gate
        self.use_model(model)
        self.shipped = model
        """The model as the app brought it, whatever normal serves."""
        self.learning: LearningView | None = None
        self.decider = decider
        self.diagnoser = diagnoser
        self.words = words
        self.counts = Counts()
        self.last: Judgement | None = None
        self.children: list[Pipeline] = []
        """Pipelines of the same app whose alarms this one's alarm explains (`suppressed_by`)."""
        self._time = timebase
        self._voice = Voice(identity, decider, timebase, emit, model.identity)
        self._on_judgement = on_judgement
        self._lock = threading.Lock()
        self._hour_began_ms = 0
        self._hour_began_counts = (0, 0, 0)
        self._trend = Trend(extractor)

    def judge(self, window: Window) -> Judgement:
        """Take one window the whole way: quality, features, gate, model, decision."""
        verdict, features, inference, diagnosis = "unknown", None, None, None
        if window.quality.judgeable:
            features = self.extractor.extract(window)
            verdict = self._verdict(features)
            if verdict == "judged":
                inference = self.model.infer(features)
                if self.diagnoser is not None and self._alarming(inference):
                    diagnosis = self.diagnoser.look(window, features)
        return self._conclude(window, verdict, features, inference, diagnosis)

    def use_model(self, model: Model) -> None:
        """Judge with this model from the next window on."""
        self.model = model
        self._unready = str(getattr(model, "unready", ""))

    def adopt(self, model: Model, normal: str = "", words: str = "") -> None:
        """Judge with another normal from the next window on: `normal` is its hash, empty for the shipped one.

        `words` tell about it; empty when there is nothing new.
        """
        with self._lock:
            self.use_model(model)
            self._voice.model = replace(model.identity, normal=normal)
        if words and self.last is not None:
            self.notice("learnt", words, self.last.window)

    def notice(self, kind: str, words: str, window: Window, facts: Mapping[str, Any] | None = None) -> None:
        """Tell what is no matter of the alarm: event `changed` of level `info`, unless an alarm stands."""
        with self._lock:
            self.counts.decisions += 1
            why = {"text": f"{words}.", "notice": kind, **(facts or {})}
            level = "info" if self.decider.level == "ok" else ""
            self._voice.say("changed", window.end_s, why, window_ms=0, quality=window.quality.percent, level=level)

    def _alarming(self, inference: Inference) -> bool:
        """Whether a window speaks for an alarm, or one stands."""
        return inference.score > self.decider.threshold or self.decider.standing

    def _verdict(self, features: FeatureVector) -> str:
        """What comes before the score: the extractor doubts, the machine stands still, the model is not ready."""
        if features.doubts:
            return "unknown"
        if self.gate is not None and self.gate.is_closed(features):
            return "idle"
        return "unknown" if self._unready else "judged"

    def start(self) -> None:
        """Say that this pipeline judges from now on."""
        with self._lock:
            text = f"judging began with model {self.model.identity.name}"
            if self.learning is not None:
                number = self.learning.facts()["normal"]
                text += f" and normal {number} of this machine" if number else "; normal is not learnt on this machine"
            why = {"text": text}
            self._say("started", self._time.now_s(), 0, why, quality=100)

    def command(self, name: str, minutes: int | None = None) -> tuple[str, ...]:
        """Acknowledge, shelve, unshelve or reset. Raises ControlError when that makes no sense now."""
        with self._lock:
            now_s = self._time.now_s() if self.last is None else max(self._time.now_s(), self.last.window.end_s)
            events = self.decider.command(name, self._time.mono_ms(now_s), minutes)
            for event in events:
                self._say(event, now_s, 0, {"text": f"{name} by an operator on the device"}, quality=100)
            return events

    def suppress(self, on: bool, at_s: float) -> None:
        """The parent's alarm stands, or does no longer: ours is not told while it does."""
        with self._lock:
            for event in self.decider.suppress(on, self._time.mono_ms(at_s)):
                text = "the parent's alarm stands" if on else "the parent's alarm is over"
                self._say(event, at_s, 0, {"text": text}, quality=100)

    def why(self) -> dict[str, Any]:
        """The last window explained: what was decided, or why nothing was."""
        with self._lock:
            last = self.last
            learnt = self.learning.facts() if self.learning is not None else {}
            report: dict[str, Any] = {
                "app": self.identity.app,
                "pipe": self.identity.pipeline,
                "state": self.decider.state,
                "level": self.decider.level,
                "flags": list(self.decider.flags),
                "threshold": self.decider.threshold,
                **learnt,
            }
            if last is None:
                return report | {"verdict": None, "why": {"text": "no window has been formed yet"}}
            score = last.inference.score if last.inference else None
            why = explain_verdict(self.decider, last, self.extractor, self.gate, self.words)
            return report | {"verdict": last.verdict, "score": score, "why": why}

    def _conclude(
        self,
        window: Window,
        verdict: str,
        features: FeatureVector | None,
        inference: Inference | None,
        diagnosis: Diagnosis | None,
    ) -> Judgement:
        with self._lock:
            score = inference.score if inference else -1
            events = self.decider.step(verdict, score, self._time.mono_ms(window.end_s))
            judgement = Judgement(window, verdict, features, inference, events, diagnosis, self._unready)
            self.last = judgement
            self._count(judgement)
            if features is not None and verdict == "judged":
                self._trend.add(features)
            for event in events:
                self._say_about(event, judgement)
            self._summarise_when_due(window)
        if events and self.children:
            for child in self.children:
                child.suppress(self.decider.standing, window.end_s)
        if self.learning is not None:
            self.learning.take(judgement)
        if self._on_judgement is not None:
            self._on_judgement(self, judgement)
        return judgement

    def _count(self, judgement: Judgement) -> None:
        counts = self.counts
        counts.windows += 1
        if judgement.inference is not None:
            counts.judged += 1
            counts.scores[judgement.inference.score] += 1
            counts.clipped_inputs += judgement.inference.clipped
        elif judgement.verdict == "idle":
            counts.idle += 1
        else:
            counts.unknown += 1
        counts.alarms += judgement.events.count("raised")

    def _say_about(self, event: str, judgement: Judgement) -> None:
        window = judgement.window
        why = explain_event(event, self.decider, judgement, self.extractor, self.gate, self.words)
        score = judgement.inference.score if judgement.inference else -1
        self._say(event, window.end_s, _duration_ms(window), why, score=score, quality=window.quality.percent)

    def _say(
        self, event: str, at_s: float, window_ms: int, why: Mapping[str, Any], *, quality: int, score: int = -1
    ) -> None:
        self.counts.decisions += 1
        self._voice.say(event, at_s, why, window_ms=window_ms, quality=quality, score=score)

    def _summarise_when_due(self, window: Window) -> None:
        now_ms = self._time.mono_ms(window.end_s)
        if now_ms - self._hour_began_ms < SUMMARY_PERIOD_MS:
            return
        counts = (self.counts.judged, self.counts.unknown, self.counts.idle)
        judged, unknown, idle = (now - then for now, then in zip(counts, self._hour_began_counts, strict=True))
        self._hour_began_ms, self._hour_began_counts = now_ms, counts
        median = self.counts.median_score()
        text = f"last hour: {judged} windows judged, {unknown} could not be judged, {idle} idle"
        if median is not None:
            text += f"; median score since start {median:.2f}"
        if trend := self._trend.take():
            text += f"; {trend}"
        drift: dict[str, Any] = {}
        if self.learning is not None:
            words, drift = self.learning.summary()
            text += f"; {words}" if words else ""
        why = {"text": text, "judged": judged, "unknown": unknown, "idle": idle, **drift}
        self._say("summary", window.end_s, SUMMARY_PERIOD_MS, why, quality=window.quality.percent)


def _duration_ms(window: Window) -> int:
    return round((window.end_s - window.start_s) * 1000)
