"""The shipped sound app on real motors: what it hears, and that loudness has no say in it."""

from __future__ import annotations

import json
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_app.config.apps import load_app
from edge_app.core.clock import SystemClock
from edge_app.core.plugin import ModelContext
from edge_app.inference.gaussian import UnlearntGaussian
from edge_app.inference.normal import NormalSettings, fit_normal
from edge_app.sensors.sim_machine import Fault
from edge_app.sensors.simulated import Simulated
from edge_app.training.importers.base import Recording, Signal
from edge_app.training.importers.find import recordings_in
from edge_app.training.protocols.base import events, infer_all
from edge_app.training.protocols.trails import trail_of
from edge_app.training.windows.front import app_document, load_front
from tests.support.cli import REPOSITORY, edge_app, objects

APP = REPOSITORY / "apps" / "machine_sound"
DEVICE = REPOSITORY / "configs" / "devices" / "fan-3.yaml"


def run_cli(replayed, tmp_path):
    """The real program over one recording: its decisions and its summary."""
    done = edge_app(
        "run", DEVICE, "--replay", f"sound={replayed}", "--speed", "max", "--broker", "none", "--json",
        "--state-dir", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *decisions, summary = objects(done.stdout)
    return decisions, summary


def write_wav(path: Path, counts: np.ndarray, rate_hz: int = 16000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(counts.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.ascontiguousarray(counts.T).astype("<i2").tobytes())
    return path


def test_a_golden_window_of_a_broken_propeller_is_told_from_a_healthy_one_by_anyone_who_has_the_app(tmp_path):
    for name, above in (("healthy_M1.wav", False), ("propeller_M1.wav", True)):
        decisions, summary = run_cli(APP / "golden" / name, tmp_path / name[:9])
        assert (summary["windows"], summary["judged"]) == (1, 1)
        assert (decisions[-1]["score"] > 8000) == above


def test_a_machine_that_is_off_is_idle_and_told_so(tmp_path):
    hiss = np.random.default_rng(4).normal(0, 8, (1, 160000)).round()
    # 8 of 32768 counts, 7400 of 8000 Hz heard: 8 / 32768 · √0.925 = 0.00023, under the gate of 33 counts.
    decisions, summary = run_cli(write_wav(tmp_path / "off.wav", hiss), tmp_path)
    assert summary["idle"] == summary["windows"] == 17
    idle = next(each for each in decisions if each["event"] == "idle")
    assert idle["why"]["text"].startswith(
        "The machine stands still: the sound level (rms) 0.00023 of full scale is not above 0.001 of full scale."
    )


@pytest.mark.data
def test_a_broken_propeller_raises_an_alarm_in_words_of_sound(shared_data, tmp_path):
    folder = shared_data / "data" / "bldc-audio"
    decisions, summary = run_cli(folder / "propeller" / "propeller_M1_1650_00_original.wav", tmp_path / "one")
    assert summary["alarms"] == 1
    raised = next(each for each in decisions if each["event"] == "raised")
    assert raised["why"]["text"].startswith("Sound unlike this machine's normal: score ")
    assert " times normal, now " in raised["why"]["text"]
    assert run_cli(folder / "healthy" / "healthy_M1_1650_00_original.wav", tmp_path / "two")[1]["alarms"] == 0


@pytest.mark.data
def test_one_channel_of_a_microphone_array_is_heard_and_each_can_be_chosen(shared_data, tmp_path):
    clip = shared_data / "data" / "mimii" / "valve_id00_n_00000000.wav"
    first, third = (run_cli(f"{clip},channel={channel}", tmp_path / channel)[1] for channel in ("1", "3"))
    assert first["windows"] == third["windows"] == 17
    assert first["judged"] == third["judged"] == 17
    refused = edge_app("run", DEVICE, "--replay", f"sound={clip},channel=9", "--speed", "max", "--broker", "none")
    assert refused.returncode == 2
    assert "9" in refused.stderr


@pytest.mark.data
def test_loudness_decides_nothing(shared_data):
    """All recordings 20 dB softer, and those 20 dB softer again that stay above the gate: the same events."""
    front = load_front(app_document(APP), "sound")
    stage = load_app(APP).pipelines[0].model
    extractor = front.extractor(16000.0, 1 / 32768)
    model = stage.plugin.create(stage.config, ModelContext(APP, extractor.schema))

    def heard(recording, gain_db):
        signal = recording.load()
        softer = np.rint(signal.counts * 10 ** (gain_db / 20)).astype(np.int16)
        trail = trail_of(recording, replace(signal, counts=softer), front, split="test")
        return trail.verdicts, events(trail, infer_all(model, trail), front.decider())

    loud_enough = 0
    for recording in recordings_in(shared_data / "data" / "bldc-audio"):
        before = heard(recording, 0.0)
        assert before == heard(recording, -20.0), recording.id
        verdicts, told = heard(recording, -40.0)
        if "idle" not in verdicts:
            loud_enough += 1
            assert told == before[1], recording.id
    assert loud_enough >= 20


@pytest.mark.data
def test_each_motor_is_told_from_its_faults_by_its_own_baseline(shared_data, tmp_path):
    """AUROC of the healthy recording left out against the motor's faults, at least 0.95, whole numbers like floats."""
    data = shared_data / "data" / "bldc-audio"
    done = edge_app("evaluate", APP, "--data", data, "--case", "own", "--json", timeout_s=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name in ("auroc", "recording_auroc", "auroc_M1", "auroc_M2"):
        assert found["int8"][name] >= 0.95
        assert abs(found["int8"][name] - found["float"][name]) <= 0.01
    assert found["int8"]["healthy_recordings_flagged"] == 0


def simulated(front, seed: int, seconds: float, fault: str = ""):
    """Trail of a simulated machine's sound, its speed and load varying."""
    sensor = Simulated(
        "sound", clock=SystemClock(), seed=seed, profile="varying", fault=Fault(kind=fault) if fault else Fault(),
        duration_s=seconds, paced=False,
    )  # fmt: skip
    sensor.open()
    blocks = []
    while (frame := sensor.read(1.0)) is not None:
        blocks.append(frame.samples)
    sensor.close()
    signal = Signal(f"seed {seed}", np.concatenate(blocks, axis=1), sensor.scale, sensor.rate_hz, "fs")
    return trail_of(Recording(signal.title, "simulated", fault or "healthy", "sound", lambda: signal), signal, front)


@pytest.mark.slow
def test_ten_minutes_learnt_are_quiet_afterwards_and_tell_a_bearing_that_fails():
    front = load_front(app_document(APP), "sound")
    settings = NormalSettings(window_s=2.0, hop_s=0.5, false_alarms_per_week=1.0, hits=3, of=5)
    unlearnt = UnlearntGaussian(front.extractor(16000.0, 1 / 32768).schema)
    learnt = unlearnt.with_normal(fit_normal(simulated(front, 1, 600.0).features, unlearnt, settings))

    def raised(trail) -> int:
        return [event for event, _ in events(trail, infer_all(learnt, trail), front.decider())].count("raised")

    assert raised(simulated(front, 2, 600.0)) == 0
    assert raised(simulated(front, 3, 30.0, "outer")) == 1
    assert raised(simulated(front, 3, 30.0, "inner")) == 1
