"""A device's file with its apps: every cross-check between what apps ask and what the device has, then plain values."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_app.config import registry
from edge_app.config.apps import APP_FILE, Override, app_file, check_stage, load_app
from edge_app.config.errors import Problems, nearest, together, validated
from edge_app.config.load import Document, load_document, shown
from edge_app.config.resolved import ResolvedApp, ResolvedDevice, ResolvedSensor, Slot, Stage
from edge_app.config.schema import DeviceConfig
from edge_app.config.share import find_share
from edge_app.core.errors import ConfigError
from edge_app.core.names import is_id

if TYPE_CHECKING:
    from edge_app.sensors.recording import ReplaySpec

__all__ = ["device_facts", "device_id", "load_app", "load_device", "load_sensor"]


def load_device(path: Path, *, replays: Mapping[str, ReplaySpec] | None = None) -> ResolvedDevice:
    """A device and its apps, checked against each other.

    Parameters
    ----------
    path : Path
        The device's YAML file.
    replays : mapping of slot to ReplaySpec
        Recordings that stand in for sensors; their slots need no working hardware.

    Raises
    ------
    ConfigError, PluginError
        Everything found wrong, each with file, line and remedy.
    """
    path = Path(path)
    document = _device_document(path)
    config = validated(DeviceConfig, document)
    problems = Problems()
    stages = {slot: check_stage("sensors", document, ("sensors", slot), problems) for slot in config.sensors}
    publish = check_stage("publishers", document, ("publish",), problems) if config.publish else None
    apps = _load_apps(document, config, problems)
    problems.raise_if_any()
    slots = _slots(document, apps, problems)
    sensors = _sensors(document, slots, stages, dict(replays or {}), problems)
    _check_replayed_slots(document, slots, replays or {}, problems)
    served = [_served(document, app, sensors, problems) for app in apps]
    problems.raise_if_any()
    return ResolvedDevice(
        id=config.device.id,
        site=config.device.site,
        path=path,
        base_dir=path.parent,
        apps=tuple(served),
        sensors=sensors,
        machine=config.machine.model_dump(exclude_none=True),
        publish=publish,
        journal_max_bytes=config.journal.max_bytes,
        warnings=(*_unused(document, slots, stages), *_left_out(apps, sensors)),
    )


def device_id(path: Path) -> str:
    """The id in a device's file, whatever else may be wrong with it."""
    document = _device_document(Path(path))
    block = document.data.get("device")
    name = block.get("id") if isinstance(block, dict) else None
    if not isinstance(name, str) or not is_id(name):
        what = f"{document.place(('device', 'id'))}: device.id: the device has no id"
        raise ConfigError(what, "Write e.g. `device: {id: pump-7, site: plant-a}`.")
    return name


def device_facts(path: Path) -> tuple[str, str, list[str]]:
    """Id, site and bound slots of a device's file; its apps need not be there yet. Raises ConfigError."""
    config = validated(DeviceConfig, _device_document(Path(path)))
    return config.device.id, config.device.site, list(config.sensors)


def _device_document(path: Path) -> Document:
    document = load_document(path)
    if "device" not in document.data and "app" in document.data:
        what = f"{document.place(())}: this is an app, and a device's file is needed."
        raise ConfigError(
            what, f"Name a file that lists it, like configs/devices/pump-7.yaml: `apps: [{path.parent}]`."
        )
    return document


def load_sensor(path: Path, slot: str) -> ResolvedSensor:
    """One sensor of a device's file, for bringing up wiring: the apps need not be there yet."""
    document = _device_document(Path(path))
    config = validated(DeviceConfig, document)
    problems = Problems()
    if slot not in config.sensors:
        guess = nearest(slot, list(config.sensors))
        fix = (f"Did you mean `{guess}`? " if guess else "") + f"Slots: {', '.join(config.sensors) or 'none'}."
        problems.add(document, ("sensors",), f"nothing is bound to a slot `{slot}`", fix)
        problems.raise_if_any()
    stage = check_stage("sensors", document, ("sensors", slot), problems)
    if stage is None:
        raise together(problems.found)
    unit = str(_unit_of(stage) or "au")
    return _sensor(slot, [("", Slot(slot, "", unit, 0.0, 1))], stage, replayed=False)


def _load_apps(document: Document, config: DeviceConfig, problems: Problems) -> list[ResolvedApp]:
    folders: list[Path] = []
    for number, entry in enumerate(config.apps):
        folder = _find_app(document, entry)
        if folder is None:
            looked = shown(document.path.parent / entry)
            problems.add(document, ("apps", number), f"there is no {APP_FILE} in {looked}", _known_apps(entry))
        else:
            folders.append(folder)
    if problems.found:
        return []
    plain = [load_app(folder) for folder in folders]
    _refuse_twins(document, plain, problems)
    overrides = _share_out(document, config, plain, problems)
    if problems.found:
        return []
    return [load_app(app.folder, overrides[app.name]) if overrides[app.name] else app for app in plain]


def _find_app(document: Document, entry: str) -> Path | None:
    """The app's folder: a path from the device's file, else the name of an app that came with edge-app."""
    candidates = [document.path.parent / entry]
    if os.sep not in entry:
        candidates.append(find_share() / "apps" / entry)
    for folder in candidates:
        if app_file(folder).is_file():
            return Path(os.path.normpath(folder if folder.is_dir() else folder.parent))
    return None


def _known_apps(entry: str) -> str:
    shipped = sorted(folder.parent.name for folder in (find_share() / "apps").glob(f"*/{APP_FILE}"))
    guess = nearest(Path(entry).name, shipped)
    hint = f"Did you mean `{guess}`? " if guess else ""
    return f"{hint}A path starts at this file's folder; a name alone means an app that came with edge-app."


def _refuse_twins(document: Document, apps: Sequence[ResolvedApp], problems: Problems) -> None:
    seen: set[str] = set()
    for number, app in enumerate(apps):
        if app.name in seen:
            problems.add(document, ("apps", number), f"the app {app.name} is named twice", "Delete one of the lines.")
        seen.add(app.name)


def _share_out(
    document: Document, config: DeviceConfig, apps: Sequence[ResolvedApp], problems: Problems
) -> dict[str, list[Override]]:
    """Each override to the app it means: by `APP.pipelines.…`, or the only app whose key it is."""
    shared: dict[str, list[Override]] = {app.name: [] for app in apps}
    for path, value in config.override.items():
        first, _, rest = path.partition(".")
        named = [app for app in apps if app.name == first]
        if named and not path.startswith("pipelines."):
            shared[first].append(Override(rest, value, document, ("override", path)))
            continue
        owners = [app for app in apps if path in app.tunable] or list(apps[:1])
        if len(owners) > 1:
            both = " and ".join(app.name for app in owners)
            what = f"{both} have this key"
            problems.add(document, ("override", path), what, f"Write which app is meant: `{owners[0].name}.{path}`.")
        else:
            shared[owners[0].name].append(Override(path, value, document, ("override", path)))
    return shared


def _slots(document: Document, apps: Sequence[ResolvedApp], problems: Problems) -> dict[str, list[tuple[str, Slot]]]:
    """Slots by name with the apps that ask for them; apps that share a slot must agree on its unit."""
    slots: dict[str, list[tuple[str, Slot]]] = {}
    for app in apps:
        for name, slot in app.slots.items():
            slots.setdefault(name, []).append((app.name, slot))
    for name, users in slots.items():
        (first_app, first), *others = users
        for app_name, slot in others:
            if slot.unit != first.unit:
                what = f"{first_app} wants {first.unit} from this slot and {app_name} wants {slot.unit}"
                problems.add(document, ("sensors", name), what, "Rename the slot in one of the apps.")
    return slots


def _sensors(
    document: Document,
    slots: Mapping[str, Sequence[tuple[str, Slot]]],
    stages: Mapping[str, Stage | None],
    replays: Mapping[str, ReplaySpec],
    problems: Problems,
) -> dict[str, ResolvedSensor]:
    sensors = {}
    for name, users in slots.items():
        bound = stages.get(name)
        replay = replays.get(name)
        if bound is None and replay is None:
            needing = [user for user in users if not user[1].optional]
            if needing:
                _refuse_unbound(document, name, needing[0], stages, problems)
            continue
        stage = _replayed(bound, replay, users[0][1]) if replay is not None else bound
        if stage is not None:
            sensor = _sensor(name, users, stage, replay is not None)
            _check_sensor(document, sensor, users, problems)
            sensors[name] = sensor
    return sensors


def _served(
    document: Document, app: ResolvedApp, sensors: Mapping[str, ResolvedSensor], problems: Problems
) -> ResolvedApp:
    """The app without the pipelines whose optional slot is bound to nothing; at least one must be left."""
    pipelines = tuple(pipeline for pipeline in app.pipelines if pipeline.slot.name in sensors)
    if not pipelines and all(slot.optional for slot in app.slots.values()):
        name, slot = next(iter(app.slots.items()))
        what = f"no sensor is bound to any slot of the app {app.name} ({', '.join(app.slots)})"
        example = EXAMPLES.get(slot.quantity, "{plugin: simulated}")
        problems.add(document, ("sensors",), what, f"Bind at least one under `sensors`, e.g. `{name}: {example}`.")
    slots = {name: slot for name, slot in app.slots.items() if name in sensors}
    return replace(app, slots=slots, pipelines=pipelines)


def _left_out(apps: Sequence[ResolvedApp], sensors: Mapping[str, ResolvedSensor]) -> list[str]:
    found = []
    for app in apps:
        for name in app.slots:
            if name not in sensors:
                idle = [pipeline.name for pipeline in app.pipelines if pipeline.slot.name == name]
                those = f"pipeline {' and '.join(idle)} of {app.name}" if idle else f"nothing of {app.name}"
                found.append(f"the optional slot `{name}` is bound to nothing: {those} is left out")
    return found


def _refuse_unbound(
    document: Document, name: str, user: tuple[str, Slot], stages: Mapping[str, Stage | None], problems: Problems
) -> None:
    app, slot = user
    guess = nearest(name, [other for other in stages if other != name])
    hint = f"Rename `{guess}`, or add" if guess else "Add"
    example = EXAMPLES.get(slot.quantity, "{plugin: simulated}")
    what = f"no sensor is bound to the slot `{name}` ({slot.quantity} in {slot.unit}) of the app {app}"
    problems.add(document, ("sensors",), what, f"{hint} under `sensors`, e.g. `{name}: {example}`.")


EXAMPLES = {
    "acceleration": "{plugin: lsm6ds3, bus: 1, address: 0x6A, rate_hz: 3332, range_g: 16, axis: z}",
    "sound": "{plugin: microphone, device: USB, rate_hz: 16000}",
    "ecg": "{plugin: simulated, machine: pulse, signal: ecg}",
    "pulse": "{plugin: max30102, bus: 1, rate_hz: 100}",
}
"""Bindings shown to who forgot one."""


def _replayed(bound: Stage | None, replay: ReplaySpec, slot: Slot) -> Stage:
    """The recording plugin in place of whatever is bound; a bound sensor's range still counts."""
    plugin = registry.find("sensors", "recording")
    keys: dict[str, Any] = {"unit": slot.unit, "axes": slot.axes}
    if bound is not None and bound.plugin.name == plugin.name:
        keys |= bound.config.model_dump(mode="json", exclude_unset=True)
    elif bound is not None and slot.unit == "g" and getattr(bound.config, "range_g", None) is not None:
        keys["range"] = float(bound.config.range_g)
    keys |= {"file": os.path.abspath(replay.path), "loop": replay.loop}
    given = {"rate_hz": replay.rate_hz, "channel": replay.channel, "range": replay.range_units, "scale": replay.scale}
    keys |= {key: value for key, value in given.items() if value is not None}
    config = validated(plugin.config, Document(Path(f"--replay {slot.name}={replay.path}"), keys))
    return Stage(plugin, config)


def _sensor(name: str, users: Sequence[tuple[str, Slot]], stage: Stage, replayed: bool) -> ResolvedSensor:
    rate = getattr(stage.config, "rate_hz", None)
    return ResolvedSensor(
        slot=name,
        plugin=stage.plugin,
        config=stage.config,
        unit=users[0][1].unit,
        axis=getattr(stage.config, "axis", None),
        rate_hz=float(rate) if isinstance(rate, int | float) else None,
        min_rate_hz=max(slot.min_rate_hz for _, slot in users),
        replayed=replayed,
    )


def _check_sensor(
    document: Document, sensor: ResolvedSensor, users: Sequence[tuple[str, Slot]], problems: Problems
) -> None:
    """What the sensor gives against what each app asks: unit, rate, axes."""
    if sensor.replayed:
        return
    here = ("sensors", sensor.slot)
    unit = _unit_of(Stage(sensor.plugin, sensor.config))
    name = sensor.plugin.name
    for app, slot in users:
        if unit is not None and unit != slot.unit:
            fix = f"Bind a sensor that delivers {slot.unit}: {slot.quantity}."
            problems.add(document, here, f"{name} delivers {unit}, but {app} wants {slot.unit}", fix)
            return
        if sensor.rate_hz is not None and sensor.rate_hz < slot.min_rate_hz:
            what = f"{sensor.rate_hz:g} Hz is too slow for {app}, which needs at least {slot.min_rate_hz:g} Hz"
            problems.add(document, (*here, "rate_hz"), what, _faster(sensor, slot.min_rate_hz))
        _check_axes(document, sensor, app, slot, problems)


def _unit_of(sensor: Stage) -> str | None:
    """What the sensor delivers: a fact of the plugin, or of its keys; None when it takes what is asked."""
    unit = sensor.plugin.facts.get("unit")
    if callable(unit):
        unit = unit(sensor.config)
    return unit or getattr(sensor.config, "unit", None)


def _check_axes(document: Document, sensor: ResolvedSensor, app: str, slot: Slot, problems: Problems) -> None:
    """As many axes (channels) as the app uses; a recording's `channel` is counted when it is read."""
    axes = len(sensor.axis) if sensor.axis else getattr(sensor.config, "axes", None)
    if axes is None or axes == slot.axes or getattr(sensor.config, "channel", None):
        return
    key = "axis" if sensor.axis else "axes"
    given = sensor.axis or axes
    example = {1: "z", 3: "xyz"}.get(slot.axes, "xyz"[: slot.axes]) if sensor.axis else slot.axes
    what = f"`{key}: {given}` gives {axes}, but {app} uses {slot.axes}"
    problems.add(document, ("sensors", sensor.slot, key), what, f"Write e.g. `{key}: {example}`.")


def _faster(sensor: ResolvedSensor, needed_hz: float) -> str:
    rates = [rate for rate in sensor.plugin.facts.get("rates_hz", ()) if rate >= needed_hz]
    if rates:
        return f"Write `rate_hz: {min(rates):g}`."
    if sensor.plugin.facts.get("rates_hz"):
        return f"{sensor.plugin.name} cannot sample that fast: bind another sensor, e.g. lsm6ds3 (3332 Hz)."
    return f"Write `rate_hz: {needed_hz:g}` or more, if the sensor can do it."


def _check_replayed_slots(
    document: Document, slots: Mapping[str, Any], replays: Mapping[str, ReplaySpec], problems: Problems
) -> None:
    for name in replays:
        if name not in slots:
            guess = nearest(name, list(slots))
            hint = f"Did you mean `{guess}`? " if guess else ""
            fix = f"{hint}Slots of its apps: {', '.join(slots)}."
            problems.found.append(ConfigError(f"--replay {name}=…: {document.name} has no slot `{name}`.", fix))


def _unused(document: Document, slots: Mapping[str, Any], stages: Mapping[str, Stage | None]) -> list[str]:
    return [
        f"{document.place(('sensors', name))}: sensors.{name} is bound, but no app asks for it"
        for name in stages
        if name not in slots
    ]
