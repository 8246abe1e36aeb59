"""configs/systemd/edge-app@.service, as far as it can be tried without being PID 1."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time

import pytest
from cli import REPOSITORY, Running

UNIT = REPOSITORY / "configs" / "systemd" / "edge-app@.service"

DEVICE = """\
device: {{id: bench, site: lab}}
apps: [{app}]
sensors: {{vibration: {{plugin: simulated, machine: pump, rate_hz: 833, frame_s: 0.1}}}}
"""


@pytest.fixture
def analyze(tmp_path):
    """Runs systemd-analyze on the unit, its program replaced by one that exists here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("this machine has no systemd-analyze")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/edge-app/bin/edge-app", str(shutil.which("true"))))

    def run(*words):
        return subprocess.run(["systemd-analyze", *words, str(unit)], capture_output=True, text=True, timeout=60)

    return run


def test_systemd_finds_nothing_wrong_with_the_unit(analyze):
    done = analyze("verify")

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_unit_exposes_little(analyze):
    done = analyze("security", "--offline=true", "--threshold=20")  # in tenths: 2.0 of 10

    assert done.returncode == 0, done.stdout[-200:]


def test_a_device_tells_systemd_when_it_is_ready_alive_and_stopping(tmp_path):
    (tmp_path / "bench.yaml").write_text(DEVICE.format(app=REPOSITORY / "tests" / "support" / "apps" / "level_watch"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        told = {"NOTIFY_SOCKET": tmp_path / "notify", "WATCHDOG_USEC": 2_000_000, "EDGE_APP_STATE": tmp_path / "state"}
        with Running("run", tmp_path / "bench.yaml", "--json", **told) as device:
            heard = []
            until_s = time.monotonic() + 20
            while heard.count(b"WATCHDOG=1") < 3 and time.monotonic() < until_s:
                heard.append(systemd.recv(100))
            status, errors = device.stop()
        while b"STOPPING=1" not in heard:
            heard.append(systemd.recv(100))

    assert status == 0, errors
    assert heard.count(b"READY=1") == 1
    assert heard.count(b"WATCHDOG=1") >= 3
    assert heard[-1] == b"STOPPING=1"
    assert (tmp_path / "state" / "bench").is_dir()  # EDGE_APP_STATE=%S/edge-app and StateDirectory=edge-app/%i agree
