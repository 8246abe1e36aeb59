"""The journal: decisions are committed here before anything is sent, and stay until they are confirmed.

One process holds it (lock), one thread writes it (runtime/outbox.py); other threads may ask.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from edge_app.core.errors import JournalError
from edge_app.journal import gaps, policy, quarantine, queries
from edge_app.journal.files import Ballast, Lock, MarkFile, make_folder, room_for, set_aside
from edge_app.journal.identity import begin_boot
from edge_app.journal.queries import AT, IDENTITY, RANKS
from edge_app.journal.records import Entry, Gap, Key, Receipt, Render, Row
from edge_app.journal.store import PAGE_BYTES, Store, StoreDamaged, StoreFull

SMALLEST_BYTES = 64 * PAGE_BYTES
RELIEF_ROUNDS = 6
"""How often one commit makes room before it gives up for now."""

_LOCAL = -1
"""Rank of decisions made without a publisher: nobody waits for them."""
_SIZES = "SELECT life, boot, seq, rank, length(text) + 48 FROM decisions WHERE "
_Key = tuple[int, int, int]
_NOTES = {
    "missing": "Journal {path} was deleted; a new one with jid {jid} begins.",
    "replaced": "Journal {path} is an older or foreign copy; new decisions get the new jid {jid}.",
    "damaged": "Journal {path} was damaged; a new one with jid {jid} begins.",
}


class Journal:
    """Durable, capped store of decisions; `with journal:` opens it.

    Parameters
    ----------
    path : Path
        The database; lock, mark and ballast lie beside it, with other endings.
    max_bytes : int
        Cap on database, write-ahead log and ballast together.
    """

    def __init__(self, path: Path | str, max_bytes: int = 16 * 1024 * 1024) -> None:
        self.path = Path(path)
        self.max_bytes = max_bytes
        self.jid = ""
        self.boot = 0
        self.life = 0
        self.next_seq = 0
        self.depth = 0
        """Decisions somebody still has to confirm."""
        self.dropped = 0
        self.quarantined = 0
        """Decisions given up for want of room, and put into quarantine, since opening."""
        self.tight = False
        """Whether the disk was full and the journal makes do with what it has."""
        self.notes: list[str] = []
        """What a person should know about the journal: deleted, replaced, damaged."""
        self._required = 0
        self._bits: dict[str, int] = {}
        self.telling = False
        """Whether a told gap is not confirmed yet."""
        self._lock = Lock(self.path.with_suffix(".lock"))
        self._mark = MarkFile(self.path.with_suffix(".mark"))
        self._set_cap(max_bytes)
        self._mutex = threading.RLock()

    def _set_cap(self, cap_bytes: int) -> None:
        ballast_bytes = min(max(cap_bytes // 16, 4 * PAGE_BYTES), 1 << 19)
        self._cap_bytes = cap_bytes
        self._store = Store(self.path, cap_bytes - ballast_bytes)
        self._ballast = Ballast(self.path.with_suffix(".ballast"), ballast_bytes)

    # opening and closing

    def open(self) -> None:
        """Lock, check, count the boot up, durably. Raises JournalLocked, JournalError."""
        if self.jid:
            return
        if self.max_bytes < SMALLEST_BYTES:
            raise JournalError(
                f"journal {self.path}: max_bytes is too small.", f"Allow at least {SMALLEST_BYTES} bytes."
            )
        make_folder(self.path.parent)
        self._lock.acquire()
        try:
            self._set_cap(max(SMALLEST_BYTES, min(self.max_bytes, room_for(self.path) * 3 // 4)))
            self._open_store()
            self._ballast.make()
        except OSError as error:
            self.close()
            fix = "Free some disk space, or mend the permissions of its folder."
            raise JournalError(f"journal {self.path} cannot be opened: {error.strerror}.", fix) from error
        except BaseException:
            self.close()
            raise

    def _open_store(self) -> None:
        lost = "missing" if self._mark.read() is not None and not self.path.exists() else ""
        try:
            self._store.open()
        except StoreDamaged:
            lost = self._set_aside()
        try:
            self._begin(lost)
        except StoreFull:
            # No room even to count the boot up: the ballast is what it is for.
            if not self._ballast.free():
                raise
            self._begin(lost)

    def _set_aside(self) -> str:
        self._store.close()
        set_aside(self.path)
        self._store.open()
        return "damaged"

    def _begin(self, lost: str) -> None:
        identity = begin_boot(self._store, self._mark, lost)
        self.life, self.boot, self.jid = identity.life, identity.boot, identity.jid
        self.next_seq = 0
        if identity.lost:
            self.notes.append(_NOTES[identity.lost].format(path=self.path, jid=self.jid))
        self._count()
        self.telling = gaps.any_told(self._store)

    def _count(self) -> None:
        self.depth = self._store.read("SELECT count(*) FROM decisions WHERE rank >= 0")[0][0]

    def close(self) -> None:
        """Checkpoint, close, unlock; idempotent."""
        with self._mutex:
            self._store.close()
            self._lock.release()
            self.jid = ""

    def __enter__(self) -> Journal:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # committing

    def commit(
        self,
        entries: Sequence[Entry],
        render: Render,
        confirmed: Sequence[Key] = (),
        receipts: Sequence[Receipt] = (),
        owed: bool = True,
    ) -> list[Row]:
        """Commit all of it in one transaction; sequence numbers are given here, without gaps.

        Without room the lowest level, then the oldest, is given up and a gap noted. Raises StoreFull when even that
        does not help now; then nothing has happened.
        """
        with self._mutex:
            entries = list(entries)
            if not self.tight and self._store.disk_is_short():
                self._tighten()
            for round_ in range(RELIEF_ROUNDS):
                try:
                    return self._commit_once(entries, render, confirmed, receipts, owed)
                except StoreFull:
                    self._relieve(entries, round_)
                    self._count()
                except StoreDamaged:
                    self._begin(self._set_aside())
            return self._commit_once(entries, render, confirmed, receipts, owed)

    def _commit_once(
        self,
        entries: Sequence[Entry],
        render: Render,
        confirmed: Sequence[Key],
        receipts: Sequence[Receipt],
        owed: bool,
    ) -> list[Row]:
        rows, last, told = self._prepare(entries, render)
        states = {entry.state_key: json.dumps(entry.state) for entry in entries if entry.state_key is not None}
        store, gone = self._store, 0
        # A quarter more than the texts: identity, keys, pages that are not full.
        if rows and store.free_bytes() < sum(len(row.text) + 64 for row in rows) * 5 // 4:
            raise StoreFull(f"journal {self.path} is full.")
        with store.transaction():
            if rows:
                store.write_many(
                    "INSERT INTO decisions VALUES(?, ?, ?, ?, ?, 0, 0, ?)",
                    [(row.rank if owed else _LOCAL, *row.key, row.app, row.text) for row in rows],
                )
                store.write_many("INSERT OR REPLACE INTO last VALUES(?, ?, ?, ?)", [(*k, *v) for k, v in last.items()])
            if states:
                store.write_many("INSERT OR REPLACE INTO states VALUES(?, ?)", list(states.items()))
            if told:
                gaps.tell(store, told)
            if confirmed:
                gone += store.write_many(f"DELETE FROM decisions WHERE {AT}", confirmed)
            for receipt in receipts:
                gone += self._receive(receipt)
            if gone and (self.telling or told):
                gaps.forget_told(store)
        if told or (gone and self.telling):
            self.telling = gaps.any_told(store)
        self.next_seq += len(rows)
        self.depth += len(rows) * owed - gone
        return rows

    def _prepare(
        self, entries: Sequence[Entry], render: Render
    ) -> tuple[list[Row], dict[tuple[str, str], tuple[bytes, str]], list[tuple[int, int, int, int]]]:
        """Rows to insert, last decision per pipeline, and which gap is told by which row."""
        rows: list[Row] = []
        last: dict[tuple[str, str], tuple[bytes, str]] = {}
        told: list[tuple[int, int, int, int]] = []
        for entry in entries:
            d = entry.decision
            if d is None:
                continue
            key = Key(self.life, self.boot, self.next_seq + len(rows))
            text = render(self.jid, self.boot, key.seq, d)
            if d.event == "gap":
                # Given up last of all: without it a loss would be invisible.
                rows.append(Row(key, policy.RANK_ALARM, d.app, text, 0))
            else:
                rows.append(Row(key, policy.rank(d.level), d.app, text, 0))
                last[d.app, d.pipeline] = (text, json.dumps(d.why))
            told += [(*key, gap) for gap in entry.gaps]
        return rows, last, told

    # making room

    def _relieve(self, entries: list[Entry], round_: int) -> None:
        """Make room for `entries`: the ballast first, then old rows; at last the new ones give way, in place."""
        needed = max(self._cap_bytes // 32, 1024 * len(entries))
        if round_ == 0 and self._store.free_bytes() >= needed:
            self._tighten()
            return
        with suppress(StoreFull):  # Not even room for deleting: the caller tries again later.
            if not self._give_up_local(needed):
                for rank in range(policy.RANK_ALARM + 1):
                    if self._give_up_old(needed, rank) or self._give_up_new(entries, rank):
                        break
        self._store.checkpoint()

    def _tighten(self) -> None:
        """The disk is full, not the journal: move the log in, with the ballast's room if need be, and stop growing."""
        if not self._store.checkpoint() and self._ballast.free():
            self._store.checkpoint()
        self._store.tighten()
        self.tight = True

    def _give_up_local(self, needed_bytes: int) -> int:
        """Rows nobody waits for, oldest first: no gap, nothing was promised."""
        local = self._store.read(_SIZES + f"rank = {_LOCAL} ORDER BY life, boot, seq")
        keys = policy.victims([(row[:3], 0, row[4]) for row in local], needed_bytes, 0)
        return self._store.write_many(f"DELETE FROM decisions WHERE rank = {_LOCAL} AND {IDENTITY}", keys)

    def _give_up_old(self, needed_bytes: int, rank_max: int) -> int:
        kept = self._store.read(_SIZES + "rank >= 0 ORDER BY rank, life, boot, seq")
        keys = policy.victims([(row[:3], row[3], row[4]) for row in kept], needed_bytes, rank_max)
        if keys:
            with self._store.transaction():
                self._drop(keys, "full")
            self.dropped += len(keys)
        return len(keys)

    def _give_up_new(self, entries: list[Entry], rank: int) -> int:
        """Nothing kept is as unimportant as these new ones: they take a number and go."""
        low = [e for e in entries if e.decision is not None and policy.rank(e.decision.level) == rank]
        if low:
            first, last = self.next_seq, self.next_seq + len(low) - 1
            with self._store.transaction():
                gaps.note(self._store, self.jid, self.boot, first, last, "full", low[-1].decision.app)
            self.next_seq += len(low)
            self.dropped += len(low)
            entries[:] = [entry for entry in entries if entry not in low]
        return len(low)

    def _drop(self, keys: Sequence[_Key], reason: str) -> None:
        """Delete rows and note the gap, inside the caller's transaction."""
        store = self._store
        groups: dict[tuple[int, int], list[int]] = {}
        for key in keys:
            groups.setdefault(key[:2], []).append(key[2])
        app = store.read(f"SELECT app FROM decisions WHERE {AT}", keys[-1])
        # Deleting comes first: its pages take the gap records.
        store.write_many(f"DELETE FROM decisions WHERE {AT}", keys)
        for (life, boot), numbers in groups.items():
            jid = self._jid_of(life)
            for first, last in policy.ranges_of(numbers):
                gaps.note(self._store, jid, boot, first, last, reason, app[0][0] if app else "")
        # A gap record that is given up itself has told nobody: what it told must be told again.
        gaps.untell(store, keys)

    def _jid_of(self, life: int) -> str:
        return str(self._store.read("SELECT jid FROM lives WHERE life = ?", (life,))[0][0])

    def remake_ballast(self) -> bool:
        """Put the ballast back, and grow again, when the disk has room again; true when all is well."""
        with self._mutex:
            well = not self._store.disk_is_short(2) and self._ballast.make()
            if well and self.tight:
                self._store.checkpoint()
                self._store.relax()
                self.tight = False
            return well

    def untold_gaps(self, most: int) -> list[Gap]:
        """Gaps no decision tells yet, oldest first."""
        with self._mutex:
            return gaps.untold(self._store, most)

    # confirming

    def require(self, names: Sequence[str]) -> None:
        """Whose receipts delete a decision; empty: whoever calls commit(confirmed=…) knows. Applies to old rows too."""
        with self._mutex, self._store.transaction():
            for name in names:
                self._store.write("INSERT OR IGNORE INTO confirmers(name) VALUES(?)", (name,))
            bits = dict(self._store.read("SELECT name, bit FROM confirmers"))
            self._bits = {name: 1 << (bits[name] - 1) for name in names}
            self._required = sum(self._bits.values())
            if self._required:
                done = "DELETE FROM decisions WHERE rank >= 0 AND got & ? = ?"
                self._store.write(done, (self._required, self._required))
                gaps.forget_told(self._store)
            self._count()

    def _receive(self, receipt: Receipt) -> int:
        """Note one receipt inside the caller's transaction; how many decisions everybody now has."""
        bit = self._bits.get(receipt.by, 0)
        life = self._store.read("SELECT life FROM lives WHERE jid = ?", (receipt.jid,))
        if not bit or not life:
            return 0
        where = f" WHERE {RANKS} AND life = ? AND boot = ? AND seq BETWEEN ? AND ?"
        values = (life[0][0], receipt.boot, receipt.first, receipt.last)
        if self._required == bit:
            return self._store.write("DELETE FROM decisions" + where, values)
        self._store.write("UPDATE decisions SET got = got | ?" + where, (bit, *values))
        return self._store.write("DELETE FROM decisions" + where + " AND got & ? = ?", (*values, *[self._required] * 2))

    def refused(self, key: Key, reason: int) -> bool:
        """Count one refusal; true when that put the decision into quarantine (and a gap was noted)."""
        with self._mutex, self._store.transaction():
            found = self._store.read(f"SELECT tries + 1, app, text FROM decisions WHERE {AT}", key)
            if not found:
                return False
            tries, app, text = found[0]
            if policy.refusal(reason, tries) == "again":
                self._store.write(f"UPDATE decisions SET tries = ? WHERE {AT}", (tries, *key))
                return False
            quarantine.keep(self._store, key, app, reason, text)
            self._drop([key], "refused")
        self.quarantined += 1
        self.depth -= 1
        return True

    # asking

    def backlog(self, after: Key, upto: Key, most: int) -> list[Row]:
        """Unconfirmed decisions after one identity and up to another, in order."""
        with self._mutex:
            return queries.backlog(self._store, after, upto, most)

    def row(self, key: Key) -> Row | None:
        """One kept decision; None when it has gone."""
        with self._mutex:
            return queries.row(self._store, key)

    def first(self) -> tuple[str, int, int] | None:
        """Oldest identity (jid, boot, seq) still to be confirmed."""
        with self._mutex:
            found = self.backlog(Key(-1, -1, -1), Key(1 << 62, 0, 0), 1)
            if not found:
                return None
            key = found[0].key
            return self._jid_of(key.life), key.boot, key.seq

    def load_state(self, key: str) -> dict[str, Any] | None:
        """The alarm snapshot last committed under `key`."""
        with self._mutex:
            found = self._store.read("SELECT value FROM states WHERE key = ?", (key,))
            return dict(json.loads(found[0][0])) if found else None
