"""`edge-app record DEVICE.yaml`: keep a sensor's samples, with label, for training and backtests."""

from __future__ import annotations

import argparse
import math
import select
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edge_app.cli import interrupts
from edge_app.cli.common import positive_seconds, print_json, warn
from edge_app.cli.layout import columns, draws, say
from edge_app.cli.progress import shortened
from edge_app.core.errors import ConfigError
from edge_app.core.names import is_id, like_id
from edge_app.core.wording import counted, figure_text

if TYPE_CHECKING:
    from edge_app.core.stages import Sensor
    from edge_app.runtime.record import Progress, Recorded, Recorder

EXAMPLES = """examples:
  edge-app record configs/devices/pump-7.yaml --label normal --seconds 600 --to recordings
  edge-app record configs/devices/pump-7.yaml --labels normal,unbalance,off --to recordings
  edge-app record configs/devices/pump-7.yaml --label normal --seconds 600 --to recordings --resume

Samples are kept as 16-bit WAV with a sidecar, recording.json, on this machine and nowhere else. A recording that a
power loss cut off is gone on with by the same command. With --labels, keys 1 to 9 switch the label, q ends.
Exit status: 0 recorded as asked or ended by Ctrl-C, 1 ended early at --max-mb or because the sensor was gone,
2 wrong input, 74 the disk was full; finished chunks are kept in every case.
"""

SHARE_OF_FREE = 0.5
LINE_EVERY_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("device", metavar="DEVICE.yaml", help="the device's file; its apps need not be there yet")
    parser.add_argument("--label", metavar="WORD", help="what the machine is known to do now: normal, unbalance …")
    parser.add_argument("--labels", metavar="A,B,…", help="labels to switch between with keys 1 to 9")
    parser.add_argument("--seconds", type=positive_seconds, metavar="N", help="length (default: until Ctrl-C)")
    parser.add_argument("--to", metavar="DIR", default="recordings", help="folder of recordings (default: recordings)")
    parser.add_argument("--slot", metavar="NAME", help="which sensor, where the device has several")
    parser.add_argument(
        "--max-mb", type=_megabytes, metavar="N", help="most it may take (default: half the free space)"
    )
    parser.add_argument(
        "--chunk-seconds",
        type=_chunk_seconds,
        default=60.0,
        metavar="N",
        help="length of a file; what a power loss costs at most (default: 60)",
    )
    parser.add_argument("--resume", action="store_true", help="go on with a recording that Ctrl-C or the disk ended")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout at the end")
    parser.add_argument("--state-dir", metavar="DIR", help="where the running device keeps its lock")


def _chunk_seconds(text: str) -> float:
    """A file a frame would be slower than the sensor; a file above 4 GB is no WAV."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds from 0.1 to 3600; write e.g. 60")
    return value


def _megabytes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not a number of megabytes above 0; write e.g. 500")
    return value


def run(args: argparse.Namespace) -> int:
    from edge_app.core.clock import SystemClock
    from edge_app.runtime.record import Recorder, RecordPlan, lock_device
    from edge_app.runtime.state import device_folder, state_root

    labels = _labels(args.label, args.labels)
    sensor, facts = _sensor(Path(args.device), args.slot)
    to = Path(args.to)
    plan = RecordPlan(
        to=to,
        label=args.label or labels[0],
        seconds=args.seconds or math.inf,
        chunk_s=args.chunk_seconds,
        max_bytes=int(args.max_mb * 1e6) if args.max_mb else int(_free(to) * SHARE_OF_FREE),
        resume=args.resume,
    )
    lock = lock_device(device_folder(state_root(args.state_dir), facts["device"]), facts["device"])
    try:
        recorder = Recorder(sensor, facts, plan, SystemClock())
        stop = threading.Event()
        screen = Screen(recorder, plan.seconds, labels if args.labels else ())
        with _stop_on_signals(stop), screen.keys(stop):
            recorded = recorder.run(stop, screen.show)
        screen.end()
    finally:
        lock.release()
    return _report(recorded, args.json)


def _labels(label: str | None, labels: str | None) -> list[str]:
    """Labels in the order of their keys; recording begins with `label`, or with the first."""
    words = [word.strip() for word in labels.split(",")] if labels else []
    if label is not None and label not in words:
        words.insert(0, label)
    if not words:
        raise ConfigError("nothing says what is recorded.", "Add --label normal, or --labels normal,unbalance,off.")
    for word in words:
        if not is_id(word):
            near = like_id(word)
            raise ConfigError(
                f"label {word!r} is not made of a-z, 0-9, _ and -.", f"Write {near}." if near else "Write e.g. normal."
            )
    if len(set(words)) < len(words) or len(words) > 9:
        raise ConfigError(f"--labels {labels}: these are not one to nine different labels.", "Leave some out.")
    return words


def _sensor(path: Path, slot: str | None) -> tuple[Sensor, dict[str, str]]:
    """The sensor of a slot, not opened, and what the sidecar says about device and slot."""
    from edge_app.config.resolve import device_facts, load_sensor
    from edge_app.core.clock import SystemClock
    from edge_app.core.plugin import SensorContext

    device, site, slots = device_facts(path)
    if slot is None and len(slots) != 1:
        raise ConfigError(
            f"{path}: the device has {len(slots)} sensors ({', '.join(slots) or 'none'}).",
            f"Choose one: --slot {slots[0]}" if slots else "Bind one under `sensors:`.",
        )
    bound = load_sensor(path, slot or slots[0])
    sensor: Sensor = bound.plugin.create(
        bound.config, SensorContext(bound.slot, SystemClock(), path.parent, unit=bound.unit)
    )
    return sensor, {"device": device, "site": site, "slot": bound.slot, "plugin": bound.plugin.name}


def _free(to: Path) -> int:
    """Bytes free where the recordings go."""
    folder = to.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


@contextmanager
def _stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """SIGINT, SIGTERM and a closed terminal end the recording and keep it."""
    from edge_app.cli.run import endings

    def end(*_: object) -> None:
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, *endings())}
    if interrupts.came():
        stop.set()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Screen:
    """What a person sees while recording, and the keys they may press.

    Parameters
    ----------
    recorder : Recorder
        Told of labels.
    seconds : float
        Asked for; inf: until told to stop.
    labels : sequence of str
        What keys 1 to 9 mean; empty: no keys.
    """

    def __init__(self, recorder: Recorder, seconds: float, labels: list[str] | tuple[()]) -> None:
        self._recorder = recorder
        self._seconds = seconds
        self._labels = list(labels)
        self._stream = sys.stderr
        self._live = draws(sys.stderr)
        self._told_s = -LINE_EVERY_S
        self._drawn = False

    def show(self, progress: Progress) -> None:
        """One line: again and again in a terminal, every ten seconds elsewhere."""
        line = progress_line(progress, self._seconds, self._recorder.sensor.unit)
        if self._live:
            width = (columns(self._stream) or 80) - 1
            self._stream.write("\r\x1b[K" + shortened(line, width))
            self._drawn = True
            self._stream.flush()
        elif progress.seconds - self._told_s >= LINE_EVERY_S or progress.trouble:
            self._told_s = progress.seconds
            print(line, file=self._stream, flush=True)

    def end(self) -> None:
        """Leave the line standing."""
        if self._drawn:
            print(file=self._stream)

    @contextmanager
    def keys(self, stop: threading.Event) -> Iterator[None]:
        """Keys 1 to 9 switch the label and q stops, while inside; where stdin is no terminal there are none."""
        if not self._labels or not sys.stdin.isatty():
            if self._labels and not sys.stdin.isatty():
                warn("labels cannot be switched: standard input is no terminal.")
            yield
            return
        import termios
        import tty

        legend = "  ".join(f"{number} {label}" for number, label in enumerate(self._labels, 1))
        print(f"keys: {legend}  q stop", file=self._stream, flush=True)
        before = termios.tcgetattr(sys.stdin)
        done = threading.Event()
        listener = threading.Thread(target=self._listen, args=(stop, done), daemon=True)
        try:
            tty.setcbreak(sys.stdin)
            listener.start()
            yield
        finally:
            done.set()
            listener.join(1.0)
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)

    def _listen(self, stop: threading.Event, done: threading.Event) -> None:
        import os

        while not done.is_set():
            if not select.select([sys.stdin], [], [], 0.1)[0]:
                continue
            for key in os.read(sys.stdin.fileno(), 64).decode("ascii", "replace"):
                if key in "qQ":
                    stop.set()
                elif key.isdigit() and 1 <= int(key) <= len(self._labels):
                    self._recorder.set_label(self._labels[int(key) - 1])


def progress_line(progress: Progress, seconds: float, unit: str) -> str:
    """ "  12 s of 600 s, 9:48 left  normal  rms 0.213 peak 1.04 g  quality 100 %  0 gaps  0.8 MB".

    What matters most comes first: a narrow terminal cuts the end.
    """
    at = f"{progress.seconds:6.0f} s" + (f" of {seconds:.0f} s" if math.isfinite(seconds) else "")
    level = f"rms {_three(progress.rms)} peak {_three(progress.peak)} {unit}" if progress.rms else "no samples yet"
    left = ""
    if math.isfinite(seconds):
        left_s = max(0, round(seconds - progress.seconds))
        left = f", {left_s // 60}:{left_s % 60:02d} left"
    quality = f"quality {progress.quality.percent} %"
    if progress.quality.reasons:
        quality += f" ({progress.quality.reasons[0]})"
    trouble = f"  {progress.trouble}" if progress.trouble else ""
    gaps = counted(progress.gaps, "gap")
    return f"{at}{left}{trouble}  {progress.label}  {level}  {quality}  {gaps}  {progress.bytes / 1e6:.1f} MB"


def _three(values: tuple[float, ...]) -> str:
    return "/".join(figure_text(value) for value in values)


def _report(recorded: Recorded, as_json: bool) -> int:
    """Say what was kept; the exit status."""
    sidecar = recorded.sidecar
    labels: dict[str, float] = {}
    places = [*(span.sample for span in sidecar.labels[1:]), sidecar.samples]
    for span, until in zip(sidecar.labels, places, strict=True):
        labels[span.label] = round(labels.get(span.label, 0.0) + (until - span.sample) / sidecar.rate_hz, 3)
    if as_json:
        print_json(
            {
                "folder": str(recorded.folder),
                "state": recorded.state,
                "why": recorded.why,
                "seconds": round(sidecar.seconds, 3),
                "resumed_at_s": round(recorded.resumed_at_s, 3),
                "labels": labels,
                "chunks": len(sidecar.chunks),
                "gaps": len(sidecar.stretches) - 1,
                "dropped_samples": recorded.dropped,
                "quality": dict(sidecar.quality),
            }
        )
    else:
        shown = ", ".join(f"{label} {_length(length)}" for label, length in labels.items())
        after = f" (went on after {_length(recorded.resumed_at_s)})" if recorded.resumed_at_s else ""
        gaps = counted(len(sidecar.stretches) - 1, "gap")
        say(f"{recorded.folder}: {_length(sidecar.seconds)}{after}, {shown}, {gaps}")
    if recorded.why:
        kept = f"{_length(sidecar.seconds)} in {counted(len(sidecar.chunks), 'chunk')} are kept"
        dropped = counted(recorded.dropped, "sample")
        lost = f", {dropped} of the last one could not be written" if recorded.dropped else ""
        warn(f"ended early: {recorded.why}; {kept}{lost}.")
    return _status(recorded)


def _length(seconds: float) -> str:
    return f"{round(seconds, 1):g} s"


def _status(recorded: Recorded) -> int:
    if recorded.state == "full":
        return 74 if "disk" in recorded.why else 1
    return 1 if recorded.state == "failed" else 0
