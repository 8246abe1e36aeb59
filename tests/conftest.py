"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with `data/` and `models/`: EDGE_APP_DATA, or `../shared` beside the checkout. A missing one is a failure."""
    folder = Path(os.environ.get("EDGE_APP_DATA", REPOSITORY.parent / "shared")).resolve()
    if not (folder / "data").is_dir() or not (folder / "models").is_dir():
        pytest.fail(f"no data/ and models/ in {folder}; set EDGE_APP_DATA to the folder that holds them", pytrace=False)
    return folder
