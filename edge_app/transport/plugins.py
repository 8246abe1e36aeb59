"""Publishers as a configuration names them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from edge_app.core.errors import TransportError
from edge_app.core.names import ID_PATTERN
from edge_app.core.plugin import Plugin, PublisherContext
from edge_app.transport.settings import BrokerSettings, is_loopback, split_url
from edge_app.transport.topics import check_prefix

Monitor = Annotated[str, Field(pattern=ID_PATTERN)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Secret(_Strict):
    """Where a secret is, never the secret itself: files of configurations are copied and committed."""

    env: str | None = Field(None, description="Environment variable that holds it.", min_length=1)
    file: Path | None = Field(None, description="File that holds it, one line; relative to the device's file.")

    @model_validator(mode="before")
    @classmethod
    def _no_plain_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError("a password is not written here; name where it is: {env: EDGE_MQTT_PASSWORD} or {file: …}")
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> Secret:
        if (self.env is None) == (self.file is None):
            raise ValueError("give either env: or file:")
        return self

    def read(self, base_dir: Path) -> str:
        """The secret. Raises TransportError that names the place, never the secret."""
        if self.env is not None:
            value = os.environ.get(self.env)
            if value is None:
                what = f"`publish.password`: the environment variable {self.env} is not set."
                raise TransportError(what, f"Set it for the service, or `export {self.env}=…` in this shell.")
            return value
        path = base_dir / Path(str(self.file)).expanduser()
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            what = f"`publish.password`: {path} cannot be read: {reason}."
            raise TransportError(what, "Make it readable for this user only (mode 0600).") from error


class ConfirmBy(_Strict):
    """End-to-end receipts."""

    by: list[Monitor] = Field(description="Monitors that must all have a decision before it is deleted.", min_length=1)

    @field_validator("by")
    @classmethod
    def _no_name_twice(cls, value: list[str]) -> list[str]:
        if len(set(value)) != len(value):
            raise ValueError("a monitor is named twice")
        return value


class PublishConfig(_Strict):
    """How decisions leave the device."""

    broker: str = Field(description="mqtts://host[:8883]; mqtt://host[:1883] on this machine, or with allow_plaintext.")
    version: Literal[3, 5] = Field(
        5, description="MQTT version: 5, stepping down to 3.1.1 when the broker does not speak 5; 3 is 3.1.1 only."
    )
    username: str | None = Field(None, description="User name at the broker.")
    password: Secret | None = Field(None, description="Where the password is: {env: NAME} or {file: PATH}.")
    ca: Path | None = Field(None, description="CA certificate(s) to trust, PEM; without it the system's.")
    cert: Path | None = Field(None, description="This device's certificate, PEM.")
    key: Path | None = Field(None, description="Private key of `cert`, PEM, without password.")
    client_id: str | None = Field(
        None, description="MQTT client id; without it `edge-<site>-<device>`.", min_length=1, max_length=128
    )
    keepalive_s: int = Field(60, description="Silence after which the connection is tested (s).", ge=5, le=3600)
    confirm: Literal["broker"] | ConfirmBy = Field(
        "broker", description="When a decision is deleted: the broker has it, or {by: [monitors]} have confirmed it."
    )
    allow_plaintext: bool = Field(False, description="Send unencrypted over a network. Everybody on it can read along.")
    prefix: str = Field("edge", description="First level(s) of every topic.")

    @field_validator("broker")
    @classmethod
    def _is_a_url(cls, value: str) -> str:
        split_url(value)
        return value

    @field_validator("prefix")
    @classmethod
    def _is_a_prefix(cls, value: str) -> str:
        return check_prefix(value)

    @model_validator(mode="before")
    @classmethod
    def _verification_stays_on(cls, value: Any) -> Any:
        if isinstance(value, dict):
            for name in ("insecure", "tls_insecure", "verify", "skip_verify"):
                if name in value:
                    raise ValueError(
                        f"`{name}` does not exist: certificates are always checked; name the CA with `ca:`"
                    )
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> PublishConfig:
        host, _, tls = split_url(self.broker)
        if not tls and (self.ca or self.cert or self.key):
            raise ValueError("ca, cert and key need mqtts://")
        if not tls and not is_loopback(host) and not self.allow_plaintext:
            raise ValueError(
                f"mqtt://{host} would send everything unencrypted over the network; use mqtts://, "
                "or set `allow_plaintext: true` if that is meant"
            )
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key go together")
        if self.password is not None and self.username is None:
            raise ValueError("a password needs a username")
        return self


def broker_settings(config: PublishConfig, context: PublisherContext) -> BrokerSettings:
    """The configuration with secrets read and paths made whole. Raises TransportError."""
    host, port, tls = split_url(config.broker)

    def whole(path: Path | None) -> Path | None:
        return None if path is None else context.base_dir / path.expanduser()

    return BrokerSettings(
        host=host,
        port=port,
        tls=tls,
        client_id=config.client_id or f"edge-{context.site}-{context.device}",
        version=config.version,
        username=config.username,
        password=None if config.password is None else config.password.read(context.base_dir),
        ca=whole(config.ca),
        cert=whole(config.cert),
        key=whole(config.key),
        keepalive_s=config.keepalive_s,
    )


def _create_mqtt(config: PublishConfig, context: PublisherContext) -> Any:
    from edge_app.transport.mqtt import MqttPublisher
    from edge_app.transport.settings import tls_context

    settings = broker_settings(config, context)
    if settings.tls:
        tls_context(settings)  # a CA or certificate that cannot be read is refused now, not at every attempt
    return MqttPublisher(settings, context.clock)


MQTT = Plugin(
    name="mqtt",
    summary="MQTT 3.1.1 and 5, TLS, durable delivery",
    config=PublishConfig,
    create=_create_mqtt,
    micropython=True,
)
