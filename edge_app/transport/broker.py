"""A broker for the demo, on this machine only: mosquitto when there is one, else amqtt (extra `[demo]`)."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType

from edge_app.core.clock import Clock, SystemClock
from edge_app.core.errors import TransportError

HOST = "127.0.0.1"
START_S = 10.0
"""Longest wait until a broker listens."""
TRIES = 3
"""Another program may take the free port before the broker does."""
STOP_S = 3.0

_MOSQUITTO = """\
{user}listener {port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
persistence false
log_dest stderr
log_type error
"""


def find_mosquitto() -> Path | None:
    """EDGE_APP_MOSQUITTO, `.tools/bin` of the project or of the current folder, PATH, Debian's place for daemons."""
    named = os.environ.get("EDGE_APP_MOSQUITTO")
    if named:
        return Path(named)
    project = Path(__file__).resolve().parents[2]
    for folder in (project, Path.cwd()):
        program = folder / ".tools" / "bin" / "mosquitto"
        if os.access(program, os.X_OK):
            return program
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


class DemoBroker:
    """A broker process on a free loopback port: `with DemoBroker() as broker: broker.url`."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.port = 0
        self.kind = ""
        """"mosquitto" or "amqtt"."""
        self.version = 5
        """MQTT version it speaks: 5, or 3 (3.1.1) for amqtt, which leaves clients of version 5 without an answer."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"mqtt://{HOST}:{self.port}"

    def start(self) -> None:
        """Start it and wait until it listens. Raises TransportError."""
        program = find_mosquitto()
        if program is None and importlib.util.find_spec("amqtt") is None:
            raise TransportError(
                "no MQTT broker for the demo: neither mosquitto nor amqtt is installed.",
                "`sudo apt install mosquitto`, or `pip install 'edge-app[demo]'`, or name one with `--broker URL`.",
            )
        self.kind = "mosquitto" if program is not None else "amqtt"
        self.version = 5 if program is not None else 3
        self._folder = tempfile.TemporaryDirectory(prefix="edge-app-broker-", ignore_cleanup_errors=True)
        for _ in range(TRIES):
            self.port = _free_port()
            self._process = self._spawn(program)
            if self._listens():
                return
            self._end()
        said = self._said()
        self.close()
        raise TransportError(
            f"the demo's broker ({program or 'amqtt'}) does not start: {said or 'it says nothing'}",
            "Start a broker yourself and name it with `--broker mqtt://localhost:1883`.",
        )

    def _spawn(self, program: Path | None) -> subprocess.Popen[bytes]:
        folder = Path(str(self._folder.name)) if self._folder is not None else Path()
        if program is not None:
            # Started by root it would become user mosquitto, who may not exist.
            user = "user root\n" if os.geteuid() == 0 else ""
            config = folder / "mosquitto.conf"
            config.write_text(_MOSQUITTO.format(user=user, port=self.port))
            # It ends with us however we end; amqtt notices by itself that its standard input is over.
            leash = shutil.which("setpriv")
            command = [*([leash, "--pdeathsig", "TERM"] if leash else []), str(program), "-c", str(config)]
        else:
            command = [sys.executable, "-c", f"from edge_app.transport.broker import serve; serve({self.port})"]
        with open(folder / "log", "wb") as log:
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)

    def _listens(self) -> bool:
        until_s = self._clock.monotonic_s() + START_S
        while self._process is not None and self._process.poll() is None and self._clock.monotonic_s() < until_s:
            with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1.0):
                return True
            self._clock.sleep_s(0.02)
        return False

    def _said(self) -> str:
        """Last line of the broker's log."""
        if self._folder is None:
            return ""
        lines = (Path(self._folder.name) / "log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self) -> None:
        """Stop it; idempotent."""
        self._end()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> DemoBroker:
        try:
            self.start()
        except BaseException:  # Ctrl-C while it starts: it must not outlive us
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def serve(port: int) -> None:
    """Run amqtt in this process until its standard input ends or SIGTERM comes."""
    # What amqtt says on every connection helps nobody here.
    logging.disable(logging.ERROR)
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(_serve(port))


async def _serve(port: int) -> None:
    from amqtt.broker import Broker

    class LoopbackBroker(Broker):  # type: ignore[misc]
        """amqtt 0.12 sends a new session retained messages for everybody's filters; this one for its own only."""

        async def _publish_retained_messages_for_subscription(self, subscription, session):  # type: ignore[no-untyped-def]
            holders = self._subscriptions.get(subscription[0], [])
            if any(holder.client_id == session.client_id for holder, _ in holders):
                await super()._publish_retained_messages_for_subscription(subscription, session)

    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}", "max_connections": 50}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    broker = LoopbackBroker(config)
    await broker.start()
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    # The demo may be killed without a word: its end of the pipe closes then.
    loop.add_reader(sys.stdin.fileno(), over.set)
    await over.wait()
    await broker.shutdown()
