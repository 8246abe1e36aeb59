"""`edge-app demo`: a simulated pump falls ill, and a real broker delivers what the device decides about it."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_app.cli import interrupts
from edge_app.cli.common import positive_seconds, score_text
from edge_app.cli.run import endings, stop_on_signals, summary
from edge_app.core.units import SCORE_ONE
from edge_app.core.wording import counted

if TYPE_CHECKING:
    from edge_app.cli.demo_view import ViewModel
    from edge_app.config.resolved import ResolvedDevice
    from edge_app.runtime.lifecycle import Device
    from edge_app.runtime.pipeline import Judgement, Pipeline
    from edge_app.sensors.sim_machine import Fault

HEADLESS_SECONDS = 60.0
"""How long the demo runs where nobody can press Ctrl-C."""
CONNECT_S = 5.0
"""How long the demo waits until its own subscriber is connected."""
LAST_MESSAGE_S = 2.0
"""How long the end of the demo waits for what the broker still has to deliver."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seconds",
        type=positive_seconds,
        metavar="N",
        help="stop after N seconds (a terminal: when you press Ctrl-C; else 60)",
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a decision on stdout, a summary last; no picture"
    )
    parser.add_argument("--headless", action="store_true", help="one line a decision instead of the live picture")
    parser.add_argument("--broker", metavar="URL", help="use this broker instead of starting one on this machine")
    parser.add_argument("--picture", metavar="FILE.svg", help="save the last picture of the live view")


def run(args: argparse.Namespace) -> int:
    with_view = not (args.json or args.headless) and sys.stdout.isatty()
    seconds = args.seconds if args.seconds or with_view else HEADLESS_SECONDS
    show = None if args.json else _line
    if args.json:
        show = _json_line
    if with_view or args.picture:
        return _with_view(args, seconds, live=with_view, show=None if with_view else show)
    fields = play(seconds, show, on_ready=_say_where_aside if args.json else _say_where, broker_url=args.broker)
    print(json.dumps(fields) if args.json else _last_line(fields))
    return 0


def play(
    seconds: float | None,
    show: Callable[[bytes], None] | None,
    *,
    on_ready: Callable[[str, str], None] | None = None,
    on_judgement: Callable[[Pipeline, Judgement], None] | None = None,
    on_tick: Callable[[Device], None] | None = None,
    broker_url: str | None = None,
) -> dict[str, Any]:
    """Run broker, device and subscriber together; returns the summary.

    Parameters
    ----------
    seconds : float or None
        How long; None until a signal ends it.
    show : callable
        Called with each decision's bytes as the broker delivers them.
    on_ready : callable
        Called once with the broker's description and the line with which another terminal can listen.
    broker_url : str or None
        A broker that runs already; None starts one.
    """
    from edge_app.config.broker_option import with_broker
    from edge_app.core.clock import SystemClock
    from edge_app.runtime.build import RunOptions, build
    from edge_app.runtime.lifecycle import Device

    plain = the_pump()
    with (
        _ended_by_signals(),
        _broker(broker_url) as (kind, url, version),
        tempfile.TemporaryDirectory(prefix="edge-app-demo-") as folder,
    ):
        options = RunOptions(state_root=Path(folder), on_judgement=on_judgement, control=False)
        device = Device(build(with_broker(plain, url, version), options, SystemClock()))
        if on_ready is not None:
            on_ready(f"{kind} at {url}", listen_line(url, kind))
        last = _LastMessage(show, device.stop)
        with listening(url, f"edge/1/{plain.site}/{plain.id}/d/+", last, version), stop_on_signals(device):
            with device:
                _watch(device, seconds, on_tick)
            last.wait_for(device, LAST_MESSAGE_S)
        if last.failure is not None:
            raise last.failure
        return summary(device)


def the_pump() -> ResolvedDevice:
    """The device that the demo runs."""
    from edge_app.config.resolve import load_device
    from edge_app.config.share import find_share

    return load_device(find_share() / "configs" / "devices" / "demo-pump.yaml")


def truth(fault: Fault, at_s: float) -> str:
    """What the simulation does to the pump, for people: the device has to find it out by itself."""
    if fault.level(1e9) == 0.0:
        return "a simulated pump, healthy"
    part = {"inner": "inner race", "outer": "outer race", "ball": "a ball"}.get(fault.kind, fault.kind)
    if at_s < fault.start_s:
        return f"a simulated pump, healthy; {part} damage begins in {fault.start_s - at_s:.0f} s"
    return f"a simulated pump with {part} damage, grown to {100 * fault.level(at_s) / fault.level(1e9):.0f} %"


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Until the device takes care of signals, they end the demo as Ctrl-C does: with its broker."""
    before = {number: signal.signal(number, interrupts.handler) for number in endings()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _broker(url: str | None) -> Iterator[tuple[str, str, int]]:
    """(kind, URL, MQTT version) of the broker at `url`, or of one started for the demo."""
    from edge_app.transport.broker import DemoBroker

    if url is not None:
        yield "broker", url, 5
        return
    with DemoBroker() as broker:
        yield broker.kind, broker.url, broker.version


@contextmanager
def listening(
    url: str, topic_filter: str, on_message: Callable[[str, bytes], None], version: int = 5
) -> Iterator[None]:
    """A subscriber of the demo's own, connected before the block begins."""
    from edge_app.core.clock import SystemClock
    from edge_app.core.messages import Connected, Received
    from edge_app.transport.mqtt import MqttPublisher
    from edge_app.transport.settings import BrokerSettings, split_url

    connected = threading.Event()

    def sink(event: object) -> None:
        if isinstance(event, Received):
            on_message(event.topic, event.payload)
        elif isinstance(event, Connected):
            connected.set()

    host, port, tls = split_url(url)
    settings = BrokerSettings(host, port, tls, "edge-app-demo-view", version=version)
    client = MqttPublisher(settings, SystemClock())
    client.start(sink, None, [topic_filter])
    try:
        connected.wait(CONNECT_S)
        yield
    finally:
        client.close()


def listen_line(url: str, kind: str = "mosquitto") -> str:
    """The command with which another terminal, in the same folder, sees what the device says."""
    from edge_app.transport.broker import find_mosquitto
    from edge_app.transport.settings import split_url

    if kind == "amqtt":
        return f"{_program('amqtt_sub', Path(sys.executable))} --url {url} -t 'edge/#'"
    host, port, tls = split_url(url)
    options = f"-h {host} -p {port} {'--tls-use-os-certs ' if tls else ''}-t 'edge/#' -v"
    return f"{_program('mosquitto_sub', find_mosquitto())} {options}"


def _program(name: str, neighbour: Path | None) -> str:
    """A program's name; its path where only a private folder, the neighbour's, has it."""
    import os
    import shlex
    import shutil

    from edge_app.config.load import shown

    beside = neighbour.with_name(name) if neighbour is not None else None
    on_path = shutil.which(name)
    # `make demo` puts the private folder on our PATH; another terminal has it not.
    private = beside is not None and os.access(beside, os.X_OK) and on_path in (None, str(beside))
    return shlex.quote(shown(beside)) if private and beside is not None else name


class _LastMessage:
    """Counts deliveries, so that the end of the demo can wait for the last one."""

    def __init__(self, show: Callable[[bytes], None] | None, stop: Callable[[], None]) -> None:
        self._show = show
        self._stop = stop
        self.failure: OSError | None = None
        """Why nothing can be shown any more: whoever read it has gone (`| head`), or its disk is full."""
        self._count = 0
        self._changed = threading.Condition()

    def __call__(self, topic: str, payload: bytes) -> None:
        if self._show is not None and self.failure is None:
            try:
                self._show(payload)
            except OSError as error:
                self.failure = error
                self._stop()
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait_for(self, device: Device, timeout_s: float) -> None:
        said = device.counts()["decisions"]
        with self._changed:
            self._changed.wait_for(lambda: self._count >= said, timeout_s)


def _watch(device: Device, seconds: float | None, on_tick: Callable[[Device], None] | None) -> None:
    if on_tick is None:
        device.wait(seconds)
        return
    passed_s = 0.0
    while (seconds is None or passed_s < seconds) and not device.stopping.is_set():
        device.wait(0.25)
        passed_s += 0.25
        on_tick(device)


def _with_view(
    args: argparse.Namespace, seconds: float | None, *, live: bool, show: Callable[[bytes], None] | None
) -> int:
    try:
        from edge_app.cli.demo_view import DemoView, ViewModel, console_for
    except ImportError:
        print("edge-app: the live view needs rich: pip install 'edge-app[demo]'; going on without it", file=sys.stderr)
        fields = play(seconds or HEADLESS_SECONDS, show or _line, on_ready=_say_where, broker_url=args.broker)
        print(_last_line(fields))
        return 0
    model = ViewModel("", "")
    view = DemoView(model, console_for(None if live else args.picture))
    fault = _fault_of(the_pump())
    feed = _Feed(model, show, fault, on_ready=None if live else _say_where_aside if args.json else _say_where)
    with view.live() if live else nullcontext():
        fields = play(
            seconds,
            feed.message,
            on_ready=feed.ready,
            on_judgement=feed.judgement,
            on_tick=feed.tick,
            broker_url=args.broker,
        )
    if args.picture:
        view.save(args.picture)
    print(json.dumps(fields) if args.json else _last_line(fields))
    return 0


def _fault_of(pump: ResolvedDevice) -> Fault:
    from edge_app.sensors.sim_machine import Fault

    config = pump.sensors["vibration"].config.fault
    return Fault(config.kind, config.start_s, config.growth_s, config.severity)


class _Feed:
    """Fills the view's model from the device and from the broker."""

    def __init__(
        self,
        model: ViewModel,
        show: Callable[[bytes], None] | None,
        fault: Fault,
        on_ready: Callable[[str, str], None] | None = None,
    ) -> None:
        self._model = model
        self._show = show
        self._fault = fault
        self._on_ready = on_ready

    def ready(self, broker: str, listen: str) -> None:
        self._model.broker_line, self._model.subscribe_line = broker, listen
        if self._on_ready is not None:
            self._on_ready(broker, listen)

    def message(self, payload: bytes) -> None:
        message = json.loads(payload)
        with self._model.lock:
            self._model.decisions.append(message)
            self._model.decision_count += 1
        if self._show is not None:
            self._show(payload)

    def judgement(self, pipeline: Pipeline, judgement: Judgement) -> None:
        window, inference, model = judgement.window, judgement.inference, self._model
        with model.lock:
            if window.samples.size:
                model.take_signal(window.samples[0].astype("float32") * window.scale)
            model.rate_hz, model.window_s = window.rate_hz, window.end_s - window.start_s
            model.verdict, model.state, model.level = judgement.verdict, pipeline.decider.state, pipeline.decider.level
            model.threshold = pipeline.decider.threshold / SCORE_ONE
            model.score = inference.score / SCORE_ONE if inference else None
            if inference:
                model.scores.append(inference.score / SCORE_ONE)

    def tick(self, device: Device) -> None:
        counts, model = device.counts(), self._model
        with model.lock:
            model.windows = counts["windows"]
            model.sensed_bytes, model.sent_bytes = counts["sensed_bytes"], counts["sent_bytes"]
            model.elapsed_s = device.parts.health.up_s()
            model.truth = truth(self._fault, model.elapsed_s)


def _say_where(broker: str, listen: str) -> None:
    print(f"broker: {broker}\nin another terminal: {listen}", flush=True)


def _say_where_aside(broker: str, listen: str) -> None:
    """The same on stderr: stdout is JSON."""
    print(f"broker: {broker}\nin another terminal: {listen}", file=sys.stderr, flush=True)


def _line(payload: bytes) -> None:
    message = json.loads(payload)
    print(
        f"{message['mono'] / 1000:7.1f}s  {message['event']:<8} {message['level']:<5} {message['pipe']:<8} "
        f"score {score_text(message['score']):>4}  {message['why'].get('text', '')}",
        flush=True,
    )


def _json_line(payload: bytes) -> None:
    print(payload.decode(), flush=True)


def _last_line(fields: dict[str, Any]) -> str:
    ratio = f"{fields['sensed_bytes'] / fields['sent_bytes']:,.0f} : 1" if fields["sent_bytes"] else "-"
    return (
        f"{counted(fields['windows'], 'window')}, {counted(fields['decisions'], 'decision')}, "
        f"{counted(fields['alarms'], 'alarm')}; "
        f"sensed {fields['sensed_bytes']:,} B, sent {fields['sent_bytes']:,} B ({ratio})"
    )
