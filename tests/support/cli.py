"""Runs the real command line in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
COMMAND = [sys.executable, "-W", "error", "-m", "edge_app.cli.main"]


def environment(**changes):
    """Ours, with every text unbuffered and nothing of the user's state."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", **{name: str(value) for name, value in changes.items()}}


def edge_app(*arguments, timeout_s=60, cwd=REPOSITORY, **changes):
    """Run a verb to its end; returns the finished process with text output."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout_s, cwd=cwd, env=environment(**changes), check=False
    )


def objects(text):
    """The JSON objects in lines of text."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


class Running:
    """A verb that runs until it is told to stop; its JSON lines can be waited for."""

    def __init__(self, *arguments, **changes):
        self._changed = threading.Condition()
        self._lines = []
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env=environment(**changes),
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def lines(self):
        """What it has printed so far."""
        with self._changed:
            return list(self._lines)

    @property
    def objects(self):
        """The JSON objects it has printed so far."""
        return objects("".join(self.lines))

    def wait_for(self, wanted, timeout_s=20):
        """The first printed object for which `wanted` is true; fails when there is none in time."""
        found = []

        def seen():
            found[:] = [each for each in objects("".join(self._lines)) if wanted(each)]
            return found or self.process.poll() is not None

        with self._changed:
            self._changed.wait_for(seen, timeout_s)
        assert found, (
            f"not printed in {timeout_s} s; printed: {self.lines[-5:]}, running: {self.process.poll() is None}"
        )
        return found[0]

    def stop(self, number=signal.SIGINT, timeout_s=20):
        """Send a signal and wait for the end; returns (exit status, stderr)."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(timeout_s)
        self._reader.join(timeout_s)
        with self.process.stderr as stream:
            errors = stream.read()
        self.process.stdout.close()
        return status, errors

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(5)
        self.process.stdout.close()
        self.process.stderr.close()
