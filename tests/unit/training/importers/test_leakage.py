"""Copies are found by what they hold: renamed, cut, joined; and nothing else is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from importer_files import noise

from edge_app.core.errors import RecordingError
from edge_app.training.importers.base import Signal
from edge_app.training.importers.leakage import check_leakage, duplicates, fingerprint
from edge_app.training.importers.signals import content_hash

RATE_HZ = 1000.0


def signal(title: str, seed: int = 1, n: int = 5000, axes: int = 1) -> Signal:
    return Signal(title, (noise(axes, n, seed=seed) * 500).astype(np.int16), 0.001, RATE_HZ, "g")


def test_a_copy_under_another_name_is_refused_with_both_names():
    with pytest.raises(RecordingError, match="monday is to be tested on and holds the same 5000 samples: bearing_7"):
        check_leakage([signal("other", 2), signal("bearing_7")], [signal("another", 3), signal("monday")])


def test_recordings_of_the_same_kind_are_no_copies():
    check_leakage([signal(f"train {seed}", seed) for seed in range(20)], [signal("test", 99)])


@given(first=st.integers(0, 4000), length=st.integers(800, 1000))
def test_a_part_of_a_training_signal_is_found_wherever_it_was_cut(first, length):
    part = replace(signal("part"), counts=signal("part").counts[:, first : first + length])
    joined = replace(part, counts=np.concatenate([signal("x", 5).counts, part.counts], axis=1))
    with pytest.raises(RecordingError, match="part is to be tested on and shares about"):
        check_leakage([signal("whole")], [joined])


def test_one_axis_of_three_is_found():
    with pytest.raises(RecordingError, match="three axes"):
        check_leakage([signal("three axes", axes=3)], [replace(signal("z"), counts=signal("", axes=3).counts[2:])])


def test_two_parts_of_one_recording_that_do_not_overlap_may_stand_apart():
    whole = signal("normal_0_97")
    check_leakage([replace(whole, counts=whole.counts[:, :3000])], [replace(whole, counts=whole.counts[:, 3500:])])
    with pytest.raises(RecordingError, match="normal_0_97 is learnt from and tested on: the two parts overlap"):
        check_leakage([replace(whole, counts=whole.counts[:, :3000])], [replace(whole, counts=whole.counts[:, 2500:])])


def test_silence_is_alike_everywhere_and_no_copy():
    still = np.zeros((1, 5000), np.int16)
    one, other = signal("one", 1).counts, signal("other", 2).counts
    check_leakage(
        [replace(signal("one"), counts=np.concatenate([still, one], axis=1))],
        [replace(signal("other"), counts=np.concatenate([other, still], axis=1))],
    )
    assert fingerprint(still).size == 0


def test_the_hash_is_of_samples_and_rate():
    counts = signal("").counts
    assert content_hash(counts, 1000.0) == content_hash(counts.copy(), 1000.0)
    assert content_hash(counts, 1000.0) != content_hash(counts, 1001.0)
    assert content_hash(counts, 1000.0) != content_hash(counts.reshape(2, -1), 1000.0)


def test_duplicates_are_told_in_pairs():
    assert duplicates([signal("a", 1), signal("b", 2), signal("c", 1), signal("d", 3)]) == [("a", "c")]


@pytest.mark.data
def test_no_two_recordings_of_the_shared_data_hold_the_same(shared_data):
    from edge_app.training.importers.find import recordings_in

    assert duplicates(each.load() for each in recordings_in(shared_data / "data")) == []
