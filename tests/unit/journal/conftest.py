"""Journals to fill, and decisions to fill them with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from device_process import decision

from edge_app.journal.journal import Journal
from edge_app.journal.records import Entry
from edge_app.transport.payload import decision_json


def render(jid, boot, seq, d) -> bytes:
    return decision_json("pump-7", jid, boot, seq, False, d).encode()


@pytest.fixture
def put() -> Callable:
    """put(journal, level, …): commits one decision for each level, in one transaction."""

    def put(journal: Journal, *levels: str, text: str = "x" * 100, **options):
        entries = [Entry(decision(number, level, text)) for number, level in enumerate(levels)]
        return journal.commit(entries, render, **options)

    return put


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal under test lies."""
    return tmp_path / "state" / "journal.db"
