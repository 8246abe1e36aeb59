"""Which recordings a model has met before: by the recipes of the app, by its manifest, and by their content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from edge_app.config.recipe import RecipeConfig, Source
from edge_app.core.errors import RecordingError
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.leakage import Known
from edge_app.training.importers.select import cut, select

Span = tuple[float, float]


@dataclass(frozen=True)
class Use:
    """A recording, or a part of it, that a model learnt from ("train") or was chosen by ("val")."""

    name: str
    """As recipe or manifest call it."""
    split: str
    span_s: Span | None = None
    """Which part (s), None for all of it."""
    hashes: frozenset[str] = frozenset()
    """sha256 of the samples, as the app's slot takes them, of all or of that part; empty where it is not known."""


def recipe_uses(recipe: RecipeConfig, recordings: Sequence[Recording]) -> list[Use]:
    """What a recipe trains and validates on, among the recordings found."""
    found = []
    for split, sources in (("train", recipe.train), ("val", recipe.validation)):
        for source in sources:
            if source.dataset is not None:
                found += [Use(each.id, split, source.span_s) for each in matching(recordings, source)]
            elif source.file is not None:
                found.append(Use(source.file, split, source.span_s))
    return found


def matching(recordings: Sequence[Recording], source: Source) -> list[Recording]:
    """Recordings found that a dataset source means; none where the folder holds none of them."""
    try:
        return select(
            recordings,
            dataset=source.dataset,
            split=source.split,
            labels=source.labels,
            ids=source.ids,
            where=source.where or None,
        )
    except RecordingError:
        return [] if source.ids is None else _each_id(recordings, source)


def _each_id(recordings: Sequence[Recording], source: Source) -> list[Recording]:
    """Those of the ids that are there: a folder may hold a few recordings only."""
    return [
        each
        for each in recordings
        if each.dataset == source.dataset and any(ends_with(each.id, name) for name in source.ids or ())
    ]


def has_facts(recording: Recording, where: Mapping[str, Sequence[Any]]) -> bool:
    """Whether every fact named has one of its values."""
    return all(recording.facts.get(name) in values for name, values in where.items())


def ends_with(name: str, ending: str) -> bool:
    """Whether an id is this one, or ends in it after a slash: "mitdb/101" in "101"."""
    return name == ending or name.endswith("/" + ending)


def manifest_uses(data: Mapping[str, Any]) -> list[Use]:
    """What the model's manifest says it learnt from: every entry with a content hash, whatever list it stands in."""
    return list(_entries(data, "train"))


def _entries(value: Any, split: str) -> Iterator[Use]:
    if isinstance(value, Mapping) and "sha256" in value:
        name = str(value.get("id") or value.get("source") or value.get("file") or "")
        span = value.get("span_s")
        yield Use(name, split, (float(span[0]), float(span[1])) if span else None, frozenset((str(value["sha256"]),)))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _entries(inner, "val" if str(key).startswith("val") else split)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _entries(inner, split)


def same_name(use: Use, recording: Recording) -> bool:
    """Whether a use names this recording: by its id, or by its file with or without the folders before it."""
    used = PurePosixPath(use.name)
    names = (use.name, used.with_suffix("").as_posix()) if used.suffix else (use.name,)
    if any(ends_with(recording.id, name) or ends_with(name, recording.id) for name in names):
        return True
    file = PurePosixPath(str(recording.facts.get("file", "")))
    return bool(used.suffix) and file.name == used.name and file.parent.name in ("", used.parent.name)


def met_groups(recordings: Sequence[Recording], uses: Sequence[Use]) -> set[str]:
    """Groups (persons, machines) that a model learnt from, as far as the recordings at hand tell."""
    learnt = [use for use in uses if use.split == "train"]
    found = {each.group for each in recordings if any(same_name(use, each) for use in learnt)}
    persons = {f"subject_{PurePosixPath(use.name).name}" for use in learnt}  # WFDB: a record's person bears its name
    return found | {each.group for each in recordings if each.group in persons}


def copied_from(signal: Signal, uses: Sequence[Use]) -> Use | None:
    """The use that took the very samples of this signal, or of the part of it with the use's times; None for none."""
    digests: dict[Span | None, frozenset[str]] = {}
    for use in uses:
        if use.hashes and use.span_s not in digests:
            digests[use.span_s] = _hashes(signal, use.span_s)
        if use.hashes & digests.get(use.span_s, frozenset()):
            return use
    return None


def known_parts(recordings: Sequence[Recording], uses: Sequence[Use]) -> Known:
    """The content of every part that was used of the recordings at hand: finds copies that were cut or joined, too."""
    known = Known()
    for recording in recordings:
        spans = {use.span_s for use in uses if same_name(use, recording)}
        if not spans:
            continue
        try:
            signal = recording.load()
            for span_s in spans:
                known.add(signal if span_s is None else cut(signal, span_s))
        except RecordingError:  # what cannot be read cannot be compared; who measures on it hears of it
            continue
    return known


def _hashes(signal: Signal, span_s: Span | None) -> frozenset[str]:
    whole = {signal.sha256} - {""}
    if span_s is None:
        return frozenset(whole)
    try:
        return frozenset(whole | {cut(signal, span_s).sha256})
    except RecordingError:  # too short: it cannot be a copy of that part
        return frozenset(whole)


def free_span(uses: Sequence[Use], seconds: float) -> Span | None:
    """The longest part (s) of a recording that none of its uses touches; None when every use takes all of it."""
    if any(use.span_s is None for use in uses):
        return None
    edges = [0.0]
    for begin, end in sorted(use.span_s for use in uses if use.span_s is not None):
        edges += [begin, end]
    edges.append(seconds)
    gaps = [(edges[index], edges[index + 1]) for index in range(0, len(edges), 2)]
    begin, end = max(gaps, key=lambda gap: gap[1] - gap[0])
    return (begin, end) if end > begin else None


def overlap(span: Span, other: Span | None) -> bool:
    """Whether two parts share time; None stands for all."""
    return other is None or (span[0] < other[1] and other[0] < span[1])
