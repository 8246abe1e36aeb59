"""The outbox, turn by turn: a publisher that writes down what it is given, a clock that stands still."""

from __future__ import annotations

import json

import pytest
from device_process import DEVICE, TOPICS, decision

from edge_app.core.errors import JournalError
from edge_app.core.messages import Acknowledged, Connected, Disconnected, Received
from edge_app.journal.journal import Journal
from edge_app.journal.records import Entry
from edge_app.journal.store import StoreFull, read_last
from edge_app.runtime.outbox import GROUP_ROWS, QUEUE_ROWS, Outbox
from edge_app.testing.clock import FakeClock


class Wire:
    """Fakes the broker's side: what was published, and the events a test makes of it."""

    def __init__(self) -> None:
        self.sent: list = []
        self.sessions_cut = 0
        self.farewell = None

    def start(self, sink, will, subscribe) -> None:
        self.sink, self.will, self.subscribe = sink, will, list(subscribe)

    def publish(self, token, message) -> bool:
        self.sent.append((token, message))
        return True

    def reconnect(self) -> None:
        self.sessions_cut += 1

    def close(self, farewell=None) -> None:
        self.farewell = farewell

    def decisions(self):
        """(seq, hist) of everything sent as a decision."""
        found = [json.loads(message.payload) for _, message in self.sent if "/d/test_app" in message.topic]
        return [(each["seq"], each["hist"]) for each in found]

    def acknowledge(self, reason=0, until=None):
        for token, message in self.sent[:until]:
            if message.qos:
                self.sink(Acknowledged(token, reason))


class Bench:
    """An outbox without its thread: `turn()` is one turn of it."""

    def __init__(self, tmp_path, confirm="broker", publisher=True, **options) -> None:
        self.clock = FakeClock()
        self.wire = Wire()
        self.journal = Journal(tmp_path / "journal.db", options.pop("max_bytes", 1 << 20))
        self.journal.open()
        self.seen: list = []
        self.outbox = Outbox(
            self.journal, self.wire if publisher else None, TOPICS, DEVICE, confirm, self.clock,
            observers=[lambda text, d: self.seen.append((json.loads(text)["seq"], d))], **options,
        )  # fmt: skip
        self.outbox._begin()

    def turn(self, after_s: float = 0.0) -> None:
        self.clock.advance(after_s)
        self.outbox.step()

    def connect(self, receive_maximum=100) -> None:
        self.wire.sink(Connected("5", receive_maximum))
        self.turn()

    def submit(self, *levels) -> None:
        for number, level in enumerate(levels):
            self.outbox.submit(decision(number, level))


@pytest.fixture
def bench(tmp_path):
    """bench(…) makes one; journals are closed with the test."""
    made = []

    def make(**options):
        made.append(Bench(tmp_path, **options))
        return made[-1]

    yield make
    for each in made:
        each.journal.close()


def test_observers_hear_of_a_decision_only_after_it_was_committed(bench):
    b = bench()
    b.submit("ok")
    assert b.seen == []
    b.turn()
    assert [seq for seq, _ in b.seen] == [0]
    assert b.journal.depth == 1


def test_an_observer_that_fails_is_counted_and_harms_nobody(bench):
    b = bench()
    b.outbox._observers = (lambda *_: 1 / 0, *b.outbox._observers)
    b.submit("ok")
    b.turn()
    assert b.outbox.counters()["observer_errors"] == 1
    assert len(b.seen) == 1


def test_birth_comes_first_and_the_will_has_the_same_jid_and_boot(bench):
    b = bench()
    will = json.loads(b.wire.will.payload)
    b.connect()
    topic, birth = b.wire.sent[0][1].topic, json.loads(b.wire.sent[0][1].payload)
    assert topic == TOPICS.state
    assert (birth["on"], will["on"]) == (True, False)
    assert (birth["jid"], birth["boot"]) == (will["jid"], will["boot"]) == (b.journal.jid, 1)
    assert b.wire.sent[0][1].retain


def test_what_was_committed_while_away_is_backlog_and_what_comes_after_is_live(bench):
    b = bench()
    b.submit("ok", "ok")
    b.turn()
    b.connect()
    b.submit("ok")
    b.turn()
    assert b.wire.decisions() == [(0, True), (1, True), (2, False)]


def test_live_alarms_go_first_then_live_then_the_backlog(bench):
    b = bench()
    b.submit("ok", "ok", "ok")
    b.turn()
    b.connect(receive_maximum=2)  # birth and health (QoS 0), then one decision
    sent = len(b.wire.decisions())
    b.submit("info", "alarm")
    b.turn()
    b.wire.acknowledge()
    b.turn()
    b.wire.acknowledge()
    b.turn()
    assert b.wire.decisions()[sent : sent + 2] == [(4, False), (3, False)]


def test_no_more_is_on_its_way_than_the_broker_takes(bench):
    b = bench()
    b.connect(receive_maximum=3)
    b.submit(*["ok"] * 10)
    b.turn()
    in_flight = [message for _, message in b.wire.sent if message.qos]
    assert len(in_flight) == 3


def test_confirmed_decisions_are_deleted_with_the_next_commit_or_after_a_second(bench):
    b = bench()
    b.connect()
    b.submit("ok")
    b.turn()
    b.wire.acknowledge()
    b.turn()
    assert b.journal.depth == 1
    assert b.outbox._next_due_s() <= b.clock.monotonic_s() + 1.0
    b.turn(after_s=1.0)
    assert b.journal.depth == 0


def test_after_a_reconnect_everything_unconfirmed_is_sent_again_as_history(bench):
    b = bench()
    b.connect()
    b.submit("ok", "ok")
    b.turn()
    b.wire.sink(Disconnected("cable"))
    b.turn()
    b.wire.sent.clear()
    b.connect()
    b.wire.acknowledge()  # the birth: the first of the two, suspected of having ended the session, goes alone
    b.turn()
    b.wire.acknowledge()
    b.turn()
    assert b.wire.decisions() == [(0, True), (1, True)]
    assert b.outbox.counters()["sessions"] == 2


def test_a_refused_decision_is_quarantined_and_its_gap_told(bench):
    b = bench()
    b.connect()
    b.submit("warn")
    b.turn()
    token = b.wire.sent[-1][0]
    b.wire.sink(Acknowledged(token, 0x87))
    b.turn()
    b.turn(after_s=1.0)
    gap = json.loads(b.wire.sent[-1][1].payload)
    assert (gap["event"], gap["pipe"], gap["seq"], gap["score"]) == ("gap", "", 1, -1)
    assert gap["why"]["gap"] == {"reason": "refused", "count": 1, "ranges": [[b.journal.jid, 1, [[0, 0]]]]}


def test_a_quota_that_is_used_up_is_waited_for(bench):
    b = bench()
    b.connect()
    b.submit("warn")
    b.turn()
    b.wire.sink(Acknowledged(b.wire.sent[-1][0], 0x97))
    b.turn()
    assert b.wire.decisions() == [(0, False)]
    b.turn(after_s=31.0)
    assert b.wire.decisions() == [(0, False), (0, True)]


def test_with_receipts_the_broker_s_word_deletes_nothing_and_the_pause_doubles(bench):
    b = bench(confirm={"by": ["plant"]})
    assert b.wire.subscribe == [TOPICS.ack_filter]
    b.connect()
    b.submit("ok")
    b.turn()
    sent_s = b.clock.monotonic_s()
    b.wire.acknowledge()
    b.turn(after_s=2.0)
    assert b.journal.depth == 1
    resent_s = []
    while len(resent_s) < 3:
        before = len(b.wire.decisions())
        b.turn(after_s=1.0)
        b.wire.acknowledge()
        if len(b.wire.decisions()) > before:
            resent_s.append(round(b.clock.monotonic_s() - sent_s))
    pauses = [resent_s[0], resent_s[1] - resent_s[0], resent_s[2] - resent_s[1]]
    assert pauses[0] >= 30
    assert pauses[1] >= 2 * 30 - 2
    assert pauses[2] >= 2 * pauses[1] - 4
    receipt = json.dumps([[b.journal.jid, 1, [[0, 0]]]]).encode()
    b.wire.sink(Received(TOPICS.ack("plant"), receipt, False))
    b.turn()
    b.turn(after_s=1.0)
    assert b.journal.depth == 0


def test_now_is_published_when_it_changes_and_only_then(bench):
    b = bench()
    b.connect()
    for state in ("normal", "normal", "active"):
        b.outbox.set_now("test_app", "bearing", {"state": state})
        b.turn(after_s=1.0)
    said = [json.loads(m.payload)["pipes"]["bearing"]["state"] for _, m in b.wire.sent if "/now/" in m.topic]
    assert said == ["normal", "active"]


def test_now_skips_what_lasts_less_than_a_second(bench):
    b = bench()
    b.connect()
    for state in ("normal", "pending", "active"):
        b.outbox.set_now("test_app", "bearing", {"state": state})
        b.turn(after_s=0.1)
    assert b.outbox._next_due_s() == pytest.approx(b.clock.monotonic_s() + 0.8)  # the first was sent 0.2 s ago
    b.turn(after_s=0.8)
    said = [json.loads(m.payload)["pipes"]["bearing"]["state"] for _, m in b.wire.sent if "/now/" in m.topic]
    assert said == ["normal", "active"]


def test_health_comes_every_minute_with_the_outbox_s_own_numbers(bench):
    b = bench()
    b.outbox.set_health({"cpu_pct": 3})
    b.connect()
    b.submit("ok")
    b.turn(after_s=59.0)
    b.turn(after_s=1.0)
    b.turn(after_s=30.0)
    health = [(m, json.loads(m.payload)) for _, m in b.wire.sent if m.topic == TOPICS.health]
    assert len(health) == 2
    message, fields = health[1]
    assert (message.qos, message.retain, message.expiry_s) == (0, False, 180)
    assert (fields["cpu_pct"], fields["depth"], fields["up_s"]) == (3, 1, 60)
    assert fields["first"] == [b.journal.jid, 1, 0]


def test_without_a_publisher_decisions_stay_and_nothing_ever_waits_for_them(bench):
    b = bench(publisher=False)
    b.submit("alarm", "ok")
    b.turn()
    assert [seq for seq, _ in b.seen] == [0, 1]
    assert (b.journal.depth, b.outbox.sent_bytes) == (0, 0)
    assert [each["seq"] for each in read_last(b.journal.path)] == [1]
    assert b.outbox._next_due_s() is None  # nothing to wake up for


def test_a_full_disk_keeps_decisions_in_memory_then_sheds_the_least_and_tells_how_many(bench, monkeypatch):
    b = bench()
    b.connect()
    commit = Journal.commit

    def full(*_args, **_options):
        raise StoreFull("full")

    monkeypatch.setattr(Journal, "commit", full)
    for number in range(QUEUE_ROWS + 30):
        b.outbox._inbox.append(_entry(number, "alarm" if number < 5 else "ok"))
    b.turn()
    assert b.outbox.failure is None
    assert b.outbox.counters()["unjournaled"] == 30
    assert b.outbox._next_due_s() <= b.clock.monotonic_s() + 1.0
    monkeypatch.setattr(Journal, "commit", commit)
    b.turn(after_s=1.0)
    b.turn(after_s=1.0)
    levels = [d.level for _, d in b.seen if d.event != "gap"]
    assert len(levels) == QUEUE_ROWS
    assert levels.count("alarm") == 5
    gaps = [d.why["gap"] for _, d in b.seen if d.event == "gap"]
    assert gaps == [{"reason": "unjournaled", "count": 30}]


def _entry(number, level):
    return Entry(decision(number, level))


def test_only_what_is_urgent_wakes_the_writer_more_than_once_a_group(bench):
    b = bench()

    def wakes():
        count = b.outbox._wake.qsize()
        while b.outbox._wake.qsize():
            b.outbox._wake.get()
        return count

    b.submit(*["ok"] * 10)
    assert wakes() == 1  # the first arms the group, nine ride along
    b.submit("alarm")
    assert wakes() == 1
    b.submit(*["ok"] * (GROUP_ROWS - 11))
    assert wakes() == 1  # the group is full
    b.turn()
    assert b.journal.depth == GROUP_ROWS


def test_a_stopped_outbox_takes_no_more_and_says_so(bench):
    b = bench()
    b.outbox.start()
    b.wire.sink(Disconnected("no broker"))  # nobody to wait for
    b.submit("ok")
    assert b.outbox.drain(5.0)
    b.outbox.close()
    b.outbox.close()
    assert json.loads(b.wire.farewell.payload)["reason"] == "stopped"
    assert b.journal.depth == 1
    with pytest.raises(JournalError, match="has stopped"):
        b.submit("ok")


def test_a_clock_in_1970_stops_nothing(bench):
    b = bench()
    b.clock.set_wall_ms(12_000)
    b.connect()
    b.submit("alarm")
    b.turn()
    birth = json.loads(b.wire.sent[0][1].payload)
    assert (birth["t"], birth["ts"]) == (12_000, "none")
    assert b.wire.decisions() == [(0, False)]
