"""Files of a model come whole and all together, or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from edge_app.core.errors import ModelError
from edge_app.training import files
from edge_app.training.files import check_place, write_all


def test_all_files_are_written_under_their_names(tmp_path: Path) -> None:
    assert write_all(tmp_path / "models", {"a.json": b"1", "b.md": b"2"}) == [
        tmp_path / "models" / "a.json",
        tmp_path / "models" / "b.md",
    ]
    assert sorted(each.name for each in (tmp_path / "models").iterdir()) == ["a.json", "b.md"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interruption_while_writing_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interruption: BaseException
) -> None:
    write_all(tmp_path, {"a.json": b"old", "b.md": b"old"})
    synced = os.fsync
    calls = []

    def interrupted(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 2:
            raise interruption
        synced(handle)

    monkeypatch.setattr(files.os, "fsync", interrupted)
    with pytest.raises((KeyboardInterrupt, ModelError)):
        write_all(tmp_path, {"a.json": b"new", "b.md": b"new"})

    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"a.json": b"old", "b.md": b"old"}


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), OSError(errno.EIO, "Input/output error")])
@pytest.mark.parametrize("links", [True, False])
def test_an_interruption_between_two_names_brings_back_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interruption: BaseException, links: bool
) -> None:
    (tmp_path / "a.json").write_bytes(b"old")
    (tmp_path / "b.md").write_bytes(b"old")
    replaced, calls = os.replace, []

    def interrupted(source: Path, place: Path) -> None:
        calls.append(place)
        if len(calls) == 3:
            raise interruption
        replaced(source, place)

    monkeypatch.setattr(files.os, "replace", interrupted)
    if not links:  # as on an SD card
        monkeypatch.setattr(files.os, "link", lambda *_: os.stat(tmp_path / "no links here"))
    with pytest.raises((KeyboardInterrupt, ModelError)):
        write_all(tmp_path, {"new.tflite": b"new", "a.json": b"new", "b.md": b"new"})
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"a.json": b"old", "b.md": b"old"}


def test_a_folder_in_the_place_of_a_file_leaves_all_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"old")
    (tmp_path / "b.md").mkdir()
    with pytest.raises(ModelError, match="Is a directory"):
        write_all(tmp_path, {"a.json": b"new", "b.md": b"new"})
    assert (tmp_path / "a.json").read_bytes() == b"old"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.json", "b.md"]


def test_what_a_killed_training_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".a.json.4711.new").write_bytes(b"half")
    write_all(tmp_path, {"a.json": b"whole"})
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_place_that_is_none_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ModelError, match=r"taken is not a folder[\s\S]*--out"):
        check_place(tmp_path / "taken" / "models")
    with pytest.raises(ModelError, match=r"/proc/models: the model cannot be written"):
        check_place(Path("/proc/models"))  # root may write there, it says; no file can be made


def test_a_place_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    check_place(tmp_path / "new" / "models")
    (tmp_path / "there").mkdir()
    check_place(tmp_path / "there")
    assert [each.name for each in tmp_path.rglob("*")] == ["there"]


def test_a_full_disk_is_told_before_anything_is_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ModelError, match="No space left on device"):
        check_place(tmp_path / "models")
    assert not list(tmp_path.iterdir())
