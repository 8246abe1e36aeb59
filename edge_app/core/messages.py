"""What goes to a broker and what comes back from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message for the broker."""

    topic: str
    payload: bytes
    qos: int = 1
    """0 or 1."""
    retain: bool = False
    expiry_s: int | None = None
    """How long the broker may keep it for someone (s); None for ever. MQTT 5 only."""
    schema: str = ""
    """Which schema the payload follows, "decision/1"; MQTT 5 sends it as user property `schema`."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A session with the broker has begun; nothing sent in an earlier one will be acknowledged any more."""

    version: str
    """"3.1.1" or "5"."""
    receive_maximum: int
    """QoS 1 messages the broker takes at once."""
    refused: tuple[str, ...] = ()
    """Topic filters the broker does not let us subscribe to."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The session is over."""

    reason: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The broker has taken (reason below 0x80) or refused one QoS 1 message of this session."""

    token: int
    """As handed to `publish`."""
    reason: int
    """MQTT 5 reason code; always 0 on 3.1.1."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message on one of our subscriptions."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """One attempt to reach the broker failed; attempts go on."""

    error: Exception
    """A TransportError: what, where, how to fix."""
    permanent: bool
    """True when only a person can mend it (wrong password, wrong certificate): tried again slowly."""
    retry_s: float
    """Time to the next attempt (s)."""


PublisherEvent = Connected | Disconnected | Acknowledged | Received | ConnectFailed
