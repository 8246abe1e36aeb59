"""Labelled windows: features of the signals of a recipe, each with the class it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.config.recipe import RecipeConfig
from edge_app.config.synthetic import Synthetic
from edge_app.core.errors import RecordingError
from edge_app.core.frames import Window
from edge_app.core.results import FeatureSchema
from edge_app.core.stages import FeatureExtractor
from edge_app.training.importers.base import Reference, Signal
from edge_app.training.progress import Progress
from edge_app.training.windows.augment import change_raw
from edge_app.training.windows.datasets import NONE_YET, Features, agreed, screened
from edge_app.training.windows.recipes import Task
from edge_app.training.windows.sources import Item

BEAT_TOLERANCE_S = 0.075
"""A detected heartbeat is the reference beat at most this far away (half of EC57's window)."""
MANY = 40
"""More signals than this are not listed one by one."""
WITHHELD_SHARE = 0.2
"""Where a recipe has no `validation`, this last part of every signal is kept for it."""


@dataclass(frozen=True)
class Samples:
    """Windows with their classes."""

    features: Features
    classes: NDArray[np.int64]
    """Index of each window's class within `names`."""
    owners: NDArray[np.int64]
    """Which of `facts` each window is from."""
    start_s: NDArray[np.float64]
    """Start of each window within its recording (s)."""
    names: tuple[str, ...]
    """The classes."""
    schema: FeatureSchema
    facts: tuple[dict[str, Any], ...]
    """What the manifest says of each signal."""
    unused: int = 0
    """Windows that were judgeable and belong to no class (a beat the reference does not know, or of no class)."""
    weights: NDArray[np.float64] | None = None
    """How much each window counts; None: all the same."""

    def __len__(self) -> int:
        return len(self.features)

    def taken(self, rows: NDArray[Any]) -> Samples:
        """Some of the windows."""
        return replace(
            self,
            features=self.features[rows],
            classes=self.classes[rows],
            owners=self.owners[rows],
            start_s=self.start_s[rows],
            weights=None if self.weights is None else self.weights[rows],
        )

    def counts(self) -> dict[str, int]:
        """Windows of each class."""
        return {name: int(np.count_nonzero(self.classes == index)) for index, name in enumerate(self.names)}


def samples_of(items: Sequence[Item], task: Task, progress: Progress, changed: bool = False) -> Samples:
    """Windows of all signals that belong to a class, one signal in memory at a time.

    Parameters
    ----------
    items : list of Item
    task : Task
    progress : Progress
        Told of each signal.
    changed : bool
        Also at the speeds and levels of the recipe's `augment`.

    Raises
    ------
    RecordingError
        When a signal cannot be read, does not fit, or nothing is left.
    """
    names = class_names(task.recipe)
    parts: list[tuple[NDArray[np.int16], int, int, float]] = []
    facts, unused, schema = [], 0, NONE_YET
    for number, item in enumerate(items):
        progress.at("features", number, len(items), item.title)
        signal = item.load()
        extractor = task.extractor(signal.rate_hz, signal.scale, item.machine(task.recipe.bearing))
        schema = agreed(schema, extractor.schema, signal)
        before = len(parts)
        for window, values, name in _labelled(item, signal, extractor, task, changed):
            if name in names:
                parts.append((values, names.index(name), number, window.start_s))
            else:
                unused += 1
        facts.append(item.plain(signal, len(parts) - before))
        tell(progress, number, items, signal, len(parts) - before)
    if not parts:
        raise RecordingError(
            "no window can be learnt from: all are below the gate, of poor quality, or of no class.",
            "Check the recordings' unit and labels, `classes` in the recipe, and the gate in app.yaml.",
        )
    return Samples(
        features=np.array([each[0] for each in parts], np.int16),
        classes=np.array([each[1] for each in parts], np.int64),
        owners=np.array([each[2] for each in parts], np.int64),
        start_s=np.array([each[3] for each in parts]),
        names=names,
        schema=schema,
        facts=tuple(facts),
        unused=unused,
    )


def with_synthetic(samples: Samples, items: Sequence[Item], task: Task, progress: Progress) -> Samples:
    """The windows of `items`, and those of the recordings made of them, as the recipe's `synthetic` says."""
    from edge_app.training.windows.synthetic_beats import synthetic_items

    settings = task.recipe.synthetic
    if settings is None:
        return samples
    parts: list[tuple[NDArray[np.int16], int, int, float, float]] = []
    total = settings.copies * len(items)
    for number, (owner, item) in enumerate(synthetic_items(items, settings)):
        progress.at("synthetic", number + 1, total, item.title)
        parts += _synthetic_part(owner, item, task, settings)
    if not parts:
        raise RecordingError(
            "`synthetic`: no training recording has annotated heartbeats to make others of.",
            "Take `synthetic` out of the recipe, or learn from a data set with annotated beats.",
        )
    progress.say("synthetic", f"{total} recordings made of {len(items)}, {len(parts)} windows of them taken")
    return replace(
        samples,
        features=np.concatenate((samples.features, np.array([each[0] for each in parts], np.int16))),
        classes=np.concatenate((samples.classes, np.array([each[1] for each in parts], np.int64))),
        owners=np.concatenate((samples.owners, np.array([each[2] for each in parts], np.int64))),
        start_s=np.concatenate((samples.start_s, np.array([each[3] for each in parts]))),
        weights=np.concatenate((np.ones(len(samples)), np.array([each[4] for each in parts]))),
    )


def _synthetic_part(
    owner: int, item: Item, task: Task, settings: Synthetic
) -> list[tuple[NDArray[np.int16], int, int, float, float]]:
    """Features, class, owner, start and weight of the windows taken of one recording that was made."""
    names, reference = class_names(task.recipe), item.reference() if item.reference is not None else None
    seen = dict.fromkeys(names, 0)

    def wanted(window: Window) -> bool:
        name = _class_of(window, item, reference, task.recipe) if window.focus >= 0 else ""
        if name not in seen:
            return False
        seen[name] += 1
        return seen[name] % settings.every.get(name, 1) == 0

    signal = item.load()
    extractor = task.extractor(signal.rate_hz, signal.scale, item.machine(task.recipe.bearing))
    found = []
    for each in screened(signal, task, task.recipe.hop_s, extractor, wanted):
        if each.vector is not None:
            name = _class_of(each.window, item, reference, task.recipe)
            weight = settings.weight * settings.every.get(name, 1)
            found.append((each.vector.values, names.index(name), owner, each.window.start_s, weight))
    return found


def tell(progress: Progress, number: int, items: Sequence[Item], signal: Signal, windows: int) -> None:
    """A line for a signal that is done; where there are many, one for all."""
    title = items[number].title
    if len(items) <= MANY:
        progress.say("features", f"{title}: {signal.seconds:.1f} s at {signal.rate_hz:g} Hz, {windows} windows")
    elif number + 1 == len(items):
        progress.say("features", f"{len(items)} signals, {items[0].title} to {title}")


def _labelled(
    item: Item, signal: Signal, extractor: FeatureExtractor, task: Task, changed: bool
) -> Iterator[tuple[Window, NDArray[np.int16], str]]:
    """Every judged window of a signal with its features and its class, "" for none."""
    reference = item.reference() if item.reference is not None else None
    hop_s = item.source.hop_s or task.recipe.hop_s
    for version in _versions(signal, task.recipe, changed):
        for each in screened(version, task, hop_s, extractor):
            if each.vector is not None:
                yield each.window, each.vector.values, _class_of(each.window, item, reference, task.recipe)


def class_names(recipe: RecipeConfig) -> tuple[str, ...]:
    """Classes of a recipe in their order; a model of one class has healthy and other."""
    return tuple(recipe.classes) if recipe.tells_classes else ("healthy", "other")


def _versions(signal: Signal, recipe: RecipeConfig, changed: bool) -> list[Signal]:
    if not changed or "augment" not in recipe.model_fields_set:
        return [signal]
    augment = recipe.augment
    return [change_raw(signal, speed, gain_db) for speed in augment.speed for gain_db in augment.gain_db]


def _class_of(window: Window, item: Item, reference: Reference | None, recipe: RecipeConfig) -> str:
    """The class of a window: of the heartbeat it is about where it is about one, else of its recording."""
    label = item.label
    if window.focus >= 0 and reference is not None and reference.beats is not None:
        label = beat_symbol(window, reference, item)
    if not recipe.tells_classes:
        return "healthy" if label in recipe.healthy else "other"
    return recipe.class_of(label)


def beat_symbol(window: Window, reference: Reference, item: Item) -> str:
    """Annotation code of the reference beat nearest to the beat a window is about; "" when none is near."""
    if reference.beats is None or not len(reference.beats):
        return ""
    cut_s = item.source.span_s[0] if item.source.span_s is not None else 0.0  # windows count from there
    at = (cut_s + window.start_s + window.marks[window.focus] / window.rate_hz) * window.rate_hz
    place = int(np.searchsorted(reference.beats, at))
    near = [index for index in (place - 1, place) if 0 <= index < len(reference.beats)]
    best = min(near, key=lambda index: abs(float(reference.beats[index]) - at))  # type: ignore[index]
    far = abs(float(reference.beats[best]) - at) > BEAT_TOLERANCE_S * window.rate_hz
    return "" if far else reference.symbols[best]


def ends_withheld(samples: Samples, window_s: float, share: float = WITHHELD_SHARE) -> tuple[Samples, Samples]:
    """Windows shown and withheld: the last `share` of every signal; windows that overlap both are in neither."""
    shown, withheld = np.zeros(len(samples), bool), np.zeros(len(samples), bool)
    for owner in range(len(samples.facts)):
        mine = samples.owners == owner
        if not mine.any():
            continue
        first, last = float(samples.start_s[mine].min()), float(samples.start_s[mine].max())
        edge_s = first + (last + window_s - first) * (1.0 - share)
        shown |= mine & (samples.start_s + window_s <= edge_s)
        withheld |= mine & (samples.start_s >= edge_s)
    return samples.taken(shown), samples.taken(withheld)


def check_classes(samples: Samples, what: str) -> None:
    """Refuse windows among which a class is missing.

    Raises
    ------
    RecordingError
        Naming the class, what there is, and what to do.
    """
    counts = samples.counts()
    missing = [name for name, count in counts.items() if not count]
    if not missing:
        return
    there = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    only = "only one class" if len(counts) - len(missing) == 1 else "not every class"
    raise RecordingError(
        f"{what} holds {only}: no window of {', '.join(missing)} (windows: {there}).",
        f"Add recordings of {missing[0]}, or leave the class out of `classes`.",
    )
