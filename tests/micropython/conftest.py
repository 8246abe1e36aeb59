"""Fixtures of the tests that run `=` files under MicroPython."""

from __future__ import annotations

from pathlib import Path

import pytest
from micropython_runner import Runner
from unchanged import stage


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Runner:
    """Runs files against a folder that holds the `=` files and nothing else."""
    return Runner(stage(repository / "edge_app", tmp_path_factory.mktemp("device")))
