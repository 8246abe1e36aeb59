"""CWRU bearing files: which rate, which fault, which bearing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from importer_files import noise, write_mat

from edge_app.core.errors import RecordingError
from edge_app.training.importers.find import recordings_in


def make(path: Path, n: int = 4000, rpm: float | None = 1772.0, number: str = "105", **more: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    variables = {f"X{number}_DE_time": noise(n), f"X{number}_FE_time": noise(n), **more}
    if rpm is not None:
        variables[f"X{number}RPM"] = np.array([rpm])
    write_mat(path, variables)
    return path


def only(folder: Path):
    (recording,) = recordings_in(folder)
    return recording


@pytest.mark.parametrize(
    ("name", "label", "group", "facts"),
    [
        ("12k_Drive_End_IR007_0_105", "inner", "IR007", {"load_hp": 0, "fault_size_inch": 0.007, "rate_hz": 12000.0}),
        ("12k_Drive_End_B014_3_188", "ball", "B014", {"load_hp": 3, "fault_size_inch": 0.014}),
        ("12k_Drive_End_OR021@6_2_236", "outer", "OR021", {"load_hp": 2, "clock": 6}),
        ("48k_Drive_End_B007_0_122", "ball", "B007", {"rate_hz": 48000.0}),
        ("normal_1_98", "healthy", "healthy", {"load_hp": 1, "rate_hz": 48000.0}),
    ],
)
def test_the_name_says_fault_size_clock_and_load(tmp_path: Path, name, label, group, facts) -> None:
    make(tmp_path / f"{name}.mat")
    found = only(tmp_path)
    assert (found.id, found.dataset) == (f"cwru/{name}", "cwru")
    assert (found.label, found.group) == (label, group)
    assert facts.items() <= found.facts.items()


def test_speed_comes_from_the_file_else_from_the_load(tmp_path: Path) -> None:
    make(tmp_path / "a" / "12k_Drive_End_B007_3_121.mat", rpm=1722.0)
    make(tmp_path / "b" / "12k_Drive_End_B007_3_121.mat", rpm=None)
    assert only(tmp_path / "a").facts["rpm"] == 1722
    assert only(tmp_path / "b").facts["rpm"] == 1730  # the centre's table for 3 hp


@pytest.mark.parametrize(
    ("path", "n", "rate_hz"),
    [
        ("12k_Drive_End_IR007_0_105.mat", 4000, 12000.0),
        ("48k_Drive_End_IR007_0_109.mat", 4000, 48000.0),
        ("normal_0_97.mat", 4000, 48000.0),  # the trap: 12 kHz in most tutorials
        ("48k Drive End Bearing Fault Data/IR007_0.mat", 4000, 48000.0),
        ("12k/IR007_0.mat", 4000, 12000.0),
        ("mine/IR007_0.mat", 121_265, 12000.0),  # nothing says it but the length
        ("mine/IR007_0.mat", 243_938, 48000.0),
    ],
)
def test_the_rate_is_told_by_name_folder_or_length(tmp_path: Path, path: str, n: int, rate_hz: float) -> None:
    make(tmp_path / path, n, number="001")  # of no recording of the centre's
    signal = only(tmp_path).load()
    assert signal.rate_hz == rate_hz
    assert signal.counts.shape == (1, n)


@pytest.mark.parametrize(
    ("path", "name", "label", "group", "rate_hz"),
    [
        ("99.mat", "normal_2_99", "healthy", "healthy", 48000.0),  # as the centre's own pages name them
        ("105.mat", "12k_Drive_End_IR007_0_105", "inner", "IR007", 12000.0),
        ("3005.mat", "12k_Drive_End_B028_0_3005", "ball", "B028", 12000.0),
        ("174.mat", "48k_Drive_End_IR014_0_174", "inner", "IR014", 48000.0),  # 1.3 s: no length would tell
        ("282.mat", "12k_Fan_End_B007_0_282", "ball", "fan_B007", 12000.0),  # another bearing than B007
        ("OR007_6_1_136.mat", "48k_Drive_End_OR007@6_1_136", "outer", "OR007", 48000.0),
        ("B007_1_123.mat", "48k_Drive_End_B007_1_123", "ball", "B007", 48000.0),
        ("Time_Normal_1_098.mat", "normal_1_98", "healthy", "healthy", 48000.0),
        ("Normal Baseline/Normal_1.mat", "normal_1_98", "healthy", "healthy", 48000.0),
        ("12k Drive End/Outer Race/Centered/0007/OR007@6_0.mat", "12k_Drive_End_OR007@6_0_130", "outer", "OR007", 12e3),
        ("12k Fan End/IR007_0.mat", "12k_Fan_End_IR007_0_278", "inner", "fan_IR007", 12000.0),
        ("OR007_3_133.mat", "12k_Drive_End_OR007@6_3_133", "outer", "OR007", 12000.0),  # 3 hp, not 3 o'clock
        ("IR007_0_999.mat", "IR007_0_999", "inner", "IR007", 12000.0),  # somebody's own count
    ],
)
def test_a_recording_is_known_by_its_number_however_much_else_its_name_tells(
    tmp_path: Path, path, name, label, group, rate_hz
) -> None:
    make(tmp_path / path)
    found = only(tmp_path)
    assert (found.id, found.label, found.group) == (f"cwru/{name}", label, group)
    assert found.load().rate_hz == rate_hz


def test_of_two_recordings_in_one_file_its_own_is_taken(tmp_path: Path) -> None:
    # The centre's 99.mat holds the samples and the speed of 98, too, and in front.
    one, two = np.array([0.0, 1.0]), np.array([0.0, -1.0])
    variables = {"X098_DE_time": one, "X098RPM": np.array([1772.0]), "X099_DE_time": two, "X099RPM": np.array([1750.0])}
    write_mat(tmp_path / "99.mat", variables)
    assert only(tmp_path).load().counts.tolist() == [[0, -2048]]
    assert only(tmp_path).facts["rpm"] == 1750


def test_the_variables_number_tells_apart_what_the_name_leaves_open(tmp_path: Path) -> None:
    make(tmp_path / "IR014_0.mat", number="174")  # 169 is the same fault at 12 kHz
    make(tmp_path / "OR007_0.mat", number="130")  # 144 and 156 are those at 3 and 12 o'clock
    rates = {each.id: each.load().rate_hz for each in recordings_in(tmp_path)}
    assert rates == {"cwru/48k_Drive_End_IR014_0_174": 48000.0, "cwru/12k_Drive_End_OR007@6_0_130": 12000.0}


def test_numbers_that_hold_no_drive_end_signal_are_not_of_this_dataset(tmp_path: Path) -> None:
    make(tmp_path / "normal_0_97.mat")
    write_mat(tmp_path / "105.mat", {"pressure": np.array([1.0, 2.0])})
    assert only(tmp_path).id == "cwru/normal_0_97"


def test_counts_are_those_of_a_16_g_sensor(tmp_path: Path) -> None:
    write_mat(tmp_path / "12k_Drive_End_IR007_0_105.mat", {"X105_DE_time": np.array([0.0, 1.0, -0.5, 20.0, -20.0])})
    signal = only(tmp_path).load()
    # 32768 counts / 16 g = 2048 counts a g; ±20 g clip at ±32767
    assert signal.counts.tolist() == [[0, 2048, -1024, 32767, -32767]]
    assert signal.scale == 16 / 32768
    assert signal.unit == "g"


def test_the_channel_is_the_drive_end_whatever_its_number(tmp_path: Path) -> None:
    make(tmp_path / "normal_2_99.mat", number="098", X099_DE_time=noise(4000, seed=5))
    assert only(tmp_path).load().counts.shape == (1, 4000)
    write_mat(tmp_path / "normal_2_99.mat", {"X099_FE_time": noise(100)})
    with pytest.raises(RecordingError, match=r"normal_2_99\.mat: no variable ends in DE_time; there are X099_FE_time"):
        only(tmp_path).load()


def test_a_number_that_is_none_is_named_with_its_place(tmp_path: Path) -> None:
    values = noise(100)
    values[41] = np.nan
    write_mat(tmp_path / "normal_0_97.mat", {"X097_DE_time": values})
    with pytest.raises(RecordingError, match=r"sample 42 of X097_DE_time is nan"):
        only(tmp_path).load()


@pytest.mark.data
def test_the_real_files_hold_what_their_source_says(shared_data: Path) -> None:
    found = {each.id: each for each in recordings_in(shared_data / "data" / "cwru")}
    assert len(found) == 20
    # rows of SOURCE.md: samples, Hz, DE rms (AC) in g
    for name, n, rate_hz, rms_g, rpm in (
        ("12k_Drive_End_B007_0_118", 122571, 12000, 0.1387, 1796),
        ("48k_Drive_End_B007_0_122", 244739, 48000, 0.1459, 1796),
        ("12k_Drive_End_OR021@6_3_237", 121991, 12000, 0.5590, 1721),
        ("normal_0_97", 243938, 48000, 0.0727, 1796),
    ):
        recording = found[f"cwru/{name}"]
        signal = recording.load()
        assert (signal.counts.shape, signal.rate_hz, recording.facts["rpm"]) == ((1, n), rate_hz, rpm)
        assert (signal.counts * signal.scale).std() == pytest.approx(rms_g, abs=6e-5)


@pytest.mark.data
def test_scipy_reads_the_same_samples(shared_data: Path) -> None:
    from scipy.io import loadmat

    path = shared_data / "data" / "cwru" / "12k_Drive_End_IR007_0_105.mat"
    values = loadmat(path)["X105_DE_time"].ravel()
    signal = next(each for each in recordings_in(path.parent) if each.id.endswith("_105")).load()
    assert np.array_equal(signal.counts[0], np.rint(values * 2048))
