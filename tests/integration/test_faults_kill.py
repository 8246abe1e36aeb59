"""Real processes killed with SIGKILL, real brokers too: nothing that was committed is lost, nothing is mistaken."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

import pytest
from acker import Acker, wait_until
from device_process import TOPICS

from edge_app.journal.journal import Journal

SCRIPT = Path(__file__).parent.parent / "support" / "device_process.py"


def start_device(folder: Path, **options) -> subprocess.Popen:
    folder.mkdir(exist_ok=True)
    with open(folder / "device.log", "ab") as log:
        return subprocess.Popen([sys.executable, SCRIPT, json.dumps({"folder": str(folder), **options})], stderr=log)


def committed(folder: Path) -> list[tuple[str, int, int]]:
    lines = (folder / "committed").read_text().split("\n")
    return [(jid, int(boot), int(seq)) for jid, boot, seq in (line.split() for line in lines if line.count(" ") == 2)]


class Schedule(threading.Thread):
    """60 s at 100 decisions/s: the broker dies five times, the device twice, once of these while the broker is down."""

    SECONDS = 60.0
    RATE_HZ = 100.0
    BROKER_DIES_S = (8.0, 18.0, 28.0, 38.0, 48.0)
    DEVICE_DIES_S = (18.7, 43.0)  # 18.7 s: the broker is down

    def __init__(self, folder: Path, broker, acker: Acker, confirm) -> None:
        super().__init__()
        self.folder, self.broker, self.acker, self.confirm = folder, broker, acker, confirm
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self._run()
        except BaseException as error:
            self.failure = error

    def _run(self) -> None:
        begun_s = time.monotonic()
        events = [(at_s, "broker dies") for at_s in self.BROKER_DIES_S]
        events += [(at_s + 1.5, "broker returns") for at_s in self.BROKER_DIES_S]
        events += [(at_s, "device dies") for at_s in self.DEVICE_DIES_S]
        device = self._device(begun_s)
        for at_s, event in sorted(events):
            time.sleep(max(0.0, begun_s + at_s - time.monotonic()))
            if event == "broker dies":
                self.broker.kill()
            elif event == "broker returns":
                self.broker.start()
            else:
                device.kill()
                device.wait()
                device = self._device(begun_s)
        assert device.wait(self.SECONDS + 30.0) == 0, (self.folder / "device.log").read_text()[-2000:]
        wait_until(lambda: set(committed(self.folder)) <= self.acker.accounted(), 10.0)

    def _device(self, begun_s: float) -> subprocess.Popen:
        seconds = max(1.0, self.SECONDS - (time.monotonic() - begun_s))
        return start_device(
            self.folder,
            port=self.broker.port,
            confirm=self.confirm,
            rate_hz=self.RATE_HZ,
            seconds=seconds,
            drain_s=20.0,
        )


@pytest.mark.slow
@pytest.mark.broker
def test_five_broker_kills_and_two_device_kills_lose_no_committed_decision(mosquitto, tmp_path):
    """Both confirmations side by side: receipts on a forgetful broker, PUBACK on one that saves every second."""
    forgetful = mosquitto("persistence false")
    keeping = mosquitto(
        "persistence true\npersistence_location {folder}/\nautosave_interval 1\nmax_inflight_messages 0"
    )
    with (
        Acker(forgetful.port, TOPICS, "plant") as with_receipts,
        Acker(keeping.port, TOPICS, persistent=True) as silent,
    ):
        schedules = [
            Schedule(tmp_path / "receipts", forgetful, with_receipts, {"by": ["plant"]}),
            Schedule(tmp_path / "puback", keeping, silent, "broker"),
        ]
        for schedule in schedules:
            schedule.start()
        for schedule in schedules:
            schedule.join()
    for schedule in schedules:
        assert schedule.failure is None
        every = committed(schedule.folder)
        lost = set(every) - schedule.acker.accounted()
        copies = sum(schedule.acker.got.values()) - len(schedule.acker.got)
        print(f"{schedule.folder.name}: committed {len(every)}, lost {len(lost)}, copies {copies}")
        assert len(every) > 4500  # 60 s at 100/s, less two restarts and a loaded machine
        assert len(set(every)) == len(every), "an identity was used twice"
        assert not lost
        # Every copy is recognisable: same identity, same text but for `hist`.
        for texts in schedule.acker.texts.values():
            assert len({text.replace(b'"hist":true', b'"hist":false') for text in texts}) == 1
        assert len({boot for _, boot, _ in every}) == 3  # begun once, killed twice


@pytest.mark.slow
def test_two_hundred_kills_at_random_instants_reuse_no_identity_and_leave_no_gap_untold(tmp_path):
    dice = random.Random(20260101)
    lanes = []
    for lane, max_bytes in enumerate((16 << 20, 512 << 10)):  # the second one is full most of the time
        instants_s = [dice.uniform(0.0, 0.35) for _ in range(100)]
        options = {"rate_hz": 2000, "seconds": 60, "max_bytes": max_bytes, "fork_kills": instants_s}
        lanes.append((tmp_path / f"lane-{lane}", max_bytes, start_device(tmp_path / f"lane-{lane}", **options)))
    for folder, max_bytes, process in lanes:
        assert process.wait(240) == 0, (folder / "device.log").read_text()[-2000:]
        seen = committed(folder)
        print(f"{folder.name}: {len(seen)} committed in {len({boot for _, boot, _ in seen})} boots")
        assert len(set(seen)) == len(seen), "an identity was used twice"
        assert len({boot for _, boot, _ in seen}) > 50, "most boots lived long enough to commit something"
        boots = [boot for _, boot, _ in seen]
        assert boots == sorted(boots)
        with Journal(folder / "journal.db", max_bytes) as journal:
            assert journal.notes == []  # neither damaged nor taken for a copy
        kept, gone = contents(folder / "journal.db")
        for (jid, boot), numbers in by_boot(kept | gone).items():
            assert numbers == set(range(len(numbers))), f"{jid} {boot}: sequence numbers are missing"
        assert set(seen) <= kept | gone
        assert not kept & gone


def contents(database: Path) -> tuple[set, set]:
    """Identities kept, and identities the journal says are gone."""
    db = sqlite3.connect(database)
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    kept = set(db.execute("SELECT jid, boot, seq FROM decisions JOIN lives USING(life)"))
    gone = set()
    for jid, boot, first, last in db.execute("SELECT jid, boot, first, last FROM gaps"):
        gone |= {(jid, boot, seq) for seq in range(first, last + 1)}
    db.close()
    return kept, gone


def by_boot(identities: set) -> dict[tuple[str, int], set[int]]:
    found = defaultdict(set)
    for jid, boot, seq in identities:
        found[jid, boot].add(seq)
    return found
