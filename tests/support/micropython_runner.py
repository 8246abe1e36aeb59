"""Runs the functions of `tests/micropython/mp_*.py` under CPython and MicroPython, one process per file and runtime."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools import MicroPythonBuild, build_names, require

DRIVER = Path(__file__).with_name("run_functions.py")
CPYTHON = "cpython"


def runtimes() -> list[str]:
    """Names of all runtimes of this machine, CPython first."""
    return [CPYTHON, *build_names()]


def test_functions(path: Path) -> list[str]:
    """Names of the test functions of a file, in order, read without importing it."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def run(runtime: str, arguments: Sequence[str], staging: Path) -> subprocess.CompletedProcess[str]:
    """Runs one runtime on `arguments`; modules come from `staging` only."""
    if runtime == CPYTHON:
        command = [sys.executable, "-I", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=staging)
    build = MicroPythonBuild(runtime, require(f"micropython-{runtime}", "micropython"))
    return build.run(*arguments, path=staging, cwd=staging)


@dataclass
class Runner:
    """Runs each file once per runtime and keeps what it said."""

    staging: Path
    """Folder with the `=` files and nothing else."""
    outputs: dict[tuple[Path, str], subprocess.CompletedProcess[str]] = field(default_factory=dict)
    """What each (file, runtime) printed."""

    def output(self, path: Path, runtime: str) -> subprocess.CompletedProcess[str]:
        """What the process of this file and runtime printed, running it the first time it is asked for."""
        key = (path, runtime)
        if key not in self.outputs:
            arguments = [str(DRIVER), str(self.staging), str(path.parent), path.stem, *test_functions(path)]
            self.outputs[key] = run(runtime, arguments, self.staging)
        return self.outputs[key]

    def failure(self, path: Path, function: str, runtime: str) -> str:
        """Why a function failed, with the runtime's own traceback and the lines it names; empty when it passed."""
        done = self.output(path, runtime)
        lines = done.stdout.splitlines()
        if f"@@ passed {function}" in lines:
            return ""
        begin, failed = f"@@ begin {function}", f"@@ failed {function}"
        if begin not in lines:
            said = f"never reached, exit status {done.returncode}\n{done.stdout}{done.stderr}"
        elif failed in lines:
            said = "\n".join(lines[lines.index(begin) + 1 : lines.index(failed)])
        else:
            said = f"process ended inside it, exit status {done.returncode}\n{done.stdout}{done.stderr}"
        return f"{path.name}:{function} under {runtime}: {said}\n{quoted_lines(said)}"


def quoted_lines(traceback: str) -> str:
    """The source lines a traceback names: MicroPython's shows only file and number."""
    quoted = []
    for name, number in re.findall(r'File "([^"]+)", line (\d+)', traceback):
        path = Path(name)
        source = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if int(number) <= len(source):
            quoted.append(f"  {path.name}:{number}: {source[int(number) - 1].strip()}")
    return "\n".join(quoted)
