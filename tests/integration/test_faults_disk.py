"""A disk that is full: nothing crashes, what is lost is told, and it goes on when there is room again."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from acker import Acker, wait_until
from device_process import TOPICS, decision
from outboxes import running

pytestmark = pytest.mark.broker


@contextlib.contextmanager
def small_disk(folder: Path, size: str = "1m") -> Iterator[Path]:
    """A tmpfs of that size; skips where mounting is not allowed (test_…_file_size… then stands in for it)."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no tmpfs may be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def state(outbox) -> dict:
    """What a failed wait should show."""
    journal = outbox.journal
    files = {each.name: each.stat().st_size for each in journal.path.parent.iterdir()}
    return {**outbox.counters(), "tight": journal.tight, "waiting": len(outbox._waiting), "link": outbox.link, **files}


def fill(folder: Path) -> Path:
    """Take all the room that is left, as a foreign log file does."""
    foreign = folder / "foreign.log"
    with open(foreign, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1024))
    return foreign


def test_a_capped_journal_keeps_the_alarms_of_a_long_outage_and_tells_the_rest(mosquitto, tmp_path):
    """256 KiB hold some 400 decisions; 2,000 come while the broker is away."""
    broker = mosquitto()
    broker.kill()
    with running(tmp_path, broker.port, max_bytes=256 * 1024) as outbox:
        for number in range(2000):
            outbox.submit(decision(number, "alarm" if number % 50 == 0 else "info"))
        assert outbox.drain(20.0)
        assert outbox.journal.dropped > 1000
        broker.start()
        with Acker(broker.port, TOPICS) as acker:
            everything = {(outbox.journal.jid, 1, seq) for seq in range(2000)}
            assert wait_until(lambda: everything <= acker.accounted(), 20.0), outbox.counters()
            alarms = {(outbox.journal.jid, 1, seq) for seq in range(0, 2000, 50)}
            assert alarms <= set(acker.got)
            assert {gap["reason"] for gap in acker.gaps} == {"full"}
            assert sum(gap["count"] for gap in acker.gaps) == outbox.journal.dropped


def test_a_disk_somebody_else_filled_costs_no_crash_and_a_gap_at_most(mosquitto, tmp_path):
    broker = mosquitto()
    with small_disk(tmp_path / "disk") as disk, Acker(broker.port, TOPICS, "plant") as acker:
        with running(disk, broker.port, {"by": ["plant"]}, resend_s=1.0) as outbox:
            for number in range(50):
                outbox.submit(decision(number))
            assert outbox.drain(10.0)
            foreign = fill(disk)
            broker.kill()
            for number in range(3000):  # 1.2 MB: more than the disk, with nobody to send to
                outbox.submit(decision(number, "alarm" if number % 100 == 0 else "ok"))
            outbox.drain(3.0)
            assert outbox.failure is None
            assert outbox.journal.dropped + outbox.counters()["unjournaled"] > 0
            foreign.unlink()
            broker.start()
            assert wait_until(lambda: outbox.journal.depth == 0 and not outbox._waiting, 30.0), str(state(outbox))
            seen = {(outbox.journal.jid, 1, seq) for seq in range(outbox.journal.next_seq)}
            assert wait_until(lambda: seen <= acker.accounted(), 10.0), sorted(seen - acker.accounted())[:20]
            lost = outbox.counters()["unjournaled"]
            assert sum(gap["count"] for gap in acker.gaps if gap["reason"] == "unjournaled") == lost
            assert outbox.journal.remake_ballast()
        with running(disk, broker.port) as outbox:
            assert outbox.journal.notes == []


def test_a_process_that_may_write_no_larger_files_goes_on_too(tmp_path):
    """The stand-in for a full disk where nothing can be mounted: RLIMIT_FSIZE, with SIGXFSZ ignored, gives EFBIG."""
    script = Path(__file__).parent.parent / "support" / "device_process.py"
    options = {"folder": str(tmp_path), "rate_hz": 3000, "seconds": 2.0, "drain_s": 2.0}

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300 * 1024, 300 * 1024))

    done = subprocess.run(
        [sys.executable, script, json.dumps(options)], preexec_fn=limit, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    with running(tmp_path, 1) as outbox:
        assert outbox.journal.notes == []
        assert outbox.journal.boot == 2
        assert outbox.journal.depth > 0
