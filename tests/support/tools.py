"""Where the tests find the programs that `scripts/fetch-tools` keeps in the project's `.tools` folder."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("EDGE_APP_TOOLS", REPOSITORY / ".tools"))


def strict() -> bool:
    """Whether a missing tool is a failure (`make test` and CI) instead of a skip with the reason."""
    return os.environ.get("EDGE_APP_STRICT", "") not in ("", "0")


def missing(what: str) -> None:
    """Fails the running test in strict mode, else skips it; both say what was missing."""
    (pytest.fail if strict() else pytest.skip)(what)


def find(program: str) -> Path | None:
    """A program of `.tools/bin`, else of PATH, else None."""
    kept = TOOLS / "bin" / program
    found = str(kept) if kept.exists() else shutil.which(program)
    return Path(found) if found else None


def require(program: str, tool: str) -> Path:
    """A program, fetched with `scripts/fetch-tools <tool>` when it is missing and the machine can."""
    found = find(program)
    if found is None:
        fetched = subprocess.run([REPOSITORY / "scripts" / "fetch-tools", tool], capture_output=True, text=True)
        found = find(program)
        if found is None:
            missing(f"{program} is missing and `scripts/fetch-tools {tool}` says: {fetched.stderr.strip()}")
    assert found is not None
    return found


@dataclass(frozen=True)
class MicroPythonBuild:
    """One MicroPython this machine can run."""

    name: str
    """Debian's name of the architecture: word size and endianness are what differ."""
    program: Path
    """Wrapper that starts it."""

    def run(self, *arguments: str, path: Path | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs it to the end; `path` is the one folder modules come from besides the frozen ones."""
        environment = {**os.environ, "MICROPYPATH": f"{path or ''}:.frozen"}
        defaults = {"capture_output": True, "text": True, "timeout": 120, "env": environment}
        return subprocess.run([self.program, *arguments], **{**defaults, **options})


def build_names() -> list[str]:
    """The builds `scripts/fetch-tools micropython` makes for this machine, known without running anything."""
    return {"x86_64": ["amd64", "i386", "armhf"], "aarch64": ["arm64"], "armv7l": ["armhf"]}.get(platform.machine(), [])


def micropython_builds_here() -> list[MicroPythonBuild]:
    """All builds of this machine, fetched when missing."""
    return [MicroPythonBuild(name, require(f"micropython-{name}", "micropython")) for name in build_names()]
