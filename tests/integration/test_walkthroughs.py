"""The tutorials' replay and the how-to about training, done as the pages say; only the recordings are made quicker."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import threading

import numpy as np
import pytest
import yaml
from cli import REPOSITORY, edge_app, objects
from doc_pages import blocks, command_lines, files_of

from edge_app.runtime.record import Recorder, RecordPlan
from edge_app.sensors.sim_machine import Fault
from edge_app.sensors.simulated import Simulated
from edge_app.testing.clock import FakeClock

TUTORIAL = REPOSITORY / "docs" / "tutorial" / "first-device.md"
OWN_APP = REPOSITORY / "docs" / "tutorial" / "own-app.md"
TRAIN = REPOSITORY / "docs" / "how-to" / "train-a-model.md"


def record(path, seconds, **keys):
    """What `sensors read --csv` writes of a simulated sensor, without taking its time."""
    sensor = Simulated("pump", clock=FakeClock(), rate_hz=3332.0, duration_s=seconds, paced=False, **keys)
    sensor.open()
    blocks = []
    while (frame := sensor.read(1.0)) is not None:
        blocks.append(frame.samples[0] * frame.scale)
    values_g = np.concatenate(blocks)
    times_s = np.arange(len(values_g)) / sensor.rate_hz
    np.savetxt(path, np.column_stack([times_s, values_g]), "%.6f,%.6g", header="time_s,axis0_g", comments="")


@pytest.mark.broker
def test_the_tutorials_replay_raises_one_alarm_over_a_broker(mosquitto, tmp_path):
    broker = mosquitto()
    record(tmp_path / "pump.csv", 45.0, seed=7, fault=Fault(kind="inner", start_s=15.0, growth_s=20.0))
    words = next(words for words in command_lines(TUTORIAL) if words[1] == "run" and "--replay" in words)
    words = [word.replace("pump.csv", str(tmp_path / "pump.csv")) for word in words[1:]]
    words = [word.replace("mqtt://127.0.0.1", broker.url) for word in words]

    done = edge_app(*words, "--json")

    assert done.returncode == 0, done.stderr
    *decisions, summary = objects(done.stdout)
    assert [each["event"] for each in decisions][:2] == ["started", "known"]
    raised = [each for each in decisions if each["event"] == "raised"]
    assert len(raised) == 1
    assert raised[0]["mono"] - decisions[0]["mono"] > 15_000  # not before the fault begins
    assert summary["alarms"] == 1
    assert 0 < summary["sent_bytes"] < summary["sensed_bytes"] / 50


def test_the_tutorials_device_is_right(tmp_path):
    (tmp_path / "first.yaml").write_text(files_of(TUTORIAL)["first.yaml"])

    done = edge_app("check", "first.yaml", "--json", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["targets"] == ["linux", "micropython"]


def test_a_model_is_trained_as_the_page_says(tmp_path):
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    record(recordings / "normal.csv", 120.0, seed=101)
    record(recordings / "another-day.csv", 30.0, seed=202)
    record(recordings / "fault.csv", 30.0, seed=303, fault=Fault(kind="outer", growth_s=0.0))
    shutil.copytree(REPOSITORY / "apps" / "predictive_maintenance", tmp_path / "apps" / "predictive_maintenance")
    copying = next(block for block in blocks(TRAIN, "sh") if "sed" in block)
    subprocess.run(["sh", "-e", "-c", copying], cwd=tmp_path, check=True)
    for name, text in files_of(TRAIN).items():
        (tmp_path / name).write_text(text)
    device = files_of(TUTORIAL)["first.yaml"].replace("[predictive_maintenance]", "[apps/my_machine]")
    (tmp_path / "first.yaml").write_text(device)

    said = {}
    for words in command_lines(TRAIN):
        if words[1] in ("train", "check", "run"):
            said[words[1]] = done = edge_app(*words[1:], cwd=tmp_path, timeout_s=120)
            assert done.returncode == 0, f"{shlex.join(words)}\n{done.stderr}"

    rows = {line.split()[0]: line.split() for line in said["train"].stdout.splitlines() if ".csv  " in line}
    assert rows["another-day.csv"][1:3] == ["healthy", "59/59"]  # 30 s: (30 - 1) / 0.5 + 1 windows
    assert "none" in rows["another-day.csv"]  # no alarm on another healthy day
    assert rows["fault.csv"][1] == "fault"
    assert "none" not in rows["fault.csv"]
    assert "0 alarms" in said["run"].stdout.splitlines()[-1]
    written = sorted(path.name for path in (tmp_path / "apps" / "my_machine" / "models").iterdir())
    assert written == ["my_machine.json", "my_machine.md", "my_machine.steps.npz", "my_machine.tflite"]


def record_as_the_loops_say(page, folder, monkeypatch):
    """The recordings that the loops of the tutorial make, without taking their minutes."""
    monkeypatch.setattr("edge_app.runtime.record.QUEUE_FRAMES", 0)  # a clock that jumps fills any queue
    clock = FakeClock()
    for loop in (block for block in blocks(page, "sh") if block.startswith("for day")):
        days = re.search(r"for day in ([\d ]+);", loop)[1].split()
        label, seconds = re.search(r"--label (\w+) --seconds (\d+)", loop).groups()
        fault = re.search(r"fault: (\{.*?\})", loop)
        for day in days:
            keys = {"fault": Fault(**yaml.safe_load(fault[1]))} if fault else {}
            sensor = Simulated("pump", clock=clock, seed=int(day), rate_hz=3332.0, duration_s=float(seconds), **keys)
            facts = {"device": "bench", "site": "home", "slot": "vibration", "plugin": "simulated"}
            plan = RecordPlan(folder / "recordings", label, float(seconds))
            recorded = Recorder(sensor, facts, plan, clock).run(threading.Event(), lambda _: None)
            assert recorded.state == "finished"
            assert recorded.sidecar.seconds == pytest.approx(float(seconds))


@pytest.mark.slow
def test_an_app_of_ones_own_comes_of_recordings_as_the_tutorial_says(tmp_path, monkeypatch):
    record_as_the_loops_say(OWN_APP, tmp_path, monkeypatch)
    (tmp_path / "my_machine").mkdir()
    for name, text in files_of(OWN_APP).items():
        (tmp_path / name).write_text(text.replace("epochs: 30", "epochs: 10"))

    said = {}
    for words in command_lines(OWN_APP):
        if words[1] in ("recordings", "train", "check", "evaluate"):
            done = edge_app(*words[1:], cwd=tmp_path, timeout_s=120)
            assert done.returncode == 0, f"{shlex.join(words)}\n{done.stderr}"
            said[words[1]] = said.get(words[1], "") + done.stdout

    for verb, shown in (("recordings", "normal   3      1    1"), ("recordings", "nothing to put right")):
        assert shown in said[verb]
        assert shown in OWN_APP.read_text()
    assert "ok     my_machine/app.yaml: app my_machine 1.0.0, for linux and micropython" in said["check"]
    figures = {line[:31].strip(): line[31:].split("  ")[0] for line in said["evaluate"].splitlines()}
    assert figures["faults flagged"] == "2 of 2 (0.158 to 1)"  # 0.025 ** (1 / 2): Clopper-Pearson
    assert figures["healthy recordings flagged"] == "0 of 1 (0 to 0.975)"
    assert (tmp_path / "report" / "report.html").is_file()
