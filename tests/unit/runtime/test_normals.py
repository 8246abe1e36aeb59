"""Learnt normals on disk: which one counts, what happens to damaged ones, the way back."""

from dataclasses import replace

import numpy as np
import pytest

from edge_app.core.errors import BaselineError
from edge_app.core.results import LearntNormal
from edge_app.runtime.normals import KEPT, KEPT_WINDOWS, NormalStore

NORMAL = LearntNormal((1, 2), None, None, ((0, 0), (5, 8000)), "a" * 16, "b" * 64, "c" * 16, tail="exponential")
KEYS = ("a" * 16, "b" * 64, "c" * 16)
WINDOWS = np.arange(20, dtype=np.int16).reshape(10, 2)


@pytest.fixture
def store(tmp_path):
    return NormalStore(tmp_path, "app", "pump")


def test_nothing_learnt_is_told(store):
    assert store.fitting(*KEYS) == "normal is not learnt on this machine"
    assert store.history() == []


def test_what_is_kept_counts_at_once(store, tmp_path):
    assert store.keep(NORMAL, WINDOWS) == 1
    assert store.fitting(*KEYS) == (1, NORMAL)
    assert np.array_equal(store.windows(1), WINDOWS)
    names = sorted(path.name for path in (tmp_path / "learned" / "app" / "pump").iterdir())
    assert names == ["0001.json", "0001.npy", "current"]


@pytest.mark.parametrize(("place", "what"), [(0, "other features"), (1, "another model"), (2, "another sensor")])
def test_a_normal_of_other_features_models_or_sensors_does_not_serve(store, place, what):
    store.keep(NORMAL, WINDOWS)
    keys = list(KEYS)
    keys[place] = "d" * len(keys[place])
    assert store.fitting(*keys) == f"normal 1 was learnt with {what}"


def test_a_damaged_file_does_not_serve_and_is_listed_with_its_fault(store):
    store.keep(NORMAL, WINDOWS)
    (store.folder / "0001.json").write_text("{")
    assert "0001.json" in store.fitting(*KEYS)
    assert store.history()[0].normal is None
    assert "not JSON" in store.history()[0].problem


@pytest.mark.parametrize("text", ["", "1", "../0001", "99999", "\x00", "abcd"])
def test_a_damaged_pointer_is_no_pointer(store, text):
    store.keep(NORMAL, WINDOWS)
    (store.folder / "current").write_text(text)
    assert store.current is None
    assert "rolled back" in store.fitting(*KEYS)


def test_rolling_back_leads_to_the_one_before_and_then_to_the_shipped_mapping(store):
    store.keep(NORMAL, WINDOWS)
    second = replace(NORMAL, offset=(3, 4))
    assert store.keep(second, WINDOWS) == 2
    assert store.rollback() == 1
    assert store.fitting(*KEYS) == (1, NORMAL)
    assert store.rollback() is None
    assert "rolled back" in store.fitting(*KEYS)
    with pytest.raises(BaselineError, match="nothing to roll back"):
        store.rollback()
    assert store.keep(NORMAL, WINDOWS) == 3  # a number never returns


def test_forgetting_deletes_all(store):
    store.keep(NORMAL, WINDOWS)
    store.keep(NORMAL, WINDOWS)
    assert store.forget() == 2
    assert not store.folder.exists()
    assert store.forget() == 0


def test_old_ones_are_tidied_away_but_never_the_one_that_counts(store):
    for _ in range(KEPT + 3):
        store.keep(NORMAL, WINDOWS)
    assert [each.number for each in store.history()] == list(range(4, KEPT + 4))
    assert len(list(store.folder.glob("*.npy"))) == 2


def test_the_windows_kept_are_bounded(store):
    store.keep(NORMAL, np.zeros((KEPT_WINDOWS + 5, 2), np.int16))
    assert len(store.windows(1)) == KEPT_WINDOWS


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"x" * 100])
def test_damaged_windows_are_no_windows(store, content):
    store.keep(NORMAL, WINDOWS)
    (store.folder / "0001.npy").write_bytes(content)
    assert store.windows(1).size == 0


def test_windows_with_objects_in_them_are_never_unpickled(store):
    store.keep(NORMAL, WINDOWS)
    np.save(store.folder / "0001.npy", np.array([{"a": 1}], object), allow_pickle=True)
    assert store.windows(1).size == 0


def test_a_learning_cut_short_is_found_once(store):
    store.begin("learning of 10 minutes")
    assert NormalStore(store.folder.parents[2], "app", "pump").ended() == "learning of 10 minutes"
    assert store.ended() is None


def test_a_half_written_file_is_not_seen(store):
    store.keep(NORMAL, WINDOWS)
    (store.folder / "0002.json.part").write_text("{")
    assert store.fitting(*KEYS) == (1, NORMAL)
    assert len(store.history()) == 1


def test_a_full_disk_is_told_and_what_served_serves(store, monkeypatch):
    store.keep(NORMAL, WINDOWS)

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge_app.core.files.os.fsync", full)
    with pytest.raises(BaselineError, match="No space left"):
        store.keep(replace(NORMAL, offset=(9, 9)), WINDOWS)
    monkeypatch.undo()
    assert store.fitting(*KEYS) == (1, NORMAL)
