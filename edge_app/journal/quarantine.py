"""Messages the broker would not have: kept for a person to look at, up to a number."""

from __future__ import annotations

from edge_app.journal.records import Key
from edge_app.journal.store import Store

ROWS = 100
"""Refused messages kept; the oldest make room."""


def keep(store: Store, key: Key, app: str, reason: int, text: bytes) -> None:
    """Put one message in, inside the caller's transaction."""
    store.write("INSERT OR REPLACE INTO quarantine VALUES(?, ?, ?, ?, ?, ?)", (*key, app, reason, text))
    oldest = "SELECT life, boot, seq FROM quarantine ORDER BY life DESC, boot DESC, seq DESC LIMIT -1 OFFSET ?"
    for old in store.read(oldest, (ROWS,)):
        store.write("DELETE FROM quarantine WHERE life = ? AND boot = ? AND seq = ?", old)
