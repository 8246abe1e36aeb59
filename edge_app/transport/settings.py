"""How to reach a broker: plain values, and the TLS context made of them."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge_app.core.errors import TransportError

PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True)
class BrokerSettings:
    """Everything a session needs; files not read yet, secrets resolved."""

    host: str
    port: int
    tls: bool
    client_id: str
    version: int = 5
    """5 (3.1.1 is tried when the broker does not speak 5), or 3 for 3.1.1."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    """Certificates to trust; None: the system's."""
    cert: Path | None = None
    key: Path | None = field(default=None, repr=False)
    keepalive_s: int = 60

    @property
    def url(self) -> str:
        """Where it is, for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def split_url(url: str) -> tuple[str, int, bool]:
    """(host, port, tls) of mqtt://host[:port] or mqtts://host[:port]. Raises ValueError that says what is wrong."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS:
        raise ValueError(f"{url!r} must begin with mqtt:// or mqtts://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("user name and password do not belong into the URL; use `username:` and `password: {env: …}`")
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"{url!r} must be {parts.scheme}://host or {parts.scheme}://host:port, nothing more")
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError(f"the port in {url!r} must be 1 to 65535") from error
    if port == 0:
        raise ValueError(f"the port in {url!r} must be 1 to 65535")
    return parts.hostname, port or PORTS[parts.scheme], parts.scheme == "mqtts"


def is_loopback(host: str) -> bool:
    """Whether the traffic stays on this machine, by name or number; no name is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class TLSContext(ssl.SSLContext):
    """Remembers its last socket: paho leaves it open when the handshake fails."""

    last: ssl.SSLSocket | None = None

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        self.last = super().wrap_socket(*args, **options)
        return self.last

    def close_last(self) -> None:
        """Close what the last handshake left."""
        if self.last is not None:
            self.last.close()
            self.last = None


def tls_context(settings: BrokerSettings) -> TLSContext:
    """Context that checks certificate and host name, TLS 1.2 or later. Raises TransportError naming the bad file."""
    context = TLSContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Left out on purpose: VERIFY_X509_STRICT, Python 3.13's default, refuses most home-made CAs for missing extensions.
    if settings.ca is None:
        context.load_default_certs()
    else:
        _load(settings.ca, "ca", lambda: context.load_verify_locations(cafile=settings.ca))
    if settings.cert is not None:
        cert = settings.cert
        _load(cert, "cert", lambda: context.load_cert_chain(cert, settings.key, password=_refuse_password))
    return context


def _refuse_password() -> str:
    """Instead of asking on the terminal of a device that has none."""
    raise ValueError("the key is protected by a password")


def _load(path: Path, name: str, load: Callable[[], None]) -> None:
    try:
        load()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        if isinstance(error, ssl.SSLError):
            reason = f"not a usable PEM file ({getattr(error, 'reason', None) or error})"
        raise TransportError(
            f"`publish.{name}`: {path} cannot be used: {reason}.",
            "It must be readable by this user, in PEM form, and a certificate must fit its key.",
        ) from error
