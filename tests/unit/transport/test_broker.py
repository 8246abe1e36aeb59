"""The demo's broker: which one is taken, and what is said when there is none."""

from __future__ import annotations

import importlib.util

import paho.mqtt.client as paho
import pytest
from acker import wait_until

from edge_app.core.errors import TransportError
from edge_app.transport import broker as demo


def connected(port: int) -> tuple[paho.Client, list]:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    got: list = []
    client.on_message = lambda _c, _d, message: got.append((message.topic, bytes(message.payload)))
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert wait_until(client.is_connected)
    return client, got


def test_a_named_mosquitto_is_taken_before_any_other(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGE_APP_MOSQUITTO", str(tmp_path / "mine"))
    assert demo.find_mosquitto() == tmp_path / "mine"


def test_without_any_broker_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(demo, "find_mosquitto", lambda: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(TransportError, match="apt install mosquitto"):
        demo.DemoBroker().start()


def test_a_broker_that_does_not_start_is_reported_with_its_last_words(monkeypatch, tmp_path):
    program = tmp_path / "mosquitto"
    program.write_text("#!/bin/sh\necho no memory left >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("EDGE_APP_MOSQUITTO", str(program))
    with pytest.raises(TransportError, match="no memory left"):
        demo.DemoBroker().start()


@pytest.mark.broker
@pytest.mark.parametrize("kind", ["mosquitto", "amqtt"])
def test_it_delivers_and_gives_nobody_what_they_did_not_subscribe_to(monkeypatch, kind):
    if kind == "amqtt":
        monkeypatch.setattr(demo, "find_mosquitto", lambda: None)
    elif demo.find_mosquitto() is None:
        pytest.skip("no mosquitto here")
    with demo.DemoBroker() as broker:
        assert broker.kind == kind
        assert broker.url.startswith("mqtt://127.0.0.1:")
        writer, heard = connected(broker.port)
        writer.subscribe("edge/#", 1)
        writer.publish("edge/state", b"on", 1, retain=True).wait_for_publish(5)
        assert wait_until(lambda: heard == [("edge/state", b"on")])
        stranger, overheard = connected(broker.port)
        stranger.subscribe("other/#", 1)
        stranger.publish("other/x", b"1", 1).wait_for_publish(5)
        assert wait_until(lambda: overheard == [("other/x", b"1")])  # amqtt 0.12 alone would send edge/state too
        for client in (writer, stranger):
            client.disconnect()
            client.loop_stop()
    broker.close()  # twice is harmless
