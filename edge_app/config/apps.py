"""An app's folder, checked and resolved: its file, its plugins, its model files, and what a device overrides in it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from edge_app.config import registry
from edge_app.config.errors import Problems, nearest, validated
from edge_app.config.load import Document, KeyPath, load_document, shown
from edge_app.config.resolved import DiagnoseSpec, GateSpec, ResolvedApp, ResolvedPipeline, Slot, Stage
from edge_app.config.schema import (
    TARGETS,
    AppConfig,
    DiagnoseConfig,
    GateConfig,
    PipelineConfig,
    QualityConfig,
    WindowConfig,
)
from edge_app.core.errors import ConfigError, PluginError
from edge_app.core.plugin import Plugin

APP_FILE = "app.yaml"

STAGES = {"features": "features", "model": "models", "decision": "deciders"}
"""Keys of a pipeline that name a plugin, and the group it belongs to."""

DIAGNOSE_STAGES = {"features": "features", "model": "models"}
"""The same for its block `diagnose`."""

BLOCKS: dict[str, type[BaseModel]] = {
    "gate": GateConfig,
    "window": WindowConfig,
    "quality": QualityConfig,
    "diagnose": DiagnoseConfig,
}
"""Keys of a pipeline with keys of ours."""


@dataclass(frozen=True)
class Override:
    """A value of an app that a device sets differently."""

    path: str
    """Within the app: "pipelines.bearing.decision.raise_above"."""
    value: Any
    document: Document
    """The device's file …"""
    key: KeyPath
    """… and where in it this stands."""

    @property
    def parts(self) -> KeyPath:
        """`path` as a key path."""
        return tuple(self.path.split("."))


@dataclass(frozen=True)
class _Overlay(Document):
    """An app's document in which some values come from a device's file: messages name the file that set the value."""

    overrides: Sequence[Override] = ()

    def place(self, path: KeyPath) -> str:
        for override in self.overrides:
            length = min(len(path), len(override.parts))
            if length > 2 and path[:length] == override.parts[:length]:
                return override.document.place(override.key)
        return super().place(path)


@dataclass
class _App:
    """An app being checked."""

    document: Document
    config: AppConfig
    folder: Path
    local: registry.LocalPlugins
    stages: dict[tuple[str, str], Stage]
    """By pipeline and key ("model", "diagnose.model")."""
    with_models: bool
    """Whether model files must be there."""


def app_file(path: Path) -> Path:
    """The `app.yaml` a person means: a folder stands for the file in it."""
    return path / APP_FILE if path.is_dir() else path


def app_document(path: Path) -> Document:
    """The app's file, read. Raises ConfigError, also when a person named another file of the app instead."""
    document = load_document(app_file(path))
    if "app" not in document.data and document.path.name != APP_FILE:
        folder = document.path.parent
        there = f"Name the app's folder: {shown(folder)}" if (folder / APP_FILE).is_file() else "Name an app's folder."
        raise ConfigError(f"{document.name} is no app: it has no key `app`.", there)
    return document


def load_app(path: Path, overrides: Iterable[Override] = (), *, with_models: bool = True) -> ResolvedApp:
    """An app, with a device's overrides applied.

    Parameters
    ----------
    path : Path
        The app's folder, or its `app.yaml`.
    overrides : iterable of Override
        Values set by the device's file; each must be listed as `tunable`.
    with_models : bool
        False: the model files need not be there yet (training makes them).

    Raises
    ------
    ConfigError, PluginError
        Everything found wrong, each with file, line and remedy.
    """
    document = app_document(path)
    app = _checked(document, with_models)
    wanted = list(overrides)
    if wanted:
        app = _checked(_overlaid(app, wanted), with_models)
    return _resolved(app)


def resolve_document(document: Document, *, with_models: bool = True) -> ResolvedApp:
    """An app whose file was read already, and perhaps changed in memory. Raises ConfigError, PluginError."""
    return _resolved(_checked(document, with_models))


def _checked(document: Document, with_models: bool) -> _App:
    config = validated(AppConfig, document)
    problems = Problems()
    folder = document.path.parent
    local = registry.load_local(folder / config.plugins) if config.plugins else {}
    app = _App(document, config, folder, local, {}, with_models)
    for name in config.pipelines:
        _check_pipeline(app, name, problems)
    _check_tunable(app, problems)
    _check_targets(app, problems)
    problems.raise_if_any()
    return app


def _check_pipeline(app: _App, name: str, problems: Problems) -> None:
    pipeline = app.config.pipelines[name]
    here: KeyPath = ("pipelines", name)
    if pipeline.sensor not in app.config.sensors:
        known = list(app.config.sensors)
        guess = nearest(pipeline.sensor, known) or known[0]
        fix = f"Did you mean `sensor: {guess}`? Slots: {', '.join(known)}."
        problems.add(app.document, (*here, "sensor"), f"`sensors` has no slot `{pipeline.sensor}`", fix)
    stages = dict(STAGES)
    if pipeline.diagnose is not None:
        named = [key for key in DIAGNOSE_STAGES if getattr(pipeline.diagnose, key) is not None]
        stages |= {f"diagnose.{key}": DIAGNOSE_STAGES[key] for key in named}
    for key, group in stages.items():
        place = (*here, *key.split("."))
        stage = check_stage(group, app.document, place, problems, app.local)
        if stage is not None:
            app.stages[name, key] = stage
            _check_file(app, place, stage, problems)
    parent = getattr(getattr(app.stages.get((name, "decision")), "config", None), "suppressed_by", None)
    if isinstance(parent, str) and parent not in app.config.pipelines:
        known = [other for other in app.config.pipelines if other != name]
        fix = f"Pipelines: {', '.join(known)}." if known else "The app has no other pipeline: delete the key."
        problems.add(app.document, (*here, "decision", "suppressed_by"), f"there is no pipeline `{parent}`", fix)


def check_stage(
    group: str, document: Document, path: KeyPath, problems: Problems, local: registry.LocalPlugins | None = None
) -> Stage | None:
    """A `plugin:` block as a Stage; None when something is wrong with it, which is then noted."""
    block: Any = document.data
    for part in path:
        block = block[part]
    name = block.get("plugin", "mqtt" if group == "publishers" else None)
    try:
        plugin = registry.find(group, name, local)
    except PluginError as error:
        problems.add(document, (*path, "plugin"), error.what, error.fix)
        return None
    keys = {key: value for key, value in block.items() if key != "plugin"}
    config = problems.check(plugin.config, keys, document, path)
    return None if config is None else Stage(plugin, config)


def _check_file(app: _App, path: KeyPath, stage: Stage, problems: Problems) -> None:
    """A stage that names a `file` has it in the app's folder."""
    name = getattr(stage.config, "file", None)
    if not isinstance(name, str | Path):
        return
    where, here = Path(name), (*path, "file")
    if where.is_absolute() or ".." in where.parts:
        problems.add(app.document, here, f"{name} is not inside the app's folder", "Name one inside it: `models/…`.")
    elif app.with_models and not (app.folder / where).is_file():
        problems.add(app.document, here, f"{shown(app.folder / where)} is missing", _make_or_pick(app.folder, where))


def _make_or_pick(folder: Path, where: Path) -> str:
    names = sorted(
        str(path.relative_to(folder)) for path in (folder / where).parent.glob("*" + where.suffix) if path.is_file()
    )
    train = f"`edge-app train {shown(folder)} --data DIR` makes it."
    return (f"The folder holds {', '.join(names[:6])}. " if names else "") + train


def _check_tunable(app: _App, problems: Problems) -> None:
    for number, path in enumerate(app.config.tunable):
        known = tunable_paths(app)
        if path not in known and not _in_refused_stage(app, path):
            guess = nearest(path, known)
            fix = f"Did you mean `{guess}`?" if guess else f"Paths look like `{known[0]}`." if known else ""
            problems.add(app.document, ("tunable", number), f"`{path}` is no key of this app", fix)


def _in_refused_stage(app: _App, path: str) -> bool:
    """Whether a key lies in a block that is wrong and has been told already."""
    return any(
        path.startswith(f"pipelines.{name}.{key}.") and (name, key) not in app.stages
        for name in app.config.pipelines
        for key in STAGES
    )


def tunable_paths(app: _App) -> list[str]:
    """Every key of the app's pipelines a device could override, by full path."""
    paths = []
    for name, pipeline in app.config.pipelines.items():
        for block, model in BLOCKS.items():
            if getattr(pipeline, block) is not None:
                keys = [key for key in model.model_fields if key not in STAGES]
                paths += [f"pipelines.{name}.{block}.{key}" for key in keys]
        for block in (*STAGES, *(f"diagnose.{key}" for key in DIAGNOSE_STAGES)):
            stage = app.stages.get((name, block))
            if stage is not None:
                paths += [f"pipelines.{name}.{block}.{key}" for key in _keys_of(stage.config)]
    return paths


def _keys_of(config: BaseModel) -> list[str]:
    """Keys of a block, and those of named blocks in it: "limits", "limits.heart_rate_bpm.above"."""
    keys = []
    for key in type(config).model_fields:
        keys.append(key)
        inner = getattr(config, key)
        if isinstance(inner, dict):
            named = [(name, each) for name, each in inner.items() if isinstance(each, BaseModel)]
            keys += [f"{key}.{name}.{field}" for name, each in named for field in type(each).model_fields]
    return keys


def _check_targets(app: _App, problems: Problems) -> None:
    for number, target in enumerate(app.config.targets or ()):
        unable = [stage.plugin.name for stage in app.stages.values() if not _runs_on(stage.plugin, target)]
        if unable:
            fix = "Name another plugin, or leave this target out."
            what = f"plugin {', '.join(dict.fromkeys(unable))} does not run on {target}"
            problems.add(app.document, ("targets", number), what, fix)


def _runs_on(plugin: Plugin, target: str) -> bool:
    return target == "linux" or plugin.micropython


def _overlaid(app: _App, overrides: Sequence[Override]) -> Document:
    """The app's document with the device's values in it; refuses what is not tunable."""
    problems = Problems()
    data = copy.deepcopy(app.document.data)
    for override in overrides:
        if override.path not in app.config.tunable:
            _refuse_override(app, override, problems)
            continue
        block: Any = data
        for part in override.parts[:-1]:
            block = block.setdefault(part, {})
        block[override.parts[-1]] = override.value
    problems.raise_if_any()
    return _Overlay(app.document.path, data, app.document.lines, overrides)


def _refuse_override(app: _App, override: Override, problems: Problems) -> None:
    allowed, name = list(app.config.tunable), app.config.app
    listing = f"Tunable: {', '.join(allowed)}." if allowed else f"{name} lists nothing as `tunable`."
    if override.path in tunable_paths(app):
        what = f"{name} does not let a device change this"
    else:
        what = f"{name} has no such key"
    guess = nearest(override.path, allowed)
    fix = (f"Did you mean `{guess}`? " if guess else "") + listing
    problems.add(override.document, override.key, what, fix)


def _resolved(app: _App) -> ResolvedApp:
    config = app.config
    slots = {
        name: Slot(name, slot.quantity, slot.unit, float(slot.min_rate_hz), slot.axes, slot.optional)
        for name, slot in config.sensors.items()
    }
    able = [target for target in TARGETS if all(_runs_on(stage.plugin, target) for stage in app.stages.values())]
    return ResolvedApp(
        name=config.app,
        version=config.version,
        folder=app.folder,
        summary=config.summary or "",
        targets=tuple(config.targets or able),
        slots=slots,
        pipelines=tuple(_pipeline(app, name, item, slots) for name, item in config.pipelines.items()),
        tunable=tuple(config.tunable),
    )


def _pipeline(app: _App, name: str, config: PipelineConfig, slots: Mapping[str, Slot]) -> ResolvedPipeline:
    gate = GateSpec(config.gate.feature, float(config.gate.above)) if config.gate else None
    return ResolvedPipeline(
        name=name,
        slot=slots[config.sensor],
        gate=gate,
        window_s=float(config.window.seconds),
        hop_s=float(config.window.hop_s),
        each=config.window.each,
        quality=config.quality.model_dump(),
        features=app.stages[name, "features"],
        model=app.stages[name, "model"],
        decision=app.stages[name, "decision"],
        diagnose=_diagnose(app, name, config.diagnose) if config.diagnose else None,
    )


def _diagnose(app: _App, name: str, config: DiagnoseConfig) -> DiagnoseSpec:
    features = app.stages.get((name, "diagnose.features"))
    return DiagnoseSpec(features, app.stages[name, "diagnose.model"], float(config.above), config.of)
