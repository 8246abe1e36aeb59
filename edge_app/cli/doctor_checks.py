"""What `edge-app doctor` looks at; each check says what it found and what to do about it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_app.core.clock import utc_text
from edge_app.core.errors import EdgeAppError

MIB = 1024 * 1024
NEED_MEMORY_MIB = 64
"""Free memory below which a device with one pipeline may not start (MiB): what one needs, measured, and half again."""
SPARE_DISK_MIB = 32
"""Free space beyond the journal's largest size (MiB)."""


@dataclass(frozen=True)
class Check:
    """One finding."""

    name: str
    status: str
    """ok, warn or fail."""
    detail: str
    remedy: str = ""


def machine_checks(state_dir: str | None, journal_bytes: int) -> Iterator[Check]:
    """Checks of this machine that need no device file."""
    yield python()
    yield from interpreter()
    yield memory()
    yield clock()
    yield from state_folder(state_dir, journal_bytes)


def guarded(name: str, check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """The findings of a check; an error of ours it meets is a finding, too."""
    try:
        yield from check()
    except EdgeAppError as error:
        yield Check(name, "fail", error.what, error.fix)


def python() -> Check:
    """The interpreter's version is one we test."""
    return judge_python(tuple(sys.version_info[:3]), sys.executable)


def judge_python(version: tuple[int, ...], executable: str) -> Check:
    """The finding for a version of Python."""
    where = f"{'.'.join(map(str, version))} at {executable}"
    if version < (3, 11):
        return Check("python", "fail", where, "Install Python 3.11, 3.12 or 3.13.")
    if version >= (3, 14):
        return Check("python", "warn", where, "Tested are 3.11 to 3.13; use one of them if something fails.")
    return Check("python", "ok", where)


def interpreter() -> Iterator[Check]:
    """numpy, and which engine runs int8 models."""
    try:
        import numpy
    except ImportError as error:
        yield Check("numpy", "fail", f"cannot be loaded: {error}", "Install edge-app again: `pip install .`")
        return
    yield Check("numpy", "ok", numpy.__version__)
    from edge_app.inference.tflite import interpreters

    found = interpreters()
    for name, (version, trouble) in found.items():
        if trouble:
            fix = (
                'tflite-runtime needs numpy 1: `pip install "numpy<2"`.' if "numpy" in trouble else "Install it again."
            )
            yield Check("interpreter", "warn", f"{name} {version} cannot be loaded: {trouble}", fix)
        else:
            yield Check("interpreter", "ok", f"{name} {version}")
    if not any(not trouble for _, trouble in found.values()):
        detail = (
            "our own int8 engine serves (`engine: exact`); neither tflite-runtime nor ai-edge-litert is usable here"
        )
        yield Check("interpreter", "ok", detail)


def memory() -> Check:
    """Enough of it is free."""
    available = meminfo().get("MemAvailable")
    if available is None:
        return Check("memory", "warn", "the system does not tell", "")
    detail = f"{available // MIB} MiB free of {meminfo().get('MemTotal', 0) // MIB} MiB"
    if available < NEED_MEMORY_MIB * MIB:
        return Check("memory", "fail", detail, f"Stop other programs: a device needs about {NEED_MEMORY_MIB} MiB.")
    return Check("memory", "ok", detail)


def meminfo(path: Path = Path("/proc/meminfo")) -> dict[str, int]:
    """The kernel's counts (bytes), empty where there is no such file."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    return {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines) if rest}


def clock() -> Check:
    """The wall clock can be believed: decisions carry its time."""
    from edge_app.core.clock import SystemClock, clock_quality

    wall_ms = SystemClock().wall_ms()
    return judge_clock(wall_ms, clock_quality(wall_ms))


def judge_clock(wall_ms: int, quality: str) -> Check:
    """The finding for a wall clock (UTC ms) of that quality (ntp, rtc, none)."""
    text = utc_text(wall_ms)
    if quality == "none":
        fix = "Turn on time synchronisation: `sudo timedatectl set-ntp true`. Until then decisions say `ts: none`."
        return Check("clock", "fail", f"stands at {text}: it was never set", fix)
    if quality == "rtc":
        fix = "Turn on time synchronisation: `sudo timedatectl set-ntp true`, and let it reach a server."
        return Check("clock", "warn", f"{text}, not synchronised", fix)
    return Check("clock", "ok", f"{text}, synchronised")


def state_folder(state_dir: str | None, journal_bytes: int) -> Iterator[Check]:
    """The journal's place can be written and has room for its largest size."""
    from edge_app.runtime.state import state_root

    root = state_root(state_dir)
    existing = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        fix = "Change its owner, or choose another with --state-dir or EDGE_APP_STATE."
        yield Check("journal folder", "fail", f"{root}: {existing} is not writable for this user", fix)
        return
    yield Check("journal folder", "ok", str(root))
    free = shutil.disk_usage(existing).free
    needed = journal_bytes + SPARE_DISK_MIB * MIB
    detail = f"{free // MIB} MiB free at {existing}"
    if free < needed:
        fix = f"Free {needed // MIB} MiB, or set a smaller `journal: {{max_bytes: …}}`."
        yield Check("disk", "fail", detail, fix)
    else:
        yield Check("disk", "ok", detail)


def i2c_buses(wanted: set[int]) -> Iterator[Check]:
    """Every I2C bus, and who answers on it; `wanted` are those the device's file names."""
    from edge_app.buses.i2c import list_buses, shared

    buses = list_buses()
    if not buses and not wanted:
        fix = "Needed only for I2C sensors: `sudo raspi-config nonint do_i2c 0`, then reboot."
        yield Check("i2c", "warn", "this machine has no I2C bus", fix)
    for number in sorted({*buses, *wanted}):
        try:
            with shared(number) as bus:
                answering = bus.scan()
        except EdgeAppError as error:
            yield Check(f"i2c bus {number}", "fail" if number in wanted else "warn", error.what, error.fix)
            continue
        chips = known_addresses()
        names = [f"0x{address:02X} ({' or '.join(chips.get(address, ['unknown']))})" for address in answering]
        yield Check(f"i2c bus {number}", "ok", "answering: " + (", ".join(names) or "nobody"))


def known_addresses() -> dict[int, list[str]]:
    """Names of our chips by the addresses they may sit at."""
    from edge_app.config.registry import built_in, find

    known: dict[int, list[str]] = {}
    for name in built_in("sensors"):
        facts = find("sensors", name).facts
        for address in facts.get("addresses", ()):
            known.setdefault(address, []).append(str(facts.get("chip", name)))
    return known


def sensors(device: Any) -> Iterator[Check]:
    """Each sensor of the device is reached once, and let go of."""
    from edge_app.core.clock import SystemClock
    from edge_app.core.plugin import SensorContext

    for slot, bound in device.sensors.items():
        if bound.plugin.facts.get("unpaced"):
            yield Check(f"sensor {slot}", "ok", f"{bound.plugin.name}: no hardware")
            continue
        context = SensorContext(slot, SystemClock(), device.base_dir, unit=bound.unit)
        try:
            sensor = bound.plugin.create(bound.config, context)
            sensor.open()
            sensor.close()
        except EdgeAppError as error:
            yield Check(f"sensor {slot}", "fail", error.what, error.fix)
        else:
            yield Check(f"sensor {slot}", "ok", f"{sensor.name}, {sensor.rate_hz:g} Hz")


def sound(needed: bool) -> Iterator[Check]:
    """Sound inputs a microphone could be chosen from; `needed` when the device has one."""
    from edge_app.buses.pcm import PortAudio
    from edge_app.core.errors import PluginError

    try:
        inputs = PortAudio().inputs()
    except PluginError:
        if needed:
            raise
        yield Check("sound", "ok", "not set up; needed only for microphones (extra [audio])")
        return
    names = "; ".join(str(each) for each in inputs)
    if inputs or not needed:
        yield Check("sound", "ok", f"inputs: {names or 'none'}")
    else:
        yield Check("sound", "fail", "no sound input", "Plug the microphone in.")


def broker(device: Any) -> Iterator[Check]:
    """The device's broker, reached in stages: name, TCP, TLS, MQTT, publish."""
    from edge_app.core.clock import SystemClock
    from edge_app.core.plugin import PublisherContext
    from edge_app.transport.plugins import broker_settings
    from edge_app.transport.probe import probe
    from edge_app.transport.topics import Topics

    if device.publish is None:
        yield Check("broker", "ok", "none configured: decisions stay in the journal")
        return
    if device.publish.plugin.name != "mqtt":
        yield Check("broker", "warn", f"publisher {device.publish.plugin.name} has no check of its own")
        return
    clock, config = SystemClock(), device.publish.config
    settings = broker_settings(config, PublisherContext(device.site, device.id, clock, device.base_dir))
    topic = Topics(device.site, device.id, config.prefix).root + "/probe"
    for stage in probe(settings, topic, clock):
        status = "ok" if stage.ok else "fail"
        yield Check(f"broker: {stage.name}", status, f"{stage.said} ({stage.took_ms} ms)", stage.fix)
