"""Set-up on machines that lack something: the scripts cope or say in one line what to install."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SHELL_TOOLS = ("sh", "cat", "cksum", "dirname", "env", "find", "flock", "grep", "head", "mkdir", "mv", "rm", "sed")
SHELL_TOOLS += ("sort", "tr", "uname", "chmod", "id", "ls", "tail")


def run(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command with these variables added to the environment."""
    arguments = [str(part) for part in command]
    return subprocess.run(arguments, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300)


def script(path: Path, text: str) -> Path:
    """Writes a shell script that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder for PATH with the shell's usual programs and no package manager."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in SHELL_TOOLS:
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    return folder


def test_a_python_that_is_too_old_is_refused_with_its_version_and_what_to_do(tmp_path: Path) -> None:
    old = script(tmp_path / "python3", 'case "$*" in --version) echo Python 3.9.2;; *) exit 1;; esac')

    done = run(SCRIPTS / "venv", "demo", tmp_path / ".venv", PYTHON=str(old))

    assert done.returncode == 1
    assert "Python 3.11 to 3.13 is needed and this machine has: Python 3.9.2." in done.stderr
    assert "make PYTHON=" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / ".venv").exists()


def test_a_missing_python_is_named(tmp_path: Path) -> None:
    done = run(SCRIPTS / "venv", "demo", tmp_path / ".venv", PYTHON="python3.99")
    assert done.returncode == 1
    assert "this machine has: no python3.99." in done.stderr


def test_a_machine_without_debian_packages_is_told_what_to_install(tmp_path: Path, bare_path: Path) -> None:
    done = run(SCRIPTS / "fetch-tools", "audio", PATH=str(bare_path), EDGE_APP_TOOLS=str(tmp_path / "tools"))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "apt-fetch: apt-get not found: this machine does not use Debian packages",
        "fetch-tools: no sound server for the tests: install the packages jackd2 and libportaudio2",
    ]


def test_what_is_there_already_is_not_fetched_again(tmp_path: Path, bare_path: Path) -> None:
    tools = tmp_path / "tools"
    (tools / "thing").mkdir(parents=True)
    (tools / "thing" / ".packages").write_text("trixie i386 one two\n")
    arguments = ("trixie", "i386", tools / "thing")

    there = run(SCRIPTS / "apt-fetch", *arguments, "one", "two", PATH=str(bare_path), EDGE_APP_TOOLS=str(tools))
    other = run(SCRIPTS / "apt-fetch", *arguments, "one", "three", PATH=str(bare_path), EDGE_APP_TOOLS=str(tools))

    assert (there.returncode, there.stderr) == (0, "")
    assert other.returncode == 1


def test_an_unknown_tool_names_the_known_ones(tmp_path: Path) -> None:
    done = run(SCRIPTS / "fetch-tools", "mosquito", EDGE_APP_TOOLS=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == "fetch-tools: unknown tool 'mosquito'; known are: mosquitto micropython audio\n"


def test_make_alone_lists_what_can_be_made() -> None:
    done = run("make", "--no-print-directory", "-C", SCRIPTS.parent)
    assert done.returncode == 0
    assert {"venv", "demo", "test", "test-slow"} <= {line.split()[0] for line in done.stdout.splitlines()}


@pytest.mark.slow
def test_an_environment_is_made_where_python_has_no_ensurepip_and_a_rerun_does_nothing(tmp_path: Path) -> None:
    (tmp_path / "hide").mkdir()
    (tmp_path / "hide" / "ensurepip.py").write_text("raise ImportError('no ensurepip, as on a bare Debian')\n")
    python = script(tmp_path / "python3", f'PYTHONPATH={tmp_path / "hide"} exec {sys.executable} "$@"')
    venv = tmp_path / ".venv"
    assert run(python, "-c", "import ensurepip").returncode == 1

    made = run(SCRIPTS / "venv", "demo", venv, PYTHON=str(python), EDGE_APP_TOOLS=str(tmp_path / "tools"))

    assert made.returncode == 0, made.stderr
    assert "no ensurepip" in made.stderr
    version = run(venv / "bin" / "edge-app", "--version")
    assert version.returncode == 0, version.stderr
    again = run(SCRIPTS / "venv", "demo", venv, PYTHON=str(python), EDGE_APP_TOOLS=str(tmp_path / "tools"))
    assert (again.returncode, again.stderr) == (0, "")


@pytest.mark.slow
def test_pip_install_alone_gives_a_working_program_with_the_app_and_without_extras(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    assert run(sys.executable, "-m", "venv", venv).returncode == 0
    installed = run(venv / "bin" / "pip", "install", "-q", SCRIPTS.parent)
    assert installed.returncode == 0, installed.stderr

    version = subprocess.run([venv / "bin" / "edge-app", "--version"], cwd=tmp_path, capture_output=True, text=True)
    look = "import edge_app, pathlib; print(pathlib.Path(edge_app.__file__).parent)"
    package = Path(
        subprocess.run(
            [venv / "bin" / "python", "-c", look], cwd=tmp_path, capture_output=True, text=True
        ).stdout.strip()
    )

    assert version.returncode == 0, version.stderr
    assert package.is_relative_to(venv)
    assert (package / "share" / "apps" / "predictive_maintenance" / "app.yaml").exists()
    assert run(venv / "bin" / "python", "-c", "import rich").returncode == 1


@pytest.mark.slow
def test_a_package_that_debian_did_not_sign_is_refused(tmp_path: Path) -> None:
    copy = tmp_path / "scripts" / "apt-fetch"
    copy.parent.mkdir()
    other_keys = tmp_path / "nobody.gpg"
    other_keys.write_bytes(b"")
    text = (SCRIPTS / "apt-fetch").read_text()
    copy.write_text(text.replace("for keyring in /usr/share", f"for keyring in {other_keys} /usr/share"))
    copy.chmod(0o755)
    assert str(other_keys) in copy.read_text()

    done = run(copy, "trixie", "i386", tmp_path / "out", "libffi8", EDGE_APP_TOOLS=str(tmp_path / "tools"))

    assert done.returncode == 1
    assert "is not signed" in done.stderr
    assert not (tmp_path / "out").exists()
