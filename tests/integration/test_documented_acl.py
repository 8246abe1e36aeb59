"""The access list in docs/reference/journal.md, on a real mosquitto: it lets through what must, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess

import paho.mqtt.client as paho
import pytest
from acker import wait_until
from device_process import DEVICE, SITE, TOPICS, decision
from outboxes import running
from tools import require

pytestmark = pytest.mark.broker


@pytest.fixture
def guarded(mosquitto, tmp_path, repository):
    """A mosquitto with the documented list and users plant, a guest, this device and another."""
    page = (repository / "docs" / "reference" / "journal.md").read_text()
    acl = tmp_path / "acl"
    acl.write_text(re.search(r"```text acl\n(.*?)```", page, re.DOTALL)[1])
    passwords = tmp_path / "passwords"
    users = ("plant", "guest", f"{SITE}/{DEVICE}", f"{SITE}/other")
    passwords.write_text("".join(f"{user}:secret\n" for user in users))
    tool = next(require("mosquitto", "mosquitto").parent.parent.rglob("mosquitto_passwd"), None)
    if tool is None:
        pytest.skip("no mosquitto_passwd to hash passwords with")
    subprocess.run([tool, "-U", passwords], check=True)
    (tmp_path / "password").write_text("secret")
    return mosquitto(f"password_file {passwords}\nacl_file {acl}", anonymous=False)


@pytest.fixture
def client(guarded):
    """client(user): a connected client with a list of what it got."""
    made = []

    def make(user: str) -> paho.Client:
        one = paho.Client(paho.CallbackAPIVersion.VERSION2)
        one.username_pw_set(user, "secret")
        one.got = []
        one.on_message = lambda _c, _d, message: one.got.append((message.topic, message.payload))
        one.connect("127.0.0.1", guarded.port)
        one.loop_start()
        assert wait_until(one.is_connected)
        one.subscribe("edge/1/#", 1)
        made.append(one)
        return one

    yield make
    for one in made:
        one.disconnect()
        one.loop_stop()


def test_only_the_monitor_s_receipts_reach_the_device(guarded, client, tmp_path):
    plant, guest, other = client("plant"), client("guest"), client(f"{SITE}/other")
    keys = {"username": f"{SITE}/{DEVICE}", "password": {"file": "password"}}
    with running(tmp_path, guarded.port, {"by": ["plant"]}, **keys) as outbox:
        outbox.submit(decision(0, "alarm"))
        assert wait_until(lambda: any("/d/test_app" in topic for topic, _ in plant.got))
        receipt = json.dumps([[outbox.journal.jid, 1, [[0, 0]]]]).encode()
        for stranger in (guest, other):
            stranger.publish(TOPICS.ack("plant"), receipt, qos=1).wait_for_publish(5)
            stranger.publish(TOPICS.decisions("test_app"), b"{}", qos=1).wait_for_publish(5)
        outbox.drain(1.0)
        assert outbox.journal.depth == 1
        assert (TOPICS.decisions("test_app"), b"{}") not in plant.got
        assert guest.got == []
        plant.publish(TOPICS.ack("plant"), receipt, qos=1).wait_for_publish(5)
        assert wait_until(lambda: outbox.journal.depth == 0)
