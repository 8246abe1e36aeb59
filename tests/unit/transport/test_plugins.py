"""What a person may write under `publish:`, and what is refused with which words."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from edge_app.core.clock import SystemClock
from edge_app.core.errors import TransportError
from edge_app.core.plugin import PublisherContext
from edge_app.transport.plugins import MQTT, PublishConfig, broker_settings


def settings(tmp_path, **keys):
    return broker_settings(PublishConfig(**keys), PublisherContext("plant-a", "pump-7", SystemClock(), tmp_path))


def test_a_url_alone_is_enough_and_the_rest_has_defaults(tmp_path):
    found = settings(tmp_path, broker="mqtts://broker.plant-a")
    assert (found.host, found.port, found.tls, found.version) == ("broker.plant-a", 8883, True, 5)
    assert found.client_id == "edge-plant-a-pump-7"
    assert settings(tmp_path, broker="mqtt://localhost").port == 1883
    assert settings(tmp_path, broker="mqtt://[::1]:1884").url == "mqtt://[::1]:1884"


def test_the_password_comes_from_the_environment_or_a_file_and_is_never_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGE_MQTT_PASSWORD", "secret")
    (tmp_path / "password").write_text("from file\n")
    keys = {"broker": "mqtts://b", "username": "pump-7"}
    from_env = settings(tmp_path, password={"env": "EDGE_MQTT_PASSWORD"}, **keys)
    assert from_env.password == "secret"
    assert "secret" not in repr(from_env)
    assert settings(tmp_path, password={"file": "password"}, **keys).password == "from file"


def test_a_secret_that_is_not_there_is_named_by_its_place(tmp_path, monkeypatch):
    monkeypatch.delenv("NOT_SET", raising=False)
    keys = {"broker": "mqtts://b", "username": "pump-7"}
    with pytest.raises(TransportError, match="environment variable NOT_SET is not set"):
        settings(tmp_path, password={"env": "NOT_SET"}, **keys)
    with pytest.raises(TransportError, match=r"nothing cannot be read: No such file"):
        settings(tmp_path, password={"file": "nothing"}, **keys)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"broker": "broker.plant-a"}, "must begin with mqtt:// or mqtts://"),
        ({"broker": "mqtts://user:pass@b"}, "do not belong into the URL"),
        ({"broker": "mqtts://b/topic"}, "nothing more"),
        ({"broker": "mqtts://b:99999"}, "1 to 65535"),
        ({"broker": "mqtt://b:0", "allow_plaintext": True}, "1 to 65535"),
        ({"broker": "mqtt://broker.plant-a"}, "unencrypted"),
        ({"broker": "mqtt://192.168.1.5"}, "allow_plaintext"),
        ({"broker": "mqtt://localhost", "ca": "ca.pem"}, "need mqtts://"),
        ({"broker": "mqtts://b", "cert": "x.pem"}, "go together"),
        ({"broker": "mqtts://b", "insecure": True}, "certificates are always checked"),
        ({"broker": "mqtts://b", "username": "u", "password": "plain"}, "a password is not written here"),
        ({"broker": "mqtts://b", "username": "u", "password": {}}, "either env: or file:"),
        ({"broker": "mqtts://b", "password": {"env": "X"}}, "needs a username"),
        ({"broker": "mqtts://b", "confirm": {"by": []}}, "at least 1"),
        ({"broker": "mqtts://b", "confirm": {"by": ["plant", "plant"]}}, "named twice"),
        ({"broker": "mqtts://b", "confirm": {"by": ["Plant A"]}}, "pattern"),
        ({"broker": "mqtts://b", "version": 4}, "3 or 5"),
        ({"broker": "mqtts://b", "prefix": "a//b"}, "prefix"),
        ({"broker": "mqtts://b", "clientid": "x"}, "Extra inputs"),
    ],
)
def test_what_cannot_work_or_would_be_unsafe_is_refused(keys, expected):
    with pytest.raises(ValidationError) as refused:
        PublishConfig(**keys)
    assert expected in str(refused.value)


def test_plaintext_is_for_this_machine_or_whoever_insists():
    for url in ("mqtt://localhost", "mqtt://127.0.0.1:1999", "mqtt://[::1]"):
        PublishConfig(broker=url)
    PublishConfig(broker="mqtt://192.168.1.5", allow_plaintext=True)


def test_creating_the_publisher_connects_nothing(tmp_path):
    context = PublisherContext("plant-a", "pump-7", SystemClock(), tmp_path)
    publisher = MQTT.create(PublishConfig(broker="mqtts://no-such-host.invalid"), context)
    publisher.close()
    publisher.close()


def test_a_certificate_file_that_is_not_there_is_refused_at_once(tmp_path):
    """Like a password's file: waiting mends neither."""
    context = PublisherContext("plant-a", "pump-7", SystemClock(), tmp_path)
    with pytest.raises(TransportError, match=r"`publish\.ca`: .*missing\.pem cannot be used: No such file"):
        MQTT.create(PublishConfig(broker="mqtts://localhost", ca="missing.pem"), context)
