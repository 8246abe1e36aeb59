"""Losses that are known: ranges of identities that will never be sent, until a decision has told them."""

from __future__ import annotations

from collections.abc import Sequence

from edge_app.journal.records import Gap
from edge_app.journal.store import Store

_TOUCHING = (
    "FROM gaps WHERE told_seq IS NULL AND jid = ? AND boot = ? AND reason = ?"
    " AND first <= ? AND last >= ? AND first >= 0"
)
_UNCONFIRMED = (
    "SELECT 1 FROM decisions AS d WHERE d.rank IN (0, 1, 2, 3)"
    " AND d.life = gaps.life AND d.boot = gaps.told_boot AND d.seq = gaps.told_seq"
)


def note(store: Store, jid: str, boot: int, first: int, last: int, reason: str, app: str) -> None:
    """Note a loss, inside the caller's transaction; it is joined to untold ones of its kind that it touches.

    -1 to -1: not known which.
    """
    if first >= 0:
        values = (jid, boot, reason, last + 1, first - 1)
        found = store.read("SELECT min(first), max(last) " + _TOUCHING, values)[0]
        if found[0] is not None:
            store.write("DELETE " + _TOUCHING, values)
            first, last = min(first, found[0]), max(last, found[1])
    sql = "INSERT INTO gaps(jid, boot, first, last, reason, app) VALUES(?, ?, ?, ?, ?, ?)"
    store.write(sql, (jid, boot, first, last, reason, app))


def untold(store: Store, most: int) -> list[Gap]:
    """Losses no decision tells yet, oldest first."""
    sql = "SELECT id, jid, boot, first, last, reason, app FROM gaps WHERE told_seq IS NULL ORDER BY id LIMIT ?"
    return [Gap(*row) for row in store.read(sql, (most,))]


def tell(store: Store, told: Sequence[tuple[int, int, int, int]]) -> None:
    """Which decision tells which gap: (life, boot, seq, gap)."""
    store.write_many("UPDATE gaps SET life = ?, told_boot = ?, told_seq = ? WHERE id = ?", told)


def untell(store: Store, keys: Sequence[tuple[int, int, int]]) -> None:
    """These decisions are lost themselves: what they told must be told again."""
    store.write_many("UPDATE gaps SET told_seq = NULL WHERE life = ? AND told_boot = ? AND told_seq = ?", keys)


def any_told(store: Store) -> bool:
    """Whether a kept decision tells a gap."""
    return bool(store.read("SELECT 1 FROM gaps WHERE told_seq IS NOT NULL LIMIT 1"))


def forget_told(store: Store) -> None:
    """Gaps whose telling decision has been confirmed need no more telling."""
    store.write(f"DELETE FROM gaps WHERE told_seq IS NOT NULL AND NOT EXISTS ({_UNCONFIRMED})")
