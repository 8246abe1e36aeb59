"""`edge-app sensors list|scan|read`: what can be sensed, who is there, and what it says right now."""

from __future__ import annotations

import argparse
import csv
import math
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from edge_app.cli.common import print_json, print_table
from edge_app.core.errors import EdgeAppError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_app.core.frames import Frame

EXAMPLES = """examples:
  edge-app sensors list
  edge-app sensors scan
  edge-app sensors read configs/devices/pump-7.yaml vibration --seconds 5
  edge-app sensors read configs/devices/pump-7.yaml vibration --csv - > signal.csv
"""

READ_TIMEOUT_S = 2.0
LINE_EVERY_S = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|scan|read")
    listing = actions.add_parser("list", help="sensor plugins that are installed")
    listing.add_argument("--json", action="store_true", help="one JSON list on stdout")
    scan = actions.add_parser("scan", help="who answers on the I2C buses, and which sound inputs are there")
    scan.add_argument("--json", action="store_true", help="one JSON object on stdout")
    read = actions.add_parser("read", help="read one sensor of a device, live")
    read.add_argument("device", metavar="DEVICE.yaml", help="the device's file; its apps need not be there yet")
    read.add_argument("slot", metavar="SLOT", help="which of its sensors")
    read.add_argument("--seconds", type=float, default=2.0, metavar="N", help="for how long (default: 2)")
    read.add_argument("--csv", metavar="FILE", help="write every sample, too; - is stdout")


def run(args: argparse.Namespace) -> int:
    if args.action == "list":
        return list_plugins(args.json)
    if args.action == "scan":
        return scan(args.json)
    return read(Path(args.device), args.slot, args.seconds, args.csv)


def list_plugins(as_json: bool) -> int:
    from edge_app.config.registry import find, names

    plugins = [find("sensors", name) for name in names("sensors")]
    if as_json:
        print_json(
            [
                {
                    "name": plugin.name,
                    "summary": plugin.summary,
                    "rates_hz": list(plugin.facts.get("rates_hz", ())),
                    "micropython": plugin.micropython,
                    "keys": list(plugin.config.model_fields),
                }
                for plugin in plugins
            ]
        )
        return 0
    head = ("NAME", "MICROPYTHON", "RATES (Hz)", "WHAT IT IS")
    rows = [
        (plugin.name, "yes" if plugin.micropython else "no", _rates(plugin.facts.get("rates_hz", ())), plugin.summary)
        for plugin in plugins
    ]
    print_table([head, *rows])
    return 0


def _rates(rates_hz: tuple[float, ...]) -> str:
    return f"{min(rates_hz):g} … {max(rates_hz):g}" if rates_hz else "any"


def scan(as_json: bool) -> int:
    from edge_app.cli.doctor_checks import known_addresses

    chips = known_addresses()
    buses = dict(_buses())
    inputs, trouble = _sound()
    if as_json:
        print_json({"i2c": {str(number): found for number, found in buses.items()}, "sound": inputs})
        return 0
    for number, found in buses.items():
        if isinstance(found, str):
            print(f"i2c bus {number}: {found}")
            continue
        print(f"i2c bus {number}: {len(found)} answering")
        for address in found:
            print(f"  0x{address:02X}  {' or '.join(chips.get(address, ['not a chip edge-app knows']))}")
    if not buses:
        print("i2c: this machine has no bus (on a Raspberry Pi: `sudo raspi-config nonint do_i2c 0`, then reboot)")
    for name in inputs:
        print(f"sound: {name}")
    if not inputs:
        print(f"sound: {trouble or 'no input'}")
    return 0


def _buses() -> Iterator[tuple[int, list[int] | str]]:
    """Each bus with the addresses that answer, or why it cannot be asked."""
    from edge_app.buses.i2c import list_buses, shared

    for number in list_buses():
        try:
            with shared(number) as bus:
                yield number, bus.scan()
        except EdgeAppError as error:
            yield number, str(error)


def _sound() -> tuple[list[str], str]:
    from edge_app.buses.pcm import PortAudio

    try:
        return [str(each) for each in PortAudio().inputs()], ""
    except EdgeAppError as error:
        return [], str(error)


def read(device: Path, slot: str, seconds: float, csv_file: str | None) -> int:
    """Print level and rate of a sensor every half second."""
    from edge_app.config.resolve import load_sensor
    from edge_app.core.clock import SystemClock
    from edge_app.core.plugin import SensorContext

    if not 0 < seconds < 1e6:
        raise EdgeAppError(f"--seconds {seconds:g} is no length of time.", "Write a number above 0.")
    bound = load_sensor(device, slot)
    context = SensorContext(slot, SystemClock(), device.parent, unit=bound.unit)
    sensor = bound.plugin.create(bound.config, context)
    lines = sys.stderr if csv_file == "-" else sys.stdout
    try:
        sensor.open()
        print(f"{sensor.name}: {sensor.n_axes} × {sensor.rate_hz:g} Hz, in {sensor.unit}", file=lines, flush=True)
        with _output(csv_file) as stream:
            _follow(sensor, seconds, csv.writer(stream) if stream else None, lines)
    finally:
        sensor.close()
    troubles = {name: count for name, count in sensor.counters().items() if count}
    print("trouble: " + (", ".join(f"{count} {name}" for name, count in troubles.items()) or "none"), file=lines)
    return 0


def _output(csv_file: str | None) -> Any:
    if csv_file is None:
        return nullcontext(None)
    if csv_file == "-":
        return nullcontext(sys.stdout)
    try:
        return open(csv_file, "w", newline="", encoding="utf-8")
    except OSError as error:
        raise EdgeAppError(f"cannot write {csv_file}: {error.strerror}.", "Choose another file for --csv.") from error


def _follow(sensor: Any, seconds: float, writer: Any, lines: TextIO) -> None:
    """Read for a while; a line every half second of signal, a row for every sample."""
    if writer:
        writer.writerow(["time_s", *[f"axis{axis}_{sensor.unit}" for axis in range(sensor.n_axes)]])
    taken, gathered, lost, began_s = 0.0, [], 0, None
    while taken < seconds:
        frame = sensor.read(READ_TIMEOUT_S)
        if frame is None:
            print("the signal has ended", file=lines)
            break
        began_s = frame.start_s if began_s is None else began_s
        taken = frame.end_s - began_s
        lost += max(0, frame.lost)
        gathered.append(frame)
        if writer:
            _write_rows(writer, frame, began_s)
        if gathered[-1].end_s - gathered[0].start_s >= LINE_EVERY_S:
            print(level_line(gathered, lost, taken), file=lines, flush=True)
            gathered = []
    if gathered:
        print(level_line(gathered, lost, taken), file=lines, flush=True)


def _write_rows(writer: Any, frame: Frame, began_s: float) -> None:
    values = frame.samples.T * frame.scale
    for number, row in enumerate(values):
        writer.writerow([f"{frame.start_s - began_s + number / frame.rate_hz:.6f}", *[f"{value:.6g}" for value in row]])


def level_line(frames: list[Frame], lost: int, at_s: float) -> str:
    """RMS without the offset, peak and offset of each axis, and the rate the samples really come at."""
    import numpy as np

    counts = np.concatenate([frame.samples for frame in frames], axis=1).astype(np.float64) * frames[0].scale
    mean = counts.mean(axis=1)
    rms = np.sqrt(np.mean((counts - mean[:, None]) ** 2, axis=1))
    peak = np.abs(counts - mean[:, None]).max(axis=1)
    span_s = frames[-1].end_s - frames[0].start_s
    rate_hz = counts.shape[1] / span_s if span_s > 0 else math.nan
    unit = frames[0].unit
    axes = "   ".join(
        f"rms {_value(r)} peak {_value(p)} mean {_value(m)} {unit}" for r, p, m in zip(rms, peak, mean, strict=True)
    )
    return f"{at_s:7.1f} s  {axes}   {rate_hz:8.1f} Hz   {lost} lost"


def _value(value: float) -> str:
    return f"{value:8.4f}"
