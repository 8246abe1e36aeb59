"""Which recordings are learnt from, which chosen by, which tested on: chosen once, by recording, kept in splits.csv.

The file lies in the folder of the recordings, or in one of its own beside a link to them where the recordings cannot be
written to. It overrules what a MANIFEST.csv or a sidecar says. What it says once stays: splitting again after new
recordings were made places the new ones only, so that nothing tested on is ever learnt from later.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edge_app.core.errors import ConfigError, RecordingError
from edge_app.core.files import read_at_most, write_whole
from edge_app.training.importers.base import SPLITS, Recording
from edge_app.training.importers.folder import Folder, rows_of

SPLITS_FILE = "splits.csv"
_COLUMNS = ("id", "group", "label", "split")
_MOST_BYTES = 1 << 26


def with_splits(recordings: Iterable[Recording], folder: Folder) -> list[Recording]:
    """Recordings with the split that a splits.csv below the folder gives them. Raises RecordingError when damaged."""
    chosen: dict[str, str] = {}
    for path in reversed([path for path in folder.files if path.name == SPLITS_FILE]):
        chosen.update(read_splits(path))
    return [replace(each, split=chosen[each.id]) if each.id in chosen else each for each in recordings]


def read_splits(path: Path) -> dict[str, str]:
    """Split by id.

    Raises
    ------
    RecordingError
        Damaged: a file that is passed over would be written anew, and what was tested on learnt from.
    """
    try:
        content = read_at_most(path, _MOST_BYTES)
        if content is None:
            raise RecordingError(f"{path}: is too large for a list of splits.", "Take it away, or repair it.")
        rows = rows_of(content)
        if not {"id", "split"} <= set(rows.fieldnames or ()):
            raise RecordingError(
                f"{path}: is no list of splits: its first line lacks the columns id and split.",
                "Bring back the file as it was. Only where nothing was trained or tested yet: delete it.",
            )
        found: dict[str, str] = {}
        for row in rows:
            _check_row(path, rows.line_num, row, found)
            found[row["id"]] = row["split"]
        return found
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}.", "Check who may read it.") from error
    except csv.Error as error:
        raise RecordingError(f"{path}: cannot be read: {error}.", "Bring back the file as it was.") from error


def _check_row(path: Path, line: int, row: Mapping[str, str | None], found: Mapping[str, str]) -> None:
    """Refuse a row that is cut short, has another word for its split, or contradicts a row before it."""
    where = f"{path}: line {line}"
    if row["id"] is None or row["split"] is None:
        raise RecordingError(
            f"{where} has fewer columns than the first: the file is cut short there.", "Bring back the file as it was."
        )
    if row["split"] not in ("", *SPLITS):
        raise RecordingError(
            f"{where}: a split is called {row['split'][:40]!r}.", f"Write {', '.join(SPLITS)}, or nothing."
        )
    if found.get(row["id"], row["split"]) != row["split"]:
        raise RecordingError(
            f"{where}: {row['id']} is in {row['split'] or 'no split'}, and in {found[row['id']] or 'no split'} before.",
            "Leave one of the two lines: what was learnt from cannot be tested on.",
        )


def parse_shares(text: str) -> dict[str, float]:
    """ "0.6/0.2/0.2" as shares of train, val and test; two numbers are train and test. Raises ConfigError."""
    try:
        numbers = [float(part) for part in text.split("/")]
    except ValueError:
        numbers = []
    names = SPLITS if len(numbers) == 3 else ("train", "test")
    if len(numbers) not in (2, 3) or min(numbers) < 0 or not abs(sum(numbers) - 1) <= 0.01 or numbers[0] == 0:
        raise ConfigError(f"--split {text}: should be shares that add up to 1.", "For example: --split 0.6/0.2/0.2")
    return {name: number for name, number in zip(names, numbers, strict=True) if number > 0}


def split_by_group(
    recordings: Sequence[Recording], shares: Mapping[str, float], seed: int, already: Mapping[str, str]
) -> dict[str, str]:
    """Split of each recording, by id: groups stay whole, every label is shared out on its own.

    Parameters
    ----------
    shares : mapping of split to share
    seed : int
        Another seed, another choice; the same one, the same choice on every machine.
    already : mapping of id to split
        What was chosen before, and stays.
    """
    groups: dict[str, list[Recording]] = {}
    for recording in recordings:
        groups.setdefault(f"{recording.dataset}/{recording.group}", []).append(recording)
    strata: dict[tuple[str, ...], list[str]] = {}
    for group, members in groups.items():
        strata.setdefault(tuple(sorted({each.label for each in members})), []).append(group)
    split_of: dict[str, str] = {}
    for group, members in groups.items():
        known = [already[each.id] for each in members if already.get(each.id)]
        if known:
            split_of[group] = known[0]
    for stratum in sorted(strata):
        _share_out(sorted(strata[stratum], key=lambda group: _lot(seed, group)), shares, split_of)
    return {each.id: split_of[group] for group, members in groups.items() for each in members}


def _share_out(groups: list[str], shares: Mapping[str, float], split_of: dict[str, str]) -> None:
    """Give each group that has none the split which lacks most; where groups are few, no split stays empty."""
    have = {split: sum(split_of.get(group) == split for group in groups) for split in shares}
    waiting = [group for group in groups if group not in split_of]
    for number, group in enumerate(waiting):
        empty = [split for split in shares if not have[split]]
        enough = len(groups) >= len(shares)
        choice = empty if enough and len(waiting) - number <= len(empty) else list(shares)
        split = max(choice, key=lambda each: (shares[each] * len(groups) - have[each], _PREFERRED.index(each)))
        split_of[group] = split
        have[split] += 1


_PREFERRED = ("val", "test", "train")
"""Where two splits lack as much, the last of these is served first."""


def _lot(seed: int, group: str) -> str:
    return hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()


def write_splits(folder: Path, recordings: Sequence[Recording], splits: Mapping[str, str]) -> Path:
    """Write splits.csv as a whole. Raises RecordingError when the folder cannot be written to."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for each in sorted(recordings, key=lambda recording: recording.id):
        rows.writerow((each.id, each.group, each.label, splits[each.id]))
    path = folder / SPLITS_FILE
    try:
        write_whole(path, text.getvalue().encode())
    except OSError as error:
        raise RecordingError(
            f"{path}: cannot be written: {error.strerror}.",
            "Choose a folder for it: --to FOLDER; then give that folder as --data.",
        ) from error
    return path


def make_view(folder: Path, data: Path) -> None:
    """A folder that holds a link to recordings which cannot be written to. Raises RecordingError."""
    link = folder / "data"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if link.is_symlink() and link.resolve() == data.resolve():
            return
        link.symlink_to(data.resolve(), target_is_directory=True)
    except OSError as error:
        raise RecordingError(f"{link}: cannot be made: {error.strerror}.", "Choose a new folder with --to.") from error
