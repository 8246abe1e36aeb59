"""What would this app have done? Recordings through the deployed pipelines, and through others that differ in a key."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from edge_app.config.apps import resolve_document
from edge_app.config.errors import nearest
from edge_app.config.resolved import ResolvedApp, ResolvedPipeline
from edge_app.config.trial import try_app
from edge_app.core.errors import ConfigError, EdgeAppError, RecordingError
from edge_app.core.results import LearntNormal
from edge_app.runtime.backtest import LearnFirst, Track, redecide, run_recording
from edge_app.runtime.normal_settings import normal_settings
from edge_app.training.backtest.events import (
    HEALTHY,
    SILENT,
    Outcome,
    Truth,
    compare,
    read_events,
    truth_of,
    truth_of_file,
    truth_of_spans,
)
from edge_app.training.backtest.learnt_from import remarks_on
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.find import recordings_in
from edge_app.training.importers.own import NAME as OWN
from edge_app.training.importers.select import stretches, with_axes
from edge_app.training.importers.sessions import Session, session_of
from edge_app.training.progress import UNWATCHED, Progress
from edge_app.training.windows.front import app_document

DEPLOYED = "as deployed"


@dataclass(frozen=True)
class Variant:
    """The app with some keys set differently."""

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    swept: bool = False
    """One of a row of values."""


@dataclass(frozen=True)
class Question:
    """What is asked. Plain values: it goes to other processes."""

    app: Path
    folder: Path
    dataset: str | None = None
    pipeline: str | None = None
    channel: str | None = None
    healthy: tuple[str, ...] = HEALTHY
    events: Path | None = None
    tolerance_s: float | None = None
    """None: the time an alarm's evidence spans."""
    learn_s: float | None = None
    learn_share: float | None = None
    rate: float = 1.0
    """False alarms a week that learning aims at."""
    machine: Mapping[str, Any] = field(default_factory=dict)
    variants: tuple[Variant, ...] = (Variant(DEPLOYED),)

    @property
    def learns(self) -> bool:
        """Whether normal is learnt first."""
        return self.learn_s is not None or self.learn_share is not None


@dataclass
class Result:
    """One recording: its outcomes by variant and pipeline, or why there are none."""

    id: str
    label: str
    seconds: float = 0.0
    left_out: str = ""
    broken: bool = False
    """Left out because it cannot be read."""
    remarks: list[str] = field(default_factory=list)
    outcomes: list[dict[str, Outcome]] = field(default_factory=list)
    """By variant, then by pipeline."""


@dataclass(frozen=True)
class Subject:
    """A recording to be tried, with what is known of it."""

    recording: Recording
    spans: tuple[tuple[str, float, float], ...] = ()
    """Labelled stretches of a session of our own."""


def prepare(question: Question) -> tuple[list[ResolvedApp], list[list[Subject]]]:
    """The app of every variant; the recordings, those of one machine together, in the order of their ids.

    Raises
    ------
    ConfigError, PluginError, ModelError
        The app, or a variant of it, is wrong.
    RecordingError
        No recordings.
    """
    apps = [_variant(question.app, variant) for variant in question.variants]
    _check_pipelines(question, apps[0])
    subjects = find_subjects(question.folder, question.dataset)
    machines: dict[tuple[str, str], list[Subject]] = {}
    for subject in subjects:
        key = (subject.recording.dataset, subject.recording.group) if question.learns else ("", subject.recording.id)
        machines.setdefault(key, []).append(subject)
    if question.events is not None:
        read_events(question.events, [subject.recording.id for subject in subjects])
    return apps, list(machines.values())


def find_subjects(folder: Path, dataset: str | None = None) -> list[Subject]:
    """Recordings below a folder; those of `edge-app record` as whole sessions. Raises RecordingError."""
    found: dict[str, Subject] = {}
    for recording in recordings_in(folder, dataset):
        if recording.dataset != OWN:
            found[recording.id] = Subject(recording)
            continue
        place = Path(folder, str(recording.facts["file"]))
        if str(place) in found:
            continue
        try:
            session: Session | None = session_of(place)
        except RecordingError:
            session = None  # loading it says what is wrong
        found[str(place)] = Subject(session.recording, session.spans) if session else Subject(recording)
    return list(found.values())


def _variant(app: Path, variant: Variant) -> ResolvedApp:
    try:
        resolved = resolve_document(app_document(app, variant.changes))
        for problem in try_app(resolved):
            raise problem
    except EdgeAppError as error:
        if not variant.changes:
            raise
        raise ConfigError(f"with {variant.name}: {error.what}", error.fix) from error
    return resolved


def _check_pipelines(question: Question, app: ResolvedApp) -> None:
    names = [spec.name for spec in app.pipelines]
    if question.pipeline is not None and question.pipeline not in names:
        guess = nearest(question.pipeline, names)
        hint = f"Did you mean {guess}? " if guess else ""
        raise ConfigError(f"{app.name} has no pipeline {question.pipeline}.", f"{hint}Pipelines: {', '.join(names)}.")
    slots = {spec.slot.name: spec.slot.unit for spec in app.pipelines}
    unit = next((unit for unit in slots.values() if list(slots.values()).count(unit) > 1), None)
    if unit is not None and question.pipeline is None:
        alike = ", ".join(name for name, each in slots.items() if each == unit)
        raise ConfigError(
            f"{app.name} takes several quantities in {unit!r} ({alike}): which one a recording holds is not known.",
            f"Name one pipeline: --pipeline {' | '.join(names)}.",
        )


def backtest(question: Question, progress: Progress = UNWATCHED, jobs: int = 1) -> list[Result]:
    """Every recording through every variant, ordered by id.

    Parameters
    ----------
    progress : Progress, optional
        Told how many recordings are done.
    jobs : int
        Processes; machines are shared out among them.
    """
    _LAST.clear()
    _, machines = _prepared(question)
    results: list[Result] = []
    total = sum(map(len, machines))
    progress.at("replay", 0, total)
    for result in _in_processes(question, len(machines), jobs) if jobs > 1 else _here(question, len(machines)):
        results.append(result)
        progress.at("replay", len(results), total, result.id)
    return sorted(results, key=lambda result: result.id)


def _here(question: Question, machines: int) -> Iterator[Result]:
    for index in range(machines):
        yield from _of_machine(question, index)


def _in_processes(question: Question, machines: int, jobs: int) -> Iterator[Result]:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import active_children, get_context

    # Fresh processes: forking one that has threads may leave a lock held for ever.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_die_silently) as pool:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # they begin with it blocked
        try:
            batches = [pool.submit(one_machine, question, index) for index in range(machines)]
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        try:
            for found in batches:
                yield from found.result()
        except BaseException:
            for process in active_children():
                process.terminate()
            raise


def _die_silently() -> None:
    """In a process of ours: Ctrl-C ends it without a word; the first process says what is to be said."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


_LAST: list[tuple[Question, tuple[list[ResolvedApp], list[list[Subject]]]]] = []


def _prepared(question: Question) -> tuple[list[ResolvedApp], list[list[Subject]]]:
    """As `prepare`, once for one question after the other: worker processes are asked many times."""
    if not _LAST or _LAST[0][0] != question:
        _LAST[:] = [(question, prepare(question))]
    return _LAST[0][1]


def one_machine(question: Question, index: int) -> list[Result]:
    """Results of one machine's recordings."""
    return list(_of_machine(question, index))


def _of_machine(question: Question, index: int) -> Iterator[Result]:
    """Its recordings one after the other: what is learnt from the first one serves the others."""
    apps, machines = _prepared(question)
    normals: list[dict[str, LearntNormal]] = [{} for _ in apps]
    for subject in machines[index]:
        yield _one_recording(question, apps, subject, normals)


def _one_recording(
    question: Question, apps: Sequence[ResolvedApp], subject: Subject, normals: list[dict[str, LearntNormal]]
) -> Result:
    recording = subject.recording
    result = Result(recording.id, recording.label)
    try:
        whole = recording.load()
    except EdgeAppError as error:
        result.left_out, result.broken = _said(recording, error), True
        return result
    try:
        signal, specs = _suiting(question, apps, recording, whole)
    except EdgeAppError as error:
        result.left_out = _said(recording, error)
        return result
    result.seconds = signal.seconds
    truth = _truth(question, subject, signal)
    if signal.rate_hz < specs[0].slot.min_rate_hz:
        result.remarks.append(f"{signal.rate_hz:g} Hz, {specs[0].slot.min_rate_hz:g} Hz are needed: all is unknown")
    base: dict[str, Track] = {}
    names = [spec.name for spec in specs]
    result.remarks += remarks_on(apps[0], names, recording, signal)
    for number, app in enumerate(apps):
        if number and _rules_only(question, apps[0], app, names):
            tracks = redecide(app, base)
        else:
            tracks = _run(question, app, names, subject, signal, truth, normals[number])
        if not number:
            base = tracks
        by_name = {spec.name: spec for spec in app.pipelines}
        result.outcomes.append(
            {name: compare(track, truth, _tolerance_s(question, by_name[name])) for name, track in tracks.items()}
        )
    return result


def _said(recording: Recording, error: EdgeAppError) -> str:
    return error.what.removeprefix(f"{recording.id}: ").rstrip(".")


def _suiting(
    question: Question, apps: Sequence[ResolvedApp], recording: Recording, signal: Signal
) -> tuple[Signal, list[ResolvedPipeline]]:
    """The samples as the app's slot takes them, and the pipelines of that slot. Raises RecordingError."""
    wanted = [spec for spec in apps[0].pipelines if question.pipeline in (None, spec.name)]
    specs = [spec for spec in wanted if spec.slot.unit == signal.unit]
    if not specs:
        units = ", ".join(dict.fromkeys(repr(spec.slot.unit) for spec in wanted))
        raise RecordingError(f"{recording.id}: is in {signal.unit!r}, the app takes {units}.", "Choose other ones.")
    names = {spec.name for spec in specs}
    shortest_s = min(spec.window_s for app in apps for spec in app.pipelines if spec.name in names)
    longest_s = max((last - first) / signal.rate_hz for first, last, _ in stretches(signal))
    if specs[0].each != "beat" and longest_s < shortest_s - 1 / signal.rate_hz:
        raise RecordingError(
            f"{recording.id}: {longest_s:.2f} s are less than one window of {shortest_s:g} s.", "Use longer ones."
        )
    return with_axes(signal, specs[0].slot.axes, question.channel), specs


def _run(
    question: Question,
    app: ResolvedApp,
    names: Sequence[str],
    subject: Subject,
    signal: Signal,
    truth: Truth,
    normals: dict[str, LearntNormal],
) -> dict[str, Track]:
    """One recording through one variant; what it learnt is kept in `normals` for the machine's next recording."""
    learn = _learn(question, signal, truth) if question.learns and not normals else None
    tracks = run_recording(
        app,
        signal,
        names,
        machine=_machine(question, subject.recording),
        learn=learn,
        normals=normals,
        pauses_planned=subject.recording.dataset != OWN,
    )
    normals.update({name: track.normal for name, track in tracks.items() if track.normal is not None})
    if question.learns and not normals and learn is None:
        for track in tracks.values():
            track.refused = track.refused or "it does not begin with normal signal, and no recording before it did"
    return tracks


def _learn(question: Question, signal: Signal, truth: Truth) -> LearnFirst | None:
    """Learn from the beginning when that is not known to be wrong."""
    ends_s = _end_s(signal)
    seconds = question.learn_s if question.learn_s is not None else (question.learn_share or 0.0) * ends_s
    if any(start < seconds for start, _ in truth.events):
        return None
    return LearnFirst(seconds, question.rate)


def _truth(question: Question, subject: Subject, signal: Signal) -> Truth:
    seconds, recording = _end_s(signal), subject.recording
    if question.events is not None:
        events = _events(question)
        if recording.id in events or (recording.label in SILENT and not subject.spans):
            return truth_of_file(events.get(recording.id, ()), seconds)
    if subject.spans:
        return truth_of_spans(subject.spans, question.healthy)
    return truth_of(recording.label, seconds, question.healthy)


def _events(question: Question) -> Mapping[str, tuple[tuple[float, float], ...]]:
    assert question.events is not None
    _, machines = _prepared(question)
    return _read_once(question.events, tuple(each.recording.id for machine in machines for each in machine))


@lru_cache(maxsize=1)
def _read_once(path: Path, ids: tuple[str, ...]) -> Mapping[str, tuple[tuple[float, float], ...]]:
    return read_events(path, ids)


def _end_s(signal: Signal) -> float:
    first, last, time_s = stretches(signal)[-1]
    return time_s + (last - first) / signal.rate_hz


def _machine(question: Question, recording: Recording) -> dict[str, Any]:
    """What a device's `machine:` block says, with the recording's own speed."""
    rpm = recording.facts.get("rpm")
    return {**question.machine, **({"shaft_hz": float(rpm) / 60.0} if rpm else {})}


def _tolerance_s(question: Question, spec: ResolvedPipeline) -> float:
    """How long after an event its alarm may come: by default while windows of it are still evidence."""
    if question.tolerance_s is not None:
        return question.tolerance_s
    settings = normal_settings(spec)
    return spec.window_s + max(1, settings.of) * spec.hop_s + settings.on_delay_s


def _rules_only(question: Question, deployed: ResolvedApp, other: ResolvedApp, names: Sequence[str]) -> bool:
    """Whether two variants differ in alarm rules only, so that features and scores are the same."""
    others = {spec.name: spec for spec in other.pipelines}
    for spec in deployed.pipelines:
        if spec.name not in names:
            continue
        changed = others[spec.name]
        if replace(changed, decision=spec.decision) != spec:
            return False
        if question.learns and normal_settings(changed) != normal_settings(spec):
            return False
    return True
