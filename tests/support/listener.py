"""Hears everything a broker says: every topic, every byte, in order."""

from __future__ import annotations

import json
import threading

import jsonschema
import paho.mqtt.client as paho

from edge_app.transport.topics import parse
from tests.support.cli import REPOSITORY

SCHEMA_OF = {"d": "decision", "state": "state", "now": "now", "health": "health"}
"""Kind of topic → message schema; a device publishes nothing else by itself."""


class Listener:
    """Subscribes to `#`; `with Listener(port) as listener: listener.messages`."""

    def __init__(self, port: int, host: str = "127.0.0.1", version: int = paho.MQTTv5) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self._place = (host, port)
        self._subscribed = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="listener", protocol=version)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _c, _u, message: self.messages.append((message.topic, message.payload))

    def __enter__(self) -> Listener:
        self._client.connect(*self._place)
        self._client.loop_start()
        assert self._subscribed.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def decisions(self) -> list[dict]:
        """Payloads on decision topics, in the order of arrival."""
        return [json.loads(payload) for topic, payload in list(self.messages) if "/d/" in topic]


def schema_errors(topic: str, payload: bytes) -> list[str]:
    """What is wrong with a message by its topic's schema; empty when nothing is."""
    try:
        kind = parse(topic)[2]
        message = json.loads(payload)
    except ValueError as error:
        return [str(error)]
    if kind not in SCHEMA_OF:
        return [f"a device publishes nothing on {topic}"]
    schema = json.loads((REPOSITORY / "configs" / "schema" / f"message-{SCHEMA_OF[kind]}.json").read_text())
    found = jsonschema.Draft202012Validator(schema).iter_errors(message)
    return [f"{topic}: {error.message}" for error in found]
