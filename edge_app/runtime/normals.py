"""Where a pipeline's learnt normals lie: STATE_DIR/<device>/learned/<app>/<pipeline>/NNNN.json, and which one counts.

Every file is written beside, synced and renamed; `current` holds the number of the one that serves. A power cut leaves
the old one or the new one, never half of one.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import BaselineError
from edge_app.core.files import read_at_most, sync_folder, write_whole
from edge_app.core.results import LearntNormal
from edge_app.inference.learnt import FIX, MAX_BYTES, normal_text, read_normal

FOLDER = "learned"
CURRENT = "current"
RUNNING = "learning"
"""Lies there while learning goes on: found at the start, it says that a restart cut learning short."""
KEPT = 20
"""Normals kept; the oldest beyond are deleted."""
KEPT_WINDOWS = 4096
"""Windows kept with a normal, the last ones, to compare normals on; of the last KEPT_SETS only."""
KEPT_SETS = 2
MAX_WINDOW_BYTES = 32 << 20
_NUMBER = re.compile(r"(\d{4})\.json")


@dataclass(frozen=True)
class Kept:
    """One learnt normal of the history."""

    number: int
    normal: LearntNormal | None
    """None when the file cannot be used."""
    problem: str = ""
    """Why not."""


class NormalStore:
    """The learnt normals of one pipeline. All methods raise BaselineError when the disk refuses."""

    def __init__(self, device_folder: Path, app: str, pipeline: str) -> None:
        self.folder = device_folder / FOLDER / app / pipeline

    def keep(self, normal: LearntNormal, windows: NDArray[np.int16]) -> int:
        """Write a new normal and let it count; returns its number."""
        number = max(self._numbers(), default=0) + 1
        if number > 9999:
            raise BaselineError(
                f"{self.folder}: 9999 normals are the most", "Forget them: `edge-app learn … --forget`."
            )
        with _disk(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            content = io.BytesIO()
            np.save(content, np.ascontiguousarray(windows[-KEPT_WINDOWS:]), allow_pickle=False)
            write_whole(self.folder / f"{number:04}.npy", content.getvalue())
            write_whole(self.folder / f"{number:04}.json", normal_text(normal).encode())
            self._select(number)
            self._tidy()
        return number

    def load(self, number: int) -> LearntNormal:
        """One of them, checked."""
        path = self.folder / f"{number:04}.json"
        return read_normal(_bytes(path, MAX_BYTES), str(path))

    def windows(self, number: int) -> NDArray[np.int16]:
        """The last windows it was learnt from, (n, n_features); none when they were not kept or are damaged."""
        path = self.folder / f"{number:04}.npy"
        try:
            values = np.load(io.BytesIO(_bytes(path, MAX_WINDOW_BYTES)), allow_pickle=False)
        except (BaselineError, ValueError, EOFError, MemoryError):
            return np.empty((0, 0), np.int16)
        if values.ndim != 2 or values.dtype != np.int16:
            return np.empty((0, 0), np.int16)
        return np.asarray(values, np.int16)

    @property
    def current(self) -> int | None:
        """Number of the one that counts; None when none does."""
        try:
            text = (self.folder / CURRENT).read_text("ascii").strip()
        except (OSError, ValueError):
            return None
        return int(text) if re.fullmatch(r"\d{4}", text) else None

    def fitting(self, schema: str, model: str, binding: str) -> tuple[int, LearntNormal] | str:
        """The current normal when all it depends on is as it was; else why the shipped mapping serves."""
        number = self.current
        if number is None:
            kept = "; those that were learnt do not count (rolled back)" if self._numbers() else ""
            return f"normal is not learnt on this machine{kept}"
        try:
            normal = self.load(number)
        except BaselineError as error:
            return error.what
        for what, then, now in (
            ("features", normal.schema, schema),
            ("model", normal.model, model),
            ("sensor", normal.binding, binding),
        ):
            if then != now:
                return f"normal {number} was learnt with another {what}".replace("another features", "other features")
        return number, normal

    def history(self) -> list[Kept]:
        """All of them, oldest first."""
        found = []
        for number in sorted(self._numbers()):
            try:
                found.append(Kept(number, self.load(number)))
            except BaselineError as error:
                found.append(Kept(number, None, error.what))
        return found

    def rollback(self) -> int | None:
        """Let the one before the current count; None when that leaves the shipped mapping."""
        number = self.current
        if number is None:
            raise BaselineError("there is nothing to roll back: no learnt normal counts", "`--history` lists them.")
        earlier = [each for each in self._numbers() if each < number]
        with _disk(self.folder):
            if earlier:
                self._select(max(earlier))
                return max(earlier)
            (self.folder / CURRENT).unlink(missing_ok=True)
            sync_folder(self.folder)
        return None

    def forget(self) -> int:
        """Delete all of them; returns how many there were."""
        count = len(self._numbers())
        with _disk(self.folder):
            # The pointer first: a power cut in between leaves files that do not count.
            (self.folder / CURRENT).unlink(missing_ok=True)
            if self.folder.exists():
                sync_folder(self.folder)
                shutil.rmtree(self.folder)
        return count

    def begin(self, words: str) -> None:
        """Note that learning runs; `ended` takes it back."""
        with _disk(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self.folder / RUNNING, words.encode())

    def ended(self) -> str | None:
        """Learning runs no more; gives the words of the one that was noted, None when none was."""
        path = self.folder / RUNNING
        try:
            words = _bytes(path, 1000).decode("utf-8", "replace")
            path.unlink()
        except (BaselineError, OSError):
            return None
        return words

    def _select(self, number: int) -> None:
        write_whole(self.folder / CURRENT, b"%04d\n" % number)

    def _numbers(self) -> list[int]:
        if not self.folder.is_dir():
            return []
        found = (_NUMBER.fullmatch(path.name) for path in self.folder.iterdir())
        return [int(match[1]) for match in found if match]

    def _tidy(self) -> None:
        numbers, current = sorted(self._numbers()), self.current
        for number in numbers[:-KEPT]:
            if number != current:
                (self.folder / f"{number:04}.json").unlink(missing_ok=True)
        for number in numbers[:-KEPT_SETS]:
            (self.folder / f"{number:04}.npy").unlink(missing_ok=True)


def short_hash(normal: LearntNormal) -> str:
    """What messages call a learnt normal: the first 8 hex digits of its file's SHA-256."""
    return sha256(normal_text(normal).encode()).hexdigest()[:8]


def _bytes(path: Path, most: int) -> bytes:
    try:
        content = read_at_most(path, most)
    except OSError as error:
        raise BaselineError(f"{path}: cannot be read ({error.strerror or error})", FIX) from error
    if content is None:
        raise BaselineError(f"{path}: larger than {most} bytes", FIX)
    return content


@contextlib.contextmanager
def _disk(folder: Path):  # type: ignore[no-untyped-def]
    try:
        yield
    except OSError as error:
        raise BaselineError(
            f"{folder}: the disk refused ({error.strerror or error})", "Make room, or check the folder's owner."
        ) from error
