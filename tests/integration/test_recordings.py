"""`edge-app recordings` as a person runs it: list, check, split, draw; the recordings stay as they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli import edge_app
from importer_files import noise, write_wav


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """Five healthy motors and five with a broken propeller, two seconds each."""
    folder = tmp_path / "sounds"
    for motor in range(1, 11):
        label = "healthy" if motor <= 5 else "propeller"
        counts = (noise(1, 32000, seed=motor) * 3000).astype(int)
        write_wav(folder / label / f"{label}_M{motor}_1400_00_original.wav", counts)
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*.wav"))}


def test_a_list_says_label_length_rate_quality_and_split(sounds: Path) -> None:
    done = edge_app("recordings", sounds)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ["ID", "LABEL", "SECONDS", "HZ", "UNIT", "AXES", "QUALITY", "SPLIT"]
    wanted = ["bldc-audio/healthy_M1_1400_00_original", "healthy", "2.00", "16000", "fs", "1", "100", "%", "-"]
    assert rows[1] == wanted
    assert "10 recordings, 20 s" in done.stdout


def test_splits_are_kept_and_the_recordings_untouched(sounds: Path) -> None:
    before = bytes_of(sounds)
    done = edge_app("recordings", sounds, "--split", "0.6/0.2/0.2", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["splits"]
    listed = json.loads(edge_app("recordings", sounds, "--json").stdout)["recordings"]
    assert {each["id"]: each["split"] for each in listed} == told
    assert sorted(told.values()).count("train") == 6
    again = edge_app("recordings", sounds, "--split", "0.5/0.5", "--seed", "9", "--json")
    assert json.loads(again.stdout)["splits"] == told
    assert bytes_of(sounds) == before


def test_sound_recordings_check_out(sounds: Path) -> None:
    done = edge_app("recordings", sounds, "--check")
    assert done.returncode == 0, done.stdout
    assert "nothing to put right" in done.stdout


def test_a_check_finds_copies_damage_clipping_and_silence(sounds: Path) -> None:
    healthy, broken = sounds / "healthy", sounds / "propeller"
    copy = (healthy / "healthy_M1_1400_00_original.wav").read_bytes()
    (broken / "propeller_M11_1400_00_original.wav").write_bytes(copy)
    (broken / "propeller_M12_1400_00_original.wav").write_bytes(copy[:1000])
    loud = np.clip(noise(1, 32000, seed=77) * 60000, -32768, 32767).astype(int)
    write_wav(broken / "propeller_M13_1400_00_original.wav", loud)
    write_wav(broken / "propeller_M14_1400_00_original.wav", np.full((1, 32000), 7))
    done = edge_app("recordings", sounds, "--check")
    assert done.returncode == 1
    wrong = [line for line in done.stdout.splitlines() if line.startswith("wrong")]
    assert len(wrong) == 4, done.stdout
    assert "M11_1400_00_original: holds the same samples as bldc-audio/healthy_M1" in done.stdout
    assert "M12_1400_00_original.wav: damaged or cut short" in done.stdout
    assert "M13_1400_00_original: 100 % of it cannot be judged: clipped" in done.stdout
    assert "M14_1400_00_original: 100 % of it cannot be judged: flat line" in done.stdout
    assert "4 to put right" in done.stdout


def test_a_changed_chunk_of_our_own_is_found(tmp_path: Path) -> None:
    device = Path(__file__).parents[2] / "configs" / "devices" / "demo-pump.yaml"
    folder = tmp_path / "rec"
    more = ("--seconds", 2, "--to", folder, "--state-dir", tmp_path / "state")
    assert edge_app("record", device, "--label", "normal", *more).returncode == 0
    assert edge_app("recordings", folder, "--check").returncode == 0
    (chunk,) = folder.glob("*/0001.wav")
    data = bytearray(chunk.read_bytes())
    data[-1] ^= 1
    chunk.write_bytes(bytes(data))
    done = edge_app("recordings", folder, "--check")
    assert done.returncode == 1
    assert "0001.wav: is not what was recorded (SHA-256)" in done.stdout


def test_a_recording_is_drawn_in_characters_and_as_a_picture(sounds: Path, tmp_path: Path) -> None:
    times = np.arange(32000) / 16000
    write_wav(sounds / "tone.wav", np.rint(12000 * np.sin(2 * np.pi * 2000 * times))[None])
    done = edge_app("recordings", sounds, "--plot", "tone", PYTHONIOENCODING="utf-8")
    assert done.returncode == 0, done.stderr
    _, spectrum = done.stdout.split("spectrum (dB re 1 fs)")
    # 12000/32768 = 0.366: a peak of 20 log10(0.366) = -8.7 dB at a quarter of the way to 8 kHz
    top = spectrum.splitlines()[1]
    assert float(top.split()[0]) == pytest.approx(-8.7, abs=0.1)
    assert top.index("█") - top.index("│") == pytest.approx(72 / 4, abs=2)
    picture = tmp_path / "tone.svg"
    numbers = edge_app("recordings", sounds, "--plot", "tone", "--json")
    curves = json.loads(numbers.stdout)["curves"]
    assert [set(each) for each in curves] == [{"title", "unit", "until", "across", "low", "high"}] * 2

    assert edge_app("recordings", sounds, "--plot", "wav/tone", "--svg", picture).returncode == 0
    assert picture.read_text().startswith("<svg ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--split", "0.9/0.9"), "shares that add up to 1"),
        (("--plot", "healthy_M1_1400"), "Did you mean"),
        (("--plot", "healthy_M1_1400_00_original", "--axis", "2"), "has 1"),
        (("--dataset", "cwru"), "holds no dataset 'cwru'"),
        (("--to", "x"), "--to belongs to --split"),
        (("--svg", "x"), "--svg belongs to --plot"),
    ],
)
def test_mistakes_are_answered_with_a_remedy(sounds: Path, arguments: tuple[str, ...], told: str) -> None:
    done = edge_app("recordings", sounds, *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_or_missing_folder_is_refused(tmp_path: Path) -> None:
    assert "the folder is empty" in edge_app("recordings", tmp_path).stderr
    missing = edge_app("recordings", tmp_path / "none")
    assert (missing.returncode, "is not a folder" in missing.stderr) == (2, True)


@pytest.mark.data
def test_public_recordings_are_checked_and_split_without_being_touched(shared_data: Path, tmp_path: Path) -> None:
    done = edge_app("recordings", shared_data / "data" / "ppg-welltory", "--check")
    assert done.returncode == 1
    wrong = [line for line in done.stdout.splitlines() if line.startswith("wrong")]
    # SOURCE.md: "In subject_20 and subject_21 the red channel is saturated"
    assert [line.split()[1] for line in wrong] == ["ppg-welltory/subject_20:", "ppg-welltory/subject_21:"]
    view = tmp_path / "view"
    done = edge_app("recordings", shared_data / "data" / "bldc-audio", "--split", "0.7/0.3", "--to", view)
    assert done.returncode == 0, done.stderr
    listed = json.loads(edge_app("recordings", view, "--json").stdout)["recordings"]
    assert {each["split"] for each in listed} == {"train", "test"}
    motors = {each["facts"]["motor"]: each["split"] for each in listed}
    assert all(motors[each["facts"]["motor"]] == each["split"] for each in listed)
