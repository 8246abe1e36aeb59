"""Splits by recording: groups whole, labels shared out, what was chosen stays."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from importer_files import noise, write_wav

from edge_app.core.errors import ConfigError, RecordingError
from edge_app.training.importers.base import Recording
from edge_app.training.importers.find import recordings_in
from edge_app.training.importers.splits import make_view, parse_shares, read_splits, split_by_group, write_splits

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}


def made(n: int, label: str = "normal", first: int = 0) -> list[Recording]:
    return [Recording(f"own/{label}{k}", "own", label, f"{label}{k}", lambda: None) for k in range(first, first + n)]


def test_every_label_is_shared_out_on_its_own():
    recordings = made(10) + made(5, "unbalance")
    splits = split_by_group(recordings, SHARES, 1, {})
    counts = Counter((each.label, splits[each.id]) for each in recordings)
    assert counts == {
        ("normal", "train"): 6, ("normal", "val"): 2, ("normal", "test"): 2,
        ("unbalance", "train"): 3, ("unbalance", "val"): 1, ("unbalance", "test"): 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("n", "wanted"), [(1, (1, 0, 0)), (2, (1, 0, 1)), (3, (1, 1, 1)), (4, (2, 1, 1)), (5, (3, 1, 1))]
)
def test_few_sessions_go_to_train_then_test_then_val(n, wanted):
    counts = Counter(split_by_group(made(n), SHARES, 1, {}).values())
    assert (counts["train"], counts["val"], counts["test"]) == wanted


def test_a_group_stays_whole():
    session = [Recording(f"own/s/{label}", "own", label, "s", lambda: None) for label in ("normal", "off")]
    splits = split_by_group([*session, *made(4)], SHARES, 1, {})
    assert splits["own/s/normal"] == splits["own/s/off"]


def test_the_seed_chooses_and_the_order_of_files_does_not():
    recordings = made(10)
    one = split_by_group(recordings, SHARES, 1, {})
    assert one == split_by_group(list(reversed(recordings)), SHARES, 1, {})
    assert any(one != split_by_group(recordings, SHARES, seed, {}) for seed in range(2, 6))


def test_what_was_tested_on_is_never_learnt_from_later():
    before = split_by_group(made(5), SHARES, 1, {})
    after = split_by_group(made(12), SHARES, 2, before)
    assert before.items() <= after.items()
    assert Counter(after.values()) == {"train": 7, "val": 2, "test": 3}


@pytest.mark.parametrize("text", ["0.6", "0.6/0.6", "a/b", "0/1", "-0.2/1.2", "0.25/0.25/0.25/0.25", "nan/1"])
def test_shares_that_do_not_add_up_are_refused(text):
    with pytest.raises(ConfigError, match="add up to 1"):
        parse_shares(text)


def test_two_shares_are_train_and_test():
    assert parse_shares("0.7/0.3") == {"train": 0.7, "test": 0.3}


def sounds(folder: Path) -> None:
    for motor in range(1, 6):
        name = f"healthy_M{motor}_1400_00_original.wav"
        write_wav(folder / name, (noise(1, 50, seed=motor) * 900).astype(int))


def test_what_was_written_is_what_recordings_say_afterwards(tmp_path: Path):
    sounds(tmp_path)
    recordings = recordings_in(tmp_path)
    splits = split_by_group(recordings, SHARES, 1, {})
    write_splits(tmp_path, recordings, splits)
    assert {each.id: each.split for each in recordings_in(tmp_path)} == splits


def test_a_folder_that_is_only_looked_at_gets_its_splits_beside_it(tmp_path: Path):
    data, view = tmp_path / "data", tmp_path / "view"
    sounds(data)
    recordings = recordings_in(data)
    make_view(view, data)
    make_view(view, data)
    write_splits(view, recordings, {each.id: "test" for each in recordings})
    assert {each.split for each in recordings_in(view)} == {"test"}
    assert {each.split for each in recordings_in(data)} == {""}
    assert [each.id for each in recordings_in(view)] == [each.id for each in recordings]


@pytest.mark.parametrize(
    "written",
    [
        b"\xef\xbb\xbfid,split\r\nbldc-audio/a,train\r\n",  # as spreadsheets save it
        b"id;group;split\nbldc-audio/a;x;train\n",
        b"id,note,split\nbldc-audio/a,gr\xfcn,train\n",  # Latin-1
    ],
)
def test_a_splits_file_that_a_spreadsheet_saved_says_the_same(tmp_path: Path, written: bytes):
    (tmp_path / "splits.csv").write_bytes(written)
    assert read_splits(tmp_path / "splits.csv") == {"bldc-audio/a": "train"}


def test_a_manifest_that_a_spreadsheet_saved_says_the_same(tmp_path: Path):
    write_wav(tmp_path / "normal" / "a.wav", noise(1, 500, spread=900))
    (tmp_path / "MANIFEST.csv").write_bytes(b"\xef\xbb\xbffile;split\r\nnormal/a.wav;test\r\n")
    assert [each.split for each in recordings_in(tmp_path)] == ["test"]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("a,train\nb\n", r"line 3 has fewer columns than the first: the file is cut short"),
        ("a,train\nb,test\na,test\n", r"line 4: a is in test, and in train before"),
    ],
)
def test_a_splits_file_that_is_cut_short_or_contradicts_itself_is_refused(tmp_path: Path, rows: str, told: str):
    (tmp_path / "splits.csv").write_text("id,split\n" + rows)
    with pytest.raises(RecordingError, match=rf"splits\.csv: {told}"):
        read_splits(tmp_path / "splits.csv")


def test_a_splits_file_with_another_word_is_refused_with_its_line(tmp_path: Path):
    sounds(tmp_path)
    (tmp_path / "splits.csv").write_text("id,split\nbldc-audio/a,train\nbldc-audio/b,tset\n")
    with pytest.raises(RecordingError, match=r"splits\.csv: line 3: a split is called 'tset'"):
        recordings_in(tmp_path)


def test_a_damaged_splits_file_is_refused_since_a_new_one_would_learn_from_what_was_tested_on(tmp_path: Path):
    sounds(tmp_path)
    (tmp_path / "splits.csv").write_bytes(b"\x00\x80 no list\n")
    with pytest.raises(RecordingError, match=r"splits\.csv: is no list of splits"):
        recordings_in(tmp_path)
