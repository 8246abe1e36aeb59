"""A small monitor for tests: keeps every decision it gets and, when it has a name, confirms what it has."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable

import paho.mqtt.client as paho

from edge_app.journal.policy import ranges_of
from edge_app.transport.payload import receipt_json
from edge_app.transport.topics import Topics

Identity = tuple[str, int, int]


class Acker:
    """Subscribes to all of one device; `with Acker(port, topics, name="plant") as acker:`.

    Parameters
    ----------
    name : str
        Its name in receipts; empty: it confirms nothing (`confirm: broker`).
    persistent : bool
        Whether the broker keeps its session while it is away.
    """

    def __init__(self, port: int, topics: Topics, name: str = "", persistent: bool = False, confirms: bool = True):
        self.topics = topics
        self.name = name
        self.confirms = confirms
        self.got: Counter[Identity] = Counter()
        self.messages: list[tuple[str, bytes, bool]] = []
        """Everything but decisions: (topic, payload, retained)."""
        self.texts: dict[Identity, list[bytes]] = {}
        self.gaps: list[dict] = []
        """The `gap` parts of gap decisions."""
        self._port = port
        self._fresh: set[Identity] = set()
        self._mutex = threading.Lock()
        self._over = threading.Event()
        self.subscribed = threading.Event()
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=f"acker-{name or 'silent'}", clean_session=not persistent
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self.subscribed.set()
        self._client.on_message = self._on_message
        self._thread = threading.Thread(target=self._confirm_for_ever, daemon=True)

    def __enter__(self) -> Acker:
        self._client.connect("127.0.0.1", self._port, keepalive=5)
        self._client.loop_start()
        assert self.subscribed.wait(10.0)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5.0)
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        client.subscribe(self.topics.root + "/#", qos=1)
        if self.name and self.confirms:
            client.publish(self.topics.ack(self.name), b"[]", qos=1)  # born: send me what I have not confirmed

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        if not message.topic.startswith(self.topics.root + "/d/"):
            self.messages.append((message.topic, message.payload, message.retain))
            return
        found = json.loads(message.payload)
        identity = (found["jid"], found["boot"], found["seq"])
        with self._mutex:
            self.got[identity] += 1
            self._fresh.add(identity)
            self.texts.setdefault(identity, []).append(message.payload)
            if found["event"] == "gap":
                self.gaps.append(found["why"]["gap"])

    def _confirm_for_ever(self) -> None:
        while not self._over.wait(0.1):
            if self.name and self.confirms and self._client.is_connected():
                self.confirm()

    def confirm(self) -> None:
        """Send a receipt for everything got since the last one, copies included."""
        with self._mutex:
            fresh, self._fresh = self._fresh, set()
        if not fresh:
            return
        groups: dict[tuple[str, int], list[int]] = {}
        for jid, boot, seq in fresh:
            groups.setdefault((jid, boot), []).append(seq)
        entries = [(jid, boot, [tuple(each) for each in ranges_of(seqs)]) for (jid, boot), seqs in groups.items()]
        with contextlib.suppress(ValueError):
            self._client.publish(self.topics.ack(self.name), receipt_json(entries).encode(), qos=1)

    def send(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Publish anything, QoS 1, and wait until the broker has it."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5.0)

    def accounted(self) -> set[Identity]:
        """Everything got, and everything gap decisions say will never come."""
        told = set(self.got)
        for gap in self.gaps:
            for jid, boot, ranges in gap.get("ranges", ()):
                told |= {(jid, boot, seq) for first, last in ranges for seq in range(first, last + 1)}
        return told


def wait_until(true: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    """Whether it became true in time."""
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        if true():
            return True
        time.sleep(0.01)
    return true()
