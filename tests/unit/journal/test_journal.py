"""The journal: identity, order, confirmation, cap, gaps, quarantine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random

import pytest
from device_process import decision

from edge_app.core.errors import JournalError, JournalLocked
from edge_app.journal.journal import Journal
from edge_app.journal.quarantine import ROWS
from edge_app.journal.records import Entry, Key, Receipt
from edge_app.journal.store import Store, StoreFull, read_last
from edge_app.transport.payload import decision_json

BEGIN, END = Key(-1, -1, -1), Key(1 << 40, 0, 0)
SMALL = 256 * 1024


def seqs(journal):
    return [row.key.seq for row in journal.backlog(BEGIN, END, 100_000)]


def accounted(journal):
    """Sequence numbers of this boot that are kept, and those the journal says are gone."""
    gone = {seq for gap in journal.untold_gaps(10_000) if gap.first >= 0 for seq in range(gap.first, gap.last + 1)}
    return set(seqs(journal)), gone


def test_sequence_numbers_start_at_nought_in_each_boot_and_have_no_gaps(path, put):
    with Journal(path) as journal:
        put(journal, "ok", "ok")
        put(journal, "alarm")
        assert seqs(journal) == [0, 1, 2]
        first = (journal.jid, journal.boot)
    with Journal(path) as journal:
        assert (journal.jid, journal.boot) == (first[0], first[1] + 1)
        assert len(journal.jid) == 12
        put(journal, "ok")
        assert [row.key[1:] for row in journal.backlog(BEGIN, END, 10)] == [(1, 0), (1, 1), (1, 2), (2, 0)]


def test_what_was_committed_is_there_after_a_process_ended_without_closing(path, put):
    def commit_and_vanish():
        journal = Journal(path)
        journal.open()
        put(journal, "info", "alarm")
        os._exit(0)

    child = multiprocessing.get_context("fork").Process(target=commit_and_vanish)
    child.start()
    child.join()
    with Journal(path) as journal:
        assert seqs(journal) == [0, 1]
        assert journal.boot == 2
        assert journal.notes == []


def test_a_second_process_is_refused_and_told_who_holds_the_journal(path):
    def hold(ready, over):
        with Journal(path):
            ready.set()
            over.wait(10)

    context = multiprocessing.get_context("fork")
    ready, over = context.Event(), context.Event()
    child = context.Process(target=hold, args=(ready, over))
    child.start()
    ready.wait(10)
    with pytest.raises(JournalLocked, match=f"process {child.pid}"):
        Journal(path).open()
    over.set()
    child.join()
    with Journal(path) as journal:  # let go with the process
        assert journal.boot == 2


def test_an_alarm_snapshot_is_committed_with_its_decision(path):
    with Journal(path) as journal:
        journal.commit([Entry(decision(0), "app/bearing", {"state": "active", "hits": 3})], lambda *_: b"{}")
        journal.commit([Entry(None, "app/bearing", {"state": "normal", "hits": 0})], lambda *_: b"{}")
    with Journal(path) as journal:
        assert journal.load_state("app/bearing") == {"state": "normal", "hits": 0}
        assert journal.load_state("app/other") is None
        assert journal.next_seq == 0


def test_a_failed_commit_leaves_neither_decision_nor_snapshot_nor_number_behind(path, put):
    with Journal(path) as journal:
        with pytest.raises(TypeError):
            journal.commit([Entry(decision(0), "key", {"not": object()})], lambda *_: b"{}")
        assert journal.load_state("key") is None
        assert put(journal, "ok")[0].key.seq == 0


def test_the_last_decision_of_each_pipeline_is_kept_with_its_whole_reason(path, put):
    long = "because " * 600  # 4.8 kB: more than a message holds
    with Journal(path) as journal:
        put(journal, "ok", "alarm", text=long)
        journal.commit([], lambda *_: b"", confirmed=[Key(1, 1, 0), Key(1, 1, 1)])
        assert journal.depth == 0
        (last,) = read_last(path)  # as another process sees it
        assert (last["app"], last["pipe"]) == ("test_app", "bearing")
        assert (last["level"], last["seq"], last["why"]["text"]) == ("alarm", 1, long)


def test_reading_the_last_decisions_of_a_missing_journal_says_what_to_do(tmp_path):
    with pytest.raises(JournalError, match="cannot be read"):
        read_last(tmp_path / "nothing.db")


def test_confirmed_decisions_go_and_the_others_stay(path, put):
    with Journal(path) as journal:
        rows = put(journal, "ok", "info", "alarm")
        put(journal, "ok", confirmed=[rows[1].key])
        assert seqs(journal) == [0, 2, 3]
        assert journal.depth == 3
        assert journal.first() == (journal.jid, 1, 0)


def test_a_receipt_deletes_exactly_what_it_names(path, put):
    with Journal(path) as journal:
        journal.require(["plant"])
        put(journal, *["info"] * 10)
        jid, boot = journal.jid, journal.boot
        journal.commit(
            [], lambda *_: b"", receipts=[Receipt("plant", jid, boot, 2, 4), Receipt("plant", jid, boot, 8, 99)]
        )
        assert seqs(journal) == [0, 1, 5, 6, 7]
        for wrong in (
            Receipt("stranger", jid, boot, 0, 9),
            Receipt("plant", "ffffffffffff", boot, 0, 9),
            Receipt("plant", jid, boot + 1, 0, 9),
        ):
            journal.commit([], lambda *_: b"", receipts=[wrong])
        assert seqs(journal) == [0, 1, 5, 6, 7]


def test_with_two_monitors_a_decision_stays_until_both_have_it_across_restarts(path, put):
    with Journal(path) as journal:
        journal.require(["plant", "cloud"])
        put(journal, "info", "info")
        jid = journal.jid
        journal.commit([], lambda *_: b"", receipts=[Receipt("plant", jid, 1, 0, 1)])
        assert seqs(journal) == [0, 1]
    with Journal(path) as journal:
        journal.require(["plant", "cloud"])
        journal.commit([], lambda *_: b"", receipts=[Receipt("cloud", jid, 1, 0, 0)])
        assert seqs(journal) == [1]
        assert journal.depth == 1
        journal.require(["plant"])  # the cloud is no longer waited for
        assert seqs(journal) == []
        assert journal.depth == 0


def test_a_full_journal_gives_up_the_lowest_level_and_then_the_oldest_and_says_so(path, put):
    with Journal(path, SMALL) as journal:
        for _ in range(100):
            put(journal, "ok", "info", "warn", "alarm", "ok", "ok", "info", "ok")
        kept, gone = accounted(journal)
        assert journal.dropped == len(gone) > 0
        assert kept | gone == set(range(800))
        assert not kept & gone
        ranks = [row.rank for row in journal.backlog(BEGIN, END, 1000)]
        assert ranks.count(3) == 100  # all of them: only lesser ones were given up
        assert ranks.count(2) > ranks.count(1) + ranks.count(0)
        size = sum(each.stat().st_size for each in path.parent.iterdir() if each.suffix != ".lock")
        assert size <= SMALL + 64 * 1024  # -shm (32 KiB) is memory of sqlite's, not of the cap


def test_a_journal_full_of_alarms_gives_up_what_is_less_and_comes_later(path, put):
    with Journal(path, SMALL) as journal:
        while not journal.dropped:
            put(journal, *["alarm"] * 20)
        alarms = len(seqs(journal))
        put(journal, *["ok"] * 50)
        put(journal, *["ok"] * 50, "alarm")
        kept, gone = accounted(journal)
        assert kept | gone == set(range(journal.next_seq))
        ranks = [row.rank for row in journal.backlog(BEGIN, END, 1000)]
        assert ranks.count(3) >= alarms + 1 - 40  # the last alarm displaced older ones, the oks none
        assert journal.next_seq - 1 in kept


def test_a_gap_is_told_until_the_decision_that_tells_it_is_confirmed(path, put):
    with Journal(path, SMALL) as journal:
        while not journal.dropped:
            put(journal, *["info"] * 20)
        gaps = journal.untold_gaps(100)
        assert [(gap.reason, gap.app, gap.jid, gap.boot) for gap in gaps] == [("full", "test_app", journal.jid, 1)]
        rows = journal.commit(
            [Entry(decision(0, "warn", event="gap"), gaps=(gaps[0].id,))],
            lambda jid, boot, seq, d: decision_json("pump-7", jid, boot, seq, False, d).encode(),
        )
        assert journal.untold_gaps(100) == []
        assert journal.telling
        assert rows[0].rank == 3  # given up last of all
    with Journal(path, SMALL) as journal:
        assert journal.telling
        journal.commit([], lambda *_: b"", confirmed=[rows[0].key])
        assert not journal.telling
        assert journal.untold_gaps(100) == []


def test_when_the_decision_that_tells_a_gap_is_given_up_itself_the_gap_is_told_again(path, put):
    with Journal(path, SMALL) as journal:
        while not journal.dropped:
            put(journal, *["info"] * 20)
        gap = journal.untold_gaps(1)[0]
        told = journal.commit([Entry(decision(0, "warn", event="gap"), gaps=(gap.id,))], lambda *_: b"{}" * 100)
        while told[0].key.seq in seqs(journal):
            put(journal, *["alarm"] * 20)
        kept, gone = accounted(journal)
        assert kept | gone == set(range(journal.next_seq))


def test_local_decisions_make_room_without_a_gap_because_nobody_waits_for_them(path, put):
    with Journal(path, SMALL) as journal:
        for _ in range(100):
            put(journal, *["alarm"] * 10, owed=False)
        assert journal.next_seq == 1000
        assert (journal.depth, journal.dropped, journal.first()) == (0, 0, None)
        assert journal.untold_gaps(10) == []
        rows = put(journal, "ok")  # something owed goes before all of them
        assert journal.depth == 1
        assert seqs(journal) == [rows[0].key.seq]


def test_a_message_refused_three_times_goes_into_quarantine_and_leaves_a_gap(path, put):
    with Journal(path) as journal:
        key = put(journal, "alarm")[0].key
        assert [journal.refused(key, 0), journal.refused(key, 0), journal.refused(key, 0)] == [False, False, True]
        assert journal.row(key) is None
        assert (journal.depth, journal.quarantined) == (0, 1)
        assert [gap[1:] for gap in journal.untold_gaps(9)] == [(journal.jid, 1, 0, 0, "refused", "test_app")]
        assert not journal.refused(key, 0)  # it is gone already


def test_a_refusal_with_a_reason_is_final_and_the_quarantine_has_an_end(path, put):
    with Journal(path) as journal:
        for row in put(journal, *["info"] * (ROWS + 5)):
            assert journal.refused(row.key, 0x87)
        kept = journal._store.read("SELECT min(seq), count(*) FROM quarantine")
        assert kept == [(5, ROWS)]


def test_a_damaged_journal_is_put_aside_and_a_new_one_begins(path, put):
    with Journal(path) as journal:
        for _ in range(20):
            put(journal, *["info"] * 10)
        jid = journal.jid
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 16384)
    with Journal(path) as journal:
        assert journal.jid != jid
        assert journal.boot == 2
        assert "damaged" in journal.notes[0]
        assert [gap[1:6] for gap in journal.untold_gaps(9)] == [(jid, 1, -1, -1, "damaged")]
        assert put(journal, "ok")[0].key.seq == 0
    assert (path.parent / "journal.db.damaged-1").exists()


def test_a_file_that_is_no_database_is_put_aside_too(path):
    path.parent.mkdir()
    path.write_bytes(b"this is not a journal, but long enough to have a header" * 100)
    with Journal(path) as journal:
        assert journal.boot == 1
        assert journal.notes


def test_a_journal_of_a_newer_format_is_left_alone(path):
    with Journal(path) as journal:
        journal._store.write("PRAGMA user_version = 9")
    with pytest.raises(JournalError, match="format 9"):
        Journal(path).open()
    assert path.exists()


def test_an_unusable_folder_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot be used"):
        Journal(tmp_path / "file" / "journal.db").open()


def test_a_cap_too_small_to_work_with_is_refused(path):
    with pytest.raises(JournalError, match="too small"):
        Journal(path, 1000).open()


def test_a_closed_journal_says_so_and_closing_twice_is_harmless(path):
    journal = Journal(path)
    journal.open()
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="not open"):
        journal.load_state("x")


def test_one_hundred_random_points_of_no_room_cost_no_consistency(path, put, monkeypatch):
    """The store says "full" at random statements, as a disk does; every number stays accounted for."""
    dice = random.Random(7)
    many = Store.write_many
    failures = [0]

    def sometimes_full(self, sql, rows):
        if failures[0] < 100 and dice.random() < 0.3:
            failures[0] += 1
            raise StoreFull("full")
        return many(self, sql, rows)

    with Journal(path, SMALL) as journal:
        monkeypatch.setattr(Store, "write_many", sometimes_full)
        for _ in range(200):
            with contextlib.suppress(StoreFull):
                put(journal, "ok", "info", "alarm")
        assert failures[0] == 100
        kept, gone = accounted(journal)
        assert kept | gone == set(range(journal.next_seq))
        assert not kept & gone
        assert journal._store.read("PRAGMA integrity_check") == [("ok",)]
        assert journal.depth == len(kept)
