"""`edge-app demo` as a person starts it: a real broker, a real subscriber, a real terminal."""

from __future__ import annotations

import codecs
import fcntl
import json
import os
import pty
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

from edge_app.cli.main import main
from edge_app.transport import broker as broker_module
from tests.support.acker import wait_until
from tests.support.cli import COMMAND, REPOSITORY, Running, environment, objects
from tests.support.listener import Listener, schema_errors
from tests.support.tools import require

pytestmark = pytest.mark.broker


@pytest.fixture(autouse=True)
def real_mosquitto(monkeypatch):
    """The demo finds a mosquitto by itself; say which, so that no test depends on the machine."""
    monkeypatch.setenv("EDGE_APP_MOSQUITTO", str(require("mosquitto", "mosquitto")))


def children_of(pid):
    """Processes that name `pid` as their parent."""
    found = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = (line.split() for line in found.splitlines())
    return [int(child) for child, parent in pairs if int(parent) == pid]


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def announced_port(running):
    """The port in the line with which another terminal can listen; on stderr, since stdout is JSON."""
    lines = [running.process.stderr.readline() for _ in range(2)]
    assert lines[0].startswith("broker: mosquitto at mqtt://127.0.0.1:")
    told = re.fullmatch(r"in another terminal: \S*mosquitto_sub -h 127\.0\.0\.1 -p (\d+) -t 'edge/#' -v\n", lines[1])
    assert told, lines
    return int(told[1])


def test_a_pump_falls_ill_and_everybody_hears_it_in_time():
    """The whole demo: first decision within 20 s of the command, alarm within 45 s, a summary at the end."""
    begun_s = time.monotonic()
    with Running("demo", "--json", "--seconds", 40) as running, Listener(announced_port(running)) as listener:
        running.wait_for(lambda each: "event" in each, timeout_s=20)
        first_s = time.monotonic() - begun_s
        raised = running.wait_for(lambda each: each["event"] == "raised", timeout_s=45)
        raised_s = time.monotonic() - begun_s
        assert running.process.wait(30) == 0
        *decisions, summary = running.objects
    print(f"first decision after {first_s:.1f} s, alarm after {raised_s:.1f} s")
    assert first_s < 20
    assert raised_s < 45
    assert [each["event"] for each in decisions][:2] == ["started", "known"]
    assert raised["mono"] > 15_000, "the pump is healthy for 15 s"
    assert (raised["level"], raised["state"]) == ("alarm", "active")
    assert raised["why"]["type"][0] == "outer"
    assert "Most like: outer race fault" in raised["why"]["text"]

    assert summary["event"] == "summary"
    assert summary["windows"] == pytest.approx(2 * 40, abs=6)  # a window every 0.5 s
    assert summary["judged"] >= 0.95 * summary["windows"]
    assert summary["decisions"] == len(decisions)
    assert summary["alarms"] == 1
    assert summary["sensed_bytes"] == pytest.approx(40 * 3332 * 2, rel=0.05)
    assert 0 < summary["sent_bytes"] < summary["sensed_bytes"] / 50

    errors = [error for topic, payload in listener.messages for error in schema_errors(topic, payload)]
    assert errors == []
    missed = len(decisions) - len(listener.decisions)  # said before the listener had subscribed
    assert 0 <= missed <= 1
    assert listener.decisions == decisions[missed:]


def test_ctrl_c_ends_it_with_a_summary_and_leaves_nothing_behind():
    with Running("demo", "--json") as running:
        running.wait_for(lambda each: each.get("event") == "known")
        children = children_of(running.process.pid)
        assert children, "its broker"
        status, errors = running.stop(signal.SIGINT)
        assert status == 0
        assert "Traceback" not in errors
        assert running.objects[-1]["event"] == "summary"
        assert all(gone(child) for child in children)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_before_anything_has_begun_leaves_nothing_behind_either(number, tmp_path):
    """Whenever it is interrupted: no broker, no folder, and no traceback of ours."""
    for after_s in (0.05, 0.3, 0.5, 0.7):
        with Running("demo", "--json", TMPDIR=tmp_path) as running:
            time.sleep(after_s)
            children = children_of(running.process.pid)
            status, errors = running.stop(number)
            # CPython ends itself by SIGINT when the interrupt came while a dataclass was being made (exec of a text).
            assert status in (0, 130, -number, -signal.SIGINT), errors
            assert "/edge_app/" not in errors, "no traceback of ours"
            assert wait_until(lambda left=children: all(map(gone, left)), 5)


def test_headless_writes_a_line_a_decision_and_a_picture_of_the_view(tmp_path):
    picture = tmp_path / "demo.svg"
    with Running("demo", "--headless", "--seconds", 3, "--picture", picture) as running:
        assert running.process.wait(20) == 0
        lines = running.lines
    assert lines[0].startswith("broker: mosquitto at mqtt://127.0.0.1:")
    listen = lines[1].removeprefix("in another terminal: ")
    assert shutil.which(shlex.split(listen)[0]), "works in another terminal, where the private folder is not on PATH"
    assert "started" in lines[2]
    assert "known" in lines[3]
    assert re.search(r"^\d windows, 2 decisions, 0 alarms; sensed [\d,]+ B, sent [\d,]+ B", lines[-1])
    text = picture.read_text().replace("&#160;", " ")
    assert text.startswith("<svg ")
    for words in ("edge-app demo", "signal", "score", "NORMAL", "decisions", "judging began", "sensed"):
        assert words in text


def test_a_broker_that_runs_already_is_used_and_hears_every_word(mosquitto):
    broker = mosquitto()
    with Listener(broker.port) as listener:
        with Running("demo", "--json", "--seconds", 3, "--broker", broker.url) as running:
            assert running.process.wait(20) == 0
            *decisions, _ = running.objects
        assert listener.decisions == decisions
        assert [each["event"] for each in decisions] == ["started", "known"]
    assert broker.process.poll() is None, "not ours to end"


class Terminal:
    """The program on a terminal of its own, of so many columns and rows."""

    def __init__(self, *arguments, columns, rows):
        self.shown = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")  # as a terminal does
        self.pid, self._end = pty.fork()
        if self.pid == 0:
            os.chdir(REPOSITORY)
            os.execve(sys.executable, [*COMMAND, *arguments], environment(TERM="xterm-256color", COLUMNS="", LINES=""))
        modes = termios.tcgetattr(self._end)
        modes[3] &= ~termios.ECHO  # an echoed ^C would stand in the middle of what is drawn
        termios.tcsetattr(self._end, termios.TCSANOW, modes)
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, wanted, timeout_s):
        """Take what it shows until `wanted` was among it; at its end, whatever came."""
        until_s = time.monotonic() + timeout_s
        while not wanted(self.shown) and time.monotonic() < until_s:
            if select.select([self._end], [], [], 0.1)[0]:
                try:
                    self.shown += self._decoder.decode(os.read(self._end, 65536))
                except OSError:  # EIO: the other end is closed
                    break
        assert wanted(self.shown), self.shown[-2000:]

    def press_ctrl_c(self):
        os.write(self._end, b"\x03")

    def hang_up(self):
        """Close the window."""
        if self._end >= 0:
            os.close(self._end)
            self._end = -1

    def wait(self):
        """Exit status."""
        pid, self.pid = self.pid, 0
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hang_up()
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()


def plain(text):
    """Without colours and movements of the cursor."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@pytest.mark.parametrize(("columns", "rows"), [(100, 40), (80, 24), (40, 12)])
def test_the_live_view_shows_signal_score_and_decisions_until_ctrl_c(columns, rows):
    with Terminal("demo", columns=columns, rows=rows) as terminal:
        terminal.read_until(lambda text: "NORMAL" in text and "known" in text, timeout_s=20)
        terminal.press_ctrl_c()
        terminal.read_until(lambda text: "decisions, 0 alarms; sensed" in text, timeout_s=20)
        assert terminal.wait() == 0
    last = plain(terminal.shown).rsplit(" edge-app demo ", 1)[-1]
    signal_shown = ("signal", "rms 0.") if rows >= 24 else ()
    for words in (
        "mosquitto_sub -h 127.0.0.1" if columns > 40 else "mosquitto_sub",
        *signal_shown,
        "score",
        "NORMAL",
        "decisions",
        "known",
        "windows",
    ):
        assert words in last
    assert "Traceback" not in last
    view = [line for line in last.splitlines()[:rows] if "decisions, 0 alarms; sensed" not in line]
    assert [line for line in view if len(line.rstrip()) > columns] == [], "nothing wraps"


def test_closing_the_terminal_ends_everything():
    with Terminal("demo", columns=80, rows=24) as terminal:
        terminal.read_until(lambda text: "known" in text, timeout_s=20)
        children = children_of(terminal.pid)
        terminal.hang_up()
        terminal.wait()
        assert wait_until(lambda: all(map(gone, children)), 5)


def test_its_broker_ends_even_when_the_demo_is_killed():
    with Running("demo", "--json") as running:
        running.wait_for(lambda each: each.get("event") == "known")
        children = children_of(running.process.pid)
        running.process.kill()
        running.process.wait()
        assert wait_until(lambda: all(map(gone, children)), 5)


@pytest.fixture
def without_mosquitto(monkeypatch):
    """A machine on which nobody has installed mosquitto."""
    monkeypatch.setattr(broker_module, "find_mosquitto", lambda: None)


def test_without_mosquitto_the_loopback_broker_delivers(without_mosquitto, capsys):
    assert main(["demo", "--json", "--seconds", "4"]) == 0
    said = capsys.readouterr()
    *decisions, summary = objects(said.out)
    assert said.err.startswith("broker: amqtt at mqtt://127.0.0.1:")
    assert [each["event"] for each in decisions] == ["started", "known"]
    assert summary["sent_bytes"] > 0


def test_without_any_broker_it_says_what_to_install(without_mosquitto, monkeypatch, capsys):
    monkeypatch.setattr(broker_module.importlib.util, "find_spec", lambda name: None)
    assert main(["demo", "--json", "--seconds", "4"]) == 2
    said = capsys.readouterr().err
    assert "neither mosquitto nor amqtt is installed" in said
    assert "apt install mosquitto" in said


def test_a_broker_url_that_makes_no_sense_is_refused(capsys):
    assert main(["demo", "--json", "--seconds", "1", "--broker", "localhost"]) == 2
    assert "localhost" in capsys.readouterr().err


def test_json_is_one_object_a_line(capsys):
    assert main(["demo", "--json", "--seconds", "2"]) == 0
    for line in capsys.readouterr().out.splitlines():
        assert isinstance(json.loads(line), dict)


def test_a_reader_who_leaves_ends_the_demo_quietly():
    as_a_user = [word for word in COMMAND if word not in ("-W", "error")]  # what Python says of itself at exit is off
    command = f"{shlex.join(as_a_user)} demo --headless --seconds 30 | head -1"
    began_s = time.monotonic()
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, env=environment())
    assert done.stdout.startswith("broker: mosquitto at ")
    assert done.stderr == ""
    assert time.monotonic() - began_s < 20
