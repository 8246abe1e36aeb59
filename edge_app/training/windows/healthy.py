"""The windows a model of the healthy machine learns from: of every signal, at every speed and level of the recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_app.core.errors import ConfigError, ModelError, RecordingError
from edge_app.core.results import FeatureSchema
from edge_app.training.progress import Progress
from edge_app.training.windows.augment import FeatureKinds, change_features, change_raw, kinds_of
from edge_app.training.windows.datasets import NONE_YET, Features, Windows, agreed, features_of
from edge_app.training.windows.recipes import Task
from edge_app.training.windows.samples import tell
from edge_app.training.windows.sources import items_of

MOST_CHANGED = 50_000_000
"""Numbers in all changed copies of the windows: their float64 are 400 MB, and training holds some of them twice."""
WITHHELD = 5 / 12
"""Share of a signal withheld."""


@dataclass(frozen=True)
class Healthy:
    """All windows of the training signals: one Windows per signal and change of the raw counts."""

    parts: list[Windows]
    schema: FeatureSchema
    kinds: FeatureKinds
    facts: list[dict[str, Any]]
    """What the manifest says of each signal."""

    @property
    def features(self) -> Features:
        """All windows, in the order of the signals."""
        return np.concatenate([each.features for each in self.parts])


def load_healthy(task: Task, data_dir: Path, progress: Progress) -> Healthy:
    """Features of every training signal at every speed and level of the recipe. Raises RecordingError."""
    recipe = task.recipe
    changing = recipe.kind == "autoencoder" or "augment" in recipe.model_fields_set
    speeds, gains_db = (recipe.augment.speed, recipe.augment.gain_db) if changing else ([1.0], [0.0])
    parts: list[Windows] = []
    facts: list[dict[str, Any]] = []
    schema = NONE_YET
    items = items_of(recipe.train, task, data_dir)
    strange = [item for item in items if item.label not in recipe.healthy]
    if strange:
        raise RecordingError(
            f"{strange[0].title} is labelled {strange[0].label}: a model of the healthy machine learns from healthy "
            f"recordings only ({', '.join(recipe.healthy)}).",
            "Choose with `labels: [healthy]`, or name its label in `healthy` of the recipe.",
        )
    for number, item in enumerate(items):
        progress.at("features", number, len(items), item.title)
        signal = item.load()
        extractor = task.extractor(signal.rate_hz, signal.scale, item.machine(recipe.bearing))
        schema = agreed(schema, extractor.schema, signal)
        hop_s = item.source.hop_s or recipe.hop_s
        before = len(parts)
        for speed in speeds:
            for gain_db in gains_db:
                parts.append(features_of(change_raw(signal, speed, gain_db), task, hop_s, extractor))
        windows = sum(len(each.features) for each in parts[before:])
        facts.append(item.plain(signal, windows))
        tell(progress, number, items, signal, windows)
    found = Healthy(parts, schema, kinds_of(schema), facts)
    changes = len(speeds) * len(gains_db)
    varied = f", {changes} speeds and levels" if changes > 1 else ""
    progress.say("windows", f"{len(found.features)} of {len(schema.names)} features{varied}")
    return found


def changed(features: Features, healthy: Healthy, task: Task, seed: int) -> Features:
    """Windows changed as the recipe says."""
    if task.recipe.kind != "autoencoder" and "augment" not in task.recipe.model_fields_set:
        return features
    count = features.size * task.recipe.augment.copies
    if count > MOST_CHANGED:
        raise ConfigError(
            f"{task.place('augment', 'copies')}: {task.recipe.augment.copies} copies of {len(features)} windows of "
            f"{features.shape[1]} features are {count / 1e6:.0f} million numbers; at most {MOST_CHANGED // 1_000_000} "
            "million are made.",
            "Take fewer copies, fewer speeds and levels, or a longer `hop_s`.",
        )
    return change_features(features, healthy.kinds, task.recipe.augment, np.random.RandomState(seed))


def split(parts: list[Windows], window_s: float, part: int) -> tuple[Features, Features]:
    """Windows shown and withheld; windows that overlap both are in neither."""
    shown, withheld = [], []
    for each in parts:
        began_s = float(each.start_s[0])
        starts_s, length_s = each.start_s - began_s, float(each.start_s[-1]) - began_s + window_s
        if part == 0:
            edge_s = length_s * (1.0 - WITHHELD)
            shown.append(each.features[starts_s + window_s <= edge_s])
            withheld.append(each.features[starts_s >= edge_s])
        else:
            edge_s = length_s * WITHHELD
            shown.append(each.features[starts_s >= edge_s])
            withheld.append(each.features[starts_s + window_s <= edge_s])
    found = np.concatenate(shown), np.concatenate(withheld)
    if not len(found[0]) or not len(found[1]):
        raise ModelError(
            f"the training signals are too short to withhold a part of them: windows of {window_s:g} s do not fit.",
            f"Give at least {window_s / WITHHELD:.1f} s of one signal.",
        )
    return found
