"""Real brokers that refuse, or must be refused: each with what, where and how to fix; TLS before any word of MQTT."""

from __future__ import annotations

import queue
import socket
import ssl
import subprocess
import threading

import pytest
from acker import wait_until
from broker import free_port
from certificates import Authority
from device_process import TOPICS, decision
from outboxes import publisher, running
from tools import require

from edge_app.core.clock import SystemClock
from edge_app.core.messages import Connected, ConnectFailed
from edge_app.transport.probe import probe

pytestmark = pytest.mark.broker


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "certificates", "plant")


def tls_lines(signed, more="") -> str:
    return f"certfile {signed.cert}\nkeyfile {signed.key}\n{more}"


def first_event(link):
    """What the first attempt of a publisher comes to."""
    events: queue.SimpleQueue = queue.SimpleQueue()
    link.start(events.put, None)
    try:
        return events.get(timeout=15.0)
    finally:
        link.close()


def said(event) -> str:
    assert isinstance(event, ConnectFailed), event
    text = str(event.error)
    what, _, fix = text.partition("\n  ")
    assert what.startswith("broker mqtt")
    assert fix, "no remedy"
    return text


class PretendBroker:
    """Speaks TLS with a given certificate and keeps what it hears inside it."""

    def __init__(self, signed) -> None:
        self.heard = b""
        self.handshake = "none"
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(signed.cert, signed.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve_one)

    def _serve_one(self) -> None:
        plain, _ = self._listener.accept()
        plain.settimeout(5.0)
        try:
            with self._context.wrap_socket(plain, server_side=True) as secure:
                self.handshake = "done"
                self.heard = secure.recv(4096)
        except OSError as error:
            self.handshake = str(error)
            plain.close()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join(10.0)
        self._listener.close()


@pytest.mark.parametrize("version", [3, 5])
def test_a_session_over_tls_with_a_client_certificate_delivers(mosquitto, tmp_path, authority, version):
    signed, device = authority.issue("127.0.0.1"), authority.issue("pump-7")
    broker = mosquitto(tls_lines(signed, f"cafile {authority.cert}\nrequire_certificate true"))
    link = publisher(
        0, tmp_path, broker=f"mqtts://127.0.0.1:{broker.port}", ca=authority.cert, cert=device.cert, key=device.key,
        version=version,
    )  # fmt: skip
    assert isinstance(first_event(link), Connected)


def test_a_missing_client_certificate_is_suspected(mosquitto, tmp_path, authority):
    signed = authority.issue("127.0.0.1")
    broker = mosquitto(tls_lines(signed, f"cafile {authority.cert}\nrequire_certificate true"))
    event = first_event(publisher(0, tmp_path, broker=f"mqtts://127.0.0.1:{broker.port}", ca=authority.cert))
    assert "client certificate" in said(event)


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("wrong CA", "is not signed by the CA in"),
        ("system CAs", "is not signed by the system's CAs"),
        ("expired", "has expired"),
        ("wrong host name", "is for another name than 127.0.0.1"),
    ],
)
def test_a_broker_that_cannot_prove_itself_hears_no_word_of_mqtt(tmp_path, authority, broken, expected):
    signed = authority.issue("other.host" if broken == "wrong host name" else "127.0.0.1", expired=broken == "expired")
    ca = Authority(tmp_path / "stranger", "stranger").cert if broken == "wrong CA" else authority.cert
    with PretendBroker(signed) as broker:
        url, trusted = f"mqtts://127.0.0.1:{broker.port}", None if broken == "system CAs" else ca
        event = first_event(publisher(0, tmp_path, broker=url, ca=trusted, username="pump-7"))
    assert expected in said(event)
    assert event.permanent
    assert event.retry_s >= 30.0  # 60 s × at least 0.5
    assert broker.handshake not in ("none", "done")
    assert broker.heard == b""


def test_the_pretended_broker_would_have_heard_connect(tmp_path, authority):
    with PretendBroker(authority.issue("127.0.0.1")) as broker:
        first_event(publisher(0, tmp_path, broker=f"mqtts://127.0.0.1:{broker.port}", ca=authority.cert))
    assert b"MQTT" in broker.heard


@pytest.mark.parametrize("version", [3, 5])
def test_a_wrong_password_is_reported_once_and_tried_again_slowly(mosquitto, tmp_path, version):
    passwords = tmp_path / "passwords"
    passwords.write_text("pump-7:secret\n")
    program = require("mosquitto", "mosquitto")
    tool = next(program.parent.parent.rglob("mosquitto_passwd"), None)
    if tool is None:
        pytest.skip("no mosquitto_passwd to hash a password with")
    subprocess.run([tool, "-U", passwords], check=True)
    broker = mosquitto(f"password_file {passwords}", anonymous=False)
    (tmp_path / "right").write_text("secret\n")
    (tmp_path / "wrong").write_text("guess\n")
    keys = {"version": version, "username": "pump-7"}
    event = first_event(publisher(broker.port, tmp_path, password={"file": "wrong"}, **keys))
    assert "wrong user name or password" in said(event)
    assert "guess" not in said(event)
    assert event.permanent
    assert isinstance(first_event(publisher(broker.port, tmp_path, password={"file": "right"}, **keys)), Connected)


def test_a_broker_that_is_down_at_the_start_is_found_when_it_comes(mosquitto, tmp_path):
    port = free_port()
    with running(tmp_path, port) as outbox:
        outbox.submit(decision(0))
        assert wait_until(lambda: outbox.link[0] == "down")
        assert "nothing listens on this port" in outbox.link[1]
        assert outbox.drain(2.0), "the decision is safe in the journal"
        assert outbox.journal.depth == 1
        mosquitto(port=port)
        assert wait_until(lambda: outbox.journal.depth == 0, 15.0)


def test_names_that_do_not_exist_and_ports_that_speak_something_else_are_told_apart(mosquitto, tmp_path, authority):
    event = first_event(publisher(0, tmp_path, broker="mqtts://no-such-host.invalid"))
    assert "the name no-such-host.invalid is not known" in said(event)
    broker = mosquitto()
    event = first_event(publisher(0, tmp_path, broker=f"mqtts://127.0.0.1:{broker.port}", ca=authority.cert))
    assert "no TLS there" in said(event) or "connection was cut" in said(event)
    secure = mosquitto(tls_lines(authority.issue("127.0.0.1")))
    assert "mqtts://" in said(first_event(publisher(secure.port, tmp_path)))


def test_the_probe_names_each_stage_and_stops_at_the_first_that_fails(mosquitto, tmp_path, authority):
    clock, topic = SystemClock(), TOPICS.health
    broker = mosquitto(tls_lines(authority.issue("127.0.0.1")))
    good = publisher(0, tmp_path, broker=f"mqtts://127.0.0.1:{broker.port}", ca=authority.cert).settings
    stages = probe(good, topic, clock)
    assert [(stage.name, stage.ok) for stage in stages] == [
        ("name", True), ("TCP", True), ("TLS", True), ("MQTT", True), ("publish", True)
    ]  # fmt: skip
    wrong_ca = publisher(
        0, tmp_path, broker=f"mqtts://127.0.0.1:{broker.port}", ca=Authority(tmp_path / "x", "x").cert
    ).settings
    stages = probe(wrong_ca, topic, clock)
    assert [stage.ok for stage in stages] == [True, True, False]
    assert "publish.ca" in stages[-1].fix
    nobody = publisher(free_port(), tmp_path).settings
    assert [stage.ok for stage in probe(nobody, topic, clock)] == [True, False]
    unknown = publisher(0, tmp_path, broker="mqtts://no-such-host.invalid").settings
    assert [stage.name for stage in probe(unknown, topic, clock)] == ["name"]


def test_the_probe_does_not_throw_the_running_device_out(mosquitto, tmp_path):
    broker = mosquitto()
    with running(tmp_path, broker.port) as outbox:
        assert wait_until(lambda: outbox.link[0] == "up")
        probe(publisher(broker.port, tmp_path).settings, TOPICS.health, SystemClock())
        outbox.submit(decision(0))
        assert outbox.drain(5.0)
        assert outbox.counters()["sessions"] == 1


def test_the_probe_tells_a_forbidden_topic(mosquitto, tmp_path):
    acl = tmp_path / "acl"
    acl.write_text("topic read #\n")
    broker = mosquitto(f"acl_file {acl}")
    stages = probe(publisher(broker.port, tmp_path).settings, TOPICS.health, SystemClock())
    assert [stage.ok for stage in stages] == [True, True, True, True, False]
    assert "0x87" in stages[-1].said
