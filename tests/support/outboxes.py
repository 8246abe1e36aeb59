"""A whole outbox against a broker, in the test's own process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from device_process import DEVICE, SITE, TOPICS

from edge_app.core.clock import SystemClock
from edge_app.core.plugin import PublisherContext
from edge_app.journal.journal import Journal
from edge_app.runtime.outbox import Outbox
from edge_app.transport.plugins import MQTT, PublishConfig


def publisher(port: int, folder: Path, **keys: Any) -> Any:
    """An MqttPublisher as the configuration makes it."""
    config = PublishConfig(**{"broker": f"mqtt://127.0.0.1:{port}", **keys})
    return MQTT.create(config, PublisherContext(SITE, DEVICE, SystemClock(), folder))


@contextlib.contextmanager
def running(folder: Path, port: int, confirm: Any = "broker", **options: Any) -> Iterator[Outbox]:
    """An outbox with its journal in `folder`, started; the journal is `outbox.journal`."""
    keys = {name: options.pop(name) for name in ("version", "username", "password") if name in options}
    max_bytes = options.pop("max_bytes", 16 << 20)
    with Journal(folder / "journal.db", max_bytes) as journal:
        outbox = Outbox(journal, publisher(port, folder, **keys), TOPICS, DEVICE, confirm, SystemClock(), **options)
        outbox.journal = journal  # type: ignore[attr-defined]
        outbox.start()
        try:
            yield outbox
        finally:
            outbox.close()
        assert outbox.failure is None
