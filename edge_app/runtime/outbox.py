"""The way out: one writer thread owns the journal, commits in groups, then publishes.

Everybody else only puts something on a queue: pipelines their decisions, the MQTT library its events. (A lock held
around both publish() and a paho callback deadlocks paho 2.x; there is none here.)
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from edge_app.core.clock import Clock
from edge_app.core.errors import EdgeAppError, JournalError
from edge_app.core.messages import (
    Acknowledged,
    Connected,
    ConnectFailed,
    Disconnected,
    PublisherEvent,
    Received,
)
from edge_app.core.results import Decision
from edge_app.core.stages import Publisher
from edge_app.journal.journal import Journal
from edge_app.journal.records import Entry, Row
from edge_app.runtime.delivery import Delivery
from edge_app.runtime.gap import GapTeller
from edge_app.runtime.presence import Presence
from edge_app.transport.payload import decision_json
from edge_app.transport.topics import Topics

GROUP_S = 0.05
"""Decisions that come this close together are committed together; an alarm does not wait."""
GROUP_ROWS = 20
COMMIT_ROWS = 50
"""Rows of one transaction at most: it must fit into a small journal and its log."""
QUEUE_ROWS = 1000
"""Submissions on the queue before `submit` blocks, and kept in memory while the disk is full."""
FLUSH_S = 1.0
"""Longest time a confirmation waits for a commit to ride on."""
FLUSH_ROWS = 100
BALLAST_S = 5.0
"""How often a full disk is looked at again."""
RETRY_S = 1.0
"""Pause before a commit that found no room is tried again."""
ACKS_PER_WAKE = 8

_ARM, _URGENT = 0, 1

Observer = Callable[[bytes, Decision], None]


class Outbox:
    """Commits what pipelines decide, and sees to it that it arrives.

    Parameters
    ----------
    journal : Journal
        Opened by the caller before `start`, closed after `close`.
    publisher : Publisher or None
        None: decisions stay in the journal, nobody waits for them, and the oldest make room.
    confirm : "broker", or names of monitors, or {"by": names}
    observers : sequence of callables
        observer(text, decision) after the commit, in the writer thread.
    birth : mapping
        Further fields of the birth message.
    """

    def __init__(
        self,
        journal: Journal,
        publisher: Publisher | None,
        topics: Topics,
        device: str,
        confirm: str | Sequence[str] | Mapping[str, Sequence[str]],
        clock: Clock,
        observers: Sequence[Observer] = (),
        birth: Mapping[str, Any] | None = None,
        **delivery: float,
    ) -> None:
        self._journal = journal
        self._publisher = publisher
        self._topics = topics
        self._device = device
        self._by = _names(confirm)
        self._clock = clock
        self._observers = tuple(observers)
        self._delivery = Delivery(journal, publisher, topics, self._by, **delivery) if publisher is not None else None
        self._inbox: deque[Entry | PublisherEvent] = deque()
        self._wake: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._armed = self._busy = False
        self._waiting: list[Entry] = []
        self._gaps = GapTeller(journal, clock)
        self._presence = Presence(journal, topics, device, clock, birth)
        self._counts = {"committed": 0, "queue_waits": 0, "observer_errors": 0, "commit_failures": 0}
        self._start_s = 0.0
        self._retry_s = self._flush_s = self._ballast_s = 0.0
        self._link = "down"
        self._link_error = ""
        self._closing = False
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._turned = threading.Condition()

    # for pipelines

    def submit(
        self, decision: Decision | None, state_key: str | None = None, state: Mapping[str, Any] | None = None
    ) -> None:
        """Take a decision, an alarm snapshot, or both for one transaction; blocks only when the queue is full."""
        if self._failure is not None or self._closing:
            raise JournalError(
                "the outbox has stopped; nothing can be journaled.", "Restart the device."
            ) from self._failure
        inbox = self._inbox
        if len(inbox) >= QUEUE_ROWS:
            self._wait_for_room()
        inbox.append(Entry(decision, state_key, state))
        if decision is not None and decision.level == "alarm":
            self._wake.put(_URGENT)
        elif not self._armed:
            self._arm()
        elif len(inbox) == GROUP_ROWS:
            self._wake.put(_URGENT)

    def set_now(self, app: str, pipeline: str, fields: Mapping[str, Any]) -> None:
        """Present condition of a pipeline; published, retained, whenever it changes."""
        if self._presence.set_now(app, pipeline, fields) and not self._armed:
            self._arm()

    def set_health(self, fields: Mapping[str, Any]) -> None:
        """What the next health messages say beside the outbox's own numbers."""
        self._presence.set_health(fields)

    def _arm(self) -> None:
        self._armed = True
        self._wake.put(_ARM)

    def _wait_for_room(self) -> None:
        self._counts["queue_waits"] += 1
        with self._turned:
            while len(self._inbox) >= QUEUE_ROWS and self._failure is None and not self._closing:
                self._turned.wait(1.0)

    # life

    def start(self) -> None:
        """Start the writer thread and, when there is a publisher, to connect."""
        self._begin()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def _begin(self) -> None:
        self._start_s = self._clock.monotonic_s()
        self._journal.require(self._by)
        if self._publisher is not None:
            self._link = "connecting"
            filters = [self._topics.ack_filter] if self._by else []
            self._publisher.start(self._note_event, self._presence.state(False, "connection lost"), filters)

    def drain(self, timeout_s: float) -> bool:
        """Wait until everything is committed and, when the broker is there, sent and answered; false: not in time."""
        with self._turned:
            return self._turned.wait_for(self._drained, timeout_s)

    def _drained(self) -> bool:
        if self._failure is not None or self._thread is None:
            return True
        if self._inbox or self._waiting or self._armed or self._busy:
            return False
        return self._link == "down" or (self._link == "up" and self._delivery is not None and self._delivery.idle)

    def close(self) -> None:
        """Commit what is left, say farewell to the broker, stop. Idempotent."""
        if self._thread is None:
            return
        self._closing = True
        self._wake.put(_URGENT)
        self._thread.join()
        self._thread = None
        if self._publisher is not None:
            with suppress(EdgeAppError):
                self._publisher.close(self._presence.state(False, "stopped"))

    @property
    def failure(self) -> BaseException | None:
        """What ended the writer thread before its time."""
        return self._failure

    # the writer thread

    def _run(self) -> None:
        try:
            while not self._closing:
                self._sleep()
                self.step()
            self.step(last=True)
        except BaseException as error:
            self._failure = error
        finally:
            with self._turned:
                self._turned.notify_all()

    def _sleep(self) -> None:
        """Until something is urgent, or due, or a group is full or old enough."""
        due_s = self._next_due_s()
        wait_s = None if due_s is None else max(0.0, due_s - self._clock.monotonic_s())
        try:
            if self._wake.get(timeout=wait_s) == _ARM:
                self._wake.get(timeout=GROUP_S)
        except queue.Empty:
            pass

    def step(self, last: bool = False) -> None:
        """One turn: take what came in, commit it, then publish."""
        now_s = self._clock.monotonic_s()
        self._busy = True
        self._armed = False
        entries = self._take_inbox(now_s)
        self._commit(entries, now_s, last)
        if self._delivery is not None:
            self._publish_presence(self._delivery, now_s, last)
            self._delivery.pump(now_s)
        with self._turned:
            self._busy = False
            self._turned.notify_all()

    def _take_inbox(self, now_s: float) -> list[Entry]:
        entries = []
        inbox = self._inbox
        while inbox:
            item = inbox.popleft()
            if isinstance(item, Entry):
                entries.append(item)
            else:
                self._handle(item, now_s)
        return entries

    def _commit(self, entries: list[Entry], now_s: float, last: bool) -> None:
        for entry in entries:
            if entry.decision is not None:
                self._gaps.heard(entry.decision)
        self._waiting += entries
        if now_s < self._retry_s and not last:
            self._gaps.shed(self._waiting, QUEUE_ROWS)
            return
        # While nobody listens losses are only noted: told later, many have become one.
        if not self._retry_s and self._delivery is not None and self._delivery.connected:
            self._waiting += self._gaps.tell(now_s, round((now_s - self._start_s) * 1000))
        if self._journal.tight and now_s >= self._ballast_s:
            self._ballast_s = now_s + BALLAST_S
            self._journal.remake_ballast()
        while self._waiting or self._flush_due(now_s, last):
            batch, self._waiting = self._waiting[:COMMIT_ROWS], self._waiting[COMMIT_ROWS:]
            if not self._commit_batch(batch, now_s):
                return

    def _commit_batch(self, batch: list[Entry], now_s: float) -> bool:
        """False when there was no room: all of it waits."""
        try:
            rows = self._write(batch, now_s)
        except JournalError:
            self._counts["commit_failures"] += 1
            self._waiting = batch + self._waiting
            self._gaps.shed(self._waiting, QUEUE_ROWS)
            self._retry_s = now_s + RETRY_S
            return False
        self._retry_s = 0.0
        self._counts["committed"] += len(rows)
        self._observe(batch, rows)
        return True

    def _write(self, batch: list[Entry], now_s: float) -> list[Row]:
        delivery = self._delivery
        if delivery is None:
            return self._journal.commit(batch, self._render, owed=False)
        depth = self._journal.depth
        rows = self._journal.commit(batch, self._render, tuple(delivery.confirmed), tuple(delivery.receipts))
        if delivery.receipts and self._journal.depth < depth + len(rows):
            delivery.progressed(now_s)
        delivery.flushed()
        self._flush_s = 0.0
        delivery.committed(rows)
        return rows

    def _flush_due(self, now_s: float, last: bool) -> bool:
        """Whether confirmations alone are worth a commit now."""
        delivery = self._delivery
        waiting = 0 if delivery is None else len(delivery.confirmed) + len(delivery.receipts)
        if not waiting:
            return False
        if not self._flush_s:
            self._flush_s = now_s + FLUSH_S
        return last or waiting >= FLUSH_ROWS or now_s >= self._flush_s

    def _render(self, jid: str, boot: int, seq: int, decision: Any) -> bytes:
        return decision_json(self._device, jid, boot, seq, False, decision).encode("ascii")

    def _observe(self, batch: Sequence[Entry], rows: Sequence[Row]) -> None:
        if not self._observers:
            return
        decisions = [entry.decision for entry in batch if entry.decision is not None]
        for row in rows:
            decision = decisions[row.key.seq - rows[0].key.seq]
            for observer in self._observers:
                try:
                    observer(row.text, decision)
                except Exception:
                    self._counts["observer_errors"] += 1

    # events of the publisher

    def _note_event(self, event: PublisherEvent) -> None:
        """Called from the publisher's thread: only takes note."""
        self._inbox.append(event)
        delivery = self._delivery
        if not self._armed:
            self._arm()
        elif (
            isinstance(event, Acknowledged)
            and delivery is not None
            and delivery.hungry
            and len(self._inbox) % ACKS_PER_WAKE == 0
        ):
            self._wake.put(_URGENT)

    def _handle(self, event: PublisherEvent, now_s: float) -> None:
        delivery = self._delivery
        if delivery is None:
            return
        if isinstance(event, Acknowledged):
            delivery.acknowledge(event, now_s)
        elif isinstance(event, Received):
            delivery.receive(event, now_s)
        elif isinstance(event, Connected):
            self._link, self._link_error = "up", ""
            delivery.connect(event, now_s, self._presence.state(True))
            self._presence.connected()
        elif isinstance(event, Disconnected):
            self._link, self._link_error = "down", event.reason
            delivery.disconnect()
        elif isinstance(event, ConnectFailed):
            self._link, self._link_error = "down", str(event.error)

    def _publish_presence(self, delivery: Delivery, now_s: float, last: bool) -> None:
        if not delivery.connected:
            return
        for message in self._presence.take_now(now_s, last):
            delivery.house(message)
        if now_s >= self._presence.health_due_s:
            delivery.house(self._presence.health(now_s, now_s - self._start_s, self.counters()))

    def _next_due_s(self) -> float | None:
        """When the next turn is due though nothing comes in."""
        due = [self._retry_s] if self._waiting else []
        if self._flush_s:
            due.append(self._flush_s)
        if self._journal.tight:
            due.append(self._ballast_s)
        delivery = self._delivery
        if delivery is not None and delivery.connected:
            due.append(self._presence.due_s)
            gap_due_s = None if self._retry_s else self._gaps.due_s
            due += [each for each in (delivery.next_due_s(), gap_due_s) if each is not None]
        return min(due) if due else None

    # asking

    def counters(self) -> dict[str, int]:
        """What went in and out so far, by name."""
        counts = dict(self._counts)
        counts.update(depth=self._journal.depth, dropped_full=self._journal.dropped, unjournaled=self._gaps.lost_total)
        counts["quarantined"] = self._journal.quarantined
        if self._delivery is not None:
            counts.update(self._delivery.counts)
        return counts

    @property
    def link(self) -> tuple[str, str]:
        """("connecting" | "up" | "down", why it is down)."""
        return self._link, self._link_error

    @property
    def sent_bytes(self) -> int:
        """Topics and payloads handed to the broker so far."""
        return 0 if self._delivery is None else self._delivery.sent_bytes


def _names(confirm: str | Sequence[str] | Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Monitors whose receipts confirm; none when the broker's word does."""
    if isinstance(confirm, Mapping):
        return tuple(confirm["by"])
    return () if isinstance(confirm, str) else tuple(confirm)
