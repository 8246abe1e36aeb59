"""A folder of recordings as importers see it: its files, and which split each belongs to."""

from __future__ import annotations

import csv
import io
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_app.core.errors import RecordingError
from edge_app.core.files import read_at_most
from edge_app.training.importers.base import SPLITS

MANIFEST = "MANIFEST.csv"
_MOST_FILES = 1_000_000
_MOST_BYTES = 1 << 26
_LEVELS_UP = 4
"""How far above the folder a MANIFEST.csv is looked for."""
_PASSED_OVER = ("__pycache__", "node_modules")


@dataclass(frozen=True)
class Folder:
    """All files below a folder, found once."""

    root: Path
    files: tuple[Path, ...]
    """Ordered by path."""
    split_of: Callable[[Path], str]
    """What a MANIFEST.csv says about a file: "train", "val", "test", or "" where it says nothing of the kind."""

    def matching(self, pattern: str) -> Iterator[tuple[Path, re.Match[str]]]:
        """Files whose name fits a pattern, wholly, upper or lower case."""
        compiled = re.compile(pattern, re.IGNORECASE | re.DOTALL)  # a name may hold a line end
        for path in self.files:
            match = compiled.fullmatch(path.name)
            if match:
                yield path, match

    def shown(self, path: Path) -> str:
        """A file's path as people write it, from the root on."""
        return path.relative_to(self.root).as_posix()


def look_into(root: Path) -> Folder:
    """The files below a folder. Raises RecordingError when it is no folder, cannot be read or holds too many files."""
    if not root.is_dir():
        raise RecordingError(f"{root}: is not a folder.", "Name the folder that holds the recordings.")
    try:
        files = tuple(sorted(_walk(root)))
    except OSError as error:
        where = error.filename or root
        raise RecordingError(f"{where}: cannot be read: {error.strerror}.", "Check who may read it.") from error
    return Folder(root, files, _splits_by_file(root, files))


def _walk(root: Path) -> Iterator[Path]:
    """Files below a folder, links followed, no folder twice, hidden ones passed over."""
    seen: set[str] = set()
    count = 0
    for parent, folders, names in os.walk(root, followlinks=True, onerror=_refuse_unreadable):
        real = os.path.realpath(parent)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _PASSED_OVER)
        count += len(names)
        if count > _MOST_FILES:
            raise RecordingError(
                f"{root}: holds more than {_MOST_FILES} files.", "Name the folder of the recordings, not one above it."
            )
        yield from (path for path in (Path(parent, name) for name in names if name[0] != ".") if _may_be_read(path))


def _refuse_unreadable(error: OSError) -> None:
    raise error


def _may_be_read(path: Path) -> bool:
    """Not a pipe, socket or device, which would be waited for; links that lead nowhere stay: reading says so."""
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except OSError:
        return True
    return kind == stat.S_IFREG


def _splits_by_file(root: Path, files: tuple[Path, ...]) -> Callable[[Path], str]:
    manifests = [path for path in files if path.name == MANIFEST]
    above = list(root.resolve().parents)[:_LEVELS_UP]
    manifests += [path for path in (parent / MANIFEST for parent in above) if path.is_file()]
    splits: dict[str, str] = {}
    for manifest in reversed(manifests):  # the nearest one wins
        splits.update(_read_manifest(manifest))
    return lambda path: splits.get(os.path.realpath(path), "")


def rows_of(content: bytes) -> csv.DictReader[str]:
    """Rows of a list in CSV, whatever wrote it: commas or semicolons, with or without a byte order mark."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    first = text.partition("\n")[0]
    delimiter = ";" if ";" in first and "," not in first else ","
    return csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)


def _read_manifest(path: Path) -> dict[str, str]:
    """Split by file (absolute). A MANIFEST.csv of another kind, without these columns, says nothing."""
    try:
        content = read_at_most(path, _MOST_BYTES)
        if content is None:
            raise RecordingError(f"{path}: is too large for a list of recordings.", "Repair it, or take it away.")
        rows = rows_of(content)
        if not {"file", "split"} <= set(rows.fieldnames or ()):
            return {}
        return {
            os.path.realpath(path.parent / row["file"]): str(row["split"])
            for row in rows
            if row["file"] and row["split"] in SPLITS
        }
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}.", "Check who may read it.") from error
    except (csv.Error, ValueError) as error:
        raise RecordingError(f"{path}: cannot be read: {error}.", "Repair it, or take it away.") from error
