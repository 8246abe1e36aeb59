"""Files are whole or absent, and read no further than they may be long."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from edge_app.core.files import file_hash, lies_within, read_at_most, sync_folder, write_out, write_whole


def test_a_file_is_synced_before_it_has_its_name_and_its_folder_after(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append("sync"), fsync(handle)))
    monkeypatch.setattr(os, "replace", lambda part, path: (order.append(Path(path).name), replace(part, path)))

    write_whole(tmp_path / "state.json", b"new")

    assert order == ["sync", "state.json", "sync"]
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_an_output_is_whole_or_absent_and_a_pipe_is_written_into(tmp_path):
    write_out(tmp_path / "picture.svg", "<svg/>")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("picture.svg", "<svg/>")]
    reading, writing = os.pipe()
    write_out(Path(f"/dev/fd/{writing}"), "<svg/>")
    os.close(writing)
    with os.fdopen(reading) as stream:
        assert stream.read() == "<svg/>"


def test_links_are_followed_before_a_path_counts_as_within_a_folder(tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "out").symlink_to(tmp_path)
    (tmp_path / "app" / "circle").symlink_to("circle")
    assert lies_within(tmp_path / "app", tmp_path / "app" / "models" / "a.json")
    assert not lies_within(tmp_path / "app", tmp_path / "app" / "out" / "a.json")
    lies_within(tmp_path / "app", tmp_path / "app" / "circle")  # leads nowhere, and is no fault of the program


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "state.json"
    path.write_bytes(b"old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_as_long_as_allowed_is_read_and_a_longer_one_is_not(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"1234")
    assert read_at_most(path, 4) == b"1234"
    assert read_at_most(path, 3) is None


def test_of_an_endless_file_no_more_than_allowed_is_read():
    assert read_at_most(Path("/dev/zero"), 1000) is None


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert file_hash(path) == hashlib.sha256(b"abc").hexdigest()


def test_a_file_is_no_folder_to_sync(tmp_path):
    path = tmp_path / "a"
    path.touch()
    with pytest.raises(NotADirectoryError):
        sync_folder(path)
