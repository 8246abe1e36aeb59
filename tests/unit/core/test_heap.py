"""What windows free is kept for the next window."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Windows of a front end in small: three arrays of 300 kB, freed together, two hundred times over.
WINDOWS = """
import resource
import numpy as np
from edge_app.core.heap import keep_heap

{first}
def window():
    for array in [np.empty(300_000, np.uint8) for _ in range(3)]:
        array[:] = 1

window()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(200):
    window()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES = 200 * 3 * 300_000 // 4096
"""Pages these windows touch: 43 945."""


def pages_taken(first: str) -> int:
    """How often the system had to give a page while the windows went by, in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", WINDOWS.format(first=first)], capture_output=True, text=True, timeout=60, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_windows_take_their_memory_from_the_system_once_only() -> None:
    assert pages_taken("assert keep_heap()") < PAGES // 20
    # As it comes, every window takes all its pages anew: what the setting is for.
    assert pages_taken("") > PAGES // 2


def test_a_c_library_without_mallopt_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_app.core.heap.ctypes.CDLL", lambda _: object())

    from edge_app.core.heap import keep_heap

    assert keep_heap() is False
