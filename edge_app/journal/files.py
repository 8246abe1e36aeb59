"""The small files beside the database: the lock, the mark that betrays restored copies, the ballast for a full disk."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_app.core.errors import JournalError, JournalLocked
from edge_app.core.files import sync_folder, write_whole

SMALLEST_BALLAST_BYTES = 16384
"""Less is no help: a checkpoint alone may need as much."""
SET_ASIDE_KEPT = 2
"""Damaged databases kept for a person to look at; older ones make room."""


class Lock:
    """One process per journal. The kernel lets go of it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def acquire(self) -> None:
        """Raises JournalLocked, with the holder's process number, when another process has it."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise JournalLocked(
                f"journal {self._path.parent} is in use by process {holder}; one process runs a device.",
                f"Stop that process (`ps -p {holder}` shows it), or give this device another `device: id:`.",
            ) from error
        # The number is only for people; on a full disk the lock holds without it.
        with contextlib.suppress(OSError):
            os.ftruncate(fd, 0)
            os.pwrite(fd, b"%d\n" % os.getpid(), 0)
        self._fd = fd

    def release(self) -> None:
        """Let go; idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


@dataclass(frozen=True)
class Mark:
    """What the last opening of the journal left outside the database."""

    jid: str
    boot: int
    nonce: str
    """Random, new at each opening; the database holds the same."""


class MarkFile:
    """`journal.mark`, replaced as a whole and synced.

    Its change time (ctime) cannot be set by cp, tar or rsync; the database remembers it, so a mark restored
    together with its database is recognised as a copy too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Mark | None:
        """The mark; None when it is missing or damaged."""
        try:
            found = json.loads(self._path.read_bytes())
            return Mark(str(found["jid"]), int(found["boot"]), str(found["nonce"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, mark: Mark) -> None:
        """Replace it, durably. Raises OSError."""
        write_whole(self._path, json.dumps(asdict(mark)).encode())

    def stamp(self) -> str:
        """Change time of the file (ns) as text; empty when it is missing."""
        try:
            return str(self._path.stat().st_ctime_ns)
        except OSError:
            return ""


class Ballast:
    """A file of zeros that is given up on a full disk, so that deleting and checkpointing have room to run."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self.size_bytes = size_bytes

    @property
    def present(self) -> bool:
        """Whether there is ballast to free."""
        return self._path.exists()

    def make(self) -> bool:
        """Put it back, as large as a quarter of the free disk allows; false when that is next to nothing."""
        if self.present:
            return True
        part = self._path.with_suffix(".part")
        try:
            room = os.statvfs(self._path.parent)
            size_bytes = min(self.size_bytes, room.f_bavail * room.f_frsize // 4)
            if size_bytes < SMALLEST_BALLAST_BYTES:
                return False
            with open(part, "wb") as file:
                file.write(bytes(size_bytes))
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self._path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            return False
        return True

    def free(self) -> bool:
        """Give it up; false when there was none."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True


def room_for(database: Path) -> int:
    """Bytes the journal may come to on this disk: what is free, and what its files take already."""
    room = os.statvfs(database.parent)
    own = [database.with_name(database.name + suffix) for suffix in ("", "-wal")] + [database.with_suffix(".ballast")]
    return room.f_bavail * room.f_frsize + sum(each.stat().st_size for each in own if each.exists())


def set_aside(database: Path) -> Path:
    """Rename a damaged database and its log, keep them, and return the new name."""
    number = 1
    while (aside := database.with_name(f"{database.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm"):
        companion = database.with_name(database.name + suffix)
        if companion.exists():
            os.replace(companion, aside.with_name(aside.name + suffix))
    os.replace(database, aside)
    for old in range(1, number - SET_ASIDE_KEPT + 1):
        for suffix in ("", "-wal", "-shm"):
            database.with_name(f"{database.name}.damaged-{old}{suffix}").unlink(missing_ok=True)
    sync_folder(database.parent)
    return aside


def make_folder(folder: Path) -> None:
    """The folder of the journal, for its owner only. Raises JournalError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise JournalError(
            f"journal folder {folder} cannot be used: {error.strerror}.",
            "Set `--state-dir` (or EDGE_APP_STATE) to a folder this user may write, or mend its owner with chown.",
        ) from error
