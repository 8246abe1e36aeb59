"""Reaching a broker in stages, for `edge-app doctor`: name, TCP, TLS, MQTT, publish. The first failure ends it."""

from __future__ import annotations

import queue
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

from edge_app.core.clock import Clock
from edge_app.core.errors import TransportError
from edge_app.core.messages import Acknowledged, Connected, ConnectFailed, Disconnected, Outgoing, PublisherEvent
from edge_app.transport.broker_errors import explain
from edge_app.transport.mqtt import CONNECT_S, MqttPublisher
from edge_app.transport.settings import BrokerSettings, tls_context

STAGES = ("name", "TCP", "TLS", "MQTT", "publish")


@dataclass(frozen=True)
class Stage:
    """What one stage found."""

    name: str
    ok: bool
    took_ms: int
    said: str
    """What was found, or what failed."""
    fix: str = ""
    """What to do about a failure."""


def probe(settings: BrokerSettings, topic: str, clock: Clock, timeout_s: float = CONNECT_S) -> list[Stage]:
    """Try each stage once. Publishes an empty, retained message (it leaves nothing behind) to `topic`."""
    found: list[Stage] = []
    address: list[tuple[str, int]] = []

    def name() -> str:
        every = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        address.append((str(every[0][4][0]), settings.port))
        return f"{settings.host} is {address[0][0]}"

    def tcp() -> str:
        socket.create_connection(address[0], timeout_s).close()
        return f"port {settings.port} accepts connections"

    def tls() -> str:
        if not settings.tls:
            return "not asked for (mqtt://)"
        context = tls_context(settings)
        with (
            socket.create_connection(address[0], timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=settings.host) as secure,
        ):
            return f"{secure.version()}, certificate fits {settings.host}"

    for stage, run in zip(STAGES, (name, tcp, tls), strict=False):
        found.append(_timed(stage, run, settings, clock))
        if not found[-1].ok:
            return found
    return found + _mqtt_stages(settings, topic, clock, timeout_s)


def _timed(name: str, run: Callable[[], str], settings: BrokerSettings, clock: Clock) -> Stage:
    begun_s = clock.monotonic_s()
    try:
        said, fix, ok = run(), "", True
    except (OSError, ValueError, TransportError) as error:
        meant = explain(error, settings).error
        said, fix, ok = meant.what, meant.fix, False
    return Stage(name, ok, round((clock.monotonic_s() - begun_s) * 1000), said, fix)


def _mqtt_stages(settings: BrokerSettings, topic: str, clock: Clock, timeout_s: float) -> list[Stage]:
    events: queue.SimpleQueue[PublisherEvent] = queue.SimpleQueue()
    publisher = MqttPublisher(_other_client(settings), clock)
    begun_s = clock.monotonic_s()
    publisher.start(events.put, None)
    try:
        first = _connect_stage(events, settings, begun_s, clock, timeout_s)
        return [first, _publish_stage(publisher, events, topic, clock, timeout_s)] if first.ok else [first]
    finally:
        publisher.close()


def _other_client(settings: BrokerSettings) -> BrokerSettings:
    """A client id of its own: with the device's it would throw the running device out."""
    return replace(settings, client_id=settings.client_id + "-probe")


def _connect_stage(
    events: queue.SimpleQueue[PublisherEvent], settings: BrokerSettings, begun_s: float, clock: Clock, timeout_s: float
) -> Stage:
    try:
        event = events.get(timeout=timeout_s)
    except queue.Empty:
        error = TransportError(f"broker {settings.url}: no answer to CONNECT in time.", "See the broker's log.")
        event = ConnectFailed(error, False, 0.0)
    took_ms = round((clock.monotonic_s() - begun_s) * 1000)
    if isinstance(event, Connected):
        return Stage("MQTT", True, took_ms, f"MQTT {event.version} session with {settings.url}")
    what = str(event.error) if isinstance(event, ConnectFailed) else "the session ended at once"
    what, _, fix = what.partition("\n  ")
    return Stage("MQTT", False, took_ms, what, fix)


def _publish_stage(
    publisher: MqttPublisher, events: queue.SimpleQueue[PublisherEvent], topic: str, clock: Clock, timeout_s: float
) -> Stage:
    begun_s = clock.monotonic_s()
    publisher.publish(1, Outgoing(topic, b"", retain=True))
    try:
        event: PublisherEvent = events.get(timeout=timeout_s)
    except queue.Empty:
        event = Disconnected("no acknowledgement in time")
    took_ms = round((clock.monotonic_s() - begun_s) * 1000)
    if isinstance(event, Acknowledged) and event.reason < 0x80:
        return Stage("publish", True, took_ms, f"the broker takes messages on {topic}")
    said = f"reason 0x{event.reason:02X}" if isinstance(event, Acknowledged) else getattr(event, "reason", "no answer")
    fix = "Allow this user to write its own topics in the broker's access list (docs/reference/journal.md)."
    return Stage("publish", False, took_ms, f"the broker does not take a message on {topic}: {said}", fix)
