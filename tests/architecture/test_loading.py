"""What a command really loads: read from `sys.modules` of a fresh process, not from the source."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW_TO_LOAD = ("numpy", "pydantic", "yaml", "paho", "sqlite3", "rich", "scipy", "asyncio", "smbus2")
NOT_ON_THE_DEVICE = (
    *("scipy", "rich", "pandas", "matplotlib", "flatbuffers", "sklearn", "torch", "amqtt", "IPython"),
    *("edge_app.training", "edge_app.testing"),
)
DEVICE_PATH = """
import pkgutil, edge_app.runtime.build, edge_app.runtime, edge_app.cli.run
for room in ("sensors", "features", "inference", "decision", "transport"):
    __import__(f"edge_app.{room}.plugins")
for module in pkgutil.iter_modules(edge_app.runtime.__path__, "edge_app.runtime."):
    __import__(module.name)
"""


def loaded_by(code: str, modules: tuple[str, ...]) -> set[str]:
    """Which of `modules` are loaded after a fresh Python has run `code`."""
    report = f"\nimport sys\nprint('@@', *[name for name in {modules!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("@@")[2].split())


def test_the_check_sees_what_is_loaded():
    assert loaded_by("import sqlite3", SLOW_TO_LOAD) == {"sqlite3"}


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_the_command_line_answers_without_loading_anything_heavy(arguments: list[str]) -> None:
    code = f"""
import edge_app.cli.main
try:
    edge_app.cli.main.main({arguments!r})
except SystemExit as end:
    assert not end.code, end.code
"""
    assert loaded_by(code, SLOW_TO_LOAD) == set()


def test_the_device_path_loads_nothing_a_device_need_not_have():
    assert loaded_by(DEVICE_PATH, NOT_ON_THE_DEVICE) == set()
