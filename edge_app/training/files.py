"""Writes the files of a model: all of them, whole, or none."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge_app.core.errors import ModelError
from edge_app.core.files import sync_folder

PROBE_BYTES = 4096
"""A block: what a full disk has not."""


def check_place(folder: Path, what: str = "the model") -> None:
    """Before anything is learnt or measured: nobody waits minutes to hear that the result has no place.

    Raises
    ------
    ModelError
        When files cannot be made there; nothing is left of the attempt.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise cannot_write(folder, NotADirectoryError(errno.ENOTDIR, f"{there} is not a folder"), what)
    if not os.access(there, os.W_OK | os.X_OK):
        raise cannot_write(folder, PermissionError(errno.EACCES, f"{there} is not writable for this user"), what)
    new = [place for place in (folder, *folder.absolute().parents) if not place.exists()]
    probe = folder / f".place.{os.getpid()}.new"
    try:  # what permissions do not tell: file systems that cannot be written to, and those that are full
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(bytes(PROBE_BYTES))
    except OSError as error:
        raise cannot_write(folder, error, what) from error
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
            for place in new:
                place.rmdir()


def write_all(folder: Path, files: Mapping[str, bytes], what: str = "the model") -> list[Path]:
    """Write files into a folder, each under its name, in the order given.

    All are first written and synced beside their places under names of their own; only then are they renamed, one
    after the other. What is interrupted before leaves what was there; nothing half-written ever has a model's name.
    What fails or is interrupted between two names brings back what was there. Only the power may go just between
    them: then the hash in the manifest, which no longer fits, keeps the app from running half of each.

    Raises
    ------
    ModelError
        When one cannot be written; what was there before is untouched.
    """
    made: list[tuple[Path, Path]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            for left in (*folder.glob(f".{name}.*.new"), *folder.glob(f".{name}.*.old")):
                left.unlink(missing_ok=True)  # of a training that was killed
            temporary = folder / f".{name}.{os.getpid()}.new"
            made.append((temporary, folder / name))
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        _rename_all(made)
        sync_folder(folder)
    except OSError as error:
        raise cannot_write(folder, error, what) from error
    finally:
        for temporary, _ in made:
            temporary.unlink(missing_ok=True)
    return [place for _, place in made]


def _rename_all(made: Sequence[tuple[Path, Path]]) -> None:
    """Give files their names, all or none. Raises OSError."""
    kept: list[tuple[Path, Path]] = []
    try:
        for temporary, place in made:
            old = temporary.with_suffix(".old")
            if place.exists():
                _keep(place, old)
                kept.append((old, place))
        for temporary, place in made:
            os.replace(temporary, place)
    except BaseException:
        for old, place in kept:
            os.replace(old, place)
        for temporary, place in made:
            if not temporary.exists() and place not in [each for _, each in kept]:
                place.unlink(missing_ok=True)
        raise
    finally:
        for old, _ in kept:
            old.unlink(missing_ok=True)


def _keep(place: Path, old: Path) -> None:
    """A second name for a file; where the file system knows no links (SD cards, shares), a copy. Raises OSError."""
    try:
        os.link(place, old)
    except OSError:
        shutil.copyfile(place, old)


def cannot_write(folder: Path, error: OSError, what: str) -> ModelError:
    """The error to raise when a model or a report has no place."""
    return ModelError(
        f"{folder}: {what} cannot be written: {error.strerror}.", "Name a folder you may write with --out."
    )
