"""The sqlite file under the journal: tables, durability settings, size cap, and what its errors mean.

Only importer of sqlite3.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from edge_app.core.errors import JournalError
from edge_app.journal.records import whole

PAGE_BYTES = 4096
HEADROOM_PAGES = 8
"""Pages ordinary commits leave free."""
FORMAT = 1
"""Written into the file as user_version."""

_TABLES = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE lives(life INTEGER PRIMARY KEY, jid TEXT NOT NULL UNIQUE);
CREATE TABLE decisions(
  rank INTEGER NOT NULL,   -- 0 ok .. 3 alarm; -1: made without a publisher, nobody waits for it
  life INTEGER NOT NULL, boot INTEGER NOT NULL, seq INTEGER NOT NULL,
  app TEXT NOT NULL,
  got INTEGER NOT NULL,    -- bit set of the confirmers that have it
  tries INTEGER NOT NULL,  -- refusals so far
  text BLOB NOT NULL,
  -- By rank first: what a full journal gives up lies together, so that whole pages become free.
  PRIMARY KEY(rank, life, boot, seq)) WITHOUT ROWID;
CREATE TABLE confirmers(bit INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE states(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE last(app TEXT, pipe TEXT, text BLOB NOT NULL, why TEXT NOT NULL, PRIMARY KEY(app, pipe)) WITHOUT ROWID;
CREATE TABLE gaps(
  id INTEGER PRIMARY KEY, jid TEXT NOT NULL, boot INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  reason TEXT NOT NULL, app TEXT NOT NULL,
  life INTEGER, told_boot INTEGER, told_seq INTEGER);  -- the decision that tells it; null: not told yet
CREATE TABLE quarantine(
  life INTEGER, boot INTEGER, seq INTEGER, app TEXT, reason INTEGER, text BLOB, PRIMARY KEY(life, boot, seq))
  WITHOUT ROWID;
"""

_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""What a full disk or a full file answers: FULL as a rule, IOERR or CANTOPEN when a companion file cannot grow."""
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

Result = TypeVar("Result")


class StoreFull(JournalError):
    """No room in the file or on the disk; nothing has happened."""


class StoreDamaged(JournalError):
    """The file is not a sound database."""


class Store:
    """One sqlite file in WAL mode with synchronous=FULL: what a transaction committed survives a power cut.

    Parameters
    ----------
    path : Path
    max_bytes : int
        Cap on database and write-ahead log together.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self._db: sqlite3.Connection | None = None
        self._most_pages = 0

    def open(self) -> None:
        """Open or create, and check. Raises StoreDamaged, JournalError."""
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise self._plain(error) from error
        self._mapped(self._connect)
        verdict = self.read("PRAGMA quick_check(1)")[0][0]
        if verdict != "ok":
            raise StoreDamaged(f"{self.path}: {verdict}")
        version = self.read("PRAGMA user_version")[0][0]
        if version not in (0, FORMAT):
            raise JournalError(
                f"journal {self.path} has format {version}; this program reads format {FORMAT}.",
                "Use the version of edge-app that wrote it, or move the file away.",
            )
        if version == 0:
            script = f"BEGIN IMMEDIATE;{_TABLES}PRAGMA user_version = {FORMAT};COMMIT;"
            self._mapped(lambda: self.db.executescript(script))
            self._reserve()

    def _reserve(self) -> None:
        """Make the new file as large as a sixteenth of its cap, so that a full disk leaves it room to work in."""
        room = os.statvfs(self.path.parent)
        size = min(self.max_bytes // 16, room.f_bavail * room.f_frsize // 8)
        with suppress(StoreFull):
            with self.transaction():
                self.write("CREATE TABLE reserve(zeros BLOB)")
                self.write("INSERT INTO reserve VALUES(zeroblob(?))", (size,))
            self.write("DROP TABLE reserve")
        self.checkpoint()

    def _connect(self) -> None:
        self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5.0)
        for pragma in (
            f"page_size = {PAGE_BYTES}",
            "journal_mode = WAL",
            "synchronous = FULL",
            f"journal_size_limit = {2 * self.wal_pages * PAGE_BYTES}",
            "temp_store = MEMORY",
            "cache_size = -512",
        ):
            self._db.execute("PRAGMA " + pragma)
        self.relax()

    @property
    def wal_pages(self) -> int:
        """Pages the log may take before they are moved into the database."""
        return min(max(self.max_bytes // PAGE_BYTES // 16, 8), 64)

    def relax(self) -> None:
        """Let the file grow up to its cap."""
        # A commit may overshoot the checkpoint mark, so the log is counted twice.
        self._limit(self.wal_pages, self.max_bytes // PAGE_BYTES - 2 * self.wal_pages)

    def tighten(self) -> None:
        """The disk is full: do with what the file and its log have already."""
        self._limit(4, int(self.read("PRAGMA page_count")[0][0]) + HEADROOM_PAGES)

    def _limit(self, wal_pages: int, pages: int) -> None:
        self.read(f"PRAGMA wal_autocheckpoint = {wal_pages}")
        self._most_pages = int(self.read(f"PRAGMA max_page_count = {pages}")[0][0])

    def free_bytes(self) -> int:
        """What still fits into the file; HEADROOM_PAGES stay back, because even deleting needs a few to rebalance."""
        pages, free = (int(self.read(f"PRAGMA {each}")[0][0]) for each in ("page_count", "freelist_count"))
        return (self._most_pages - pages + free - HEADROOM_PAGES) * PAGE_BYTES

    @property
    def db(self) -> sqlite3.Connection:
        """The connection. Raises JournalError when it is not open."""
        if self._db is None:
            raise JournalError(f"journal {self.path} is not open.", "Use it inside `with journal:`.")
        return self._db

    def close(self) -> None:
        """Checkpoint and close; idempotent."""
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def read(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """All rows of a query."""
        return self._mapped(lambda: self.db.execute(sql, values).fetchall())

    def write(self, sql: str, values: Sequence[object] = ()) -> int:
        """One statement; how many rows it touched."""
        return self._mapped(lambda: self.db.execute(sql, values).rowcount)

    def write_many(self, sql: str, rows: Iterable[Sequence[object]]) -> int:
        """One statement for many rows; how many it touched."""
        return max(0, self._mapped(lambda: self.db.executemany(sql, rows).rowcount))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Raises StoreFull, StoreDamaged, JournalError after rolling back."""
        self.write("BEGIN IMMEDIATE")
        try:
            yield
            self.write("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self.db.execute("ROLLBACK")
            raise

    def checkpoint(self) -> bool:
        """Move the log into the database and start it over; false when the disk has no room for all of it."""
        try:
            busy, pages, moved = self.db.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        except sqlite3.Error:
            return False
        return not busy and bool(pages == moved)

    def disk_is_short(self, factor: int = 1) -> bool:
        """Whether the disk has less than one checkpoint may need, times `factor`.

        Left to itself the log could grow into the last free block; then it could be moved nowhere, for ever.
        """
        room = os.statvfs(self.path.parent)
        return room.f_bavail * room.f_frsize < factor * 2 * self.wal_pages * PAGE_BYTES

    def _mapped(self, run: Callable[[], Result]) -> Result:
        try:
            return run()
        except sqlite3.Error as error:
            raise self._plain(error) from error

    def _plain(self, error: Exception) -> JournalError:
        """The error a person understands."""
        code = (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
        if code in _DAMAGED:
            return StoreDamaged(f"{self.path}: {error}")
        if code in _FULL:
            return StoreFull(
                f"journal {self.path}: {error}.", "Free some disk space; `edge-app doctor` shows how much."
            )
        return JournalError(
            f"journal {self.path}: {error}.",
            "Mend the owner and permissions of its folder, or pass `--state-dir` a folder this user may write.",
        )


def read_last(path: Path) -> list[dict[str, Any]]:
    """Last decision of every pipeline, from a journal another process may hold. Raises JournalError."""
    try:
        db = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=2.0)
        try:
            return [whole(*row) for row in db.execute("SELECT text, why FROM last ORDER BY app, pipe")]
        finally:
            db.close()
    except sqlite3.Error as error:
        what = f"journal {path} cannot be read: {error}."
        raise JournalError(what, "Start the device once, or check the path.") from error
