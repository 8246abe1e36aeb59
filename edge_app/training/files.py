"""Writes the files of a model: all of them, whole, or none."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping
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

    Raises
    ------
    ModelError
        When one cannot be written; what was there before is untouched.
    """
    made: list[tuple[Path, Path]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            for left in folder.glob(f".{name}.*.new"):
                left.unlink(missing_ok=True)  # of a training that was killed
            temporary = folder / f".{name}.{os.getpid()}.new"
            made.append((temporary, folder / name))
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for temporary, place in made:
            os.replace(temporary, place)
        sync_folder(folder)
    except OSError as error:
        raise cannot_write(folder, error, what) from error
    finally:
        for temporary, _ in made:
            temporary.unlink(missing_ok=True)
    return [place for _, place in made]


def cannot_write(folder: Path, error: OSError, what: str) -> ModelError:
    """The error to raise when a model or a report has no place."""
    return ModelError(
        f"{folder}: {what} cannot be written: {error.strerror}.", "Name a folder you may write with --out."
    )
