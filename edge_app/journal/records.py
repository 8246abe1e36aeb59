"""What the journal keeps and hands out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class Key(NamedTuple):
    """Identity inside one database: `life` numbers the jids it has had."""

    life: int
    boot: int
    seq: int


class Row(NamedTuple):
    """One kept decision."""

    key: Key
    rank: int
    """0 (ok) to 3 (alarm)."""
    app: str
    text: bytes
    """As sent the first time, `hist` false."""
    tries: int
    """Refusals so far."""


class Gap(NamedTuple):
    """Identities that will never be sent; first and last are -1 when it is not known which."""

    id: int
    jid: str
    boot: int
    first: int
    last: int
    reason: str
    """full, refused, damaged, replaced or missing."""
    app: str
    """App of the last decision in it; empty when not known."""


class Receipt(NamedTuple):
    """One range of what a monitor has."""

    by: str
    jid: str
    boot: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be committed: a decision, an alarm snapshot, or both in one transaction."""

    decision: Any = None
    """Object with the attributes of core.results.Decision, or None."""
    state_key: str | None = None
    state: Mapping[str, Any] | None = None
    gaps: tuple[int, ...] = ()
    """Numbers of the gaps this decision tells."""


Render = Callable[[str, int, int, Any], bytes]
"""render(jid, boot, seq, decision) gives the message's text."""


def whole(text: bytes, why: str) -> dict[str, Any]:
    """A kept decision as a dict, its `why` not shortened."""
    return {**json.loads(text), "why": json.loads(why)}
