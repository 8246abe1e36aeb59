"""The signals a recipe names: files, simulated machines, recordings of data sets; loaded one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge_app.config.recipe import Source
from edge_app.config.schema import BearingConfig
from edge_app.core.errors import RecordingError
from edge_app.training.importers.base import Recording, Reference, Signal
from edge_app.training.importers.leakage import check_leakage
from edge_app.training.windows.datasets import load_signal, suiting_part
from edge_app.training.windows.front import Front
from edge_app.training.windows.recipes import Task


@dataclass(frozen=True)
class Item:
    """One signal of a recipe."""

    title: str
    """The recording's id, or the source's title."""
    label: str
    source: Source
    load: Callable[[], Signal]
    """Reads the samples, cut to the source's span, as the app's slot takes them; `sha256` is the whole recording's."""
    reference: Callable[[], Reference] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def machine(self, bearing: BearingConfig | None) -> dict[str, Any]:
        """What a device's `machine:` block would say of this recording."""
        if not self.facts.get("rpm"):
            return {}
        found: dict[str, Any] = {"shaft_hz": float(self.facts["rpm"]) / 60.0}
        return found | ({"bearing": bearing.model_dump()} if bearing is not None else {})

    def plain(self, signal: Signal, windows: int) -> dict[str, Any]:
        """What the manifest says about it."""
        facts: dict[str, Any] = {"source": self.title, "label": self.label}
        facts |= {"seconds": round(signal.seconds, 3), "rate_hz": signal.rate_hz, "windows": windows}
        if self.source.span_s is not None:
            facts["span_s"] = list(self.source.span_s)
        if self.source.simulated:
            facts |= {"seed": self.source.seed, "profile": self.source.profile}
        else:
            facts["sha256"] = signal.sha256
        return facts


def items_of(sources: Sequence[Source], task: Front, data_dir: Path) -> list[Item]:
    """The signals of some sources, in their order; no samples are read yet.

    Raises
    ------
    RecordingError
        When a data set is not there, or nothing in it is what a source asks for.
    """
    known: dict[str, list[Recording]] = {}
    found: list[Item] = []
    for source in sources:
        try:
            found += _items_of(source, task, data_dir, known)
        except RecordingError as error:
            raise RecordingError(f"{_place(source, task)}{error.what}", error.fix) from error
    return found


def _items_of(source: Source, task: Front, data_dir: Path, known: dict[str, list[Recording]]) -> list[Item]:
    if source.dataset is None:
        return [_plain_item(source, task, data_dir)]
    if source.dataset not in known:
        known[source.dataset] = _recordings(data_dir, source.dataset)
    return [_recording_item(each, source, task) for each in _chosen(source, known[source.dataset])]


def _place(source: Source, task: Front) -> str:
    """Where a source stands, "train.yaml:6: train[0]: "; "" when it is of no recipe."""
    if not isinstance(task, Task):
        return ""
    for key in ("train", "validation", "evaluate"):
        listed: list[Source] = getattr(task.recipe, key)
        for number, each in enumerate(listed):
            if each is source:
                return f"{task.place(key, number)}: "
    return ""


def _recordings(data_dir: Path, dataset: str) -> list[Recording]:
    from edge_app.training.importers.find import recordings_in

    return recordings_in(data_dir, dataset)


def _chosen(source: Source, recordings: Iterable[Recording]) -> list[Recording]:
    from edge_app.training.importers.select import select

    return select(recordings, split=source.split, labels=source.labels, ids=source.ids, where=source.where or None)


def _plain_item(source: Source, task: Front, data_dir: Path) -> Item:
    if source.file is not None and not (data_dir / source.file).exists():
        raise RecordingError(
            f"there is no recording {data_dir / source.file}.",
            "Paths in a recipe begin at --data DIR: name its folder.",
        )
    return Item(source.title, source.label, source, lambda: load_signal(source, task, data_dir))


def _recording_item(recording: Recording, source: Source, task: Front) -> Item:
    def load() -> Signal:
        from edge_app.training.importers.select import with_axes

        signal = with_axes(recording.load(), task.slot.axes, source.channel)
        if signal.unit != task.slot.unit:
            raise RecordingError(
                f"{recording.id}: is in {signal.unit}, the app computes in {task.slot.unit}.",
                f"Leave it out, or give recordings of {task.slot.quantity}.",
            )
        return replace(suiting_part(signal, task, source.span_s), sha256=signal.sha256)

    return Item(recording.id, recording.label, source, load, recording.reference, recording.facts)


def check_apart(train: Sequence[Item], others: Sequence[Item], what: str) -> None:
    """Refuse a recording that stands in both lists, by its name with overlapping spans or by its samples.

    Raises
    ------
    RecordingError
        With the names of both.
    """
    for item in others:
        for twin in train:
            if item.title == twin.title and not item.source.simulated and _overlap(item.source, twin.source):
                raise RecordingError(
                    f"{item.title} stands in `train` and in `{what}`: what was learnt from says nothing there.",
                    "Take it out of one of the two, or give both a `span_s` that does not overlap the other's.",
                )
    recorded = [[item for item in items if not item.source.simulated] for items in (train, others)]
    if all(recorded):
        check_leakage(*((item.load() for item in items) for items in recorded))


def _overlap(first: Source, second: Source) -> bool:
    if first.span_s is None or second.span_s is None:
        return True
    return first.span_s[0] < second.span_s[1] and second.span_s[0] < first.span_s[1]
