"""Files that are whole or absent whatever moment the power goes, read no further than they may be long."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in place so that a power cut leaves the old one or the new one, never half of one.

    It is written beside its place as `<name>.part`, synced, renamed, and its folder synced. Raises OSError; what was
    written beside is then gone.
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_out(path: Path, text: str) -> None:
    """Text to where a person wants it: a file is whole or absent, a pipe or a device written into. Raises OSError."""
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            stream.write(text.encode())
    else:
        write_whole(path, text.encode())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a new name outlives a power cut only then. Raises OSError.

    File systems that cannot sync a folder (some on network shares) are left to their own order.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def lies_within(folder: Path, path: Path) -> bool:
    """Whether a path leads into a folder, all links followed; links in a circle lead nowhere."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def read_at_most(path: Path, most_bytes: int) -> bytes | None:
    """A file's bytes; None for one that is longer, of which no more than that is read. Raises OSError."""
    with path.open("rb") as file:
        content = file.read(most_bytes + 1)
    return content if len(content) <= most_bytes else None


def file_hash(path: Path) -> str:
    """SHA-256 of a file of any length, in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
