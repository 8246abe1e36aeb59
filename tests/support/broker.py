"""A real mosquitto for one test: started on a free loopback port, killed and restarted at the test's word."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Broker:
    """A mosquitto process with a folder of its own.

    Parameters
    ----------
    program : Path
        The mosquitto to run.
    folder : Path
        Empty folder for configuration, log and persistence.
    lines : str
        Further configuration lines; `{folder}` stands for the folder. Options of a listener (TLS, passwords)
        go here too: they follow the `listener` line.
    port : int
        TCP port (0: a free one), kept across restarts.
    anonymous : bool
        Whether clients without a password may connect.
    """

    def __init__(self, program: Path, folder: Path, lines: str = "", port: int = 0, anonymous: bool = True) -> None:
        self.program = program
        self.folder = folder
        self.lines = lines
        self.port = port or free_port()
        self.anonymous = anonymous
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """Address the broker listens on."""
        return "127.0.0.1"

    @property
    def url(self) -> str:
        """`mqtt://` address for a device configuration or `--broker`."""
        return f"mqtt://{self.host}:{self.port}"

    @property
    def log(self) -> str:
        """Everything mosquitto has said so far, over all its starts."""
        path = self.folder / "mosquitto.log"
        return path.read_text() if path.exists() else ""

    def configuration(self) -> str:
        """The text of mosquitto.conf: global options first, then the listener, then the test's own lines."""
        anonymous = "true" if self.anonymous else "false"
        user = "user root\n" if os.geteuid() == 0 else ""  # else it drops to a user who may not exist here
        return (
            f"{user}listener {self.port} {self.host}\nallow_anonymous {anonymous}\n"
            f"log_dest stderr\nlog_type all\nconnection_messages true\n{self.lines.format(folder=self.folder)}\n"
        )

    def start(self, timeout_s: float = 10.0) -> Broker:
        """Starts mosquitto and returns once it accepts connections."""
        if self.process is not None:
            raise RuntimeError("the broker is already running")
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "mosquitto.conf"
        path.write_text(self.configuration())
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.program), "-c", str(path)], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._wait_until_listening(timeout_s)
        return self

    def _wait_until_listening(self, timeout_s: float) -> None:
        assert self.process is not None
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            if self.process.poll() is not None:
                self.process = None
                raise RuntimeError(f"mosquitto did not start:\n{self.log[-2000:]}")
            try:
                socket.create_connection((self.host, self.port), timeout=1.0).close()
                return
            except OSError:
                time.sleep(0.01)
        self.kill()
        raise RuntimeError(f"mosquitto did not listen within {timeout_s} s:\n{self.log[-2000:]}")

    def _end(self, number: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """Ends mosquitto in good order (SIGTERM: it saves what it persists). Harmless when it is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends mosquitto at once (SIGKILL: nothing is saved). Harmless when it is not running."""
        self._end(signal.SIGKILL)

    def restart(self) -> Broker:
        """Starts it again on the same port and folder, killing it first when it still runs."""
        self.kill()
        return self.start()

    def pause(self) -> None:
        """Freezes the process (SIGSTOP): connections stay open and nothing answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a frozen process go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Broker:
        return self if self.process is not None else self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
        self.stop()
