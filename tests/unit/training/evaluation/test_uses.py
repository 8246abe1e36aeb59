"""Which recordings a model has met before: by name, by manifest, by content; and what of them is left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge_app.config.recipe import RecipeConfig
from edge_app.core.errors import RecordingError
from edge_app.training.evaluation.uses import (
    Use,
    copied_from,
    free_span,
    known_parts,
    manifest_uses,
    met_groups,
    overlap,
    recipe_uses,
    same_name,
)
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.select import cut
from edge_app.training.importers.signals import with_hash


def recording(name: str, label: str = "healthy", **facts) -> Recording:
    return Recording(name, name.split("/")[0], label, name, load=lambda: None, facts=facts)


def noise(seed: int) -> Signal:
    counts = np.random.RandomState(seed).randint(-999, 1000, (1, 4000)).astype(np.int16)
    return with_hash(Signal("x", counts, 1.0, 1000.0, "g"))


def test_a_recipe_uses_the_recordings_its_sources_choose():
    recipe = RecipeConfig.model_validate(
        {
            "pipeline": "p",
            "name": "m",
            "train": [{"dataset": "cwru", "labels": ["healthy"], "span_s": (0.0, 3.0)}],
            "validation": [{"dataset": "cwru", "ids": ["b", "not-here"]}],
        }
    )
    found = recipe_uses(recipe, [recording("cwru/a"), recording("cwru/b", "outer"), recording("femto/c")])

    assert found == [Use("cwru/a", "train", (0.0, 3.0)), Use("cwru/b", "val")]


def test_who_was_met_in_other_recordings_is_known_by_the_group_or_by_the_records_number():
    def of(name: str, group: str) -> Recording:
        return replace(recording(name), group=group)

    m1, m2 = [of("bldc-audio/a", "M1"), of("bldc-audio/b", "M1")], of("bldc-audio/c", "M2")
    assert met_groups([*m1, m2], [Use("bldc-audio/a", "train"), Use("bldc-audio/c", "val")]) == {"M1"}
    # 202 is of the person of 201, which need not lie in the folder
    records = [of("mitdb/202", "subject_201"), of("mitdb/219", "subject_219")]
    assert met_groups(records, [Use("mitdb/201", "train", (150.0, 1805.5))]) == {"subject_201"}


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("cwru/normal_0_97", True),
        ("normal_0_97", True),
        ("cwru/normal_0_97.mat", True),
        ("shared/cwru/normal_0_97", True),
        ("cwru/normal_0_9", False),
        ("other/normal_0_97.mat", False),
    ],
)
def test_a_use_names_a_recording_by_id_or_file(name: str, same: bool):
    assert same_name(Use(name, "train"), recording("cwru/normal_0_97", file="cwru/normal_0_97.mat")) is same


def test_a_manifest_is_read_whatever_its_lists_are_called():
    data = {
        "healthy": [{"source": "a.mat", "sha256": "aa", "span_s": [0.0, 3.0]}],
        "validation": [{"source": "b", "sha256": "bb"}],
        "windows": 12,
    }

    assert manifest_uses(data) == [
        Use("a.mat", "train", (0.0, 3.0), frozenset(["aa"])),
        Use("b", "val", None, frozenset(["bb"])),
    ]


def test_a_copy_is_found_by_all_of_it_or_by_the_part_that_was_used():
    signal = noise(1)
    part = Use("original", "train", (0.0, 3.0), frozenset([cut(signal, (0.0, 3.0)).sha256]))

    assert copied_from(signal, [Use("whole", "train", None, frozenset([signal.sha256]))]) is not None
    assert copied_from(signal, [part]) == part
    assert copied_from(noise(2), [part]) is None


def test_a_copy_that_was_cut_is_found_while_what_was_learnt_from_is_at_hand():
    whole = noise(1)
    known = known_parts([replace(recording("a/x"), load=lambda: whole)], [Use("a/x", "train", (0.0, 3.0))])

    inside, outside = cut(whole, (1.0, 2.5)), cut(whole, (3.0, 4.0))

    assert known.twin(inside) is not None
    assert known.twin(outside) is None


def test_what_cannot_be_read_is_not_compared():
    def damaged() -> Signal:
        raise RecordingError("damaged", "")

    known = known_parts([replace(recording("a/x"), load=damaged)], [Use("a/x", "train")])

    assert known.twin(noise(1)) is None


def test_the_longest_part_that_nothing_used_is_free():
    uses = [Use("a", "train", (1.0, 3.0)), Use("a", "val", (3.5, 4.0))]

    assert free_span(uses, 10.0) == (4.0, 10.0)
    assert free_span([Use("a", "train")], 10.0) is None
    assert free_span([Use("a", "train", (0.0, 10.0))], 10.0) is None


def test_parts_overlap_when_they_share_time():
    assert overlap((0.0, 2.0), (1.0, 3.0))
    assert overlap((0.0, 2.0), None)
    assert not overlap((0.0, 2.0), (2.0, 3.0))
