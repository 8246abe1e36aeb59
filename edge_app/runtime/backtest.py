"""The deployed pipelines over a recording, on its own clock: no broker, no journal, no sleeping, nothing simplified.

A recording goes through the same windower, features, gate, model, alarm rules and diagnosis as on a device
(build.make_pipeline). What became of every window is kept in a `Track`, so that other alarm rules can be tried
without computing features and scores again (`redecide`).
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np

from edge_app.config.resolved import ResolvedApp, ResolvedPipeline
from edge_app.core.clock import Clock
from edge_app.core.errors import BaselineError, ControlError
from edge_app.core.frames import Counts, Frame
from edge_app.core.plugin import DeciderContext
from edge_app.core.results import Decision, LearntNormal
from edge_app.runtime.build import adopt, make_model, make_pipeline
from edge_app.runtime.learning import Learning, LearningSpec
from edge_app.runtime.normal_settings import learnable, normal_settings
from edge_app.runtime.normals import NormalStore
from edge_app.runtime.pipeline import Judgement, Pipeline
from edge_app.runtime.timebase import TimeBase
from edge_app.windowing import QualityLimits, Windower, make_windower

VERDICTS = ("unknown", "idle", "judged")
PIECE_S = 10.0
"""Signal handed on at a time (s) where pipelines do not wait for one another."""


class Recorded(Protocol):
    """A recording's samples, as an importer gives them."""

    @property
    def title(self) -> str: ...
    @property
    def counts(self) -> Counts: ...
    @property
    def scale(self) -> float: ...
    @property
    def rate_hz(self) -> float: ...
    @property
    def unit(self) -> str: ...
    @property
    def full_scale(self) -> int: ...
    @property
    def starts(self) -> tuple[tuple[int, float], ...]: ...


@dataclass(frozen=True)
class LearnFirst:
    """Learn normal from the beginning, as `edge-app learn` would have been told."""

    seconds: float
    rate: float = 1.0
    """False alarms a week."""


@dataclass(frozen=True)
class Told:
    """One event a pipeline told."""

    event: str
    at_s: float
    score: int = -1
    text: str = ""
    kind: str = ""
    """The kind of trouble the diagnosis names; "" when it names none, or was not asked."""


@dataclass
class Track:
    """What became of one recording in one pipeline."""

    pipeline: str
    order: array[int] = field(default_factory=lambda: array("q"))
    """Of each window: how many windows of all pipelines had been judged before it."""
    verdicts: bytearray = field(default_factory=bytearray)
    """Index in VERDICTS, by window."""
    scores: array[int] = field(default_factory=lambda: array("h"))
    """0..10000, -1 where there was none."""
    start_s: array[float] = field(default_factory=lambda: array("d"))
    end_s: array[float] = field(default_factory=lambda: array("d"))
    """Of each window (s), from the recording's beginning."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why windows could not be judged, without the numbers in it."""
    told: list[Told] = field(default_factory=list)
    learnt_until_s: float = 0.0
    """Where learning ended; 0 when nothing was learnt here."""
    normal: LearntNormal | None = None
    """What was learnt, or given."""
    refused: str = ""
    """Why nothing was learnt."""

    def count(self, verdict: str) -> int:
        """Windows with this verdict."""
        return self.verdicts.count(VERDICTS.index(verdict))

    def rules_only(self) -> Track:
        """The same windows, nothing told yet."""
        return Track(
            self.pipeline,
            self.order,
            self.verdicts,
            self.scores,
            self.start_s,
            self.end_s,
            self.reasons,
            [],
            self.learnt_until_s,
            self.normal,
            self.refused,
        )


class RecordingClock:
    """Time begins with the recording; the wall clock is not known, and nobody waits."""

    def monotonic_s(self) -> float:
        return 0.0

    def wall_ms(self) -> int:
        return 0

    def sleep_s(self, duration_s: float) -> None:
        raise AssertionError("a backtest never sleeps")

    def wait(self, event: Any, timeout_s: float) -> bool:
        raise AssertionError("a backtest never waits")


@dataclass(frozen=True)
class _Bench:
    machine: Mapping[str, Any]


@dataclass(frozen=True)
class _Source:
    name: str
    unit: str
    scale: float
    rate_hz: float
    n_axes: int


def run_recording(
    app: ResolvedApp,
    signal: Recorded,
    pipelines: Sequence[str],
    *,
    machine: Mapping[str, Any] | None = None,
    learn: LearnFirst | None = None,
    normals: Mapping[str, LearntNormal] | None = None,
    pauses_planned: bool = True,
) -> dict[str, Track]:
    """One recording through pipelines of an app.

    Parameters
    ----------
    signal : Recorded
        As many axes as the slot of these pipelines has, in its unit.
    pipelines : list of str
        All of one slot.
    machine : mapping, optional
        As a device's `machine:` block.
    learn : LearnFirst, optional
        Learn normal from the recording's beginning.
    normals : mapping of pipeline to LearntNormal, optional
        What was learnt on the machine before.
    pauses_planned : bool
        False: what lies between the recording's stretches was lost, and is `unknown` as on the device.

    Raises
    ------
    ConfigError, ModelError
        The app cannot be built for such a signal.
    """
    with TemporaryDirectory(prefix="edge-app-backtest-") as folder:
        run = _Run(app, signal, pipelines, machine or {}, Path(folder))
        if normals:
            run.adopt(normals)
        if learn is not None:
            run.learn(learn)
        run.play(signal, pauses_planned)
        return run.finished()


class _Run:
    """The parts of one run."""

    def __init__(
        self, app: ResolvedApp, signal: Recorded, names: Sequence[str], machine: Mapping[str, Any], folder: Path
    ) -> None:
        self._app, self._folder = app, folder
        self._time = TimeBase(_clock(), paced=False)
        self._specs = [spec for spec in app.pipelines if spec.name in names]
        self.tracks = {spec.name: Track(spec.name) for spec in self._specs}
        self._judged = 0
        self._learnings: dict[str, Learning] = {}
        source = _Source(signal.title, signal.unit, signal.scale, signal.rate_hz, int(signal.counts.shape[0]))
        self._pipelines = {
            spec.name: make_pipeline(
                _Bench(machine), app, spec, source, self._time, partial(self._hear, spec.name), self._note
            )
            for spec in self._specs
        }
        adopt([(spec, self._pipelines[spec.name]) for spec in self._specs])

    def adopt(self, normals: Mapping[str, LearntNormal]) -> None:
        """Judge with what was learnt before."""
        for name, normal in normals.items():
            pipeline: Any = self._pipelines.get(name)
            if pipeline is not None and learnable(pipeline.model):
                pipeline.adopt(pipeline.model.with_normal(normal))
                self.tracks[name].normal = normal

    def learn(self, wanted: LearnFirst) -> None:
        """Begin to learn, in every pipeline that can."""
        for spec in self._specs:
            pipeline, track = self._pipelines[spec.name], self.tracks[spec.name]
            if not learnable(pipeline.model):
                track.refused = f"a model of kind {getattr(pipeline.model, 'kind', 'this')} learns no normal"
                continue
            make: Any = partial(make_model, self._app, spec, pipeline.extractor.schema)
            learning = Learning(
                pipeline,
                LearningSpec(make, normal_settings(spec), inline=True),
                NormalStore(self._folder, self._app.name, spec.name),
                self._time,
            )
            try:
                learning.start(wanted.seconds / 60, wanted.rate, despite_alarm=True)
            except (ControlError, BaselineError) as error:
                track.refused = error.what
                continue
            pipeline.learning = learning
            self._learnings[spec.name] = learning

    def play(self, signal: Recorded, pauses_planned: bool) -> None:
        """Every sample, in order."""
        windowers = [(_windower(spec, signal), self._pipelines[spec.name]) for spec in self._specs]
        related = any(pipeline.children for _, pipeline in windowers)
        piece_s = min(spec.hop_s for spec in self._specs) if related else PIECE_S
        for begins, frame in _frames(signal, piece_s):
            for windower, pipeline in windowers:
                if begins and pauses_planned:
                    windower.reset()
                for window in windower.push(frame):
                    pipeline.judge(window)

    def finished(self) -> dict[str, Track]:
        """The tracks; whether learning came to an end."""
        for name, learning in self._learnings.items():
            track, outcome = self.tracks[name], learning.status()["last"]
            if track.normal is None:
                track.refused = outcome["what"] if outcome else "the recording ended before learning did"
        return self.tracks

    def _note(self, pipeline: Pipeline, judgement: Judgement) -> None:
        """One more window was judged."""
        name = pipeline.identity.pipeline
        track = self.tracks[name]
        track.order.append(self._judged)
        self._judged += 1
        track.verdicts.append(VERDICTS.index(judgement.verdict))
        track.scores.append(judgement.inference.score if judgement.inference else -1)
        track.start_s.append(judgement.window.start_s)
        track.end_s.append(judgement.window.end_s)
        if judgement.verdict == "unknown":
            track.reasons[_reason(judgement)] += 1
        learning = self._learnings.get(name)
        if learning is not None and track.normal is None and learning.number is not None:
            track.normal = learning.store.history()[-1].normal
            track.learnt_until_s = judgement.window.end_s

    def _hear(self, name: str, decision: Decision | None, *, state_key: str, state: Mapping[str, Any]) -> None:
        """A pipeline tells something."""
        if decision is None or decision.event == "summary" or "notice" in decision.why:
            return
        kind = decision.why.get("type")
        label = str(kind[0]) if isinstance(kind, (list, tuple)) and kind else ""
        text = str(decision.why.get("text", ""))
        self.tracks[name].told.append(Told(decision.event, decision.mono_ms / 1000, decision.score, text, label))


def redecide(app: ResolvedApp, tracks: Mapping[str, Track]) -> dict[str, Track]:
    """The windows of a recording through the alarm rules of `app`: verdicts and scores are those of the tracks.

    The deciders are the app's own, and take the windows in the order they were judged in.
    """
    specs = {spec.name: spec for spec in app.pipelines if spec.name in tracks}
    deciders: dict[str, Any] = {name: make_decider(spec) for name, spec in specs.items()}
    found = {name: track.rules_only() for name, track in tracks.items()}
    children: dict[str, list[str]] = {name: [] for name in specs}
    for name, spec in specs.items():
        parent = getattr(spec.decision.config, "suppressed_by", None)
        if parent in specs:
            children[parent].append(name)
    for name, index in _in_order(tracks):
        track = tracks[name]
        at_ms = _ms(track.end_s[index])
        score = track.scores[index]
        events = deciders[name].step(VERDICTS[track.verdicts[index]], score, at_ms)
        found[name].told += [Told(event, at_ms / 1000, score) for event in events]
        for child in children[name] if events else ():
            told = deciders[child].suppress(deciders[name].standing, at_ms)
            found[child].told += [Told(event, at_ms / 1000) for event in told]
    return found


def make_decider(spec: ResolvedPipeline) -> Any:
    """A fresh decider of a pipeline."""
    context = DeciderContext(round(spec.window_s * 1000), round(spec.hop_s * 1000))
    return spec.decision.plugin.create(spec.decision.config, context)


def _in_order(tracks: Mapping[str, Track]) -> Iterator[tuple[str, int]]:
    """(pipeline, window) as they were judged."""
    if len(tracks) == 1:
        ((name, track),) = tracks.items()
        yield from ((name, index) for index in range(len(track.order)))
        return
    places = [(place, name, index) for name, track in tracks.items() for index, place in enumerate(track.order)]
    yield from ((name, index) for _, name, index in sorted(places))


def _frames(signal: Recorded, piece_s: float) -> Iterator[tuple[bool, Frame]]:
    """The signal in pieces, and whether one begins a stretch behind a pause."""
    piece = max(1, round(piece_s * signal.rate_hz))
    ends = [first for first, _ in signal.starts[1:]] + [int(signal.counts.shape[1])]
    for (first, time_s), last in zip(signal.starts, ends, strict=True):
        for start in range(first, last, piece):
            samples = np.ascontiguousarray(signal.counts[:, start : min(last, start + piece)])
            at_s = time_s + (start - first) / signal.rate_hz
            frame = Frame(samples, signal.scale, signal.unit, signal.rate_hz, at_s, signal.full_scale)
            yield start == first and first > 0, frame


def _windower(spec: ResolvedPipeline, signal: Recorded) -> Windower:
    return make_windower(
        spec.each,
        signal.rate_hz,
        spec.window_s,
        spec.hop_s,
        spec.slot.axes,
        QualityLimits(**spec.quality),
        min_rate_hz=spec.slot.min_rate_hz,
    )


def _reason(judgement: Judgement) -> str:
    """Why a window could not be judged, without its numbers: "clipped 4.1 %" and "clipped 7 %" are one."""
    reasons = judgement.window.quality.reasons if not judgement.window.quality.judgeable else ()
    if not reasons and judgement.features is not None:
        reasons = judgement.features.doubts
    text = reasons[0] if reasons else judgement.unready or "quality"
    return " ".join("N" if any(letter.isdigit() for letter in word) else word for word in text.split())


def _clock() -> Clock:
    return RecordingClock()


def _ms(at_s: float) -> int:
    return max(0, round(at_s * 1000))
