"""A real sound server for one test: JACK with its dummy driver, and microphones that hear a sine.

Open PortAudio streams with a **callback**: blocking reads over JACK corrupt memory in Debian's PortAudio 19.6.0
("malloc(): corrupted top size"); found by trying both. PortAudio lists the devices once per start: after a
microphone has come or gone, `sounddevice._terminate(); sounddevice._initialize()` makes it look again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tools import TOOLS, require

HERE = Path(__file__).parent


def audio_environment() -> dict[str, str]:
    """LD_LIBRARY_PATH and JACK_DRIVER_DIR of `.tools/audio`, fetched when missing."""
    require("jackd", "audio")
    lines = (TOOLS / "audio" / "env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


class SoundServer:
    """A JACK server (48 kHz, two silent inputs called "system") of its own name, ended with the test.

    Parameters
    ----------
    folder : Path
        Where its log goes.
    rate_hz : int
        Sampling rate; JACK converts for nobody.
    """

    def __init__(self, folder: Path, rate_hz: int = 48000) -> None:
        self.folder = folder
        self.rate_hz = rate_hz
        self.name = ""
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self._libraries = audio_environment()

    @property
    def environment(self) -> dict[str, str]:
        """What a child process needs so that `import sounddevice` works and finds this server (add to os.environ)."""
        libraries = self._libraries["LD_LIBRARY_PATH"]  # not for children: it would reach every program they start
        kept = {key: value for key, value in self._libraries.items() if key != "LD_LIBRARY_PATH"}
        return {
            **kept,
            "JACK_DEFAULT_SERVER": self.name,
            "JACK_NO_START_SERVER": "1",
            "JACK_NO_AUDIO_RESERVATION": "1",
            "EDGE_TEST_PORTAUDIO": libraries,
            "PYTHONPATH": str(HERE / "portaudio"),
        }

    def use_here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Lets the running process use the server: environment set, `sounddevice` importable.

        For a quick look only: PortAudio in this process outlives the test. Faults (`kill`) belong in a child process.
        """
        for key, value in self.environment.items():
            monkeypatch.setenv(key, value)
        monkeypatch.syspath_prepend(str(HERE / "portaudio"))
        sys.modules.pop("sitecustomize", None)
        import sitecustomize  # noqa: F401 - importing it is what makes the library found

    def _start(self, key: str, command: list[str], ready: str) -> None:
        log = self.folder / f"{key}.log"
        environment = {**os.environ, **self.environment, "LD_LIBRARY_PATH": self._libraries["LD_LIBRARY_PATH"]}
        with log.open("w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True, env=environment)
        self.processes[key] = process
        self._wait_for(lambda: ready in log.read_text(), key)

    def _wait_for(self, arrived: Callable[[], bool], key: str, timeout_s: float = 10.0) -> None:
        end_s = time.monotonic() + timeout_s
        while not arrived():
            if self.processes[key].poll() is not None or time.monotonic() > end_s:
                raise RuntimeError(f"{key} did not start:\n{(self.folder / f'{key}.log').read_text()[-2000:]}")
            time.sleep(0.01)

    def start(self) -> SoundServer:
        """Starts JACK and returns once clients can connect.

        JACK knows eight servers of a machine by name and forgets a killed one only when its name is used again: so
        the names are few, and one in use by another test is passed over.
        """
        driver = ["-d", "dummy", "-r", str(self.rate_hz), "-p", "4096", "-C", "2", "-P", "2"]
        self.folder.mkdir(parents=True, exist_ok=True)
        for number in range(6):
            self.name = f"edge-{number}"
            command = [str(TOOLS / "bin" / "jackd"), "--no-realtime", "--no-mlock", "--name", self.name, *driver]
            try:
                self._start("jackd", command, "self-connect-mode")
                break
            except RuntimeError as error:
                if "already active" not in str(error) or number == 5:
                    raise
        self._wait_for(self._socket.exists, "jackd")
        return self

    @property
    def _socket(self) -> Path:
        """Where JACK 1.9 listens, made last in its start."""
        return Path("/dev/shm") / f"jack_{self.name}_{os.getuid()}_0"

    def microphone(self, name: str, frequency_hz: int = 1000, amplitude: float = 0.5) -> None:
        """Plugs in a microphone PortAudio lists under `name`; it hears a sine (amplitude 1.0 is full scale)."""
        folders = self._libraries["LD_LIBRARY_PATH"].split(":")
        libjack = next(path for folder in folders if (path := Path(folder) / "libjack.so.0").exists())
        script = [sys.executable, str(HERE / "jack_microphone.py"), str(libjack), name]
        for attempt in range(20):  # the socket is there a moment before the server listens on it
            try:
                return self._start(name, [*script, str(frequency_hz), str(amplitude)], "ready")
            except RuntimeError:
                if attempt == 19:
                    raise
                time.sleep(0.05)

    def kill(self, key: str = "jackd") -> None:
        """Kills the server ("jackd"), or unplugs a microphone by its name. Harmless when it is gone."""
        process = self.processes.pop(key, None)
        if process is not None:
            process.kill()
            process.wait()
            Path(f"/dev/shm/jack_sem.{os.getuid()}_{self.name}_{key}").unlink(missing_ok=True)  # JACK leaves it

    def _end(self, key: str) -> None:
        process = self.processes.pop(key, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self) -> None:
        """Ends everything, the server last and in good order; its name is then another test's, its files too."""
        for key in [key for key in self.processes if key != "jackd"]:
            self._end(key)
        self._end("jackd")
