"""Every way a broker can be out of reach, in a person's words: no library's error comes through unmapped."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from edge_app.core.errors import TransportError
from edge_app.transport.broker_errors import closed_early, explain, refusal
from edge_app.transport.settings import BrokerSettings, tls_context

SETTINGS = BrokerSettings("broker.plant-a", 8883, True, "edge-plant-a-pump-7")


def certificate_error(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = code, "text of OpenSSL"
    return error


@pytest.mark.parametrize(
    ("error", "code", "permanent"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "name", False),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "refused", False),
        (TimeoutError("timed out"), "timeout", False),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "closed", False),
        (BrokenPipeError(errno.EPIPE, "pipe"), "closed", False),
        (OSError(errno.EHOSTUNREACH, "no route"), "unreachable", False),
        (OSError(errno.ENETUNREACH, "no network"), "unreachable", False),
        (ssl.SSLError(1, "wrong version number"), "tls", True),
        (certificate_error(10), "expired", True),
        (certificate_error(9), "expired", True),
        (certificate_error(62), "host", True),
        (certificate_error(64), "host", True),
        (certificate_error(18), "ca", True),
        (certificate_error(19), "ca", True),
        (certificate_error(20), "ca", True),
        (certificate_error(23), "certificate", True),
        (OSError(errno.EMFILE, "too many open files"), "other", False),
        (ValueError("odd"), "other", False),
        (TransportError("a file", "mend it"), "file", True),
    ],
)
def test_each_error_says_what_and_how_to_fix_and_whether_waiting_helps(error, code, permanent):
    found = explain(error, SETTINGS)
    assert (found.code, found.permanent) == (code, permanent)
    assert isinstance(found.error, TransportError)
    assert found.error.fix
    if code != "file":
        assert "mqtts://broker.plant-a:8883" in found.error.what


def test_every_reason_a_broker_may_give_for_refusing_has_words():
    """The list is paho's own, from MQTT 5.0 table 3-1."""
    codes = [code for code, kinds in ReasonCode(PacketTypes.CONNACK).names.items() for types in kinds.values()
             if PacketTypes.CONNACK in types]  # fmt: skip
    assert len(codes) > 20
    for code in codes:
        if code >= 0x80:
            found = refusal(code, SETTINGS, "text")
            assert found.error.fix
            assert "broker mqtts://broker.plant-a:8883" in found.error.what
    assert refusal(0x86, SETTINGS, "").permanent
    assert refusal(0x87, SETTINGS, "").permanent
    assert not refusal(0x88, SETTINGS, "").permanent


def test_silence_suggests_tls_to_one_and_a_client_certificate_to_the_other():
    plain = BrokerSettings("localhost", 1883, False, "x")
    assert "mqtts://" in closed_early(plain, True).error.fix
    assert "client certificate" in closed_early(SETTINGS, True).error.fix


def test_a_missing_or_broken_certificate_file_is_named(tmp_path):
    with pytest.raises(TransportError, match=r"missing\.pem cannot be used: No such file"):
        tls_context(BrokerSettings("b", 1, True, "x", ca=tmp_path / "missing.pem"))
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    with pytest.raises(TransportError, match="not a usable PEM file"):
        tls_context(BrokerSettings("b", 1, True, "x", ca=broken))
    with pytest.raises(TransportError, match=r"publish\.cert"):
        tls_context(BrokerSettings("b", 1, True, "x", cert=broken, key=broken))
