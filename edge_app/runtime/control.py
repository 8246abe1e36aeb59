"""Local control of a running device through a unix socket of mode 0600: one JSON line asks, one answers."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edge_app.core.errors import ControlError, EdgeAppError, NotRunning

log = logging.getLogger(__name__)

SOCKET_NAME = "control.sock"
LINE_LIMIT_BYTES = 4096
CLIENT_TIMEOUT_S = 2.0

Handler = Callable[[Mapping[str, Any]], Any]


class ControlServer:
    """Answers requests in a thread of its own; a client that hangs is dropped after two seconds."""

    def __init__(self, folder: Path, handler: Handler) -> None:
        self.path = folder / SOCKET_NAME
        self._handler = handler
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen. The device's lock is ours, so a socket that lies there is a dead one. Raises ControlError."""
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            server.bind(str(self.path))
        except OSError as error:
            server.close()
            raise ControlError(
                f"cannot make the control socket {self.path}: {error.strerror or error}",
                "Use a shorter --state-dir: a socket's path may have 107 characters.",
            ) from error
        finally:
            os.umask(mask)
        server.listen(4)
        self._socket = server
        self._thread = threading.Thread(target=self._serve, args=(server,), name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and remove the socket; may be called twice."""
        if self._socket is None:
            return
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._socket = None
        # A request that is being answered may still submit: whoever closes us closes the outbox next.
        if self._thread is not None:
            self._thread.join(2 * CLIENT_TIMEOUT_S)
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()

    def _serve(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):
                client.settimeout(CLIENT_TIMEOUT_S)
                client.sendall(self._answer(_read_line(client)) + b"\n")

    def _answer(self, line: bytes) -> bytes:
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise ValueError("not an object")
            answer = {"ok": True, "result": self._handler(request)}
        except (ValueError, RecursionError) as error:
            answer = {"ok": False, "what": f"not a request: {error}", "fix": "Send one JSON object on one line."}
        except EdgeAppError as error:
            answer = {"ok": False, "what": error.what, "fix": error.fix}
        except Exception as error:  # one request must not end all others
            log.exception("a control request failed")
            fix = "This is a fault of edge-app itself; the device's log shows where it happened."
            answer = {"ok": False, "what": f"{type(error).__name__}: {error}", "fix": fix}
        return json.dumps(answer).encode()


def ask(folder: Path, request: Mapping[str, Any], timeout_s: float = 5.0) -> Any:
    """Send one request to the process that runs the device and return its result.

    Raises
    ------
    NotRunning
        When nothing listens.
    ControlError
        When the process refuses.
    """
    path = folder / SOCKET_NAME
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(timeout_s)
        try:
            client.connect(str(path))
            client.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(_read_line(client, limit=1 << 20))
        except PermissionError as error:
            raise ControlError(
                f"no permission on {path}", "Run the command as the user that runs the device."
            ) from error
        except (OSError, ValueError) as error:
            raise NotRunning(
                f"no running process answers at {path}",
                "Start it with `edge-app run DEVICE.yaml`, or name its state folder with --state-dir.",
            ) from error
    if not answer.get("ok"):
        raise ControlError(str(answer.get("what")), str(answer.get("fix", "")))
    return answer["result"]


def _read_line(client: socket.socket, limit: int = LINE_LIMIT_BYTES) -> bytes:
    received = b""
    while b"\n" not in received:
        if len(received) > limit:
            raise OSError("line too long")
        block = client.recv(4096)
        if not block:
            break
        received += block
    return received.split(b"\n", 1)[0]
