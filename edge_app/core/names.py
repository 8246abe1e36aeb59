"""Names people choose: of apps, pipelines, slots, devices, labels."""

from __future__ import annotations

import re
from collections.abc import Iterable

ID_PATTERN = r"^[a-z0-9_-]{1,48}$"
LONGEST_ID = 48
MODEL_NAME_PATTERN = r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"
"""Of a model: also the name of its files, none of them hidden."""


def is_id(text: str) -> bool:
    """Whether a text can be a name: small letters, digits, `_` and `-`, at most 48 of them."""
    return re.fullmatch(ID_PATTERN[1:-1], text) is not None


def readable(text: str) -> str:
    """A name as it can be printed anywhere: what is no printable character is written as its code, `\\x1b`.

    File names may hold line ends, commands to a terminal, and bytes that are no UTF-8 (to Python those are surrogates).
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _code(each) for each in text)


def _code(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # a byte that is no UTF-8
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode()


def like_id(text: str) -> str:
    """The nearest name to a text: small letters, `_` for whatever a name may not hold; empty when nothing is left."""
    return re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_")[:LONGEST_ID]


def closest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word most like this one; None when none is as much like it as `cutoff` (0..1) asks."""
    from difflib import get_close_matches  # needed for mistakes only

    found = get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return found[0] if found else None
