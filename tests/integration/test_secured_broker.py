"""The broker of docs/how-to/secure-the-broker.md: its certificates, passwords and rules, in a real mosquitto."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import threading

import paho.mqtt.client as paho
import pytest
from cli import REPOSITORY, Running, edge_app
from doc_pages import blocks, files_of
from paho.mqtt.enums import CallbackAPIVersion
from tools import missing, require

PAGE = REPOSITORY / "docs" / "how-to" / "secure-the-broker.md"
ROOT = "edge/1/plant-a/pump-7"
PASSWORDS = {"plant": "p1", "pump-7": "p7", "pump-8": "p8"}
NOT_AUTHORIZED = 0x87

DEVICE = """\
device: {{id: pump-7, site: plant-a}}
apps: [{app}]
sensors: {{vibration: {{plugin: simulated, machine: pump, rate_hz: 833, frame_s: 0.1}}}}
"""

pytestmark = pytest.mark.broker


@pytest.fixture
def broker(mosquitto, tmp_path):
    """The page's broker, its folders moved to `tmp_path`, its name to this machine's."""
    if shutil.which("openssl") is None:
        missing("openssl is missing: apt install openssl")
    make_certificates(tmp_path)
    make_passwords(tmp_path)
    files = files_of(PAGE)
    (tmp_path / "acl").write_text(files["/etc/mosquitto/acl"])
    lines = files["/etc/mosquitto/conf.d/edge.conf"].replace("listener 8883\n", "")
    lines = lines.replace("/etc/mosquitto/certs/", f"{tmp_path}/").replace("/etc/mosquitto/", f"{tmp_path}/")
    return mosquitto(lines, anonymous=False)


def make_certificates(folder):
    script = next(block for block in blocks(PAGE, "sh") if "openssl" in block)
    done = subprocess.run(
        ["sh", "-e", "-c", script.replace("broker.plant-a", "localhost")], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def make_passwords(folder):
    """mosquitto_passwd asks for passwords on a terminal; -U hashes a file of them."""
    path = folder / "passwd"
    path.write_text("".join(f"{user}:{password}\n" for user, password in PASSWORDS.items()))
    program = require("mosquitto", "mosquitto")
    tool = shutil.which("mosquitto_passwd") or next(program.parent.parent.rglob("bin/mosquitto_passwd"), None)
    if tool is None:
        missing("mosquitto_passwd is missing")
    subprocess.run([str(tool), "-U", str(path)], check=True)


class Client:
    """A user of the broker, over TLS and MQTT 5."""

    def __init__(self, broker, folder, user, topic=None):
        self.got = []
        self._changed = threading.Condition()
        self._acks = {}
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5, client_id=f"test-{user}")
        context = ssl.create_default_context(cafile=folder / "ca.pem")
        context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
        self._client.tls_set_context(context)
        self._client.username_pw_set(user, PASSWORDS[user])
        self._client.on_publish = self._note_ack
        self._client.on_message = self._note_message
        self._client.on_subscribe = self._note_subscribed
        self._gone = threading.Event()
        self._client.on_disconnect = lambda *_: self._gone.set()
        self._subscribed = topic is None
        self._client.connect("localhost", broker.port)
        self._client.loop_start()
        if topic is not None:
            self._client.subscribe(topic, qos=1)
        with self._changed:
            assert self._changed.wait_for(lambda: self._subscribed, 10)

    def _note_ack(self, client, data, number, reason, properties):
        with self._changed:
            self._acks[number] = reason.value
            self._changed.notify_all()

    def _note_message(self, client, data, message):
        with self._changed:
            self.got.append((message.topic, message.payload))
            self._changed.notify_all()

    def _note_subscribed(self, *_):
        with self._changed:
            self._subscribed = True
            self._changed.notify_all()

    def publish(self, topic, payload=b"x"):
        """The broker's reason code."""
        number = self._client.publish(topic, payload, qos=1).mid
        with self._changed:
            assert self._changed.wait_for(lambda: number in self._acks, 10)
        return self._acks[number]

    def wait_for(self, wanted, timeout_s=20):
        with self._changed:
            assert self._changed.wait_for(lambda: any(wanted(*each) for each in self.got), timeout_s), self.got
        return next(each for each in self.got if wanted(*each))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.disconnect()
        self._gone.wait(10)
        self._client.loop_stop()


def test_a_device_writes_below_its_own_name_and_nowhere_else(broker, tmp_path):
    with Client(broker, tmp_path, "pump-7") as device:
        for topic in ("state", "health", "d/any_app", "now/any_app", "probe", "cmd/r"):
            assert device.publish(f"{ROOT}/{topic}") < 0x80, topic
        for topic in ("d/any_app", "state", "now/any_app"):
            assert device.publish(f"edge/1/plant-a/pump-8/{topic}") == NOT_AUTHORIZED, topic
            assert device.publish(f"edge/1/plant-b/pump-7/{topic}") == NOT_AUTHORIZED, topic


def test_only_the_monitor_confirms_and_only_under_its_own_name(broker, tmp_path):
    with Client(broker, tmp_path, "pump-7") as device, Client(broker, tmp_path, "pump-8") as other:
        assert device.publish(f"{ROOT}/ack/plant") == NOT_AUTHORIZED
        assert other.publish(f"{ROOT}/ack/plant") == NOT_AUTHORIZED
    with Client(broker, tmp_path, "plant") as monitor:
        assert monitor.publish(f"{ROOT}/ack/plant") < 0x80
        assert monitor.publish(f"{ROOT}/ack/office") == NOT_AUTHORIZED
        assert monitor.publish(f"{ROOT}/cmd") == NOT_AUTHORIZED


def test_a_device_reads_no_other_devices_messages(broker, tmp_path):
    with (
        Client(broker, tmp_path, "pump-8", "#") as curious,
        Client(broker, tmp_path, "plant", "edge/1/plant-a/#") as monitor,
        Client(broker, tmp_path, "pump-7") as device,
    ):
        device.publish(f"{ROOT}/d/any_app", b"secret")
        monitor.publish("edge/1/plant-a/pump-8/ack/plant", b"last")  # comes after it, and is for pump-8

        monitor.wait_for(lambda topic, payload: payload == b"secret")
        curious.wait_for(lambda topic, payload: payload == b"last")
        assert curious.got == [("edge/1/plant-a/pump-8/ack/plant", b"last")]


def device_file(folder, broker):
    """The page's `publish:` block under a small device."""
    block = next(text for text in blocks(PAGE, "yaml") if text.startswith("publish:"))
    block = block.replace("broker.plant-a:8883", f"localhost:{broker.port}")
    block = block.replace("/etc/edge-app/ca.pem", str(folder / "ca.pem"))
    path = folder / "pump-7.yaml"
    path.write_text(DEVICE.format(app=REPOSITORY / "tests" / "support" / "apps" / "level_watch") + block)
    return path


def test_doctor_reaches_the_broker_through_every_stage(broker, tmp_path):
    path = device_file(tmp_path, broker)

    done = edge_app("doctor", path, "--json", EDGE_APP_STATE=tmp_path / "state", EDGE_MQTT_PASSWORD=PASSWORDS["pump-7"])

    stages = {each["name"]: each["status"] for each in json.loads(done.stdout)["checks"] if "broker" in each["name"]}
    assert list(stages.values()) == ["ok"] * 5, done.stdout


def test_decisions_reach_the_monitor_and_its_receipt_deletes_them_on_the_device(broker, tmp_path):
    path = device_file(tmp_path, broker)
    secret = {"EDGE_APP_STATE": tmp_path / "state", "EDGE_MQTT_PASSWORD": PASSWORDS["pump-7"]}
    with (
        Client(broker, tmp_path, "plant", "edge/1/plant-a/#") as monitor,
        Running("run", path, "--json", **secret) as device,
    ):
        _, payload = monitor.wait_for(lambda topic, payload: topic == f"{ROOT}/d/level_watch")
        known = json.loads(monitor.wait_for(lambda topic, payload: b'"event":"known"' in payload)[1])
        receipt = [[known["jid"], known["boot"], [[0, known["seq"]]]]]
        assert monitor.publish(f"{ROOT}/ack/plant", json.dumps(receipt).encode()) < 0x80
        status, errors = device.stop()

    assert status == 0, errors
    assert json.loads(payload)["seq"] == 0
    with (
        Client(broker, tmp_path, "plant", "edge/1/plant-a/#") as monitor,
        Running("run", path, "--json", **secret) as device,
    ):
        birth = json.loads(monitor.wait_for(lambda topic, text: topic == f"{ROOT}/state" and b'"boot":2' in text)[1])
        device.stop()
    assert birth["depth"] <= 1  # at most the new boot's own `started`
    assert birth["first"] is None or birth["first"][1] == 2
