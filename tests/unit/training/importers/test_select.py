"""Recordings chosen by condition, axes by name, parts by time."""

from __future__ import annotations

import numpy as np
import pytest
from importer_files import noise

from edge_app.core.errors import RecordingError
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.select import cut, select, stretches, with_axes


def recording(name: str, label: str = "healthy", split: str = "train", **facts) -> Recording:
    return Recording(f"cwru/{name}", "cwru", label, name, lambda: signal(), split, facts=facts)


def signal(n: int = 1000, axes: int = 1, **more) -> Signal:
    counts = (noise(axes, n) * 1000).astype(np.int16)
    return Signal("cwru/a", counts, 0.001, 100.0, "g", **more)


ALL = [
    recording("a", load_hp=0, size=0.007),
    recording("b", "inner", "test", load_hp=3, size=0.014),
    recording("c", "inner", "train", load_hp=0, size=0.021),
]


def test_all_conditions_hold_together():
    assert [each.group for each in select(ALL, labels=["inner"], split="train")] == ["c"]
    assert [each.group for each in select(ALL, where={"load_hp": [0], "size": [0.007, 0.021]})] == ["a", "c"]
    assert [each.group for each in select(ALL, ids=["cwru/b", "a"])] == ["a", "b"]
    assert select(ALL, dataset="cwru") == ALL


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        ({"dataset": "mitdb"}, "none of 3 recordings has data set mitdb; there is: cwru"),
        ({"labels": ["iner"]}, "label iner; there is: healthy, inner\\.\n  Did you mean inner"),
        ({"split": "val"}, "none of 3 recordings has split val; there is: test, train"),
        ({"ids": ["a", "z"]}, "has id z"),
        ({"where": {"load_hp": [7]}}, "load_hp 7; there is: 0, 3"),
        (
            {"where": {"load_pf": [7]}},
            r"none of 3 recordings states load_pf; known are: load_hp, size\.\n  .*load_hp\?",
        ),
        ({"labels": ["healthy"], "split": "test"}, r"none of 1 recordings \(label healthy\) has split test; .*train"),
        (
            {"labels": ["inner"], "where": {"load_hp": [0]}, "split": "test"},
            r"none of 1 recordings \(label inner; load_hp 0\) has split test",
        ),
    ],
)
def test_nothing_left_is_answered_with_what_there_is(conditions, told):
    with pytest.raises(RecordingError, match=told):
        select(ALL, **conditions)


def test_a_task_of_one_axis_takes_the_first_or_the_one_named():
    three = signal(axes=3, channels=("MLII", "V1", "V5"))
    assert np.array_equal(with_axes(three, 1).counts, three.counts[:1])
    named = with_axes(three, 2, "v5+MLII")
    assert np.array_equal(named.counts, three.counts[[2, 0]])
    assert named.channels == ("V5", "MLII")
    assert named.sha256 != three.sha256
    assert with_axes(three, 1, "2").channels == ("V1",)


@pytest.mark.parametrize(
    ("axes", "channel", "told"),
    [(4, None, "has 3 axes, 4 are needed"), (1, "aVR", "has no channel 'aVR'; there are"), (1, "V1+V5", "names 2")],
)
def test_axes_that_are_not_there_are_refused(axes, channel, told):
    with pytest.raises(RecordingError, match=told):
        with_axes(signal(axes=3, channels=("MLII", "V1", "V5")), axes, channel)


def test_a_cut_counts_its_time_from_its_beginning():
    whole = signal()
    part = cut(whole, (2.0, 3.5))
    assert np.array_equal(part.counts, whole.counts[:, 200:350])
    assert part.starts == ((0, 0.0),)
    assert part.seconds == 1.5


def test_a_cut_through_pauses_keeps_them():
    # ten seconds of signal: five at once, two after a minute, three after two minutes
    paused = signal(starts=((0, 0.0), (500, 60.0), (700, 120.0)))
    part = cut(paused, (4.0, 121.0))
    assert part.counts.shape == (1, 100 + 200 + 100)
    assert part.starts == ((0, 0.0), (100, 56.0), (300, 116.0))
    assert [(first, last) for first, last, _ in stretches(part)] == [(0, 100), (100, 300), (300, 400)]


@pytest.mark.parametrize(
    ("span", "told"), [((0.0, 11.0), r"lasts 10\.00 s, the span ends at 11 s"), ((3.0, 3.0), "nothing was recorded")]
)
def test_a_span_with_nothing_in_it_is_refused(span, told):
    with pytest.raises(RecordingError, match=told):
        cut(signal(), span)


def test_recordings_that_were_never_split_say_how_to():
    unsplit = [Recording("own/a", "own", "normal", "a", load=lambda: None)]
    with pytest.raises(RecordingError, match=r"--split 0\.6/0\.2/0\.2"):
        select(unsplit, split="train")
