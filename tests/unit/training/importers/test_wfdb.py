"""WFDB records: samples, leads, beats, rhythms; against files built by the specification, and the real ones."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from importer_files import noise, write_annotations, write_wfdb

from edge_app.core.errors import RecordingError
from edge_app.training.importers.find import recordings_in

AAMI = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}
"""Classes of EC57 and their symbols, as the SOURCE.md of the records writes them."""


def codes(n: int = 1001, seed: int = 1) -> np.ndarray:
    return (1024 + noise(2, n, seed=seed, spread=150)).astype(int)


@pytest.mark.parametrize("n", [1000, 1001])
def test_format_212_gives_back_every_code_less_the_baseline(tmp_path: Path, n: int) -> None:
    given = codes(n)
    given[0, :3] = (-2048, 2047, 1024)
    write_wfdb(tmp_path / "100", given)
    (recording,) = recordings_in(tmp_path)
    signal = recording.load()
    assert np.array_equal(signal.counts, given - 1024)
    assert (signal.scale, signal.rate_hz, signal.unit) == (1 / 200, 360.0, "au")
    assert signal.full_scale == 1023  # 11 bits about 1024


def test_an_odd_number_of_samples_ends_in_two_bytes(tmp_path: Path) -> None:
    given = codes(11)[:1]
    write_wfdb(tmp_path / "rec", given, names=("ECG",))
    assert np.array_equal(recordings_in(tmp_path)[0].load().counts, given - 1024)


def test_format_16_with_an_offset(tmp_path: Path) -> None:
    given = (noise(2, 500) * 3000).astype(int)
    write_wfdb(tmp_path / "a1", given, coding="16+24", gain="7247(-5)/mV", zero=0, bits=16, names=("II", "V"))
    signal = recordings_in(tmp_path)[0].load()
    assert np.array_equal(signal.counts, given + 5)
    assert signal.scale == pytest.approx(1 / 7247)


def test_the_lead_is_chosen_by_name_wherever_it_stands(tmp_path: Path) -> None:
    given = codes()
    write_wfdb(tmp_path / "114", given, names=("V5", "MLII"))
    signal = recordings_in(tmp_path)[0].load()
    assert signal.channels == ("MLII", "V5")
    assert np.array_equal(signal.counts[0], given[1] - 1024)


def test_records_of_mit_bih_know_their_side_of_the_usual_division(tmp_path: Path) -> None:
    for name in ("104", "115", "232"):
        write_wfdb(tmp_path / name, codes())
    # de Chazal 2004: 115 to learn from, 232 to test on; 104 has a pacemaker and is of neither
    assert [each.facts.get("set", "") for each in recordings_in(tmp_path)] == ["", "DS1", "DS2"]


def test_leads_of_another_unit_or_gain_are_no_axes_of_the_same_signal(tmp_path: Path) -> None:
    write_wfdb(tmp_path / "a103l", codes(), names=("II", "PLETH"))
    header = tmp_path / "a103l.hea"
    header.write_text(
        header.read_text()
        .replace("212 200 11 1024", "212 1000/NU 11 1024", 2)
        .replace("212 1000/NU 11 1024", "212 200/mV 11 1024", 1)
    )
    assert recordings_in(tmp_path)[0].load().channels == ("II",)


def test_faster_channels_are_brought_to_the_frame_rate(tmp_path: Path) -> None:
    (tmp_path / "slow.hea").write_text("slow 2 125 3\nslow.dat 16x2 1 12 0 0 0 0 ECG\nslow.dat 16 1 12 0 0 0 0 RESP\n")
    np.array([10, 20, 1, 30, 50, 2, 70, 70, 3], "<i2").tofile(tmp_path / "slow.dat")
    signal = recordings_in(tmp_path)[0].load()
    assert signal.counts.tolist() == [[15, 40, 70], [1, 2, 3]]


def test_beats_and_rhythms_are_the_reference(tmp_path: Path) -> None:
    write_wfdb(tmp_path / "201", codes(400_000))
    marks = [
        (18, "+", "(N"),
        (77, "N", ""),
        (370, "V", ""),
        (90_000, "+", "(AFIB"),
        (90_100, "~", ""),
        (300_000, "A", ""),
    ]
    write_annotations(tmp_path / "201.atr", marks)
    (recording,) = recordings_in(tmp_path)
    reference = recording.reference()
    assert reference.beats.tolist() == [77, 370, 300_000]  # the last one is 209 900 samples on: more than ten bits
    assert reference.symbols == ("N", "V", "A")
    assert reference.rhythms == ((18, "(N"), (90_000, "(AFIB"))


def test_two_records_of_one_person_are_one_group(tmp_path: Path) -> None:
    for name in ("200", "201", "202"):
        write_wfdb(tmp_path / name, codes())
    groups = {each.id: each.group for each in recordings_in(tmp_path)}
    assert groups == {"mitdb/200": "subject_200", "mitdb/201": "subject_201", "mitdb/202": "subject_201"}


def test_the_data_set_is_told_by_the_records_and_not_by_the_folder(tmp_path: Path) -> None:
    (tmp_path / "Exam Day 2").mkdir()
    write_wfdb(tmp_path / "Exam Day 2" / "231", codes())
    write_wfdb(tmp_path / "Exam Day 2" / "v102s", codes(), rate_hz=250)
    assert {each.id for each in recordings_in(tmp_path)} == {"mitdb/231", "exam_day_2/v102s"}


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda hea, dat: hea.write_text(""), "holds no record line"),
        (lambda hea, dat: hea.write_text("100 2 360 1001\n"), "promises 2 signals and describes 0"),
        (lambda hea, dat: hea.write_text("100 2000000000 360 1001\nx\n"), "2000000000 signals"),
        (
            lambda hea, dat: hea.write_text(hea.read_text().replace("212", "61")),
            "format 61 is not read; 212 and 16 are",
        ),
        (lambda hea, dat: hea.write_text(hea.read_text().replace("100.dat", "../100.dat")), "is described as"),
        (lambda hea, dat: hea.write_text(hea.read_text().replace(" 360 ", " nan ")), "nan Hz"),
        (lambda hea, dat: hea.write_text("100/3 2 360 1001\n"), "several segments"),
        (lambda hea, dat: dat.write_bytes(dat.read_bytes()[:-30]), "991 of 1001 samples are there"),
        (lambda hea, dat: dat.unlink(), "No such file"),
        (lambda hea, dat: dat.write_bytes(b""), "0 of 1001 samples are there"),
    ],
)
def test_a_damaged_record_is_listed_and_refused_when_it_is_read(tmp_path: Path, spoil, told: str) -> None:
    write_wfdb(tmp_path / "100", codes())
    spoil(tmp_path / "100.hea", tmp_path / "100.dat")
    (recording,) = recordings_in(tmp_path)
    with pytest.raises(RecordingError, match=told) as caught:
        recording.load()
    assert "100." in str(caught.value)
    assert caught.value.fix


def test_annotations_that_are_cut_short_are_refused(tmp_path: Path) -> None:
    write_wfdb(tmp_path / "100", codes())
    write_annotations(tmp_path / "100.atr", [(77, "N", ""), (370, "V", "")])
    path = tmp_path / "100.atr"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(RecordingError, match=r"100\.atr: damaged or cut short: its annotations have no end mark"):
        recordings_in(tmp_path)[0].reference()


@pytest.mark.data
def test_beats_of_the_real_records_are_counted_as_their_source_counts_them(shared_data: Path) -> None:
    found = recordings_in(shared_data / "data" / "mitdb")
    counts: dict[str, Counter[str]] = {"train": Counter(), "val": Counter(), "test": Counter()}
    for recording in found:
        symbols = recording.reference().symbols
        counts[recording.split] += Counter(
            name for symbol in symbols for name, members in AAMI.items() if symbol in members
        )
    assert len(found) == 20
    # SOURCE.md: "DS1 part N 27420 S 839 V 3426 F 401 Q 8; DS2 part N 13653 S 307 V 1919 F 375 Q 5"
    assert counts["train"] + counts["val"] == {"N": 27420, "S": 839, "V": 3426, "F": 401, "Q": 8}
    assert counts["test"] == {"N": 13653, "S": 307, "V": 1919, "F": 375, "Q": 5}


@pytest.mark.data
def test_the_real_samples_add_up_to_the_checksum_of_their_header(shared_data: Path) -> None:
    for recording in recordings_in(shared_data / "data" / "mitdb"):
        signal = recording.load()
        header = (shared_data / "data" / "mitdb" / f"{recording.id[-3:]}.hea").read_text().splitlines()
        by_name = {row.split()[8]: row.split() for row in header[1:3]}
        for name, counts in zip(signal.channels, signal.counts, strict=True):
            wanted = int(by_name[name][6])
            # header(5): the sum of all codes as a signed 16-bit number; ours are less the baseline
            total = int(counts.astype(np.int64).sum()) + 1024 * counts.size
            assert (total - wanted) % 65536 == 0, recording.id
            assert int(counts[0]) + 1024 == int(by_name[name][5])


@pytest.mark.data
def test_the_other_physionet_records_have_the_ranges_their_source_states(shared_data: Path) -> None:
    found = {each.id: each for each in recordings_in(shared_data / "data" / "physionet-multiparam")}
    ii = found["physionet-multiparam/a103l"].load()
    values = ii.counts[0] * ii.scale
    assert (round(values.min(), 2), round(values.max(), 2)) == (-1.29, 2.18)
    assert found["physionet-multiparam/v102s"].label == "false_alarm"
