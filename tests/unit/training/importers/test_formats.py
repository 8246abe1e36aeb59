"""FEMTO, sound, fan, SisFall, PPG and the rest: labels, groups, rates, scales, planned pauses, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from importer_files import noise, write_rows, write_wav

from edge_app.core.errors import RecordingError
from edge_app.training.importers.find import find_datasets, recordings_in


def only(folder: Path):
    (recording,) = recordings_in(folder)
    return recording


# FEMTO


def snapshot(path: Path, n: int = 2560, separator: str = ",", seed: int = 1) -> None:
    values = noise(n, 2, seed=seed)
    write_rows(path, [(8, 47, 5, 1.9e5, *row) for row in values], separator=separator)


def test_a_bearing_is_one_recording_and_its_snapshots_keep_their_times(tmp_path: Path) -> None:
    home = tmp_path / "Learning_set" / "Bearing1_2"
    snapshot(home / "acc_00001.csv")
    snapshot(home / "acc_00031.csv", separator=";", seed=2)  # some files of the full set use semicolons
    snapshot(home / "acc_00871.csv", seed=3)
    recording = only(tmp_path)
    signal = recording.load()
    assert (recording.id, recording.label, recording.group) == ("femto/Bearing1_2", "run_to_failure", "Bearing1_2")
    assert recording.facts["last_s"] == 8700.0  # (871 - 1) x 10 s
    assert signal.starts == ((0, 0.0), (2560, 300.0), (5120, 8700.0))
    assert (signal.counts.shape, signal.rate_hz, signal.channels) == ((2, 7680), 25600.0, ("horizontal", "vertical"))
    assert pytest.approx(noise(2560, 2, seed=2), abs=0.002) == (signal.counts[:, 2560:5120] * signal.scale).T


def test_a_damaged_snapshot_is_named_with_its_line(tmp_path: Path) -> None:
    home = tmp_path / "Bearing3_3"
    snapshot(home / "acc_00001.csv", 10)
    path = home / "acc_00002.csv"
    path.write_text((home / "acc_00001.csv").read_text().replace("\n8,", "\n8,,", 1))
    with pytest.raises(RecordingError, match=r"acc_00002\.csv: line 2 has 7 columns, the first has 6"):
        only(tmp_path).load()
    path.write_text("8,47,5,1,nan,0.1\n8,47,5,1,0.2,0.1\n")
    with pytest.raises(
        RecordingError, match=r"acc_00002\.csv: line 1, column 5 holds nan; 1 values are no measured numbers"
    ):
        only(tmp_path).load()


# sound


def test_motor_class_and_speed_stand_in_the_name_of_a_sound(tmp_path: Path) -> None:
    write_wav(tmp_path / "x" / "propeller_M2_1650_00_original.wav", (noise(1, 100) * 9000).astype(int))
    recording = only(tmp_path)
    assert recording.id == "bldc-audio/propeller_M2_1650_00_original"
    assert (recording.label, recording.group) == ("propeller", "M2")
    assert (recording.facts["motor"], recording.facts["speed"]) == ("M2", 1650)
    signal = recording.load()
    assert np.array_equal(signal.counts, (noise(1, 100) * 9000).astype(int))
    assert (signal.scale, signal.unit, signal.rate_hz) == (1 / 32768, "fs", 16000.0)


@pytest.mark.parametrize(
    ("name", "dataset", "label", "group"),
    [
        ("valve_id06_abn_00000008.wav", "mimii", "abnormal", "valve_id06"),
        ("valve_id00_n_00000000.wav", "mimii", "normal", "valve_id00"),
        ("Rattling/pump one.wav", "wav", "rattling", "Rattling/pump one"),
    ],
)
def test_other_sounds_are_labelled_by_name_or_folder(tmp_path: Path, name, dataset, label, group) -> None:
    write_wav(tmp_path / name, (noise(8, 50) * 900).astype(int))
    recording = only(tmp_path)
    assert (recording.dataset, recording.label, recording.group) == (dataset, label, group)
    assert recording.load().counts.shape == (8, 50)


def test_a_clip_belongs_to_the_machine_whose_folder_its_label_lies_in(tmp_path: Path) -> None:
    for name in ("valve/id_00/normal/0001.wav", "normal/0001.wav", "0001.wav"):
        write_wav(tmp_path / name, (noise(1, 50) * 900).astype(int))
    machines = {each.id: (each.label, each.facts.get("machine")) for each in recordings_in(tmp_path)}
    assert machines == {
        "wav/valve/id_00/normal/0001": ("normal", "valve_id_00"),
        "wav/normal/0001": ("normal", "machine"),
        "wav/0001": ("", None),  # nobody says what it is
    }


# the fan


def test_captures_of_a_session_are_blocks_split_as_the_manifest_says(tmp_path: Path) -> None:
    home = tmp_path / "fan-msa301" / "ceiling-fan" / "fan_0_low_0_weight"
    rows = ["dataset,file,label,split"]
    for number in (0, 1, 2, 3, 150, 151):
        write_rows(home / f"{number:04d}.csv", 0.9 * noise(200, 3, seed=number, spread=0.2), separator=", ")
        split = "train" if number < 2 else "val" if number < 4 else "test"
        rows.append(f"fan-msa301,fan-msa301/ceiling-fan/fan_0_low_0_weight/{number:04d}.csv,normal,{split}")
    (tmp_path / "MANIFEST.csv").write_text("\n".join(rows))
    found = recordings_in(tmp_path / "fan-msa301")  # the manifest lies above
    assert [(each.id.rsplit("/")[-1], each.split) for each in found] == [
        ("fan_0_low_0_weight_0000-0001", "train"),
        ("fan_0_low_0_weight_0002-0003", "val"),
        ("fan_0_low_0_weight_0150-0151", "test"),
    ]
    assert {each.label for each in found} == {"normal"}
    signal = found[1].load()
    assert (signal.counts.shape, signal.starts) == ((3, 400), ((0, 0.0), (200, 1.0)))
    (tmp_path / "MANIFEST.csv").unlink()
    assert [each.id.rsplit("_")[-1] for each in recordings_in(tmp_path)] == ["0000-0003", "0150-0151"]


def test_a_coin_on_the_blade_is_unbalance(tmp_path: Path) -> None:
    write_rows(tmp_path / "fan_0_high_1_weight" / "0000.csv", noise(200, 3), separator=", ")
    write_rows(tmp_path / "fan_0_low-deploy" / "0000.csv", noise(200, 3), separator=", ")
    assert {each.facts["session"]: each.label for each in recordings_in(tmp_path)} == {
        "fan_0_high_1_weight": "unbalance",
        "fan_0_low-deploy": "normal",
    }


# SisFall


def test_falls_are_read_in_the_accelerometers_own_counts(tmp_path: Path) -> None:
    rows = [(-11, -260, 4095, 1, 2, 3, 4, 5, 6), (0, 256, -4096, 1, 2, 3, 4, 5, 6)]
    write_rows(tmp_path / "SE06" / "F05_SE06_R01.txt", rows, separator=",", end=";")
    recording = only(tmp_path)
    signal = recording.load()
    assert (recording.id, recording.label, recording.group) == ("sisfall/F05_SE06_R01", "fall", "SE06")
    assert signal.counts.tolist() == [[-11, 0], [-260, 256], [4095, -4096]]
    assert 256 * signal.scale == 1.0  # 13 bits over ±16 g
    assert signal.full_scale == 4095  # 15.996 g clips


# PPG


def ppg(path: Path, times_ms, red) -> None:
    write_rows(path / "PPG.csv", [(t, r, 10.0, 0.0) for t, r in zip(times_ms, red, strict=True)], "time,R,G,B")


def test_frames_of_a_phone_are_put_on_a_grid_by_straight_lines(tmp_path: Path) -> None:
    ppg(tmp_path / "subject_05", [0, 40, 100], [100.0, 140.0, 200.0])  # 1 a millisecond
    (tmp_path / "subject_05" / "RR.txt").write_text("800 810\n790")
    recording = only(tmp_path)
    signal = recording.load()
    # 30 Hz: 0, 33.3, 66.7, 100 ms; red 100, 133.3, 166.7, 200; 128 counts a step
    assert signal.counts[0].tolist() == [12800, 17067, 21333, 25600]
    assert (recording.id, signal.rate_hz, signal.channels) == ("ppg-welltory/subject_05", 30.0, ("R", "G", "B"))
    assert recording.reference().rr_ms.tolist() == [800, 810, 790]


def test_nothing_is_put_where_frames_are_missing(tmp_path: Path) -> None:
    times = [*range(0, 1001, 50), *range(1400, 2001, 50)]
    ppg(tmp_path / "subject_05", times, [100.0] * len(times))
    signal = only(tmp_path).load()
    assert signal.starts == ((0, 0.0), (31, 1.4))  # 0 … 1.0 s are 31 samples, then 0.4 s without frames


def test_a_saturated_channel_is_at_full_scale_for_the_quality_gate(tmp_path: Path) -> None:
    times = list(range(0, 2001, 33))
    ppg(tmp_path / "subject_05", times, [254.6 + 0.3 * (k % 2) for k in range(len(times))])
    signal = only(tmp_path).load()
    assert set(signal.counts[0].tolist()) == {signal.full_scale}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("time,R,G,B\n0,1,2,3\n0,1,2,3\n", "line 3: time does not rise"),
        ("time,R,G\n0,1,2\n33,1,2\n", "has no column 'B'; there are time, R, G"),
        ("time,R,G,B\n0,1,2,3\n99999999999,1,2,3\n", "lasts 100000000 s"),
        ("time,R,G,B\n0,1,2,3\n900,1,2,3\n", "no two frames follow one another"),
        ("time,R,G,B\n0,1,2,x\n33,1,2,3\n", "line 2, column 4 holds 'x'"),
    ],
)
def test_damaged_frames_are_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "subject_05").mkdir()
    (tmp_path / "subject_05" / "PPG.csv").write_text(text)
    with pytest.raises(RecordingError, match=told):
        only(tmp_path).load()


@pytest.mark.parametrize("text", ["800 x", "800 -5", "", "inf 800", "nan"])
def test_intervals_that_cannot_be_are_refused(tmp_path: Path, text: str) -> None:
    ppg(tmp_path / "subject_05", [0, 33, 66], [1.0, 2.0, 3.0])
    (tmp_path / "subject_05" / "RR.txt").write_text(text)
    with pytest.raises(RecordingError, match=r"RR\.txt"):
        only(tmp_path).reference()


# HeartPy, BIDMC, telemetry


def test_a_ring_that_was_off_has_a_pause_and_no_invented_samples(tmp_path: Path) -> None:
    (tmp_path / "ring_data.csv").write_text('100.0\n101.0\n""\n""\n102.0\n103.0\n')
    signal = only(tmp_path).load()
    assert signal.counts.tolist() == [[100, 101, 102, 103]]
    assert signal.starts == ((0, 0.0), (2, 4 / 32))


def test_ecg_of_the_noise_stress_test_goes_back_to_the_converters_steps(tmp_path: Path) -> None:
    write_rows(tmp_path / "118e06.csv", [(-7.565,), (-7.545,), (0.005,)])
    write_rows(tmp_path / "118e06_ann.csv", [(1,), (2,)])
    recording = only(tmp_path)
    assert recording.load().counts.tolist() == [[-1513, -1509, 1]]  # 200 steps a mV
    assert recording.reference().beats.tolist() == [1, 2]
    assert recording.facts["snr_db"] == 6


def test_bedside_signals_stand_with_the_ppg_in_front(tmp_path: Path) -> None:
    text = "Sampling Freq,Time [s], RESP, PLETH, V, AVR, II\n125,0,0.25,0.5,0,0,1.5\n,0.008,0.25,0.75,0,0,1.0\n"
    (tmp_path / "bidmc_01_Signals.csv").write_text(text)
    signal = only(tmp_path).load()
    assert signal.channels[:2] == ("PLETH", "II")
    assert signal.counts[:2].tolist() == [[8192, 12288], [24576, 16384]]  # 16384 counts a unit


def test_telemetry_takes_only_the_columns_every_run_has(tmp_path: Path) -> None:
    rows = [(100 * k, 62 + k, 128 + k, 7) for k in range(11)]
    write_rows(tmp_path / "overheat" / "2100rpm_S060.csv", rows, "t_ms,accel_rms_mg,accel_pk_mg,accel_x_mg")
    recording = only(tmp_path)
    signal = recording.load()
    assert (recording.label, recording.group, recording.facts["rpm"]) == ("overheat", "S060", 2100)
    assert (signal.counts.shape, signal.rate_hz, signal.scale) == ((2, 11), 10.0, 0.001)


# folders


def test_a_root_of_several_data_sets_and_each_of_them_give_the_same_recordings(tmp_path: Path) -> None:
    snapshot(tmp_path / "femto" / "Bearing1_1" / "acc_00001.csv", 20)
    write_wav(tmp_path / "sound" / "healthy_M1_1400_00_original.wav", (noise(1, 50) * 900).astype(int))
    assert [each.name for each in find_datasets(tmp_path)] == ["bldc-audio", "femto"]
    together = {each.id for each in recordings_in(tmp_path)}
    apart = {each.id for name in ("femto", "sound") for each in recordings_in(tmp_path / name)}
    assert together == apart == {"femto/Bearing1_1", "bldc-audio/healthy_M1_1400_00_original"}
    assert [each.id for each in recordings_in(tmp_path, "femto")] == ["femto/Bearing1_1"]


def test_the_working_folder_is_a_folder_like_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot(tmp_path / "Bearing1_1" / "acc_00001.csv", 20)
    monkeypatch.chdir(tmp_path / "Bearing1_1")
    assert [each.id for each in recordings_in(Path())] == ["femto/Bearing1_1"]


def test_copies_in_two_folders_get_ids_of_their_own(tmp_path: Path) -> None:
    for folder in ("monday", "tuesday"):
        write_wav(tmp_path / folder / "healthy_M1_1400_00_original.wav", (noise(1, 50) * 900).astype(int))
    assert [each.id for each in recordings_in(tmp_path)] == [
        "bldc-audio/monday/healthy_M1_1400_00_original",
        "bldc-audio/tuesday/healthy_M1_1400_00_original",
    ]


def test_links_that_lead_in_a_circle_end(tmp_path: Path) -> None:
    write_wav(tmp_path / "healthy_M1_1400_00_original.wav", (noise(1, 50) * 900).astype(int))
    (tmp_path / "again").symlink_to(tmp_path)
    assert len(recordings_in(tmp_path)) == 1


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda folder: None, "the folder is empty"),
        (lambda folder: (folder / "notes.txt").write_text("hello"), r"no recording of a known layout \(1 files\)"),
        (lambda folder: folder.rmdir(), "is not a folder"),
    ],
)
def test_a_folder_without_recordings_is_refused(tmp_path: Path, make, told: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    make(folder)
    with pytest.raises(RecordingError, match=told):
        recordings_in(folder)


def test_an_unknown_data_set_is_answered_with_those_there_are(tmp_path: Path) -> None:
    snapshot(tmp_path / "Bearing1_1" / "acc_00001.csv", 20)
    with pytest.raises(RecordingError, match="holds no dataset 'cwru'; there are femto"):
        recordings_in(tmp_path, "cwru")


@pytest.mark.data
def test_everything_in_the_shared_data_is_found_and_can_be_read(shared_data: Path) -> None:
    counts = {each.name: len(each.recordings()) for each in find_datasets(shared_data)}
    assert counts == {
        "bidmc": 1, "bldc-audio": 36, "bldc-telemetry": 8, "cwru": 20, "fan-msa301": 23, "femto": 2, "heartpy": 5,
        "mimii": 3, "mitdb": 20, "physionet-multiparam": 3, "ppg-welltory": 18, "sisfall": 42,
    }  # fmt: skip
    for recording in recordings_in(shared_data):
        signal = recording.load()
        assert signal.counts.dtype == np.int16
        assert len(signal.sha256) == 64


@pytest.mark.data
def test_the_real_bearings_have_their_snapshots_where_their_source_says(shared_data: Path) -> None:
    first, second = recordings_in(shared_data / "data" / "femto")
    assert (first.split, second.split) == ("train", "test")
    signal = first.load()
    assert len(signal.starts) == 44
    assert (signal.starts[1][1], signal.starts[-1][1]) == (900.0, 28020.0)  # snapshots 91 and 2803
    last = signal.counts[0, -2560:] * signal.scale
    assert (np.abs(last).max(), np.sqrt((last**2).mean())) == pytest.approx((39.65, 5.605), abs=0.005)
