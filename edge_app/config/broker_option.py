"""`--broker URL`: another broker than the configured one, with all else as configured."""

from __future__ import annotations

from dataclasses import replace

from pydantic import ValidationError

from edge_app.config import registry
from edge_app.config.resolved import ResolvedDevice, Stage
from edge_app.core.errors import ConfigError


def with_broker(device: ResolvedDevice, url: str | None, version: int = 5) -> ResolvedDevice:
    """The device with its broker replaced.

    Parameters
    ----------
    url : str or None
        A URL; "none" for no broker at all; None leaves the device as it is.
    version : int
        MQTT version that this broker is known to speak; 5 leaves it as configured.

    Raises
    ------
    ConfigError
        When the URL is none, or does not go with the rest of `publish:`.
    """
    if url is None:
        return device
    if url == "none":
        return replace(device, publish=None)
    plugin = device.publish.plugin if device.publish is not None else registry.find("publishers", "mqtt")
    given = device.publish.config.model_dump(exclude_unset=True) if device.publish is not None else {}
    known = {} if version == 5 else {"version": version}
    try:
        config = plugin.config.model_validate({**given, "broker": url, **known})
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        fix = "Write e.g. --broker mqtt://localhost:1883, or none."
        raise ConfigError(f"--broker {url}: {reason}.", fix) from error
    return replace(device, publish=Stage(plugin, config))
