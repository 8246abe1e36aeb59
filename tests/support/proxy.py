"""A TCP proxy between a client and a broker that sees MQTT packets and may drop, double or delay them."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

CONNECT, CONNACK, PUBLISH, PUBACK, SUBACK = 1, 2, 3, 4, 9
"""Packet types. Source: MQTT 3.1.1 table 2.1 (MQTT 5: the same)."""

Fate = Callable[[int, int, bytes], list[tuple[float, bytes]]]
"""fate(type, count of that type so far, packet) gives what is sent on: [(delay in s, bytes), …]."""


def pass_on(_kind: int, _count: int, packet: bytes) -> list[tuple[float, bytes]]:
    """The fate of ordinary packets."""
    return [(0.0, packet)]


def read_packet(sock: socket.socket) -> bytes:
    """One whole MQTT packet; empty at the end. Remaining length: MQTT 3.1.1 section 2.2.3."""
    head = _exactly(sock, 1)
    length, shift = 0, 0
    while head:
        byte = _exactly(sock, 1)
        if not byte:
            return b""
        head += byte
        length |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            body = _exactly(sock, length)
            return head + body if len(body) == length else b""
    return b""


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    with contextlib.suppress(OSError):
        while len(data) < size:
            part = sock.recv(size - len(data))
            if not part:
                break
            data += part
    return data


class MqttProxy:
    """`with MqttProxy(broker_port, from_broker=fate) as proxy:` clients connect to proxy.port."""

    def __init__(self, broker_port: int, from_broker: Fate = pass_on, from_client: Fate = pass_on) -> None:
        self.broker_port = broker_port
        self.from_broker = from_broker
        self.from_client = from_client
        self.seen: dict[tuple[str, int], int] = {}
        """Packets seen, by ("broker" or "client", type)."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads: list[threading.Thread] = []
        self._mutex = threading.Lock()
        self._spawn(self._accept)

    def _spawn(self, run: Callable[..., None], *values: object) -> None:
        thread = threading.Thread(target=run, args=values, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                broker = socket.create_connection(("127.0.0.1", self.broker_port), timeout=5.0)
            except OSError:
                return
            for sock in (client, broker):
                sock.settimeout(None)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs.append((client, broker))
            self._spawn(self._pump, "client", client, broker)
            self._spawn(self._pump, "broker", broker, client)

    def _pump(self, side: str, source: socket.socket, target: socket.socket) -> None:
        while packet := read_packet(source):
            kind = packet[0] >> 4
            with self._mutex:
                count = self.seen.get((side, kind), 0)
                self.seen[side, kind] = count + 1
            fate = self.from_broker if side == "broker" else self.from_client
            for delay_s, data in fate(kind, count, packet):
                if delay_s:
                    time.sleep(delay_s)
                with contextlib.suppress(OSError):
                    target.sendall(data)
        _cut(source, target)

    def cut(self) -> None:
        """Cut all connections."""
        while self._pairs:
            _cut(*self._pairs.pop())

    def __enter__(self) -> MqttProxy:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5.0)


def _cut(*sockets: socket.socket) -> None:
    for sock in sockets:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()
