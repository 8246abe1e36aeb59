"""Reading kept decisions back, in the order of their identities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edge_app.journal.records import Key, Row
from edge_app.journal.store import Store

RANKS = "rank IN (0, 1, 2, 3)"
"""Everything somebody waits for."""
IDENTITY = "life = ? AND boot = ? AND seq = ?"
AT = f"{RANKS} AND {IDENTITY}"

_ROW = "SELECT life, boot, seq, rank, app, text, tries FROM decisions WHERE "
_BETWEEN = "rank = {} AND (life, boot, seq) > (?1, ?2, ?3) AND (life, boot, seq) <= (?4, ?5, ?6)"
# Each rank is read in its own order and no further than needed, then they are merged.
_BACKLOG = (
    " UNION ALL ".join(
        f"SELECT * FROM ({_ROW}{_BETWEEN} ORDER BY life, boot, seq LIMIT ?7)".format(rank) for rank in range(4)
    )
    + " ORDER BY 1, 2, 3 LIMIT ?7"
)


def backlog(store: Store, after: Key, upto: Key, most: int) -> list[Row]:
    """Decisions somebody waits for, after one identity and up to another, in order."""
    return [_row(each) for each in store.read(_BACKLOG, (*after, *upto, most))]


def row(store: Store, key: Key) -> Row | None:
    """One decision; None when it has gone."""
    found = store.read(_ROW + AT, key)
    return _row(found[0]) if found else None


def _row(found: Sequence[Any]) -> Row:
    return Row(Key(*found[:3]), *found[3:])
