"""From an app's folder and a folder of recordings to cases: what is measured, on which parts of which recordings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge_app.config.apps import APP_FILE, app_file
from edge_app.config.errors import nearest, validated
from edge_app.config.evaluation import CaseConfig, EvaluationConfig
from edge_app.config.load import load_document, shown
from edge_app.config.recipe import RecipeConfig, Source
from edge_app.core.errors import ConfigError, RecordingError
from edge_app.training.evaluation.uses import (
    Use,
    copied_from,
    ends_with,
    free_span,
    has_facts,
    known_parts,
    matching,
    met_groups,
    overlap,
    recipe_uses,
    same_name,
)
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.find import NothingFound, recordings_in
from edge_app.training.importers.select import cut
from edge_app.training.progress import Progress
from edge_app.training.protocols.base import Trail
from edge_app.training.protocols.trails import trail_of
from edge_app.training.windows.datasets import load_signal, signal_of
from edge_app.training.windows.front import Front, app_document, load_front
from edge_app.training.windows.recipes import RECIPE_FILE, load_tasks

EVALUATION_FILE = "evaluate.yaml"
OWN = "own"
"""Data set of what `edge-app record` wrote."""
BY_LABEL = ("anomaly", "quiet", "group_baseline", "classify")
"""Protocols that must know what each recording is of."""
DEFAULT_PROTOCOL = {"classifier": "classify", "cnn": "classify", "forest": "classify"}
"""By kind of the recipe, where there is no evaluate.yaml; all other kinds: anomaly."""


@dataclass(frozen=True)
class Folder:
    """The recordings of `--data`, found once for all cases."""

    path: Path
    recordings: tuple[Recording, ...]
    """Empty where only `sources` of the cases name files in it."""

    def holds(self) -> str:
        """What is there, for messages."""
        by_dataset: dict[str, int] = {}
        for each in self.recordings:
            by_dataset[each.dataset] = by_dataset.get(each.dataset, 0) + 1
        return ", ".join(f"{count} of {name}" for name, count in by_dataset.items()) or "no recording of a known layout"


def look_into(path: Path) -> Folder:
    """The recordings below a folder. Raises RecordingError when it is none or empty, or its list of splits damaged."""
    if not path.is_dir():
        raise RecordingError(f"{path}: is not a folder.", "Name the folder that holds the recordings.")
    try:
        return Folder(path, tuple(recordings_in(path)))
    except NothingFound:
        if any(path.iterdir()):
            return Folder(path, ())
        raise


@dataclass
class Chosen:
    """The trails of one case, and what was left out of it."""

    trails: list[Trail] = field(default_factory=list)
    other_split: dict[str, list[str]] = field(default_factory=dict)
    """Recordings of the case that belong to another split, by split."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Recordings that could not be used, with the reason."""
    met: list[str] = field(default_factory=list)
    """Test recordings of persons or machines that the model learnt from in other recordings."""


def load_cases(app_dir: Path, recordings: Folder, only: str | None = None) -> list[CaseConfig]:
    """The cases of evaluate.yaml; without it one for each recipe of the app.

    Raises
    ------
    ConfigError
        The file is wrong, or holds no case of the name wanted.
    """
    folder = app_file(app_dir).parent
    if (folder / EVALUATION_FILE).is_file():
        cases = validated(EvaluationConfig, load_document(folder / EVALUATION_FILE)).cases
    else:
        cases = _default_cases(app_dir, recordings)
    if only is None:
        return list(cases)
    chosen = [case for case in cases if case.name == only]
    if not chosen:
        names = [case.name for case in cases]
        guess = nearest(only, names)
        hint = f"Did you mean {guess}? " if guess else ""
        raise ConfigError(f"the app has no case named {only}.", f"{hint}Cases: {', '.join(names)}.")
    return chosen


def _default_cases(app_dir: Path, folder: Folder) -> list[CaseConfig]:
    """One case a recipe: the recordings found, those of its own data set where it names one; else its `evaluate`."""
    cases = []
    for task in load_tasks(app_dir):
        recipe = task.recipe
        named = {
            each.dataset
            for use in recipe_uses(recipe, folder.recordings)
            for each in folder.recordings
            if same_name(use, each)
        }
        own = any(each.dataset == OWN for each in folder.recordings)
        dataset = named.pop() if len(named) == 1 else OWN if own else None
        cases.append(
            CaseConfig(
                name=recipe.pipeline if recipe.part == "model" else f"{recipe.pipeline}-{recipe.part}",
                pipeline=recipe.pipeline,
                part=recipe.part,
                protocol=DEFAULT_PROTOCOL.get(recipe.kind, "anomaly"),
                dataset=dataset,
                sources=[] if dataset or named else list(recipe.evaluate),
                healthy=list(recipe.healthy),
            )
        )
    return cases


def recipes_of(app_dir: Path, case: CaseConfig) -> list[RecipeConfig]:
    """Recipes of the model a case measures; none where the app has no recipe."""
    document = app_document(app_dir)
    if document.data.get("recipe") is None and not (document.path.parent / RECIPE_FILE).is_file():
        return []
    tasks = load_tasks(app_dir)
    return [task.recipe for task in tasks if (task.recipe.pipeline, task.recipe.part) == (case.pipeline, case.part)]


def case_front(app_dir: Path, case: CaseConfig) -> tuple[Front, Mapping[str, Any]]:
    """The front of a case with its `set` applied, and the app's keys as they then are."""
    try:
        document = app_document(app_dir, case.set)
        return load_front(document, case.pipeline, case.part), document.data
    except ConfigError as error:
        where = f"{shown(app_file(app_dir).parent / EVALUATION_FILE)}: case {case.name}: "
        raise ConfigError(where + error.what.replace(APP_FILE, f"{APP_FILE} with `set`"), error.fix) from error


def classes_of(case: CaseConfig, recipes: Sequence[RecipeConfig], labels: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The model's classes and the labels that belong to each."""
    stated: Mapping[str, Sequence[str]] = case.classes or next((each.classes for each in recipes if each.classes), {})
    return {name: tuple(stated.get(name, (name,))) for name in (labels or stated)}


def choose(
    case: CaseConfig, front: Front, folder: Folder, split: str, uses: Sequence[Use], progress: Progress
) -> Chosen:
    """The recordings of a case that belong to the split asked for, each as a trail.

    Raises
    ------
    RecordingError
        A damaged recording; one that a model learnt from under another name, or against its declared split.
    """
    chosen = Chosen()
    met = met_groups(folder.recordings, uses)
    known = known_parts(folder.recordings if split in ("test", "all") else (), uses)
    wanted = list(candidates(case, front, folder))
    same: dict[str, str] = {}
    for number, recording in enumerate(wanted):
        progress.at(case.name, number, len(wanted), recording.id)
        signal = _signal(case, recording, front, chosen)
        if signal is None:
            continue
        twin_id = same.setdefault(signal.sha256 or recording.id, recording.id)
        if twin_id != recording.id and signal.counts.min() < signal.counts.max():  # saturated ones are all alike
            chosen.left_out[recording.id] = f"it holds the same samples as {twin_id}"
            continue
        parts = _parts(case, recording, signal, uses, split, chosen)
        for part, span_s in parts:
            shortest_s = front.pipeline.window.seconds
            if span_s is not None and span_s[1] - span_s[0] < shortest_s:
                if recording.id in (name for names in chosen.other_split.values() for name in names):
                    continue  # the end of a recording that was used as good as whole
                chosen.left_out[recording.id] = f"{span_s[1] - span_s[0]:.2f} s are less than one window"
                continue
            looked_at = signal if span_s is None else cut(signal, span_s)
            if part == "test" and not recording.facts.get("simulated") and (twin := known.twin(looked_at)):
                raise _leak(recording.id, Use(twin[0], "train"), f"it {twin[1]}")
            if part == "test" and span_s is None and recording.group in met:
                chosen.met.append(recording.id)
            hop_s = _hop_s(case, recording)
            facts = _machine(case, recording)
            named = recording
            if span_s is not None and len(parts) > 1:  # each part has figures of its own
                named = replace(recording, id=f"{recording.id}, {span_s[0]:g} to {span_s[1]:g} s")
            chosen.trails.append(
                trail_of(named, looked_at, front, split=part, span_s=span_s, hop_s=hop_s, machine=facts)
            )
    return chosen


def _machine(case: CaseConfig, recording: Recording) -> dict[str, Any]:
    """What a device's `machine:` block would say of this recording."""
    found: dict[str, Any] = {}
    rpm = recording.facts.get("rpm")
    if rpm:
        found["shaft_hz"] = float(rpm) / 60.0
        if case.bearing is not None:
            found["bearing"] = case.bearing.model_dump()
    return found


def _signal(case: CaseConfig, recording: Recording, front: Front, chosen: Chosen) -> Signal | None:
    """The samples as the app's slot takes them; None, and noted, when they are of another quantity or too short."""
    if recording.dataset == "sources":
        return recording.load()
    if not recording.label and case.protocol in BY_LABEL:
        chosen.left_out[recording.id] = "nothing says what it is of: put it into a folder named after its label"
        return None
    signal = recording.load()
    if case.dataset is None and signal.unit != front.slot.unit:
        chosen.left_out[recording.id] = f"in {signal.unit}, the app computes in {front.slot.unit}"
        return None
    try:
        return signal_of(replace(recording, load=lambda: signal), front, channel=case.channel)
    except RecordingError as error:
        unsuitable = "less than one window" in error.what or (case.dataset is None and "are below" in error.what)
        if not unsuitable:
            raise
        chosen.left_out[recording.id] = error.what.partition(": ")[2].rstrip(".")
        return None


def candidates(case: CaseConfig, front: Front, folder: Folder) -> Iterator[Recording]:
    """Recordings a case asks for, whatever their split."""
    if case.sources:
        for source in case.sources:
            if source.dataset is not None:
                yield from matching(folder.recordings, source)
            elif source.simulated or (folder.path / str(source.file)).is_file():
                yield _from_source(source, front, folder.path)
        return
    for recording in folder.recordings:
        if case.dataset is not None and recording.dataset != case.dataset:
            continue
        if case.labels and recording.label not in case.labels:
            continue
        if has_facts(recording, case.where):
            yield recording


def _from_source(source: Source, front: Front, data_dir: Path) -> Recording:
    """A file or a simulated machine as a recording."""
    span = {} if source.span_s is None else {"span_s": list(source.span_s)}
    place = {"file": source.file} if source.file else {"simulated": source.simulated, "seed": source.seed}
    return Recording(
        id=source.title + ("" if source.file else f" seed {source.seed}"),
        dataset="sources",
        label=source.label if source.fault is None else source.fault,
        group=source.title,
        load=lambda: load_signal(source, front, data_dir),
        facts={**place, **span, **({"hop_s": source.hop_s} if source.hop_s else {})},
    )


def _hop_s(case: CaseConfig, recording: Recording) -> float | None:
    found = recording.facts.get("hop_s") if recording.dataset == "sources" else None
    return float(found) if found else case.hop_s


def _parts(
    case: CaseConfig, recording: Recording, signal: Signal, uses: Sequence[Use], split: str, chosen: Chosen
) -> list[tuple[str, tuple[float, float] | None]]:
    """The parts of a recording that are looked at: (split, span)."""
    named = [use for use in uses if same_name(use, recording)]
    twin = None if named or recording.facts.get("simulated") else copied_from(signal, uses)
    if twin is not None and split in ("test", "all"):
        raise _leak(recording.id, twin, "it holds the same samples under another name")
    parts = _spans(case, recording, signal, named or ([twin] if twin else []))
    if split in ("test", "all") and recording.id in case.spans:
        _refuse_overlap(recording, parts, named)
    if recording.split == "test" and named and not any(part == "test" for part, _ in parts) and split != "train":
        raise _leak(recording.id, named[0], "though it is declared as test")
    for part, _ in parts:
        if split not in (part, "all"):
            chosen.other_split.setdefault(part, []).append(recording.id)
    return [(part, span) for part, span in parts if split in (part, "all")]


def _spans(
    case: CaseConfig, recording: Recording, signal: Signal, named: Sequence[Use]
) -> list[tuple[str, tuple[float, float] | None]]:
    if recording.id in case.spans:
        stated = case.spans[recording.id]
        pairs = (("train", stated.train), ("val", stated.val), ("test", stated.test))
        return [(name, span) for name, span in pairs if span is not None]
    if recording.dataset == "sources":
        return [("test", None)]
    for part, ids in case.splits.items():
        if any(ends_with(recording.id, each) for each in ids):
            return [(part, None)]
    if not named:
        return [("test", None)]
    free = free_span(named, signal.seconds)
    used: list[tuple[str, tuple[float, float] | None]] = [(use.split, use.span_s) for use in named]
    return list(dict.fromkeys(used + ([("test", free)] if free else [])))


def _refuse_overlap(
    recording: Recording, parts: Sequence[tuple[str, tuple[float, float] | None]], named: Sequence[Use]
) -> None:
    for part, span in parts:
        if part == "test" and span is not None:
            for use in named:
                if overlap(span, use.span_s):
                    raise _leak(recording.id, use, f"{span[0]:g} to {span[1]:g} s of it overlap what was used")


def _leak(name: str, use: Use, how: str) -> RecordingError:
    span = f", {use.span_s[0]:g} to {use.span_s[1]:g} s" if use.span_s else ""
    verb = "learnt from" if use.split == "train" else "was chosen by"
    return RecordingError(
        f"{name} cannot test a model that {verb} it: {how} (in training: {use.name}{span}).",
        "Take it out of the folder, or measure with `--split train`.",
    )
