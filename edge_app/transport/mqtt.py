"""MQTT 3.1.1 and 5 through paho. Only importer of paho.

One supervisor thread connects, with back-off, and makes a fresh paho client for each session: paho's own memory of
unacknowledged messages would resend behind the outbox's back. Callbacks only call the sink, which only takes note.
"""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_app.core.clock import Clock
from edge_app.core.messages import (
    Acknowledged,
    Connected,
    ConnectFailed,
    Disconnected,
    Outgoing,
    PublisherEvent,
    Received,
)
from edge_app.transport.broker_errors import UNSUPPORTED_VERSION, BrokerError, closed_early, explain, refusal
from edge_app.transport.settings import BrokerSettings, tls_context

ANSWER_S = 10.0
"""Longest wait for CONNACK and SUBACK."""
CONNECT_S = 10.0
"""Longest wait for TCP and, again, for the TLS handshake."""
BACKOFF_S = (0.5, 30.0)
"""Shortest and longest pause between attempts; doubled each time, times a random factor of 0.5 to 1.5."""
PERMANENT_BACKOFF_S = (60.0, 300.0)
"""The same while only a person can mend it."""
STEADY_S = 5.0
"""A session this long resets the back-off."""
FAREWELL_S = 2.0
RECEIVE_MAXIMUM = 65535
"""What MQTT 5 brokers take when they do not say. Source: MQTT 5.0 section 3.2.2.3.3."""
MAX_PACKET_BYTES = 64 * 1024
"""Largest packet the broker may send us (MQTT 5): receipts are at most 16 KiB, commands less."""

Sink = Callable[[PublisherEvent], None]


class Session:
    """One paho client, one connection."""

    def __init__(
        self, settings: BrokerSettings, version: int, sink: Sink, will: Outgoing | None, subscribe: Sequence[str]
    ):
        self.answered = threading.Event()
        """The session is up, or will never be."""
        self.over = threading.Event()
        self.up = False
        self.was_up = False
        self.error: BrokerError | None = None
        """Why the broker refused the session, when it did."""
        self._settings = settings
        self._v5 = version == 5
        self._sink = sink
        self._subscribe = list(subscribe)
        self._receive_maximum = RECEIVE_MAXIMUM
        self._tokens: dict[int, int] = {}
        self._early: dict[int, int] = {}
        self._mutex = threading.Lock()
        """Around the two dicts only, never around a call into paho."""
        self._properties: dict[tuple[str, int | None], Properties] = {}
        self._tls = tls_context(settings) if settings.tls else None
        self.client = self._make_client(will)

    def _make_client(self, will: Outgoing | None) -> Client:
        settings = self._settings
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if self._v5 else MQTTProtocolVersion.MQTTv311,
            clean_session=None if self._v5 else True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        # The outbox has its own window; a second one inside paho would only hide messages from it.
        client.max_inflight_messages_set(0)
        if settings.username is not None:
            client.username_pw_set(settings.username, settings.password)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        if will is not None:
            client.will_set(will.topic, will.payload, will.qos, will.retain)
        client.on_socket_open = _no_delay
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def connect(self) -> None:
        """TCP, TLS, CONNECT; the answer comes to a callback. Raises OSError (ssl's errors included)."""
        try:
            self._connect()
        except BaseException:
            if self._tls is not None:
                self._tls.close_last()
            raise
        self.client.loop_start()

    def _connect(self) -> None:
        settings = self._settings
        if self._v5:
            properties = _properties(PacketTypes.CONNECT)
            properties.MaximumPacketSize = MAX_PACKET_BYTES
            self.client.connect(
                settings.host, settings.port, settings.keepalive_s, clean_start=True, properties=properties
            )
        else:
            self.client.connect(settings.host, settings.port, settings.keepalive_s)

    def publish(self, token: int, message: Outgoing) -> bool:
        """Hand over; false when the session is over."""
        properties = self._publish_properties(message) if self._v5 else None
        for _ in range(2):
            info = self.client.publish(message.topic, message.payload, message.qos, message.retain, properties)
            if info.rc != MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
                break
            # This message id still belongs to one that was never acknowledged: take the next.
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return False
        if message.qos:
            with self._mutex:
                reason = self._early.pop(info.mid, None)
                if reason is None:
                    self._tokens[info.mid] = token
            if reason is not None:
                self._sink(Acknowledged(token, reason))
        return True

    def _publish_properties(self, message: Outgoing) -> Properties | None:
        if not message.schema and message.expiry_s is None:
            return None
        key = (message.schema, message.expiry_s)
        properties = self._properties.get(key)
        if properties is None:
            properties = self._properties[key] = _properties(PacketTypes.PUBLISH)
            if message.schema:
                properties.UserProperty = ("schema", message.schema)
            if message.expiry_s is not None:
                properties.MessageExpiryInterval = message.expiry_s
        return properties

    def abort(self) -> None:
        """Cut the connection; paho notices and reports the end."""
        sock: Any = self.client.socket()
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def leave(self, farewell: Outgoing | None) -> None:
        """Say farewell, disconnect in order."""
        if self.up and farewell is not None:
            info = self.client.publish(farewell.topic, farewell.payload, farewell.qos, farewell.retain)
            with suppress(RuntimeError, ValueError):
                info.wait_for_publish(FAREWELL_S)
        self.client.disconnect()

    # callbacks, in paho's thread

    def _on_connect(self, client: Client, _data: Any, _flags: Any, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            self.error = refusal(int(reason.value), self._settings, str(reason))
            return
        self._receive_maximum = int(getattr(properties, "ReceiveMaximum", RECEIVE_MAXIMUM))
        if self._subscribe:
            client.subscribe([(each, 1) for each in self._subscribe])
        else:
            self._announce(())

    def _on_subscribe(self, _client: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _props: Any) -> None:
        pairs = zip(self._subscribe, reasons, strict=False)
        self._announce(tuple(topic for topic, reason in pairs if reason.is_failure))

    def _announce(self, refused: tuple[str, ...]) -> None:
        self.up = self.was_up = True
        self.answered.set()
        self._sink(Connected("5" if self._v5 else "3.1.1", self._receive_maximum, refused))

    def _on_disconnect(self, _client: Client, _data: Any, flags: Any, reason: ReasonCode, _props: Any) -> None:
        if self.up:
            self.up = False
            by = "the broker" if flags.is_disconnect_packet_from_server else "the network"
            self._sink(Disconnected(f"ended by {by}: {reason}"))
        self.over.set()
        self.answered.set()

    def _on_publish(self, _client: Client, _data: Any, mid: int, reason: ReasonCode, _props: Any) -> None:
        with self._mutex:
            token = self._tokens.pop(mid, None)
            if token is None:
                # Acknowledged before publish() returned (or QoS 0, which nobody asks about).
                self._early[mid] = reason.value
                if len(self._early) > 64:
                    del self._early[next(iter(self._early))]
        if token is not None:
            self._sink(Acknowledged(token, reason.value))

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._sink(Received(message.topic, bytes(message.payload), bool(message.retain)))


class MqttPublisher:
    """Keeps a session with one broker, for ever. See core/stages.py, Publisher."""

    def __init__(self, settings: BrokerSettings, clock: Clock, jitter: random.Random | None = None) -> None:
        self.settings = settings
        self._clock = clock
        self._jitter = jitter or random.Random()
        self._closing = threading.Event()
        self._session: Session | None = None
        self._thread: threading.Thread | None = None
        self._version = settings.version
        self._failures = 0
        self._sink: Sink = _ignore
        self._will: Outgoing | None = None
        self._subscribe: tuple[str, ...] = ()

    def start(self, sink: Sink, will: Outgoing | None, subscribe: Sequence[str] = ()) -> None:
        """Begin to connect; the outcome comes to `sink`."""
        self._sink, self._will, self._subscribe = sink, will, tuple(subscribe)
        self._thread = threading.Thread(target=self._run, name="mqtt-link", daemon=True)
        self._thread.start()

    def publish(self, token: int, message: Outgoing) -> bool:
        """Hand one message over; false when there is no session now."""
        session = self._session
        return session is not None and session.up and session.publish(token, message)

    def reconnect(self) -> None:
        """Cut the session; the supervisor begins another."""
        if self._session is not None:
            self._session.abort()

    def close(self, farewell: Outgoing | None = None) -> None:
        """Farewell, disconnect, stop. Idempotent."""
        self._closing.set()
        session = self._session
        if session is not None:
            session.leave(farewell)
            session.answered.set()
            session.over.set()
        if self._thread is not None:
            # A connect that hangs in the network is left behind; the thread is a daemon.
            self._thread.join(FAREWELL_S)
            self._thread = None

    # the supervisor

    def _run(self) -> None:
        while not self._closing.is_set():
            error = self._one_session()
            if self._closing.is_set():
                return
            if error is None:
                pause_s = self._pause_s(BACKOFF_S)
            elif self._step_down(error):
                continue
            else:
                pause_s = self._pause_s(PERMANENT_BACKOFF_S if error.permanent else BACKOFF_S)
                self._sink(ConnectFailed(error.error, error.permanent, pause_s))
            self._clock.wait(self._closing, pause_s)

    def _one_session(self) -> BrokerError | None:
        """Connect, and wait for the end; None when there was a session, else why there was none."""
        try:
            session = Session(self.settings, self._version, self._sink, self._will, self._subscribe)
            self._session = session
            session.connect()
            if self._closing.is_set():  # close() may have looked before this session was there
                session.leave(None)
        except BrokerError as error:
            return error
        except Exception as error:  # whatever it is, the next attempt may do better
            return explain(error, self.settings)
        begun_s = self._clock.monotonic_s()
        answered = self._clock.wait(session.answered, ANSWER_S)
        if not answered:
            session.abort()
        was_up = session.was_up
        if was_up:
            session.over.wait()
        self._session = None
        session.client.loop_stop()
        if not was_up:
            return session.error or closed_early(self.settings, answered)
        if self._clock.monotonic_s() - begun_s >= STEADY_S:
            self._failures = 0
        return None

    def _step_down(self, error: BrokerError) -> bool:
        """From MQTT 5 to 3.1.1 when the broker does not speak 5; true when that is worth an immediate try."""
        mute = error.code in ("closed", "silent")
        if self._version == 5 and (mute or error.code == UNSUPPORTED_VERSION):
            # Some 3.1.1 brokers answer a CONNECT of version 5 by closing, or not at all.
            self._version = 3
            return error.code == UNSUPPORTED_VERSION
        if mute:
            self._version = self.settings.version
        return False

    def _pause_s(self, limits: tuple[float, float]) -> float:
        base_s = min(limits[0] * 2.0 ** min(self._failures, 16), limits[1])
        self._failures += 1
        return base_s * self._jitter.uniform(0.5, 1.5)


def _properties(packet_type: int) -> Properties:
    return Properties(packet_type)  # type: ignore[no-untyped-call]


def _no_delay(_client: Client, _data: Any, sock: Any) -> None:
    """Without it Nagle and delayed acknowledgements cost 40 ms a message."""
    with suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _ignore(_event: PublisherEvent) -> None:
    return None
