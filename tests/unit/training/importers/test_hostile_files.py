"""Whatever a file holds: an importer gives a signal or a RecordingError with a remedy, in bounded time and memory."""

from __future__ import annotations

import errno
import json
import os
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from importer_files import noise, write_annotations, write_mat, write_rows, write_wav, write_wfdb
from session_files import write_session

from edge_app.core.errors import RecordingError
from edge_app.training.importers.find import recordings_in
from edge_app.training.importers.splits import write_splits

OWN = {
    "edge_app_recording": 1, "name": "bench", "device": "bench", "site": "lab", "slot": "v", "sensor": "s",
    "plugin": "simulated", "unit": "g", "scale": 0.001, "full_scale": 32767, "rate_hz": 100.0, "axes": 1,
    "started": "2026-01-01 00:00:00 UTC", "started_ms": 1767225600000, "clock": "ntp", "edge_app": "0",
    "state": "finished", "split": "", "labels": [{"sample": 0, "label": "normal"}],
    "stretches": [{"sample": 0, "time_s": 0.0, "lost": 0, "why": ""}],
    "chunks": [{"file": "0001.wav", "samples": 100, "sha256": "?"}], "quality": {},
}  # fmt: skip


def cwru(folder: Path) -> str:
    write_mat(folder / "normal_0_97.mat", {"X097_DE_time": noise(60), "X097RPM": np.array([1796.0])})
    return "normal_0_97.mat"


def wfdb_header(folder: Path) -> str:
    write_wfdb(folder / "100", (1024 + noise(2, 60, spread=90)).astype(int))
    write_annotations(folder / "100.atr", [(5, "+", "(N"), (20, "N", ""), (40, "V", "")])
    return "100.hea"


def wfdb_annotations(folder: Path) -> str:
    wfdb_header(folder)
    return "100.atr"


def sound(folder: Path) -> str:
    write_wav(folder / "valve_id00_n_00000000.wav", (noise(2, 60) * 900).astype(int))
    return "valve_id00_n_00000000.wav"


def bearing(folder: Path) -> str:
    write_rows(folder / "acc_00001.csv", [(8, 47, 5, 1e5, *row) for row in noise(20, 2)])
    return "acc_00001.csv"


def falls(folder: Path) -> str:
    write_rows(folder / "F01_SA01_R01.txt", np.rint(noise(20, 9) * 90), end=";")
    return "F01_SA01_R01.txt"


def ppg(folder: Path) -> str:
    write_rows(folder / "PPG.csv", [(33 * k, 100 + k, 1, 2) for k in range(20)], "time,R,G,B")
    (folder / "RR.txt").write_text("800 810")
    return "PPG.csv"


def own(folder: Path) -> str:
    write_wav(folder / "0001.wav", (noise(1, 100) * 900).astype(int), 100)
    chunk = OWN["chunks"][0] | {"sha256": sha256((folder / "0001.wav").read_bytes()).hexdigest()}
    (folder / "recording.json").write_text(json.dumps(OWN | {"chunks": [chunk]}))
    return "recording.json"


MAKERS = [cwru, wfdb_header, wfdb_annotations, sound, bearing, falls, ppg, own]


def refused(call):
    """What a call gives; None when it is refused, with a remedy."""
    try:
        return call()
    except RecordingError as error:
        return None if error.fix else pytest.fail(f"no remedy: {error}")


def read_all(folder: Path) -> None:
    """Load all that is there; nothing else than a RecordingError may come."""
    for recording in refused(lambda: recordings_in(folder)) or ():
        signal = refused(recording.load)
        if recording.reference is not None:
            refused(recording.reference)
        if signal is not None:
            assert signal.counts.dtype == np.int16
            assert signal.counts.nbytes < 1 << 20


@pytest.mark.parametrize("make", MAKERS)
def test_a_file_cut_short_anywhere_is_read_or_refused(tmp_path: Path, make) -> None:
    path = tmp_path / make(tmp_path)
    data = path.read_bytes()
    for size in range(0, len(data), max(1, len(data) // 60)):
        path.write_bytes(data[:size])
        read_all(tmp_path)


@pytest.mark.parametrize("make", MAKERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_changed_bytes_are_read_or_refused(tmp_path: Path, make, data) -> None:
    folder = tmp_path / "case"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / make(folder)
    spoilt = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(spoilt) - 1), min_size=1, max_size=6)):
        spoilt[place] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(spoilt))
    read_all(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"edge_app_recording": 2}, "no recording of version 1"),
        ({"rate_hz": 0}, "rate_hz is 0"),
        ({"rate_hz": "fast"}, "rate_hz is 'fast'"),
        ({"axes": 10**9}, "axes is 1000000000"),
        ({"unit": "V"}, "unit 'V'"),
        ({"scale": float("nan")}, "scale is nan"),
        ({"labels": []}, "labels or stretches do not begin at 0"),
        ({"labels": [{"sample": 5, "label": "x"}]}, "labels or stretches do not begin at 0"),
        ({"chunks": [{"file": "../../etc/passwd.wav", "samples": 1, "sha256": ""}]}, "a chunk is called"),
        ({"chunks": [{"file": "0001.wav", "samples": 99, "sha256": ""}]}, "1 axes of 100 samples, 1 of 99 are listed"),
        ({"chunks": [{"file": "0002.wav", "samples": 99, "sha256": ""}]}, "is listed in recording.json and not there"),
        ({"chunks": []}, "holds no samples labelled|holds no finished chunk"),
        ({"device": None}, "device is None"),
        ({"name": "a\x1b[31mb"}, r"name is 'a\\x1b\[31mb'"),
        ({"labels": [{"sample": 0, "label": "a\nb"}]}, r"label is 'a\\nb'"),
    ],
)
def test_a_sidecar_with_values_that_cannot_be_is_refused(tmp_path: Path, change, told: str) -> None:
    from edge_app.sensors.sidecar import read_counts, read_sidecar

    own(tmp_path)
    (tmp_path / "recording.json").write_text(json.dumps({**OWN, **change}))
    with pytest.raises(RecordingError, match=told):
        read_counts(tmp_path, read_sidecar(tmp_path))
    read_all(tmp_path)


def test_a_chunk_that_is_not_what_was_recorded_is_refused_wherever_it_is_read(tmp_path: Path) -> None:
    write_session(tmp_path / "monday", noise(1, 500, spread=900).astype(np.int16))
    chunk = tmp_path / "monday" / "0001.wav"
    spoilt = bytearray(chunk.read_bytes())
    spoilt[-1] ^= 1  # one bit of the last sample
    chunk.write_bytes(bytes(spoilt))
    (recording,) = recordings_in(tmp_path)
    with pytest.raises(RecordingError, match=r"0001\.wav: is not what was recorded \(SHA-256\)"):
        recording.load()


def test_a_pipe_among_recordings_is_not_waited_for(tmp_path: Path) -> None:
    write_wav(tmp_path / "normal" / "a.wav", noise(1, 500, spread=900))
    for name in ("normal/b.wav", "recording.json", "splits.csv", "MANIFEST.csv"):
        os.mkfifo(tmp_path / name)
    assert [each.id for each in recordings_in(tmp_path)] == ["wav/normal/a"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [(b"new\nline", "new\\nline"), (b"\x1b[31mred", "\\x1b[31mred"), (b"gr\xfcn", "gr\\xfcn"), (b"a b", "a b")],
)
def test_a_name_that_cannot_be_printed_is_listed_by_its_codes_and_split_by_them(
    tmp_path: Path, name: bytes, shown: str
) -> None:
    write_wav(tmp_path / "normal" / "a.wav", noise(1, 500, spread=900))
    os.rename(tmp_path / "normal" / "a.wav", os.path.join(os.fsencode(tmp_path), b"normal", name + b".wav"))
    (recording,) = recordings_in(tmp_path)
    assert recording.id == f"wav/normal/{shown}"
    assert recording.load().counts.shape == (1, 500)
    write_splits(tmp_path, [recording], {recording.id: "test"})
    (again,) = recordings_in(tmp_path)
    assert again.split == "test"


def test_a_folder_that_cannot_be_read_is_refused_and_not_passed_over(tmp_path: Path, monkeypatch) -> None:
    write_wav(tmp_path / "normal" / "a.wav", noise(1, 500, spread=900))

    def closed(place: str):
        if str(place).endswith("normal"):
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return scan(place)

    scan = os.scandir
    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(RecordingError, match=r"normal: cannot be read: Permission denied"):
        recordings_in(tmp_path)


def test_an_own_recording_that_is_damaged_is_listed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "monday").mkdir()
    (tmp_path / "monday" / "recording.json").write_text("{")
    (recording,) = recordings_in(tmp_path)
    assert recording.id == "own/monday"
    with pytest.raises(RecordingError, match=r"recording\.json: damaged"):
        recording.load()
