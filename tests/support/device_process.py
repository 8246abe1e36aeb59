"""A device reduced to journal and outbox, as a process that may be killed: `python device_process.py '{…}'`.

Options (JSON): folder, port (0: a publisher that never connects), confirm, rate_hz, seconds, max_bytes, version,
fork_kills: [seconds, …] runs a child for each and kills it then.
After each commit a line `jid boot seq` is appended to `folder/committed`, with one write(): it survives kill -9.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from edge_app.core.clock import SystemClock
from edge_app.core.plugin import PublisherContext
from edge_app.core.results import Decision
from edge_app.journal.journal import Journal
from edge_app.runtime.outbox import Outbox
from edge_app.transport.plugins import MQTT, PublishConfig
from edge_app.transport.topics import Topics

SITE, DEVICE, APP = "plant-a", "pump-7", "test_app"
TOPICS = Topics(SITE, DEVICE)


class NeverConnects:
    """A publisher whose broker is away."""

    def start(self, *_: object) -> None: ...
    def publish(self, *_: object) -> bool:
        return False

    def reconnect(self) -> None: ...
    def close(self, *_: object) -> None: ...


def decision(number: int, level: str = "info", text: str = "x" * 100, event: str = "summary") -> Decision:
    """A decision of about 400 bytes."""
    return Decision(
        app=APP,
        app_version="1.0.0",
        pipeline="bearing",
        event=event,
        state="normal",
        level=level,
        flags=(),
        score=1234,
        threshold=8000,
        why={"text": text, "number": number},
        quality=100,
        wall_ms=1_767_225_600_000 + number,
        clock="ntp",
        mono_ms=number,
        window_ms=1000,
        model=None,
    )


LEVELS = ("ok", "info", "ok", "warn", "info", "ok", "ok", "info", "ok", "alarm")


def run(options: dict[str, Any]) -> None:
    """Submit decisions at the given rate until the time is over."""
    folder = Path(options["folder"])
    log = os.open(folder / "committed", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def committed(text: bytes, _decision: Decision) -> None:
        found = json.loads(text)
        os.write(log, b"%s %d %d\n" % (found["jid"].encode(), found["boot"], found["seq"]))

    clock = SystemClock()
    publisher: Any = NeverConnects()
    if options.get("port"):
        config = PublishConfig(broker=f"mqtt://127.0.0.1:{options['port']}", version=options.get("version", 5))
        publisher = MQTT.create(config, PublisherContext(SITE, DEVICE, clock, folder))
    with Journal(folder / "journal.db", options.get("max_bytes", 16 << 20)) as journal:
        outbox = Outbox(journal, publisher, TOPICS, DEVICE, options.get("confirm", "broker"), clock, [committed])
        outbox.start()
        begun_s, number = time.monotonic(), 0
        while time.monotonic() - begun_s < options["seconds"]:
            outbox.submit(decision(number, LEVELS[number % 10]), "alarm", {"number": number})
            number += 1
            time.sleep(max(0.0, begun_s + number / options["rate_hz"] - time.monotonic()))
        outbox.drain(options.get("drain_s", 10.0))
        outbox.close()
        if outbox.failure is not None:
            raise outbox.failure


def run_and_kill(options: dict[str, Any]) -> None:
    """One child for each instant: as if the process had been started anew, without the time imports take."""
    for instant_s in options["fork_kills"]:
        child = os.fork()
        if child == 0:
            try:
                run(options)
            finally:
                os._exit(1)
        time.sleep(instant_s)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    (run_and_kill if "fork_kills" in given else run)(given)
