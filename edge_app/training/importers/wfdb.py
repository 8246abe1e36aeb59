"""PhysioNet's WFDB records: header, samples of format 212 or 16, annotations. Read without the wfdb package.

Counts are those of the converter, less the baseline; the scale is in the header's unit (1/200 mV for MIT-BIH). A sample
the record marks as missing keeps the lowest code, as it stands in the file: the quality gate sees it as clipped.

Source: G. B. Moody, "WFDB Applications Guide", header(5), signal(5), annot(5); symbols: table "Annotation Codes".
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge_app.core.errors import RecordingError
from edge_app.core.names import like_id
from edge_app.sensors.wfdb import alike_channels, full_scale, read_samples
from edge_app.sensors.wfdb_header import Header, read_header
from edge_app.training.importers.base import Recording, Reference, Signal
from edge_app.training.importers.folder import Folder
from edge_app.training.importers.signals import with_hash
from edge_app.training.importers.wfdb_annotations import BEATS, RHYTHM, read_annotations

MITDB = "mitdb"
_DS1 = (
    "101 106 108 109 112 114 115 116 118 119 122 124",
    "201 203 205 207 208 209 215 220 223 230",
)
_DS2 = (
    "100 103 105 111 113 117 121 123",
    "200 202 210 212 213 214 219 221 222 228 231 232 233 234",
)
"""MIT-BIH: the usual division into records to learn from and records to test on, no person in both but 201 and 202.
Source: P. de Chazal et al., IEEE Trans. Biomed. Eng. 51(7):1196-1206, 2004."""
_SET = {record: name for name, rows in (("DS1", _DS1), ("DS2", _DS2)) for row in rows for record in row.split()}
_SAME_PERSON = {"202": "201"}
"""MIT-BIH: records 201 and 202 were taken from one subject."""


def find(folder: Folder) -> list[Recording]:
    """Every record with a header: MIT-BIH by its format and record numbers, others under their folder's name."""
    recordings = []
    for path, _ in folder.matching(r"[\w-]+\.hea"):
        try:
            header = read_header(path)
        except RecordingError:
            header = None  # named all the same; loading says what is wrong
        recordings.append(_recording(folder, path, header))
    return recordings


def _recording(folder: Folder, path: Path, header: Header | None) -> Recording:
    dataset = _dataset_of(path, header)
    title = f"{dataset}/{path.stem}"
    facts: dict[str, Any] = {"file": folder.shown(path)}
    if header is not None:
        facts |= {"leads": [channel.name for channel in header.channels], "rate_hz": header.rate_hz}
        if header.comments:
            facts["comments"] = list(header.comments)
    if dataset == MITDB and path.stem in _SET:
        facts["set"] = _SET[path.stem]
    annotations = path.with_suffix(".atr")
    person = _SAME_PERSON.get(path.stem, path.stem) if dataset == MITDB else path.stem
    return Recording(
        id=title,
        dataset=dataset,
        label=_label_of(dataset, header),
        group=f"subject_{person}",
        load=partial(load_signal, path, title),
        split=folder.split_of(path),
        reference=partial(load_reference, path) if annotations.is_file() else None,
        facts=facts,
    )


def _dataset_of(path: Path, header: Header | None) -> str:
    if re.fullmatch(r"[12]\d\d", path.stem) and (header is None or header.rate_hz == 360.0):
        return MITDB
    return like_id(path.parent.name) or "wfdb"


def _label_of(dataset: str, header: Header | None) -> str:
    """ "ecg" for MIT-BIH, whose beats carry the labels; the verdict on an alarm where the header tells it."""
    comments = " ".join(header.comments).lower() if header else ""
    if "false alarm" in comments:
        return "false_alarm"
    if "true alarm" in comments:
        return "true_alarm"
    return "ecg" if dataset == MITDB else "monitoring"


def load_reference(path: Path) -> Reference:
    """Reference beats and rhythms of a record. Raises RecordingError."""
    annotations = read_annotations(path.with_suffix(".atr"))
    beats = [(sample, symbol) for sample, symbol, _ in annotations if symbol in BEATS]
    return Reference(
        beats=np.array([sample for sample, _ in beats], np.int64),
        symbols=tuple(symbol for _, symbol in beats),
        rhythms=tuple((sample, text) for sample, symbol, text in annotations if symbol == RHYTHM and text),
    )


def load_signal(path: Path, title: str) -> Signal:
    """All leads of one kind of unit, the preferred one first. Raises RecordingError."""
    header = read_header(path)
    alike = alike_channels(header)
    first = header.channels[alike[0]]
    columns = read_samples(path, header)
    counts = np.stack([columns[k] for k in alike])
    scale = 1.0 / first.gain
    names = tuple(header.channels[k].name for k in alike)
    return with_hash(Signal(title, counts, scale, header.rate_hz, "au", channels=names, full_scale=full_scale(first)))
