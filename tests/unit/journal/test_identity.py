"""Whatever is deleted, copied or put back: nothing new is ever taken for something old."""

from __future__ import annotations

import shutil

import pytest

from edge_app.journal import identity
from edge_app.journal.files import Mark, MarkFile
from edge_app.journal.identity import begin_boot
from edge_app.journal.journal import Journal
from edge_app.journal.records import Key
from edge_app.journal.store import Store

BEGIN, END = Key(-1, -1, -1), Key(1 << 40, 0, 0)


@pytest.fixture
def used(path, put):
    """identities(…): opens the journal, commits two decisions, and returns their identities, and jid and boot."""

    def used():
        with Journal(path) as journal:
            return {(journal.jid, *row.key[1:]) for row in put(journal, "info", "info")}

    return used


def test_a_deleted_journal_begins_a_new_jid_and_says_so(path, put, used):
    old = used()
    path.unlink()
    with Journal(path) as journal:
        assert not old & {(journal.jid, journal.boot, seq) for seq in range(10)}
        assert journal.boot == 2  # the mark remembers
        assert "deleted" in journal.notes[0]


def test_a_journal_deleted_with_all_its_files_begins_a_new_jid(path, used):
    old = used()
    shutil.rmtree(path.parent)
    assert not old & used()


def test_an_older_database_put_back_alone_begins_a_new_jid_and_sends_its_old_rows_under_their_old_names(
    path, used, tmp_path
):
    first = used()
    shutil.copy2(path, tmp_path / "old.db")
    used(), used()
    shutil.copy2(tmp_path / "old.db", path)
    with Journal(path) as journal:
        jid = next(iter(first))[0]
        assert journal.jid != jid
        assert journal.boot == 4
        rows = journal.backlog(BEGIN, END, 10)
        assert {(jid, *row.key[1:]) for row in rows} == first  # copies, recognisable as such
        assert [gap.reason for gap in journal.untold_gaps(9)] == ["replaced"]
        assert "older or foreign copy" in journal.notes[0]


@pytest.mark.parametrize("keep_times", [True, False])
def test_database_and_mark_put_back_together_begin_a_new_jid(path, used, tmp_path, keep_times):
    """The mark's change time betrays it: no copying program can set that."""
    used()
    copy = shutil.copy2 if keep_times else shutil.copyfile
    shutil.copytree(path.parent, tmp_path / "backup", copy_function=copy)
    lost = used()
    shutil.rmtree(path.parent)
    shutil.copytree(tmp_path / "backup", path.parent, copy_function=copy)
    assert not lost & used()


def test_both_written_back_in_place_begin_a_new_jid(path, used, tmp_path):
    used()
    shutil.copytree(path.parent, tmp_path / "backup")
    lost = used()
    for each in (tmp_path / "backup").iterdir():
        with open(path.parent / each.name, "wb") as file:  # same inode, as `cp` does it
            file.write(each.read_bytes())
    assert not lost & used()


def test_a_deleted_mark_begins_a_new_jid_with_a_higher_boot(path, used):
    used()
    path.with_suffix(".mark").unlink()
    with Journal(path) as journal:
        assert journal.boot == 2
        assert journal.notes


def test_the_journal_of_another_device_is_recognised(path, used, tmp_path, put):
    used()
    with Journal(tmp_path / "other" / "journal.db") as journal:
        put(journal, "info")
        foreign = journal.jid
    shutil.copy2(tmp_path / "other" / "journal.db", path)
    with Journal(path) as journal:
        assert journal.jid != foreign


@pytest.mark.parametrize("cut", ["before the mark", "before the stamp"])
def test_an_opening_that_is_cut_short_uses_its_boot_up_and_keeps_the_jid(path, used, cut, monkeypatch):
    old = used()

    class PowerCut(Exception):
        pass

    write_meta = identity._write_meta

    def write_mark(_file, _mark):
        raise PowerCut

    def write_stamp(store, values):
        if values["stamp"]:
            raise PowerCut
        write_meta(store, values)

    if cut == "before the mark":
        monkeypatch.setattr(MarkFile, "write", write_mark)
    else:
        monkeypatch.setattr(identity, "_write_meta", write_stamp)
    with pytest.raises(PowerCut):
        Journal(path).open()
    monkeypatch.undo()
    with Journal(path) as journal:
        assert journal.notes == [], cut
        assert (journal.jid, journal.boot) == (next(iter(old))[0], 3)


def test_a_clock_in_1970_changes_nothing(path, used, monkeypatch):
    """Neither jid nor boot nor order comes from a clock."""
    monkeypatch.setattr("time.time", lambda: 0.0)
    first, second = used(), used()
    assert {boot for _, boot, _ in first} == {1}
    assert {boot for _, boot, _ in second} == {2}


def test_the_mark_is_never_ahead_of_the_database(path):
    """Database first, then mark: a mark that is ahead can only come from a copy."""
    path.parent.mkdir(parents=True)
    store = Store(path, 1 << 20)
    store.open()
    mark = MarkFile(path.with_suffix(".mark"))
    begin_boot(store, mark, "")
    kept = mark.read()
    mark.write(Mark(kept.jid, kept.boot + 5, "0123456789abcdef"))
    after = begin_boot(store, mark, "")
    assert after.jid != kept.jid
    assert after.boot == kept.boot + 6
    store.close()


def test_a_first_opening_that_is_cut_short_before_its_mark_has_lost_nothing_and_tells_no_gap(path, put, monkeypatch):
    def cut(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MarkFile, "write", cut)
        with pytest.raises(KeyboardInterrupt):
            Journal(path).open()

    with Journal(path) as journal:
        assert journal.notes == []
        assert journal.untold_gaps(10) == []
        assert [row.key[1:] for row in put(journal, "info")] == [(2, 0)]  # the boot is used up
