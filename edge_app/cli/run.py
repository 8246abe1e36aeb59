"""`edge-app run DEVICE.yaml`: sense, judge, and publish decisions until told to stop."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_app.cli import interrupts
from edge_app.cli.common import positive_seconds, score_text, warn
from edge_app.core.errors import ConfigError

if TYPE_CHECKING:
    from edge_app.core.results import Decision
    from edge_app.runtime.lifecycle import Device
    from edge_app.runtime.pipeline import Judgement, Pipeline
    from edge_app.sensors.recording import ReplaySpec

EXAMPLES = """examples:
  edge-app run configs/devices/pump-7.yaml
  edge-app run configs/devices/bearing-rig.yaml --replay vibration=FILE.mat,rate_hz=12000,channel=DE_time \\
      --speed max --broker none --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("device", metavar="DEVICE.yaml", help="the device's file")
    parser.add_argument(
        "--replay",
        action="append",
        default=[],
        metavar="SLOT=FILE[,rate_hz=…][,channel=…]",
        help="put a recording (WAV, CSV, NPZ, MATLAB .mat) in a sensor's place; may be given several times",
    )
    parser.add_argument(
        "--speed",
        choices=["1", "max"],
        default="1",
        help="1: real time; max: as fast as it goes (recordings, simulations)",
    )
    parser.add_argument(
        "--broker", metavar="URL|none", help="another broker than the configured one; none: journal and screen only"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a decision on stdout, a summary last")
    parser.add_argument("--once", action="store_true", help="judge one window of each pipeline, then stop")
    parser.add_argument("--seconds", type=positive_seconds, metavar="N", help="stop after N seconds")
    parser.add_argument(
        "--keep-trying",
        action="store_true",
        help="start although a sensor cannot be reached, and try it again and again (for services)",
    )
    parser.add_argument(
        "--state-dir", metavar="DIR", help="where journal and alarm states are kept (replays: a fresh temporary one)"
    )


def run(args: argparse.Namespace) -> int:
    from edge_app.core.heap import keep_heap

    keep_heap()
    from edge_app.config.broker_option import with_broker
    from edge_app.config.resolve import load_device
    from edge_app.core.clock import SystemClock
    from edge_app.runtime.build import RunOptions, build
    from edge_app.runtime.lifecycle import Device
    from edge_app.sensors.recording import parse_replay

    replays = _by_slot(parse_replay(text) for text in args.replay)
    resolved = with_broker(load_device(Path(args.device), replays=replays), args.broker)
    for warning in resolved.warnings:
        warn(warning)
    printer = Printer(as_json=args.json, once=args.once)
    with state_folder(args.state_dir, temporary=bool(replays)) as root:
        options = RunOptions(
            state_root=root,
            paced=args.speed == "1",
            on_decision=printer.decision,
            on_judgement=printer.judgement,
            keep_trying=args.keep_trying,
        )
        device = Device(build(resolved, options, SystemClock()))
        printer.device = device
        with stop_on_signals(device), device:
            device.wait(args.seconds)
        printer.summary()
        if args.state_dir is None and replays and device.parts.journal.depth:
            warn("a replay's journal is temporary and goes with it; keep it with --state-dir")
    return 0


def _by_slot(parsed: Iterable[tuple[str, ReplaySpec]]) -> dict[str, ReplaySpec]:
    replays: dict[str, ReplaySpec] = {}
    for slot, spec in parsed:
        if slot in replays:
            what = f"--replay: two recordings are named for the slot `{slot}`: {replays[slot].path} and {spec.path}."
            raise ConfigError(what, "Leave one out, or run twice.")
        replays[slot] = spec
    return replays


@contextmanager
def state_folder(option: str | None, *, temporary: bool) -> Iterator[Path]:
    """The state root; a replay without `--state-dir` gets a fresh one, so that it always gives the same answer."""
    from tempfile import TemporaryDirectory

    from edge_app.runtime.state import state_root

    if option is None and temporary:
        with TemporaryDirectory(prefix="edge-app-") as folder:
            yield Path(folder)
    else:
        yield state_root(option)


@contextmanager
def stop_on_signals(device: Device) -> Iterator[None]:
    """SIGINT, SIGTERM and a closed terminal drain the device; a second SIGINT interrupts at once."""

    def stop(*_: object) -> None:
        device.stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, *endings())}
    if interrupts.came():
        device.stop()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def endings() -> list[signal.Signals]:
    """SIGTERM, and SIGHUP (the terminal was closed) unless `nohup` has it ignored."""
    hang_up = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGTERM, *hang_up]


class Printer:
    """Writes decisions to stdout as they are committed, and the summary at the end."""

    def __init__(self, *, as_json: bool, once: bool = False) -> None:
        self.device: Device | None = None
        self._as_json = as_json
        self._once = once
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def decision(self, text: bytes, decision: Decision) -> None:
        """Called by the outbox after the commit."""
        self._print(text.decode() if self._as_json else decision_line(decision))

    def judgement(self, pipeline: Pipeline, judgement: Judgement) -> None:
        """Called for every window; with `--once` prints the first verdict of each pipeline and ends the run."""
        if not self._once or self.device is None or pipeline.identity.key in self._seen:
            return
        self._seen.add(pipeline.identity.key)
        report = pipeline.why()
        self._print(json.dumps({"event": "verdict", **report}) if self._as_json else verdict_line(report))
        if len(self._seen) == len(self.device.parts.pipelines):
            self.device.stop()

    def summary(self) -> None:
        """One object, or one line, with everything counted."""
        if self.device is None:
            return
        fields = summary(self.device)
        if self._as_json:
            self._print(json.dumps(fields))
            return
        median = "-" if fields["score_median"] is None else f"{fields['score_median']:.2f}"
        self._print(
            f"{fields['windows']} windows: {fields['judged']} judged, {fields['unknown']} unknown, "
            f"{fields['idle']} idle; {fields['alarms']} alarms; median score {median}; "
            f"sensed {fields['sensed_bytes']:,} B, sent {fields['sent_bytes']:,} B"
        )
        for warning in fields["warnings"]:
            warn(warning)

    def _print(self, line: str) -> None:
        with self._lock:
            print(line, flush=True)


def summary(device: Device) -> dict[str, Any]:
    """What a run did: counts over all pipelines, medians a pipeline, and what a person should know."""
    counts = device.counts()
    medians = {pipeline.identity.key: pipeline.counts.median_score() for pipeline in device.parts.pipelines}
    known = sorted(median for median in medians.values() if median is not None)
    warnings = [
        f"no window was formed from slot {reader.slot}: {reader.counts.samples} samples arrived, "
        f"a window takes {min(lane.windower.length for lane in reader.lanes)}"
        for reader in device.parts.readers
        if reader.lanes and not any(lane.pipeline.counts.windows for lane in reader.lanes)
    ]
    waiting = device.parts.journal.depth
    if waiting:
        reason = device.parts.outbox.link[1] or "the run ended before they were confirmed"
        warnings.append(f"{waiting} decisions wait in {device.parts.journal.path}: {reason}")
    return {
        "event": "summary",
        **counts,
        "score_median": known[(len(known) - 1) // 2] if known else None,
        "pipelines": {
            pipeline.identity.key: {
                "windows": pipeline.counts.windows,
                "judged": pipeline.counts.judged,
                "unknown": pipeline.counts.unknown,
                "idle": pipeline.counts.idle,
                "alarms": pipeline.counts.alarms,
                "score_median": medians[pipeline.identity.key],
                "state": pipeline.decider.state,
            }
            for pipeline in device.parts.pipelines
        },
        "warnings": warnings,
    }


def decision_line(decision: Decision) -> str:
    """A decision for people, one line."""
    score, threshold = score_text(decision.score), score_text(decision.threshold)
    return (
        f"{decision.mono_ms / 1000:9.1f}s  {decision.event:<9} {decision.level:<5} {decision.app}/{decision.pipeline}  "
        f"score {score:>4} (threshold {threshold})  {decision.why.get('text', '')}"
    )


def verdict_line(report: dict[str, Any]) -> str:
    """One pipeline's verdict for people."""
    place, score = f"{report['app']}/{report['pipe']}", score_text(report.get("score"))
    return f"{place}: {report['verdict']}, state {report['state']}, score {score}. {report['why'].get('text', '')}"
