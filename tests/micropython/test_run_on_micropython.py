"""Every `=` file imports under every MicroPython, and every `mp_*.py` beside this file passes under every runtime.

An `mp_*.py` file is plain functions `test_*()` that use only `assert`, so that one text runs under CPython and
MicroPython alike; each function becomes one test per runtime.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from micropython_runner import CPYTHON, Runner, run, runtimes, test_functions
from unchanged import module_name, stage, unchanged_files

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "edge_app"
FUNCTIONS = [(path, name) for path in sorted(HERE.glob("mp_*.py")) for name in test_functions(path)]
MODULES = [module_name(path, PACKAGE) for path in unchanged_files(PACKAGE)]

pytestmark = pytest.mark.micropython
test_functions.__test__ = False  # a helper, not a test


@pytest.mark.parametrize("runtime", runtimes())
@pytest.mark.parametrize(("path", "function"), FUNCTIONS, ids=[f"{path.stem}-{name}" for path, name in FUNCTIONS])
def test_function_passes(runner: Runner, path: Path, function: str, runtime: str) -> None:
    why = runner.failure(path, function, runtime)
    if why:
        pytest.fail(why, pytrace=False)


@pytest.mark.parametrize("runtime", runtimes())
@pytest.mark.parametrize("module", MODULES)
def test_unchanged_file_imports_on_its_own(runner: Runner, module: str, runtime: str) -> None:
    code = f"import sys; sys.path.insert(0, {str(runner.staging)!r}); import {module}; print('imported')"
    done = run(runtime, ["-c", code], runner.staging)
    if done.stdout.strip() != "imported":
        pytest.fail(f"{module} under {runtime}:\n{done.stdout}{done.stderr}", pytrace=False)


@pytest.mark.parametrize("runtime", runtimes())
def test_a_failing_function_fails_with_its_line_and_does_not_hide_the_next(tmp_path: Path, runtime: str) -> None:
    path = tmp_path / "mp_example.py"
    path.write_text("def test_wrong():\n    assert 1 + 1 == 3\n\ndef test_right():\n    assert 1 + 1 == 2\n")
    runner = Runner(tmp_path)
    assert "AssertionError" in runner.failure(path, "test_wrong", runtime)
    assert "mp_example.py:2: assert 1 + 1 == 3" in runner.failure(path, "test_wrong", runtime)
    assert runner.failure(path, "test_right", runtime) == ""


@pytest.mark.parametrize("runtime", runtimes())
def test_a_process_that_dies_or_never_starts_a_function_is_a_failure(tmp_path: Path, runtime: str) -> None:
    dies = tmp_path / "mp_dies.py"
    dies.write_text("import os\n\ndef test_first():\n    getattr(os, '_exit', getattr(os, 'abort', None) or exit)(3)\n")
    if runtime != CPYTHON:
        dies.write_text("import sys\n\ndef test_first():\n    print('x' * (1 << 40))\n")
    broken = tmp_path / "mp_broken.py"
    broken.write_text("import no_such_module\n\ndef test_first():\n    pass\n")
    runner = Runner(tmp_path)
    assert "under" in runner.failure(dies, "test_first", runtime)
    assert "no_such_module" in runner.failure(broken, "test_first", runtime)


def test_the_staging_folder_holds_unchanged_files_and_empty_packages_only(tmp_path: Path) -> None:
    package = tmp_path / "source" / "thing"
    (package / "room").mkdir(parents=True)
    (package / "__init__.py").write_text("import numpy\n")
    (package / "room" / "__init__.py").write_text("# Runs unchanged on MicroPython.\nHERE = 1\n")
    (package / "room" / "shared.py").write_text("# Runs unchanged on MicroPython.\n")
    (package / "room" / "host.py").write_text("import numpy\n")

    device = stage(package, tmp_path / "device")

    files = {str(path.relative_to(device)): path.read_text() for path in device.rglob("*.py")}
    assert files == {
        "thing/__init__.py": "",
        "thing/room/__init__.py": "# Runs unchanged on MicroPython.\nHERE = 1\n",
        "thing/room/shared.py": "# Runs unchanged on MicroPython.\n",
    }
