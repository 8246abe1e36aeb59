"""Which class a window is of, which windows validate, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_app.config.recipe import RecipeConfig, Source
from edge_app.core.errors import RecordingError
from edge_app.core.frames import Window
from edge_app.core.results import FeatureSchema
from edge_app.training.importers.base import Reference, Signal
from edge_app.training.windows.samples import Samples, beat_symbol, check_classes, ends_withheld
from edge_app.training.windows.sources import Item, check_apart

RATE_HZ = 100.0


def beat_window(start_s: float, mark: int) -> Window:
    counts = np.zeros((1, 200), np.int16)
    return Window(counts, 1.0, "au", RATE_HZ, start_s, start_s + 2.0, marks=(20, mark, 150), focus=1)


def item(title: str = "x", span_s: tuple[float, float] | None = None, counts: np.ndarray | None = None) -> Item:  # type: ignore[type-arg]
    samples = counts if counts is not None else np.random.RandomState(len(title)).randint(-9999, 9999, (1, 4000))
    signal = Signal(title, samples.astype(np.int16), 1.0, RATE_HZ, "au", "0" * 64)
    return Item(title, "ecg", Source(dataset="mitdb", span_s=span_s), lambda: signal)


REFERENCE = Reference(beats=np.array([100, 210, 300]), symbols=("N", "V", "A"))


def test_a_window_has_the_symbol_of_the_reference_beat_it_is_about() -> None:
    assert beat_symbol(beat_window(1.0, 107), REFERENCE, item()) == "V"  # 1.00 s + 1.07 s = sample 207
    assert beat_symbol(beat_window(0.0, 96), REFERENCE, item()) == "N"
    assert beat_symbol(beat_window(2.0, 100), REFERENCE, item()) == "A"


def test_the_windows_of_a_part_of_a_recording_are_matched_where_the_part_lies() -> None:
    # 0.50 s into the recording the part begins: its 0.50 s + 1.07 s are sample 207 of the whole.
    assert beat_symbol(beat_window(0.5, 107), REFERENCE, item(span_s=(0.5, 30.0))) == "V"


def test_a_detected_beat_that_the_reference_does_not_know_has_no_class() -> None:
    assert beat_symbol(beat_window(1.0, 118), REFERENCE, item()) == ""  # 80 ms behind the beat at 210
    assert beat_symbol(beat_window(9.0, 100), REFERENCE, item()) == ""
    assert beat_symbol(beat_window(0.0, 96), Reference(beats=np.array([], np.int64)), item()) == ""


def samples(counts: tuple[int, ...]) -> Samples:
    """Two signals of windows every second, `counts` windows of each class in turn."""
    classes = np.repeat(np.arange(len(counts)), counts)
    n = len(classes)
    return Samples(
        np.zeros((n, 2), np.int16),
        classes,
        np.arange(n) % 2,
        (np.arange(n) // 2).astype(float),
        ("healthy", "outer", "inner")[: len(counts)],
        FeatureSchema("toy/1", ("a", "b")),
        ({}, {}),
    )


def test_the_end_of_every_signal_validates_and_no_window_overlaps_both_parts() -> None:
    shown, withheld = ends_withheld(samples((100, 100)), window_s=2.0)
    for owner in (0, 1):  # 100 windows at 0 … 99 s, the last ends at 101 s: four fifths are 80.8 s
        assert shown.start_s[shown.owners == owner].max() == 78.0
        assert withheld.start_s[withheld.owners == owner].min() == 81.0


def test_one_class_only_is_refused_with_what_there_is() -> None:
    with pytest.raises(RecordingError, match=r"only one class: no window of outer, inner \(windows: healthy 4\)"):
        check_classes(samples((4, 0, 0)), "`train`")


def test_a_missing_class_is_named() -> None:
    with pytest.raises(RecordingError, match=r"`validation` holds not every class: no window of inner"):
        check_classes(samples((4, 4, 0)), "`validation`")


def test_a_recording_on_both_sides_is_refused() -> None:
    with pytest.raises(RecordingError, match="stands in `train` and in `validation`"):
        check_apart([item("mitdb/100")], [item("mitdb/100")], "validation")


def test_two_parts_of_a_recording_may_stand_on_both_sides() -> None:
    whole = np.random.RandomState(1).randint(-9999, 9999, (1, 4000))
    first, second = item("a", (0, 20), whole[:, :2000]), item("a", (20, 40), whole[:, 2000:])
    check_apart([first], [second], "validation")


def test_a_copy_under_another_name_is_found_by_its_samples() -> None:
    counts = np.random.RandomState(1).randint(-9999, 9999, (1, 4000))
    with pytest.raises(RecordingError, match=r"copy[\s\S]*original"):
        check_apart([item("original", counts=counts)], [item("copy", counts=counts)], "validation")


BASE = {"pipeline": "p", "name": "toy", "kind": "classifier", "train": [{"file": "x.wav"}], "alarm": ["outer"]}
CLASSES = {"healthy": ["healthy"], "outer": ["outer"]}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"classes": {"outer": ["outer"]}}, "at least two classes"),
        ({"classes": CLASSES, "alarm": []}, "`alarm` names the classes"),
        ({"classes": CLASSES, "alarm": ["healthy", "outer"]}, "not all of them"),
        ({"classes": CLASSES, "alarm": ["inner"]}, "inner, which is no class"),
        ({"classes": CLASSES, "emphasis": {"inner": 2.0}}, "emphasis holds inner"),
        ({"classes": {"healthy": ["a"], "outer": ["a"]}}, "label a stands in two classes"),
        ({"classes": CLASSES, "gmm": {"components": 2}}, "`gmm` is for kind gmm"),
        ({"classes": CLASSES, "prune": {"keep": 0.5, "tolerance": 0.1}}, "`keep` and `tolerance`"),
        ({"classes": CLASSES, "prune": {"epochs": 5}}, "nothing is pruned"),
        ({"kind": "gaussian", "alarm": [], "prune": {"keep": 0.5}}, "is for kind"),
        ({"classes": CLASSES, "model": {"ensemble": 9}}, "less than or equal to 8"),
        ({"classes": CLASSES, "synthetic": {"copies": 2}}, "`synthetic` needs `validation`"),
        ({"classes": CLASSES, "train": [{"file": "x.wav", "labels": ["a"]}]}, "write it beside `dataset`"),
        ({"classes": CLASSES, "train": [{"file": "x.wav", "span_s": (3.0, 2.0)}]}, "ends at 2 s, before it begins"),
        ({"classes": CLASSES | {"inner": []}}, "at least 1"),
        ({"classes": CLASSES | {"": ["inner"]}}, "a class is called ''; names have 1 to 60 printable letters"),
        ({"classes": CLASSES | {"a\nb": ["inner"]}}, "a class is called 'a\\\\nb'"),
        (
            {"classes": CLASSES, "train": [{"simulated": "pump", "seconds": 604800.0}]},
            "604800 s of a simulated machine are 2015 million samples, at most 50 million",  # 604 800 s at 3332 Hz
        ),
        ({"classes": CLASSES, "augment": {"jitter_db": [(0.0, 1e308)]}}, "less than or equal to 60"),
        ({"classes": CLASSES, "augment": {"jitter_db": [(-5.0, 1.0)]}}, "greater than or equal to 0"),
        ({"classes": CLASSES, "train": [{"file": "x.wav", "range": 1e-300}]}, r"than or equal to 0\.000001"),
        ({"classes": CLASSES, "name": ".hidden"}, "should match pattern"),
    ],
)
def test_what_has_no_meaning_in_a_recipe_is_refused_with_the_reason(change: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        RecipeConfig.model_validate(BASE | change)


def test_an_ensemble_of_autoencoders_is_refused() -> None:
    recipe = {"pipeline": "p", "name": "toy", "train": [{"file": "x.wav"}], "model": {"ensemble": 2}}
    with pytest.raises(ValueError, match=r"`model\.ensemble` is for kind classifier; this recipe's kind is"):
        RecipeConfig.model_validate(recipe)


def test_a_model_that_only_names_types_needs_no_alarm() -> None:
    RecipeConfig.model_validate(BASE | {"classes": CLASSES, "alarm": [], "part": "diagnose"})


def test_where_nothing_is_recorded_simulated_machines_may_stand_on_both_sides(tmp_path: Path) -> None:
    pump = Item("pump", "healthy", Source(simulated="pump"), lambda: pytest.fail("not loaded"))
    check_apart([pump], [pump], "validation")
