"""`edge-app record` as a person runs it: ended, killed, on a full disk, switched by key."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from cli import COMMAND, REPOSITORY, edge_app, environment

from edge_app.sensors.sidecar import part_of, read_counts, read_sidecar
from edge_app.training.importers.find import recordings_in

RATE_HZ = 1000
DEVICE = """device: {{id: bench, site: lab}}
apps: [not-there-yet]
sensors:
  vibration: {{plugin: simulated, machine: pump, rate_hz: {rate}, seed: 3, frame_s: 0.05{more}}}
{others}"""


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    return device_file(tmp_path)


def device_file(folder: Path, more: str = "", others: str = "", rate: int = RATE_HZ) -> Path:
    path = folder / "bench.yaml"
    path.write_text(DEVICE.format(rate=rate, more=more, others=others))
    return path


def record(device: Path, *arguments: object, **changes: object) -> subprocess.CompletedProcess[str]:
    folder = device.parent
    given = ["record", device, "--to", folder / "rec", "--state-dir", folder / "state", *arguments]
    return edge_app(*given, **changes)


def start(device: Path, *arguments: object, **options: object) -> subprocess.Popen[str]:
    folder = device.parent
    given = ["record", device, "--to", folder / "rec", "--state-dir", folder / "state", *arguments]
    return subprocess.Popen(
        [*COMMAND, *map(str, given)],
        text=True,
        cwd=REPOSITORY,
        env=environment(),
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )


def only_recording(device: Path) -> Path:
    (folder,) = (device.parent / "rec").iterdir()
    return folder


def wait_for(found, timeout_s: float = 8.0):
    """What `found()` gives once it gives something."""
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        value = found()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def test_what_is_recorded_is_what_the_sensor_said_count_for_count(bench: Path) -> None:
    done = record(bench, "--label", "normal", "--seconds", 1.5, "--chunk-seconds", 0.5)
    assert done.returncode == 0, done.stderr

    folder = only_recording(bench)
    sidecar = read_sidecar(folder)
    assert [chunk.samples for chunk in sidecar.chunks] == [500, 500, 500]
    assert (sidecar.device, sidecar.site, sidecar.slot, sidecar.unit) == ("bench", "lab", "vibration", "g")
    assert (sidecar.state, sidecar.rate_hz, len(sidecar.stretches)) == ("finished", 1000.0, 1)
    assert [(span.sample, span.label) for span in sidecar.labels] == [(0, "normal")]
    assert sidecar.quality["windows"] == 1
    counts = read_counts(folder, sidecar)
    assert np.array_equal(counts, simulated_counts(1500))


def simulated_counts(n: int):
    from edge_app.core.clock import SystemClock
    from edge_app.sensors.simulated import Simulated

    sensor = Simulated("pump", clock=SystemClock(), seed=3, rate_hz=float(RATE_HZ), paced=False, frame_s=0.05)
    sensor.open()
    blocks = []
    while sum(block.shape[1] for block in blocks) < n:
        blocks.append(sensor.read(1.0).samples)
    return np.concatenate(blocks, axis=1)[:, :n]


def test_three_axes_are_the_channels_of_the_wav(tmp_path: Path) -> None:
    device = device_file(tmp_path, more=", axes: 3")
    assert record(device, "--label", "normal", "--seconds", 0.5).returncode == 0
    recording = recordings_in(tmp_path / "rec")[0]
    assert recording.load().counts.shape == (3, 500)


def test_ctrl_c_keeps_everything_so_far(bench: Path) -> None:
    running = start(bench, "--label", "normal", "--chunk-seconds", 0.3, "--json")
    wait_for(lambda: list((bench.parent).glob("rec/*/0002.wav")))
    running.send_signal(signal.SIGINT)
    output, errors = running.communicate(timeout=20)
    assert running.returncode == 0, errors
    told = json.loads(output)
    sidecar = read_sidecar(only_recording(bench))
    assert sidecar.state == told["state"] == "stopped"
    assert sidecar.samples == round(told["seconds"] * RATE_HZ) >= 600
    assert not list(only_recording(bench).glob("*.part"))


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.0, 0.13, 0.29])
def test_a_power_loss_costs_the_unfinished_chunk_and_the_same_command_goes_on(bench: Path, after_s: float) -> None:
    running = start(bench, "--label", "normal", "--seconds", 3, "--chunk-seconds", 0.4)
    wait_for(lambda: list((bench.parent).glob("rec/*/0002.wav")))
    time.sleep(after_s)
    running.kill()
    running.communicate()
    folder = only_recording(bench)
    before = read_sidecar(folder)
    kept = {path.name: path.read_bytes() for path in folder.glob("*.wav")}
    assert before.state == "recording"
    assert before.samples >= 800

    done = record(bench, "--label", "normal", "--seconds", 3, "--chunk-seconds", 0.4)
    assert done.returncode == 0, done.stderr
    assert "went on after" in done.stdout
    after = read_sidecar(only_recording(bench))
    assert (after.state, after.samples) == ("finished", 3000)
    assert after.chunks[: len(before.chunks)] == before.chunks
    assert {name: (folder / name).read_bytes() for name in kept} == kept
    assert [stretch.sample for stretch in after.stretches] == [0, before.samples]
    assert after.stretches[1].why == "recording interrupted"
    assert edge_app("recordings", bench.parent / "rec", "--check").returncode == 0


def test_a_chunk_that_was_listed_and_not_yet_named_when_the_power_went_is_not_lost(bench: Path) -> None:
    assert record(bench, "--label", "normal", "--seconds", 1, "--chunk-seconds", 0.5).returncode == 0
    folder = only_recording(bench)
    os.rename(folder / "0002.wav", folder / part_of("0002.wav"))
    assert recordings_in(bench.parent / "rec")[0].load().counts.shape == (1, 1000)
    again = record(bench, "--label", "normal", "--seconds", 1.5, "--chunk-seconds", 0.5, "--resume")
    assert again.returncode == 2  # it had finished
    text = (folder / "recording.json").read_text()
    (folder / "recording.json").write_text(text.replace('"state": "finished"', '"state": "recording"'))
    again = record(bench, "--label", "normal", "--seconds", 1.5, "--chunk-seconds", 0.5)
    assert again.returncode == 0, again.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["0001.wav", "0002.wav", "0003.wav", "recording.json"]


def test_resume_goes_on_with_what_a_person_ended(bench: Path) -> None:
    running = start(bench, "--label", "normal", "--seconds", 60, "--chunk-seconds", 0.3)
    wait_for(lambda: list((bench.parent).glob("rec/*/0001.wav")))
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=20)
    assert read_sidecar(only_recording(bench)).state == "stopped"
    done = record(bench, "--label", "normal", "--seconds", 1.2, "--resume", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["seconds"], told["gaps"]) == (1.2, 1)
    assert told["resumed_at_s"] >= 0.3
    nothing = record(bench, "--label", "normal", "--resume")
    assert nothing.returncode == 2
    assert "Leave --resume out" in nothing.stderr


def test_the_cap_ends_the_recording_whole(bench: Path) -> None:
    done = record(bench, "--label", "normal", "--seconds", 60, "--max-mb", 0.0015, "--chunk-seconds", 0.3)
    assert done.returncode == 1
    assert "ended early: the recording may take no more than 0.0 MB" in done.stderr
    sidecar = read_sidecar(only_recording(bench))
    assert sidecar.state == "full"
    assert 0 < sum(path.stat().st_size for path in only_recording(bench).glob("*.wav")) <= 1500
    assert sidecar.samples == recordings_in(bench.parent / "rec")[0].load().counts.shape[1]


@pytest.mark.slow
def test_a_disk_that_fills_keeps_finished_chunks_and_fails(tmp_path: Path) -> None:
    bench = device_file(tmp_path, rate=20_000)
    disk = tmp_path / "rec"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("no tmpfs may be mounted here")
    try:
        done = record(bench, "--label", "normal", "--seconds", 60, "--chunk-seconds", 0.3, "--max-mb", 1)
        # 64 KiB hold the sidecar and, of 12 kB each, at most four chunks with room for another sidecar
        assert done.returncode == 74, done.stderr
        assert "the disk is full" in done.stderr
        folder = only_recording(bench)
        sidecar = read_sidecar(folder)
        assert sidecar.state == "full"
        assert len(sidecar.chunks) >= 2
        assert read_counts(folder, sidecar).shape[1] == sidecar.samples
        assert not list(folder.glob("*.wav.part"))
    finally:
        subprocess.run(["umount", disk], check=True)


def test_no_room_for_one_chunk_is_told_and_leaves_nothing_half_written(bench: Path) -> None:
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    running = start(bench, "--label", "normal", "--seconds", 60, "--chunk-seconds", 60, preexec_fn=limit)
    _, errors = running.communicate(timeout=30)
    assert running.returncode == 74
    assert "the disk is full" in errors
    assert [path.name for path in only_recording(bench).iterdir()] == ["recording.json"]


def test_keys_switch_the_label_from_the_next_sample_on(bench: Path) -> None:
    master, slave = pty.openpty()
    arguments = ["--labels", "normal,unbalance,off", "--chunk-seconds", 0.3]
    running = start(bench, *arguments, stdin=slave, stderr=slave)
    os.close(slave)
    wait_for(lambda: list((bench.parent).glob("rec/*/0001.wav")))
    os.write(master, b"2")
    wait_for(lambda: list((bench.parent).glob("rec/*/0003.wav")))
    os.write(master, b"9x1")
    wait_for(lambda: list((bench.parent).glob("rec/*/0005.wav")))
    os.write(master, b"q")
    screen = read_all(master)
    assert running.wait(20) == 0
    assert "keys: 1 normal  2 unbalance  3 off  q stop" in screen
    assert re.search(r"  unbalance  rms 0\.\d+ peak", screen)
    running.stdout.close()
    labels = read_sidecar(only_recording(bench)).labels
    assert [span.label for span in labels] == ["normal", "unbalance", "normal"]
    found = {each.label: each for each in recordings_in(bench.parent / "rec")}
    assert set(found) == {"normal", "unbalance"}
    assert len({each.group for each in found.values()}) == 1
    unbalance = labels[2].sample - labels[1].sample
    assert found["unbalance"].load().counts.shape[1] == unbalance
    normal = found["normal"].load()
    assert [sample for sample, _ in normal.starts] == [0, labels[1].sample]
    assert normal.starts[1][1] == pytest.approx(labels[2].sample / RATE_HZ)


def read_all(master: int) -> str:
    """What the terminal showed until the program closed it."""
    shown = b""
    try:
        while piece := os.read(master, 65536):
            shown += piece
    except OSError:  # EIO: the other end was closed
        pass
    finally:
        os.close(master)
    return shown.decode()


def test_losses_and_an_unplugged_sensor_begin_new_stretches(tmp_path: Path) -> None:
    faults = "[{kind: dropout, at_s: 0.5, for_s: 0.25}]"
    device = device_file(tmp_path, more=f", sensor_faults: {faults}")
    done = record(device, "--label", "normal", "--seconds", 1.5)
    assert done.returncode == 0, done.stderr
    sidecar = read_sidecar(only_recording(device))
    assert sidecar.samples == 1500  # what was lost is not counted as recorded
    assert [stretch.sample for stretch in sidecar.stretches] == [0, 500]
    assert sidecar.stretches[1].lost == 250
    assert sidecar.stretches[1].time_s == pytest.approx(0.75, abs=0.06)
    assert "250 samples lost" in sidecar.stretches[1].why
    signal_ = recordings_in(tmp_path / "rec")[0].load()
    assert [sample for sample, _ in signal_.starts] == [0, 500]


def test_a_running_device_keeps_its_sensor(bench: Path) -> None:
    running = start(bench, "--label", "normal", "--seconds", 30)
    wait_for(lambda: list((bench.parent).glob("rec/*/recording.json")))
    second = record(bench, "--label", "normal", "--seconds", 1)
    assert second.returncode == 2
    assert "bench is in use" in second.stderr
    assert str(running.pid) in second.stderr
    assert "Stop the running device" in second.stderr
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=20)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Add --label normal"),
        (("--label", "Not Normal"), "Write not_normal"),
        (("--labels", "a,a"), "not one to nine different labels"),
        (("--label", "normal", "--slot", "sound"), "nothing is bound to a slot `sound`"),
        (("--label", "normal", "--seconds", "-1"), "not a number of seconds above 0"),
        (("--label", "normal", "--max-mb", "none"), "not a number of megabytes above 0"),
    ],
)
def test_mistakes_are_answered_before_anything_is_written(bench: Path, arguments: tuple[str, ...], told: str) -> None:
    done = record(bench, *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (bench.parent / "rec").exists()


def test_of_several_sensors_one_must_be_named(tmp_path: Path) -> None:
    device = device_file(tmp_path, others="  sound: {plugin: simulated, machine: sound, rate_hz: 8000}\n")
    done = record(device, "--label", "normal")
    assert done.returncode == 2
    assert "2 sensors (vibration, sound)" in done.stderr
    assert record(device, "--label", "normal", "--slot", "sound", "--seconds", 0.5).returncode == 0
    assert recordings_in(tmp_path / "rec")[0].load().unit == "fs"


def test_a_folder_that_cannot_be_written_is_told(bench: Path) -> None:
    (bench.parent / "rec").write_text("a file")
    done = record(bench, "--label", "normal", "--seconds", 1)
    assert done.returncode == 2
    assert "cannot be made" in done.stderr


def test_a_recording_stands_in_for_the_sensor_it_came_from(bench: Path) -> None:
    assert record(bench, "--label", "normal", "--seconds", 1).returncode == 0
    from edge_app.sensors.recording import load_recording

    played = load_recording(only_recording(bench) / "recording.json", unit="g")
    assert np.array_equal(played.counts, simulated_counts(1000))
    assert (played.rate_hz, played.scale) == (1000.0, 16 / 32768)
