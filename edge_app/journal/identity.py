"""Which (jid, boot) an opening of the journal may use, so that no identity is ever given out twice."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_app.journal import gaps
from edge_app.journal.files import Mark, MarkFile
from edge_app.journal.store import Store


@dataclass(frozen=True)
class Identity:
    """What this opening is called."""

    life: int
    """Number of the jid in this database."""
    jid: str
    boot: int
    lost: str
    """Why decisions may be missing: "", or missing, replaced, damaged; noted as a gap already."""


def begin_boot(store: Store, mark_file: MarkFile, lost: str) -> Identity:
    """Choose and make durable the identity of a new boot. Raises StoreFull, OSError.

    Database and mark carry the same nonce, new at each opening, and the database remembers the mark's change time.
    What does not fit together is a copy, or the rest of one: a new jid begins. Order of the writes: database, mark,
    database; an opening interrupted between them is recognised by its empty stamp.
    """
    meta = dict(store.read("SELECT key, value FROM meta"))
    mark = mark_file.read()
    same = bool(meta) and mark is not None and _belongs(meta, mark, mark_file.stamp())
    if meta and not same and not _unborn(meta, mark):
        lost = "replaced"
    before = mark or Mark(str(meta.get("jid", "")), int(meta.get("boot", 0)), "")
    boot = max(before.boot, int(meta.get("boot", 0))) + 1
    jid = str(meta["jid"]) if same else os.urandom(6).hex()
    nonce = os.urandom(8).hex()
    with store.transaction():
        store.write("INSERT OR IGNORE INTO lives(jid) VALUES(?)", (jid,))
        _write_meta(store, {"jid": jid, "boot": boot, "nonce": nonce, "previous": before.nonce, "stamp": ""})
        if lost:
            gaps.note(store, before.jid, before.boot, -1, -1, lost, "")
    mark_file.write(Mark(jid, boot, nonce))
    _write_meta(store, {"stamp": mark_file.stamp()})
    life = int(store.read("SELECT life FROM lives WHERE jid = ?", (jid,))[0][0])
    return Identity(life, jid, boot, lost)


def _belongs(meta: Mapping[str, Any], mark: Mark, stamp: str) -> bool:
    """Whether database and mark are a pair that nobody has copied."""
    if mark.nonce == meta["nonce"]:
        return bool(meta["stamp"] in ("", stamp))
    return bool(meta["stamp"] == "" and mark.nonce == meta["previous"])


def _unborn(meta: Mapping[str, Any], mark: Mark | None) -> bool:
    """Whether the very first opening ended before its mark was written: nothing was ever committed then."""
    return mark is None and meta["stamp"] == "" and meta["previous"] == ""


def _write_meta(store: Store, values: Mapping[str, object]) -> None:
    store.write_many("INSERT OR REPLACE INTO meta VALUES(?, ?)", list(values.items()))
