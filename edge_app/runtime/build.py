"""The only place where concrete classes meet: from a resolved configuration to the parts of a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from edge_app.config.resolved import GateSpec, ResolvedApp, ResolvedDevice, ResolvedPipeline, ResolvedSensor, Stage
from edge_app.config.trial import check_scores, kinds_of, placed, unknown_feature
from edge_app.core.clock import Clock
from edge_app.core.errors import ConfigError
from edge_app.core.gate import Gate, gate_names, make_gate
from edge_app.core.plugin import DeciderContext, FeatureContext, ModelContext, PublisherContext, SensorContext
from edge_app.core.results import Decision, FeatureSchema
from edge_app.core.stages import FeatureExtractor, Model, Sensor
from edge_app.core.units import SCORE_ONE
from edge_app.decision.anomaly import AnomalyDecider
from edge_app.decision.words import vocabulary
from edge_app.journal.journal import Journal
from edge_app.runtime.control import ControlServer
from edge_app.runtime.diagnosis import Diagnoser
from edge_app.runtime.health import Health
from edge_app.runtime.lane import QUICK_S, Lane
from edge_app.runtime.learning import Learning, LearningSpec
from edge_app.runtime.lifecycle import Commands, Parts
from edge_app.runtime.normal_settings import binding_of, learnable, normal_settings
from edge_app.runtime.normals import NormalStore
from edge_app.runtime.outbox import Outbox
from edge_app.runtime.pipeline import Judgement, Pipeline
from edge_app.runtime.reader import Reader
from edge_app.runtime.sensor_alarm import SILENT_AFTER_S, SensorAlarm
from edge_app.runtime.state import JOURNAL_NAME, device_folder
from edge_app.runtime.timebase import TimeBase
from edge_app.runtime.voice import Emit, Identity
from edge_app.runtime.watchdog import Watchdog
from edge_app.transport.topics import Topics
from edge_app.windowing import QualityLimits, make_windower


@dataclass(frozen=True)
class RunOptions:
    """What the command line adds to the configuration."""

    state_root: Path
    paced: bool = True
    """False: recordings and simulations run as fast as they go, each in the thread that reads it."""
    on_decision: Callable[[bytes, Decision], None] | None = None
    """Called after each commit with the message's bytes."""
    on_judgement: Callable[[Pipeline, Judgement], None] | None = None
    """Called for every window, in the pipeline's thread."""
    control: bool = field(default=True)
    """Whether the local socket listens."""
    keep_trying: bool = False
    """Start although a sensor cannot be opened, and go on trying it."""


class Place(Protocol):
    """What a pipeline asks of the device it runs on: the facts of the machine."""

    @property
    def machine(self) -> Mapping[str, Any]: ...


class Source(Protocol):
    """What a pipeline asks of its sensor before the first sample."""

    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def scale(self) -> float: ...
    @property
    def rate_hz(self) -> float: ...
    @property
    def n_axes(self) -> int: ...


class Announcer:
    """Where events go: into the journal, and into the retained picture of each pipeline's condition."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def __call__(self, decision: Decision | None, *, state_key: str, state: Mapping[str, Any]) -> None:
        self._outbox.submit(decision, state_key, state)
        if decision is not None and "notice" not in decision.why:
            fields = {"state": decision.state, "level": decision.level, "flags": list(decision.flags)}
            self._outbox.set_now(decision.app, decision.pipeline, fields)


def build(device: ResolvedDevice, options: RunOptions, clock: Clock) -> Parts:
    """Make everything, open nothing but model files and recordings.

    Raises
    ------
    EdgeAppError
        For whatever can be known to be wrong before sampling: models, schemas, gates, recordings, passwords.
    """
    folder = device_folder(options.state_root, device.id)
    journal = Journal(folder / JOURNAL_NAME, max_bytes=device.journal_max_bytes)
    timebase = TimeBase(clock, paced=options.paced)
    outbox = _outbox(device, options, journal, clock)
    emit = Announcer(outbox)
    watchdog = Watchdog(clock, list(device.sensors))
    sensors = {slot: make_sensor(device, spec, clock, paced=options.paced) for slot, spec in device.sensors.items()}
    pipelines: dict[str, list[tuple[ResolvedPipeline, Pipeline]]] = {slot: [] for slot in sensors}
    for app in device.apps:
        for spec in app.pipelines:
            pipeline = make_pipeline(device, app, spec, sensors[spec.slot.name], timebase, emit, options.on_judgement)
            pipelines[spec.slot.name].append((spec, pipeline))
    adopt([pair for group in pipelines.values() for pair in group])
    alarms = {slot: _sensor_alarm(device, slot, timebase, emit) for slot in sensors}
    readers = [
        Reader(
            slot,
            sensor,
            [_lane(sensor, spec, pipeline, clock, options, len(pipelines[slot])) for spec, pipeline in pipelines[slot]],
            clock,
            watchdog,
            on_signal=alarms[slot].hear,
        )
        for slot, sensor in sensors.items()
    ]
    every = [pipeline for group in pipelines.values() for _, pipeline in group]
    learnings = _learnings(device, sensors, pipelines, folder, timebase, options)
    control = ControlServer(folder, Commands(every, list(alarms.values()), learnings)) if options.control else None
    return Parts(
        readers=readers,
        pipelines=every,
        sensor_alarms=list(alarms.values()),
        journal=journal,
        outbox=outbox,
        control=control,
        watchdog=watchdog,
        health=Health(clock, folder),
        clock=clock,
        inline=not options.paced,
        keep_trying=options.keep_trying,
        restore=lambda: restore(journal, every, list(alarms.values()), timebase),
        learnings=learnings,
    )


def make_sensor(device: ResolvedDevice, spec: ResolvedSensor, clock: Clock, *, paced: bool) -> Sensor:
    """The sensor of a slot, not opened. Raises ConfigError when it cannot run faster than real time and should."""
    if not paced and not spec.replayed and not spec.plugin.facts.get("unpaced", False):
        raise ConfigError(
            f"slot {spec.slot}: a {spec.plugin.name} cannot run at --speed max",
            f"Put a recording in its place: --replay {spec.slot}=FILE, or leave --speed out.",
        )
    context = SensorContext(spec.slot, clock, device.base_dir, paced=paced, unit=spec.unit)
    sensor: Sensor = spec.plugin.create(spec.config, context)
    return sensor


def make_extractor(
    device: Place, spec: ResolvedPipeline, sensor: Source, features: Stage | None = None
) -> FeatureExtractor:
    """The feature extractor of a pipeline (or of another stage of it), for the sensor that serves it.

    A signal too slow for the app (a replayed recording) is windowed and judged `unknown`; its extractor is made for
    the slowest rate that suffices and never used.
    """
    if sensor.n_axes != spec.slot.axes:
        raise ConfigError(
            f"slot {spec.slot.name}: {sensor.name} gives {sensor.n_axes} axes, the app uses {spec.slot.axes}",
            "Name as many channels as the app has axes: channel=NAME, or channel=A+B+C for three.",
        )
    context = FeatureContext(
        rate_hz=max(sensor.rate_hz, spec.slot.min_rate_hz),
        scale=sensor.scale,
        unit=sensor.unit,
        n_axes=spec.slot.axes,
        window_s=spec.window_s,
        min_rate_hz=spec.slot.min_rate_hz,
        machine=device.machine,
    )
    stage = features or spec.features
    extractor: FeatureExtractor = stage.plugin.create(stage.config, context)
    return extractor


def make_model(app: ResolvedApp, spec: ResolvedPipeline, schema: FeatureSchema) -> Model:
    """The model of a pipeline. Raises ModelError when it cannot give a score."""
    model: Model = spec.model.plugin.create(spec.model.config, ModelContext(app.folder, schema))
    check_scores(model)
    return model


def make_diagnoser(
    device: Place, app: ResolvedApp, spec: ResolvedPipeline, sensor: Source, schema: FeatureSchema
) -> Diagnoser | None:
    """The second model of a pipeline; `schema` is that of the pipeline's own features."""
    if spec.diagnose is None:
        return None
    own = make_extractor(device, spec, sensor, spec.diagnose.features) if spec.diagnose.features else None
    stage = spec.diagnose.model
    model: Model = stage.plugin.create(stage.config, ModelContext(app.folder, own.schema if own else schema))
    return Diagnoser(model, own, round(spec.diagnose.above * SCORE_ONE), spec.diagnose.of, kinds_of(model))


def make_pipeline(
    device: Place,
    app: ResolvedApp,
    spec: ResolvedPipeline,
    sensor: Source,
    timebase: TimeBase,
    emit: Emit,
    on_judgement: Callable[[Pipeline, Judgement], None] | None = None,
) -> Pipeline:
    """One pipeline of an app, behind a sensor or a recording. Raises ConfigError, ModelError."""
    extractor = make_extractor(device, spec, sensor)
    return Pipeline(
        identity=Identity(app.name, app.version, spec.name),
        extractor=extractor,
        gate=_gate(app, spec, spec.gate, extractor),
        model=make_model(app, spec, extractor.schema),
        decider=spec.decision.plugin.create(
            spec.decision.config, DeciderContext(round(spec.window_s * 1000), round(spec.hop_s * 1000))
        ),
        timebase=timebase,
        emit=emit,
        on_judgement=on_judgement,
        diagnoser=make_diagnoser(device, app, spec, sensor, extractor.schema),
        words=vocabulary(spec.slot.quantity),
    )


def _learnings(
    device: ResolvedDevice,
    sensors: Mapping[str, Sensor],
    pipelines: Mapping[str, list[tuple[ResolvedPipeline, Pipeline]]],
    folder: Path,
    timebase: TimeBase,
    options: RunOptions,
) -> list[Learning]:
    """What learns normal, for every pipeline whose model can."""
    apps = {app.name: app for app in device.apps}
    found = []
    for slot, group in pipelines.items():
        for spec, pipeline in group:
            if not learnable(pipeline.model):
                continue
            app = apps[pipeline.identity.app]
            normals = NormalStore(folder, app.name, spec.name)
            settings = normal_settings(spec, binding_of(device.sensors[slot], sensors[slot]))
            learning_spec = LearningSpec(
                make_model=partial(make_model, app, spec, pipeline.extractor.schema),  # type: ignore[arg-type]
                settings=settings,
                inline=not options.paced,
            )
            learning = Learning(pipeline, learning_spec, normals, timebase)
            pipeline.learning = learning
            found.append(learning)
    return found


def adopt(pairs: list[tuple[ResolvedPipeline, Pipeline]]) -> None:
    """Give every pipeline the children that name it in `suppressed_by`."""
    by_key = {pipeline.identity.key: pipeline for _, pipeline in pairs}
    for spec, pipeline in pairs:
        parent = getattr(spec.decision.config, "suppressed_by", None)
        key = f"{pipeline.identity.app}/{parent}"
        if parent is not None and key in by_key:  # the parent's optional slot may be bound to nothing
            by_key[key].children.append(pipeline)


def _gate(app: ResolvedApp, spec: ResolvedPipeline, gate: GateSpec | None, extractor: FeatureExtractor) -> Gate | None:
    if gate is None:
        return None
    names = gate_names(extractor)
    if gate.feature not in names:
        raise placed(app, spec, unknown_feature(gate.feature, names))
    return make_gate(extractor, gate.feature, gate.above)


def _lane(
    sensor: Sensor, spec: ResolvedPipeline, pipeline: Pipeline, clock: Clock, options: RunOptions, lanes: int
) -> Lane:
    """A pipeline behind its sensor; the reader's patience is shared by all of that sensor's lanes."""
    windower = make_windower(
        spec.each,
        sensor.rate_hz,
        spec.window_s,
        spec.hop_s,
        spec.slot.axes,
        QualityLimits(**spec.quality),
        min_rate_hz=spec.slot.min_rate_hz,
    )
    return Lane(windower, pipeline, spec.hop_s, clock, quick_s=QUICK_S / lanes, inline=not options.paced)


def _sensor_alarm(device: ResolvedDevice, slot: str, timebase: TimeBase, emit: Announcer) -> SensorAlarm:
    app = next(app for app in device.apps if slot in app.slots)
    decider = AnomalyDecider(
        raise_above=SCORE_ONE // 2, clear_below=SCORE_ONE // 2, on_delay_ms=round(SILENT_AFTER_S * 1000), max_per_hour=6
    )
    return SensorAlarm(Identity(app.name, app.version, f"sensor-{slot}"), slot, decider, timebase, emit)


def _outbox(device: ResolvedDevice, options: RunOptions, journal: Journal, clock: Clock) -> Outbox:
    """Without `publish:` the decisions stay in the journal."""
    observers = [options.on_decision] if options.on_decision is not None else []
    birth = {"apps": [{"a": app.name, "v": app.version} for app in device.apps]}
    if device.publish is None:
        topics = Topics(device.site, device.id)
        return Outbox(journal, None, topics, device.id, "broker", clock, observers=observers, birth=birth)
    config = device.publish.config
    context = PublisherContext(device.site, device.id, clock, device.base_dir)
    confirm = config.confirm if isinstance(config.confirm, str) else config.confirm.by
    return Outbox(
        journal,
        device.publish.plugin.create(config, context),
        Topics(device.site, device.id, config.prefix),
        device.id,
        confirm,
        clock,
        observers=observers,
        birth=birth,
    )


def restore(journal: Journal, pipelines: list[Pipeline], alarms: list[SensorAlarm], timebase: TimeBase) -> None:
    """Give every decider the state it had when the last run ended.

    What a parent's alarm holds back is decided anew: the parent may have gone from the app, or lost its own state.
    """
    owners: list[Pipeline | SensorAlarm] = [*pipelines, *alarms]
    for owner in owners:
        state: dict[str, Any] | None = journal.load_state(owner.identity.key)
        if state is not None:
            owner.decider.restore(state, timebase.mono_ms(timebase.now_s()))
    held = [child for parent in pipelines if parent.decider.standing for child in parent.children]
    for pipeline in pipelines:
        pipeline.suppress(pipeline in held, timebase.now_s())
