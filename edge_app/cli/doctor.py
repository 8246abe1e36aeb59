"""`edge-app doctor [DEVICE.yaml]`: is this machine fit to run a device, and if not, what to do."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_app.cli.common import marks, print_json
from edge_app.cli.layout import hanging
from edge_app.core.errors import EdgeAppError

if TYPE_CHECKING:
    from edge_app.cli.doctor_checks import Check

INDENT = 21
"""Columns before what a check says."""
EXAMPLES = """examples:
  edge-app doctor
  edge-app doctor configs/devices/pump-7.yaml      also its sensors and its broker

Exit status: 0 when no check failed (warnings allowed), 1 when one did.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("device", nargs="?", metavar="DEVICE.yaml", help="a device's file: its sensors and broker too")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--state-dir", metavar="DIR", help="where journal and alarm states are kept")


def run(args: argparse.Namespace) -> int:
    words = marks()
    found: list[Check] = []
    for check in examine(args.device, args.state_dir):
        found.append(check)
        if not args.json:
            _print(check, words)
    failed = sum(check.status == "fail" for check in found)
    warned = sum(check.status == "warn" for check in found)
    if args.json:
        print_json({"ok": not failed, "checks": [asdict(check) for check in found]})
    else:
        print(f"{len(found)} checks: {failed} failed, {warned} with a warning")
    return 1 if failed else 0


def _print(check: Check, words: dict[str, str]) -> None:
    padding = " " * (5 - len(check.status))
    for line in hanging(f"{words[check.status]}{padding}{check.name:<15} ", check.detail, INDENT):
        print(line, flush=True)
    if check.remedy and check.status != "ok":
        for line in hanging(" " * INDENT + "→ ", check.remedy, INDENT + 2):
            print(line, flush=True)


def examine(device_file: str | None, state_dir: str | None) -> Iterator[Check]:
    """All checks in order: from what everything stands on to what stands furthest away."""
    from edge_app.cli import doctor_checks as checks
    from edge_app.config.schema import JournalConfig

    device, trouble = _load(device_file)
    journal_bytes = device.journal_max_bytes if device else JournalConfig().max_bytes
    yield from checks.machine_checks(state_dir, journal_bytes)
    if device_file is not None:
        if trouble is not None:
            yield checks.Check("configuration", "fail", trouble.what, trouble.fix)
        else:
            yield checks.Check("configuration", "ok", device_file)
    yield from checks.guarded("i2c", lambda: checks.i2c_buses(_buses(device)))
    yield from checks.guarded("sound", lambda: checks.sound(_needs_sound(device)))
    if device is not None:
        yield from checks.guarded("sensors", lambda: checks.sensors(device))
        yield from checks.guarded("broker", lambda: checks.broker(device))


def _load(device_file: str | None) -> tuple[Any, EdgeAppError | None]:
    if device_file is None:
        return None, None
    from edge_app.config.resolve import load_device
    from edge_app.config.trial import try_device

    try:
        device = load_device(Path(device_file))
        return device, next(iter(try_device(device)), None)
    except EdgeAppError as error:
        return None, error


def _buses(device: Any) -> set[int]:
    sensors = device.sensors.values() if device else ()
    return {sensor.config.bus for sensor in sensors if hasattr(sensor.config, "bus")}


def _needs_sound(device: Any) -> bool:
    return device is not None and any(sensor.plugin.facts.get("unit") == "fs" for sensor in device.sensors.values())
