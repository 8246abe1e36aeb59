"""What is sent next, what is on its way, and what came of it. Used by the outbox's writer thread only."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from edge_app.core.messages import Acknowledged, Connected, Outgoing, Received
from edge_app.core.stages import Publisher
from edge_app.journal.journal import Journal
from edge_app.journal.policy import RANK_ALARM, REASON_REFUSED
from edge_app.journal.records import Key, Receipt, Row
from edge_app.transport import topics as topic_names
from edge_app.transport.payload import parse_receipt, with_hist
from edge_app.transport.topics import Topics

WINDOW = 20
"""QoS 1 messages on their way at once; mosquitto takes 20 by default."""
PAGE_ROWS = 64
"""Backlog rows read from the journal at once."""
LIVE_TEXTS = 256
"""Texts of live decisions kept in memory while the window is full; beyond that they are read back."""
ACK_TIMEOUT_S = 30.0
RESEND_S = 30.0
"""Shortest back-off before decisions without receipt are sent again; doubles up to RESEND_MAX_S."""
RESEND_MAX_S = 600.0
REQUEST_PAUSE_S = 5.0
"""A monitor's request for everything is heard at most this often."""

_BEGIN = Key(-1, -1, -1)


@dataclass(slots=True)
class Flight:
    """One QoS 1 message on its way."""

    key: Key | None
    """None for birth, `now` and other messages without identity."""
    sent_s: float


class Delivery:
    """Order, window, confirmation and resending.

    Order: messages without identity, live alarms, other live decisions, the backlog. A decision is live when it was
    committed while the broker was connected and has not been sent before; all others carry `hist`.

    Parameters
    ----------
    by : sequence of str
        Monitors whose receipts confirm; empty: the broker's acknowledgement does.
    """

    def __init__(
        self,
        journal: Journal,
        publisher: Publisher,
        topics: Topics,
        by: Sequence[str],
        ack_timeout_s: float = ACK_TIMEOUT_S,
        resend_s: float = RESEND_S,
    ) -> None:
        self._journal = journal
        self._publisher = publisher
        self._topics = topics
        self._by = frozenset(by)
        self._ack_timeout_s = ack_timeout_s
        self._resend_s = resend_s
        self.connected = False
        self.counts = {"sent": 0, "resent": 0, "refused": 0, "ack_timeouts": 0, "bad_receipts": 0, "sessions": 0}
        self.sent_bytes = 0
        """Topics and payloads handed to the broker."""
        self.confirmed: dict[Key, None] = {}
        """Confirmed by the broker, not yet deleted."""
        self.receipts: list[Receipt] = []
        """Received, not yet applied."""
        self._house: deque[Outgoing] = deque()
        self._alarms: deque[tuple[Key, Row | None]] = deque()
        self._live: deque[tuple[Key, Row | None]] = deque()
        self._page: deque[Row] = deque()
        self._after = self._upto = self._last = _BEGIN
        self._flights: dict[int, Flight] = {}
        self._keys_flying: set[Key] = set()
        self._token = 0
        self._acked_token = 0
        self._window = WINDOW
        self._suspect: Key | None = None
        self._alone = False
        self._retry: deque[tuple[float, Key]] = deque()
        self._probe = b""
        self._probed_s = -1.0
        self._pass_due_s = 0.0
        self._pass_wait_s = resend_s
        self._pass_mark = _BEGIN
        self._requested = False
        self._request_ok_s = 0.0

    # what happened

    def committed(self, rows: Sequence[Row]) -> None:
        """New rows in the journal: live when the broker is connected, else part of the backlog."""
        if rows:
            self._last = rows[-1].key
        if not self.connected:
            return
        for row in rows:
            queue = self._alarms if row.rank >= RANK_ALARM else self._live
            queue.append((row.key, row if len(queue) < LIVE_TEXTS else None))

    def connect(self, event: Connected, now_s: float, birth: Outgoing) -> None:
        """A new session: nothing of the old one is on its way any more; the whole backlog is due."""
        self._drop_session()
        self.connected = True
        self.counts["sessions"] += 1
        self._window = max(1, min(WINDOW, event.receive_maximum))
        self._house.append(birth)
        self._probe = birth.payload
        self._last = max(self._last, Key(self._journal.life, self._journal.boot, self._journal.next_seq - 1))
        self._begin_pass(now_s, self._last)
        self._pass_wait_s = self._resend_s

    def disconnect(self) -> None:
        """The session is over. When a decision was on its way alone, that decision may be the reason."""
        if not self.connected:
            return
        if self._alone and self._suspect in self._keys_flying and self._suspect is not None:
            self._refused(self._suspect, 0)
        oldest = [flight.key for flight in self._flights.values() if flight.key is not None]
        self._suspect = oldest[0] if oldest and self._acked_token else None
        self._drop_session()

    def _drop_session(self) -> None:
        self.connected = self._alone = False
        self._flights.clear()
        self._keys_flying.clear()
        for queue in (self._house, self._alarms, self._live, self._page, self._retry):
            queue.clear()
        self._acked_token = 0
        self._probed_s = -1.0

    def acknowledge(self, event: Acknowledged, now_s: float) -> None:
        """The broker took or refused one message."""
        flight = self._flights.pop(event.token, None)
        if flight is None:
            return
        self._acked_token = max(self._acked_token, event.token)
        if flight.key is None:
            return
        self._keys_flying.discard(flight.key)
        if flight.key == self._suspect:
            self._suspect, self._alone = None, False
        if event.reason >= REASON_REFUSED:
            if not self._refused(flight.key, event.reason):
                self._retry.append((now_s + self._resend_s, flight.key))
        elif not self._by:
            self.confirmed[flight.key] = None

    def receive(self, event: Received, now_s: float) -> None:
        """A receipt. Others' topics, unknown monitors and nonsense are counted, retained ones are ignored."""
        try:
            _, _, kind, name = topic_names.parse(event.topic, self._topics.prefix)
            if kind != "ack" or name not in self._by or event.retained:
                return
            entries = parse_receipt(event.payload)
        except ValueError:
            self.counts["bad_receipts"] += 1
            return
        if not entries and now_s >= self._request_ok_s:
            self._request_ok_s = now_s + REQUEST_PAUSE_S
            self._requested = True
        for jid, boot, ranges in entries:
            self.receipts += [Receipt(name, jid, boot, first, last) for first, last in ranges]

    def progressed(self, now_s: float) -> None:
        """Receipts deleted something: the monitor is there, so the back-off starts over."""
        self._pass_wait_s = self._resend_s
        self._pass_due_s = now_s + self._resend_s

    def flushed(self) -> None:
        """Confirmations and receipts have been committed."""
        self.confirmed.clear()
        self.receipts.clear()

    # sending

    def house(self, message: Outgoing) -> None:
        """Queue a message without identity; lost when there is no session."""
        if self.connected:
            self._house.append(message)

    @property
    def hungry(self) -> bool:
        """Whether more would be sent if the window had room."""
        return self.connected and bool(
            self._house or self._alarms or self._live or self._page or self._after < self._upto
        )

    @property
    def idle(self) -> bool:
        """Nothing on its way and nothing to send."""
        return not self._flights and not self.hungry

    def pump(self, now_s: float) -> None:
        """Look after what is late and send as much as the window takes."""
        if not self.connected:
            return
        self._check_late(now_s)
        self._check_pass(now_s)
        while self._retry and self._retry[0][0] <= now_s:
            self._put_back(self._retry.popleft()[1])
        while self.connected and len(self._flights) < self._window and self._send_next(now_s):
            pass

    def _send_next(self, now_s: float) -> bool:
        if self._house:
            return self._send(self._house.popleft(), None, now_s)
        if self._suspect is not None:
            return self._send_suspect(now_s)
        for queue in (self._alarms, self._live):
            if queue:
                key, row = queue.popleft()
                row = row or self._journal.row(key)
                return row is None or self._send_row(row, False, now_s)
        if not self._page and self._after < self._upto:
            self._page.extend(self._journal.backlog(self._after, self._upto, PAGE_ROWS))
            self._after = self._page[-1].key if self._page else self._upto
        return bool(self._page) and self._send_row(self._page.popleft(), True, now_s)

    def _send_suspect(self, now_s: float) -> bool:
        """After the birth was acknowledged, the suspect goes alone; until it is settled nothing else does."""
        if self._alone or self._flights or not self._acked_token:
            return False
        row = self._journal.row(self._suspect) if self._suspect is not None else None
        if row is None:
            self._suspect = None
            return True
        self._alone = True
        return self._send_row(row, True, now_s)

    def _send_row(self, row: Row, hist: bool, now_s: float) -> bool:
        if row.key in self._keys_flying or row.key in self.confirmed:
            return True
        text = with_hist(row.text.decode("ascii")).encode("ascii") if hist else row.text
        self.counts["resent" if hist else "sent"] += 1
        message = Outgoing(self._topics.decisions(row.app), text, schema="decision/1")
        return self._send(message, row.key, now_s)

    def _send(self, message: Outgoing, key: Key | None, now_s: float) -> bool:
        self._token += 1
        if message.qos:
            self._flights[self._token] = Flight(key, now_s)
            if key is not None:
                self._keys_flying.add(key)
        if not self._publisher.publish(self._token, message):
            # The session has just ended; its end is reported as an event.
            return False
        self.sent_bytes += len(message.topic) + len(message.payload)
        return True

    # being late

    def next_due_s(self) -> float | None:
        """When `pump` should be called though nothing happened."""
        if not self.connected:
            return None
        due = [flight.sent_s + self._ack_timeout_s for flight in list(self._flights.values())[:1]]
        due += [when_s for when_s, _ in list(self._retry)[:1]]
        if self._by and self._journal.depth:
            due.append(self._pass_due_s)
        return min(due) if due else None

    def _check_late(self, now_s: float) -> None:
        """A message passed over by a later one was refused silently; when all is silent, ask once, then reconnect."""
        late = [(t, f) for t, f in self._flights.items() if now_s - f.sent_s >= self._ack_timeout_s]
        if not late:
            return
        self.counts["ack_timeouts"] += len(late)
        passed = [(token, flight) for token, flight in late if token < self._acked_token]
        for token, flight in passed:
            del self._flights[token]
            if flight.key is not None:
                self._keys_flying.discard(flight.key)
                if not self._refused(flight.key, 0):
                    self._put_back(flight.key)
        silent = len(late) > len(passed)
        if silent and 0 <= self._probed_s <= now_s - self._ack_timeout_s:
            self._publisher.reconnect()
            self.disconnect()
        elif silent and self._probed_s < 0:
            self._probed_s = now_s
            self._send(Outgoing(self._topics.state, self._probe, retain=True, schema="state/1"), None, now_s)
        elif not silent:
            self._probed_s = -1.0
        for _, flight in late:
            flight.sent_s = now_s

    def _put_back(self, key: Key) -> None:
        row = self._journal.row(key)
        if row is not None:
            self._page.appendleft(row)

    def _refused(self, key: Key, reason: int) -> bool:
        self.counts["refused"] += 1
        if key == self._suspect:
            self._alone = False
        gone = self._journal.refused(key, reason)
        if gone and key == self._suspect:
            self._suspect = None
        return gone

    # resending what has no receipt

    def _begin_pass(self, now_s: float, upto: Key) -> None:
        self._page.clear()
        self._after, self._upto = _BEGIN, upto
        self._pass_mark = self._last
        self._pass_due_s = now_s + self._pass_wait_s

    def _check_pass(self, now_s: float) -> None:
        if not self._by or self._after < self._upto or self._page:
            return
        if self._requested:
            self._requested = False
            self._begin_pass(now_s, self._sent_upto())
        elif now_s >= self._pass_due_s and self._journal.depth:
            # Only what was sent before the last pass began: at least one back-off old.
            self._pass_wait_s = min(2 * self._pass_wait_s, RESEND_MAX_S)
            self._begin_pass(now_s, min(self._pass_mark, self._sent_upto()))

    def _sent_upto(self) -> Key:
        """Last identity before the first live decision that still waits."""
        waiting = [queue[0][0] for queue in (self._alarms, self._live) if queue]
        if not waiting:
            return self._last
        first = min(waiting)
        return Key(first.life, first.boot, first.seq - 1)
