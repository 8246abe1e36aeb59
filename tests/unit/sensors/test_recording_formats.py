"""Readers of recording files, and what damaged or hostile files get for an answer."""

from __future__ import annotations

import contextlib
import struct
import zipfile
import zlib

import numpy as np
import pytest

from edge_app.core.errors import RecordingError
from edge_app.sensors.recording import load_recording
from edge_app.sensors.recording_formats import is_time, most_unpacked
from edge_app.sensors.recording_matlab import read_variables


def wav(path, samples: bytes, *, tag=1, channels=1, rate_hz=8000, bits=16, data_size=None, extensible=False):
    block = channels * bits // 8
    layout = struct.pack("<HHIIHH", 0xFFFE if extensible else tag, channels, rate_hz, rate_hz * block, block, bits)
    if extensible:
        layout += struct.pack("<HHIH", 22, bits, 0, tag) + bytes(14)
    size = len(samples) if data_size is None else data_size
    chunks = b"fmt " + struct.pack("<I", len(layout)) + layout
    chunks += b"LIST" + struct.pack("<I", 3) + b"odd\0"  # odd chunks are padded to even places
    chunks += b"data" + struct.pack("<I", size) + samples
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    return path


def refusal(path, **options) -> str:
    with pytest.raises(RecordingError) as caught:
        load_recording(path, **{"rate_hz": 100.0, **options})
    assert str(path) in caught.value.what
    assert "\n" not in caught.value.what
    return str(caught.value)


# --- WAV --------------------------------------------------------------------------------------------------------------

HALF = {  # +0.5 and -0.25 of full scale in every coding
    (1, 8): bytes([192, 96]),
    (1, 16): struct.pack("<hh", 16384, -8192),
    (1, 24): struct.pack("<i", 1 << 22)[:3] + struct.pack("<i", -(1 << 21))[:3],
    (1, 32): struct.pack("<ii", 1 << 30, -(1 << 29)),
    (3, 32): struct.pack("<ff", 0.5, -0.25),
    (3, 64): struct.pack("<dd", 0.5, -0.25),
}


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("coding", HALF)
def test_every_coding_of_wav_gives_the_same_counts(tmp_path, coding, extensible):
    tag, bits = coding
    signal = load_recording(wav(tmp_path / "a.wav", HALF[coding], tag=tag, bits=bits, extensible=extensible), unit="fs")
    assert signal.counts.tolist() == [[16384, -8192]]
    assert (signal.rate_hz, signal.scale) == (8000.0, 1 / 32768)


def test_full_scale_of_a_wav_is_the_range_of_the_sensor_that_recorded_it(tmp_path):
    path = wav(tmp_path / "a.wav", HALF[1, 16])
    signal = load_recording(path, unit="g", range_units=4)
    assert (signal.counts * signal.scale).tolist() == [[2.0, -1.0]]


def test_channels_of_a_wav_are_separated(tmp_path):
    path = wav(tmp_path / "a.wav", struct.pack("<6h", 1, 10, 2, 20, 3, 30), channels=2)
    assert load_recording(path, unit="fs", n_axes=2).counts.tolist() == [[1, 2, 3], [10, 20, 30]]


def test_a_given_rate_overrules_the_file_s(tmp_path):
    assert load_recording(wav(tmp_path / "a.wav", HALF[1, 16]), unit="fs", rate_hz=48000).rate_hz == 48000


def test_a_wav_written_to_a_pipe_is_read_to_its_end(tmp_path):
    path = wav(tmp_path / "a.wav", HALF[1, 16], data_size=0xFFFFFFFF)
    assert load_recording(path, unit="fs").counts.shape == (1, 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data_size": 400}, "promises 400 bytes, 4 are there"),
        ({"channels": 0}, "0 channels"),
        ({"channels": 257, "data_size": 0}, "257 channels; at most 256 are read"),
        ({"rate_hz": 0}, "0 Hz"),
        ({"tag": 2, "bits": 4}, "0 bytes a sample"),
        ({"tag": 7, "bits": 8}, "WAV coding 7 with 8 bit"),
        ({"bits": 24}, "ends within a sample (1 of 3 bytes)"),
    ],
)
def test_a_damaged_wav_is_refused(tmp_path, change, said):
    assert said in refusal(wav(tmp_path / "a.wav", HALF[1, 16], **change), unit="fs")


@pytest.mark.parametrize("keep", [1, 4, 11, 12, 20, 30, 40, 50, 58, 59])
def test_a_wav_cut_anywhere_is_refused(tmp_path, keep):
    path = wav(tmp_path / "a.wav", HALF[1, 16])
    path.write_bytes(path.read_bytes()[:keep])
    assert "damaged or cut short" in refusal(path, unit="fs")


def test_a_float_wav_with_nan_is_refused(tmp_path):
    for nan in (struct.pack("<f", float("nan")), b"\x01\x00\x80\x7f"):  # quiet, and signalling
        path = wav(tmp_path / "a.wav", struct.pack("<f", 0.1) + nan + struct.pack("<f", 0.2), tag=3, bits=32)
        assert "sample 2" in refusal(path, unit="fs")


# --- CSV --------------------------------------------------------------------------------------------------------------

TABLES = {
    "comma": "1,2\n3,4\n",
    "comma and spaces": " 1, 2\n 3, 4\n",
    "semicolon": "1;2\n3;4\n",
    "tab": "1\t2\n3\t4\n",
    "space": "1 2\n3 4\n",
    "trailing semicolon": "1,2;\n3,4;\n",
    "trailing comma": "1,2,\n3,4,\n",
    "header": "left,right\n1,2\n3,4\n",
    "quoted header": '"left","right"\r\n1,2\r\n3,4\r\n',
    "comments and byte order mark": "\ufeff# by hand\n\n1,2\n3,4\n\n",
    "decimal comma": "1,0;2,0\n3,0;4,0\n",
    "decimal comma that shows late": "x;y\n1;2\n3,0;4\n",
    "decimal comma between tabs": "x\ty\n1,0\t2,0\n3,0\t4,0\n",
    "quoted numbers": '"x","y"\n"1","2"\n"3","4"\n',
    "exponents": "1e0,2.0\n0.3e1,+4\n",
    "old Mac": "1,2\r3,4\r",
    "no last newline": "1,2\n3,4",
}


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES)
def test_every_habit_of_writing_columns_is_understood(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert load_recording(path, rate_hz=1, n_axes=2, range_units=32768).counts.tolist() == [[1, 3], [2, 4]]


def test_one_number_a_line_is_one_channel(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("1\n2\n3\n")
    assert load_recording(path, rate_hz=1, range_units=32768).counts.tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(("header", "rate_hz"), [("t_ms,z", 500.0), ("time_s,z", 0.5), ("Timestamp_us,z", 500_000.0)])
def test_a_time_column_with_its_unit_gives_the_rate(tmp_path, header, rate_hz):
    path = tmp_path / "a.csv"
    path.write_text(header + "\n0,1\n2,2\n4,3\n")
    signal = load_recording(path, range_units=32768)
    assert signal.rate_hz == pytest.approx(rate_hz)
    assert signal.counts.tolist() == [[1, 2, 3]]


def test_a_time_column_without_unit_is_passed_over_and_gives_no_rate(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("time,z\n0,1\n2,2\n")
    with pytest.raises(RecordingError, match="sampling rate"):
        load_recording(path)
    assert load_recording(path, rate_hz=7, range_units=32768).counts.tolist() == [[1, 2]]


def test_text_columns_are_no_signals_but_may_stand_beside_one(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("label,z,note\nok,1,a b\nok,2,\n")
    assert load_recording(path, rate_hz=1, range_units=32768).counts.tolist() == [[1, 2]]


@pytest.mark.parametrize("name", ["t", "Time", "t_ms", "time (s)", "Timestamp_us", "iso_time", "timer"])
def test_these_names_are_time(name):
    assert is_time(name)


@pytest.mark.parametrize("name", ["temp", "t1", "accel_time_rms", "DE_time", "z_ms"])
def test_these_names_are_not_time(name):
    assert not is_time(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2\n3,4\n5", "line 3 has 1 columns, the first has 2"),
        ("x,y\n1,2\n3,4\n5", "line 4 has 1 columns"),
        ("1,2\n\n3,4\n", "line 2 is empty, and rows follow it"),
        ("x\n0,5\n0,6\n", "line 2 has 2 columns, the first has 1.\n  Where the comma is a decimal comma"),
        ("x;y\n1.234,5;2\n1.235,5;3\n", "line 2, column 1 holds '1.234,5', not a number.\n  Save it without thousands"),
        ("x,y\n1,1_0\n2,2_0\n", "line 2, column 2 holds '1_0', not a number"),
        ("1,2\n3,oops\n", "line 2, column 2 holds 'oops', not a number"),
        ("1,2\n3,\n", "line 2, column 2 holds '', not a number"),
        ("1,2\n3,nan\n", "sample 2 (0.010 s) of channel 2 is nan"),
        ("1,2\n3,-Inf\n", "sample 2 (0.010 s) of channel 2 is -inf"),
        ("1,2\n3,1e999\n", "is inf"),
        ("\n \n", "holds no rows"),
        ("x,y\n", "has a header and no rows"),
        ("1,2\n3,4\0\n", "byte 7 is zero: not a text file"),
        ("1,2\n", "holds fewer than 2 samples"),
        ("a,b\nc,d\n", "line 2, column 2 holds 'd', not a number"),
    ],
)
def test_a_damaged_text_file_is_refused_with_its_line(tmp_path, text, said):
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert said in refusal(path, channel="2")


def test_a_text_file_without_any_number_says_so(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\nc,d\n")
    assert "holds no signal: line 2, column 1 holds 'c', not a number" in refusal(path)


# --- NPZ and NPY ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["axes first", "axes last"])
def test_the_longer_side_of_an_array_is_time(tmp_path, shape):
    array = np.array([[1.0, 2, 3, 4], [5, 6, 7, 8]])
    np.save(tmp_path / "a.npy", array if shape == "axes first" else array.T)
    signal = load_recording(tmp_path / "a.npy", rate_hz=1, n_axes=2, range_units=32768)
    assert signal.counts.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]


def test_pickles_are_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was opened",))

    np.savez(tmp_path / "a.npz", signal=np.array([Trap()], dtype=object))
    np.save(tmp_path / "a.npy", np.array([Trap()], dtype=object))
    assert "damaged" in refusal(tmp_path / "a.npz")
    assert "damaged" in refusal(tmp_path / "a.npy")


def test_an_archive_that_unpacks_to_gigabytes_is_refused_before_it_is_read(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", signal=np.zeros(1 << 20))  # 8 MiB of zeros in 8 kB
    monkeypatch.setattr("edge_app.sensors.recording_formats.MOST_BYTES", 1 << 20)
    assert "would unpack to 8 MiB" in refusal(tmp_path / "a.npz")


def test_a_packed_file_unpacks_to_fifty_times_its_size_or_64_mib_and_no_more(tmp_path):
    assert most_unpacked(1 << 10) == 64 << 20  # so much always: small files of quiet signals pack well
    assert most_unpacked(10 << 20) == 500 << 20
    assert most_unpacked(1 << 30) == 2 << 30  # and never more than any file may have
    np.savez_compressed(tmp_path / "a.npz", signal=np.zeros(9 << 20))  # 72 MiB of zeros in 71 KiB
    assert "KiB would unpack to 72 MiB" in refusal(tmp_path / "a.npz")
    rows = 5 << 20  # two variables of 40 MiB: each would do, together they do not
    packed = zlib.compress(matrix(b"x", (rows, 1), element(9, bytes(8 * rows))))
    path = matlab_file(tmp_path / "a.mat", (struct.pack("<II", 15, len(packed)) + packed) * 2)
    assert "cut short or larger than allowed" in refusal(path)


def test_a_header_that_claims_more_than_the_file_holds_is_refused(tmp_path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + b"\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(80)
    (tmp_path / "a.npy").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("signal.npy", data)
    assert "damaged" in refusal(tmp_path / "a.npy")
    assert "damaged" in refusal(tmp_path / "a.npz")


@pytest.mark.parametrize("ending", ["npz", "npy"])
def test_a_cut_or_scrambled_array_file_is_refused(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    (np.savez if ending == "npz" else np.save)(path, np.arange(1000.0))
    whole = path.read_bytes()
    for keep in (1, 8, 60, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:keep])
        assert "damaged" in refusal(path)
    random = np.random.RandomState(0)
    for _ in range(60):  # any answer but a crash: a flipped bit of the samples cannot be seen in a .npy
        scrambled = bytearray(whole)
        for place in random.randint(0, len(whole), 4):
            scrambled[place] ^= 1 << random.randint(0, 8)
        path.write_bytes(scrambled)
        with contextlib.suppress(RecordingError):
            load_recording(path, rate_hz=100.0)


def test_an_array_file_without_signals_says_so(tmp_path):
    np.savez(tmp_path / "a.npz", name="text", rate_hz=5.0)
    assert "holds no signal" in refusal(tmp_path / "a.npz")


# --- MATLAB -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def matlab(tmp_path):
    io = pytest.importorskip("scipy.io")
    path = tmp_path / "a.mat"
    io.savemat(path, {"X097_DE_time": np.arange(500.0)[:, None], "X097RPM": 1796.0, "note": "text"})
    return path


def test_column_vectors_of_a_matlab_file_are_signals_and_single_numbers_are_not(matlab):
    assert load_recording(matlab, rate_hz=1, range_units=32768).counts.tolist() == [list(range(500))]


def test_a_cut_matlab_file_is_refused(matlab):
    whole = matlab.read_bytes()
    for keep in (10, 127, 128, 150, 400, len(whole) // 2):
        matlab.write_bytes(whole[:keep])
        assert "damaged" in refusal(matlab) or "holds no signal" in refusal(matlab)


def test_a_scrambled_matlab_file_gets_an_answer_and_no_crash(matlab):
    whole = matlab.read_bytes()
    random = np.random.RandomState(0)
    for _ in range(60):
        scrambled = bytearray(whole)
        for place in random.randint(128, len(whole), 3):
            scrambled[place] ^= 1 << random.randint(0, 8)
        matlab.write_bytes(scrambled)
        with contextlib.suppress(RecordingError):
            load_recording(matlab, rate_hz=100.0)


@pytest.mark.data
def test_a_cut_cwru_file_is_refused_even_when_the_wanted_channel_stands_before_the_cut(shared_data, tmp_path):
    whole = (shared_data / "data/cwru/12k_Drive_End_B007_0_118.mat").read_bytes()
    path = tmp_path / "cut.mat"
    for keep in (len(whole) // 3, len(whole) // 2, len(whole) - 20_000, len(whole) - 1):
        path.write_bytes(whole[:keep])
        assert "damaged" in refusal(path, channel="DE_time")


def test_text_named_mat_is_refused(tmp_path):
    path = tmp_path / "a.mat"
    path.write_text("hello " * 100)
    assert "damaged" in refusal(path)


def element(kind, body, order="<"):
    return struct.pack(order + "II", kind, len(body)) + body + bytes(-len(body) % 8)


def matrix(name, shape, values, order="<", array_class=6):
    return element(
        14,
        element(6, struct.pack(order + "II", array_class, 0), order)
        + element(5, struct.pack(order + f"{len(shape)}i", *shape), order)
        + element(1, name, order)
        + values,
        order,
    )


def matlab_file(path, *elements, order="<"):
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(order + "H", 0x0100)
    path.write_bytes(header + (b"IM" if order == "<" else b"MI") + b"".join(elements))
    return path


def test_a_compressed_variable_that_holds_nothing_is_passed_over(tmp_path):
    packed = zlib.compress(b"")
    path = matlab_file(tmp_path / "a.mat", struct.pack("<II", 15, len(packed)) + packed)
    assert "holds no signal" in refusal(path)


@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_of_either_byte_order_and_of_every_stored_width_are_read(tmp_path, order):
    # MATLAB stores doubles that are small whole numbers as bytes, and puts up to four of them into the tag itself
    wide = element(9, struct.pack(order + "3d", 1, 2, 3), order)
    small = struct.pack(order + "I", 3 << 16 | 2) + bytes([4, 5, 6, 0])
    path = matlab_file(
        tmp_path / "a.mat", matrix(b"one", (3, 1), wide, order), matrix(b"two", (3, 1), small, order), order=order
    )
    signal = load_recording(path, rate_hz=1, channel="one+two", range_units=32768)
    assert signal.counts.tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("do_compression", [False, True])
def test_our_reader_agrees_with_scipy(tmp_path, do_compression):
    io = pytest.importorskip("scipy.io")
    random = np.random.RandomState(1)
    variables = {
        "real": random.standard_normal((700, 1)),
        "single": random.standard_normal((1, 50)).astype(np.float32),
        "counts": random.randint(-3000, 3000, (3, 400)).astype(np.int16),
        "bytes": random.randint(0, 200, (5, 2)).astype(np.uint8),
        "text": "hello",
        "cell": np.array([[1, "a"]], dtype=object),
        "struct": {"a": 1.0},
    }
    path = tmp_path / "a.mat"
    io.savemat(path, variables, do_compression=do_compression)
    ours = read_variables(path.read_bytes(), 1 << 20)
    assert list(ours) == ["real", "single", "counts", "bytes"]
    theirs = io.loadmat(path)
    for name, array in ours.items():
        assert np.array_equal(array, theirs[name])


@pytest.mark.parametrize(
    ("values", "shape", "said"),
    [
        (element(9, bytes(24)), (4, 1), "of shape [4, 1] holds 3 numbers"),
        (element(9, bytes(24)), (-3, -1), "of shape [-3, -1]"),
        (element(77, bytes(24)), (3, 1), "stored as unknown type 77"),
        (b"", (3, 1), "a variable is incomplete"),
        (struct.pack("<I", 9 << 16 | 2) + bytes(4), (9, 1), "a small element claims 9 bytes"),
        (struct.pack("<II", 9, 0xFFFFFFF0), (3, 1), "promises 4294967280 bytes"),
        (element(9, bytes(24)), (2**31 - 1, 2**31 - 1), "holds 3 numbers"),
    ],
)
def test_a_matlab_variable_that_contradicts_itself_is_refused(tmp_path, values, shape, said):
    assert said in refusal(matlab_file(tmp_path / "a.mat", matrix(b"x", shape, values)))


def test_a_compressed_variable_may_not_unpack_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("edge_app.sensors.recording_formats.MOST_BYTES", 1 << 20)
    bomb = zlib.compress(matrix(b"x", (1 << 19, 1), element(9, bytes(1 << 22))))
    path = matlab_file(tmp_path / "a.mat", struct.pack("<II", 15, len(bomb)) + bomb)
    assert "cut short or larger than allowed" in refusal(path)


def test_matlab_7_3_is_named_with_its_remedy(tmp_path):
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF\r\n\x1a\n")
    answer = refusal(path)
    assert "MATLAB 7.3" in answer
    assert "save -v7" in answer


# --- any file ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["wav", "csv", "txt", "npz", "npy", "mat"])
def test_missing_empty_and_folder_in_place_of_a_file(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    assert "no such recording" in refusal(path)
    path.write_bytes(b"")
    assert "empty" in refusal(path)
    path.unlink()
    path.mkdir()
    assert "not a file" in refusal(path)


@pytest.mark.parametrize("ending", ["wav", "csv", "npz", "npy", "mat"])
def test_random_bytes_under_any_name_are_refused(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    for seed in range(30):
        path.write_bytes(np.random.RandomState(seed).bytes(3000))
        assert "damaged" in refusal(path, channel="1")


def test_an_unknown_ending_lists_the_known_ones(tmp_path):
    path = tmp_path / "a.flac"
    path.write_bytes(b"fLaC")
    assert ".csv, .hea, .json, .mat, .npy, .npz, .tsv, .txt, .wav" in refusal(path)


def test_a_file_without_permission_is_an_error_of_the_recording(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF")

    def refuse(*_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(type(path), "read_bytes", refuse)
    assert "Permission denied" in refusal(path)
