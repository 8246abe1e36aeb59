"""Why a broker could not be reached: every error of sockets, TLS and MQTT in a person's words."""

from __future__ import annotations

import errno
import socket
import ssl

from edge_app.core.errors import TransportError
from edge_app.transport.settings import BrokerSettings

UNSUPPORTED_VERSION = "version"
"""`BrokerError.code` when the broker does not speak our version of MQTT."""

# X.509 verification results. Source: OpenSSL x509_vfy.h, X509_V_ERR_*.
_EXPIRED, _NOT_YET = 10, 9
_NO_CHAIN = (2, 18, 19, 20, 21)
_WRONG_NAME = (62, 64)

# CONNACK reasons. Source: MQTT 5.0 table 3-1; 3.1.1 codes 1 to 5 are translated by the library.
_REFUSALS: dict[int, tuple[str, str, str, bool]] = {
    0x84: (UNSUPPORTED_VERSION, "it does not speak this version of MQTT", "Set `publish.version: 3`.", True),
    0x85: ("client_id", "it refuses the client id", "Set another `publish.client_id`.", True),
    0x86: (
        "password",
        "wrong user name or password",
        "Check `publish.username` and what `publish.password` names.",
        True,
    ),
    0x87: (
        "password",
        "not authorized (wrong user name or password, or not allowed to connect)",
        "Check `publish.username` and what `publish.password` names, and the broker's access list.",
        True,
    ),
    0x88: ("unavailable", "it is not available now", "It is tried again.", False),
    0x89: ("busy", "it is busy", "It is tried again.", False),
    0x8A: ("banned", "this client is banned", "Ask who runs the broker.", True),
    0x8C: ("method", "it wants another way of authentication", "Ask who runs the broker.", True),
    0x90: ("will", "it refuses the topic of our last will", "Allow the device to write its `…/state` topic.", True),
    0x97: ("quota", "a quota is used up", "It is tried again.", False),
    0x9A: ("retain", "it does not support retained messages", "Choose a broker that does.", True),
    0x9B: ("qos", "it does not support QoS 1", "Choose a broker that does.", True),
    0x9F: ("rate", "too many connections a second", "It is tried again.", False),
}


class BrokerError(Exception):
    """A TransportError with what the link needs to know of it."""

    def __init__(self, code: str, what: str, fix: str, permanent: bool) -> None:
        super().__init__(what)
        self.code = code
        """Short name: name, refused, timeout, unreachable, ca, expired, host, tls, password, closed …"""
        self.permanent = permanent
        """Only a person can mend it."""
        self.error = TransportError(what, fix)


def explain(error: Exception, settings: BrokerSettings) -> BrokerError:
    """What an exception of connecting means."""
    if isinstance(error, TransportError):
        return BrokerError("file", error.what, error.fix, True)
    code, why, fix, permanent = _meaning(error, settings)
    found = BrokerError(code, f"broker {settings.url}: {why}.", fix, permanent)
    found.error.__cause__ = error
    return found


def _meaning(error: Exception, settings: BrokerSettings) -> tuple[str, str, str, bool]:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error, settings)
    if isinstance(error, ssl.SSLError):
        why = f"no TLS there ({getattr(error, 'reason', None) or error})"
        return "tls", why, "Check the port (8883 as a rule), or use mqtt:// on this machine only.", True
    if isinstance(error, socket.gaierror):
        why = f"the name {settings.host} is not known ({error.strerror})"
        return "name", why, "Check its spelling and the network's name server.", False
    if isinstance(error, ConnectionRefusedError):
        why = "the machine answers, but nothing listens on this port"
        return "refused", why, "Start the broker, or check the port in `publish.broker`.", False
    if isinstance(error, TimeoutError):
        return "timeout", "no answer in time", "Check the network, the address, and firewalls between.", False
    if isinstance(error, ConnectionError):
        return "closed", "the connection was cut", "Check that an MQTT broker listens there, and its log.", False
    if isinstance(error, OSError) and error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN):
        return "unreachable", "there is no way to it", "Check the network cable or Wi-Fi, and the address.", False
    return "other", str(error) or type(error).__name__, "`edge-app doctor` tries it step by step.", False


def _certificate(error: ssl.SSLCertVerificationError, settings: BrokerSettings) -> tuple[str, str, str, bool]:
    trusted = f"the CA in {settings.ca}" if settings.ca else "the system's CAs"
    if error.verify_code == _EXPIRED:
        return "expired", "its certificate has expired", "Renew it on the broker; check this device's clock too.", True
    if error.verify_code == _NOT_YET:
        return "expired", "its certificate is not valid yet", "Check this device's clock (`timedatectl`).", True
    if error.verify_code in _WRONG_NAME:
        why = f"its certificate is for another name than {settings.host}"
        return "host", why, "Use the name in the certificate in `publish.broker`, or renew the certificate.", True
    if error.verify_code in _NO_CHAIN:
        why = f"its certificate is not signed by {trusted}"
        return "ca", why, "Set `publish.ca:` to the certificate of the CA that signed it.", True
    return "certificate", f"its certificate is refused: {error.verify_message}", "Renew it on the broker.", True


def refusal(reason: int, settings: BrokerSettings, text: str) -> BrokerError:
    """What the broker's answer to CONNECT means."""
    fallback = ("refused_connect", f"it refuses the connection: {text}", "See the broker's log.", False)
    code, why, fix, permanent = _REFUSALS.get(reason, fallback)
    return BrokerError(code, f"broker {settings.url}: {why}.", fix, permanent)


def closed_early(settings: BrokerSettings, closed: bool) -> BrokerError:
    """TCP (and TLS) worked, but no answer to CONNECT came."""
    why = "it closed the connection without an answer" if closed else "it accepts connections but does not answer"
    fix = "Check that it is an MQTT broker"
    if settings.tls and settings.cert is None:
        fix += ", and whether it wants a client certificate (`publish.cert`, `publish.key`)"
    elif not settings.tls:
        fix += ", and whether it wants TLS (mqtts://)"
    return BrokerError("closed" if closed else "silent", f"broker {settings.url}: {why}.", fix + ".", False)
