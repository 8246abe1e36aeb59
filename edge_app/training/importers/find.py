"""Which recordings lie below a folder: every importer looks at the files' names, and takes those it knows."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from edge_app.core.errors import RecordingError
from edge_app.core.names import readable
from edge_app.training.importers import cwru, femto, msa301, own, ppg, signs, sisfall, telemetry, wav, wfdb
from edge_app.training.importers.base import Dataset, Recording
from edge_app.training.importers.folder import Folder, look_into
from edge_app.training.importers.splits import with_splits

IMPORTERS: tuple[Callable[[Folder], list[Recording]], ...] = (
    own.find,
    cwru.find,
    femto.find,
    msa301.find,
    wav.find,
    telemetry.find,
    wfdb.find,
    ppg.find,
    signs.find,
    sisfall.find,
)
"""Each gives the recordings of its formats; no file is known to two."""


class NothingFound(RecordingError):
    """A folder holds no recording of a known layout."""


@dataclass(frozen=True)
class FoundDataset:
    """The recordings of one dataset below a folder."""

    name: str
    found: tuple[Recording, ...]

    def recordings(self) -> list[Recording]:
        """All of them, ordered by id."""
        return list(self.found)


def find_datasets(data_dir: Path) -> list[Dataset]:
    """Datasets below a folder, ordered by name: a root of several, one of them, or a few files of one.

    Raises
    ------
    NothingFound
        No recording of a known layout in it.
    RecordingError
        No such folder, one that cannot be read, or a damaged splits.csv or MANIFEST.csv in it.
    """
    folder = look_into(Path(os.path.abspath(data_dir)))
    recordings = [recording for find in IMPORTERS for recording in find(folder)]
    if not recordings:
        raise NothingFound(
            f"{data_dir}: holds no recording of a known layout"
            + (f" ({len(folder.files)} files)." if folder.files else ": the folder is empty."),
            "Known are what `edge-app record` writes, CWRU, WFDB, FEMTO, MSA301, SisFall, PPG, and WAV in folders"
            " named after their label."
            + (
                " Other CSV, NPZ and MAT files are named one by one: {file: NAME, rate_hz: …}."
                if _tables(folder)
                else ""
            ),
        )
    by_name: dict[str, list[Recording]] = {}
    for recording in with_splits(_unique(recordings), folder):
        by_name.setdefault(recording.dataset, []).append(recording)
    return [FoundDataset(name, tuple(sorted(found, key=lambda r: r.id))) for name, found in sorted(by_name.items())]


def recordings_in(data_dir: Path, dataset: str | None = None) -> list[Recording]:
    """All recordings below a folder, or those of one dataset, ordered by id.

    Raises
    ------
    RecordingError
        None there; the message says which datasets are.
    """
    datasets = find_datasets(data_dir)
    if dataset is not None and dataset not in {found.name for found in datasets}:
        raise RecordingError(
            f"{data_dir}: holds no dataset {dataset!r}; there are {', '.join(found.name for found in datasets)}.",
            "Name one of them, or another folder.",
        )
    chosen = [found for found in datasets if dataset in (None, found.name)]
    return [recording for found in chosen for recording in found.recordings()]


def _tables(folder: Folder) -> bool:
    """Whether files are there that a recipe can name, though no layout is known."""
    return any(path.suffix.lower() in (".csv", ".tsv", ".txt", ".npz", ".npy", ".mat") for path in folder.files)


def _without_ending(file: str) -> str:
    return readable(Path(file).with_suffix("").as_posix())


def _unique(recordings: Iterable[Recording]) -> list[Recording]:
    """Where two files have one id (copies in two folders), the folder becomes part of it."""
    listed = list(recordings)
    counts = Counter(recording.id for recording in listed)
    return [
        recording
        if counts[recording.id] == 1
        else replace(recording, id=f"{recording.dataset}/{_without_ending(recording.facts['file'])}")
        for recording in listed
    ]
