"""The shipped bearing app on real recordings: it raises on every fault, is quiet on health, and is no fool."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge_app.core.errors import RecordingError
from tests.support.cli import REPOSITORY, edge_app, objects
from tests.support.replaying import replay

pytestmark = pytest.mark.data

RIG = REPOSITORY / "configs" / "devices" / "bearing-rig.yaml"
APP = REPOSITORY / "apps" / "predictive_maintenance"

SIZES = ("B007", "B014", "B021", "IR007", "IR014", "IR021", "OR007@6", "OR014@6", "OR021@6")
NUMBERS = (118, 121, 185, 188, 222, 225, 105, 108, 169, 172, 209, 212, 130, 133, 197, 200, 234, 237)
LOADS = [(size, load) for size in SIZES for load in (0, 3)]
FAULTS = {
    f"12k_Drive_End_{size}_{load}_{number}.mat": 12000 for (size, load), number in zip(LOADS, NUMBERS, strict=True)
} | {"48k_Drive_End_B007_0_122.mat": 48000}

HEALTHY_FROM_S, HEALTHY_RATE_HZ = 3.5, 48000
"""The model has seen the first 3 s of the healthy recording; it is examined on what is behind 3.5 s."""


def run_cli(device, replayed):
    """The real program over one recording: its decisions and its summary."""
    result = edge_app(
        "run", device, "--replay", f"vibration={replayed}", "--speed", "max", "--broker", "none", "--json"
    )
    assert result.returncode == 0, result.stderr
    *decisions, summary = objects(result.stdout)
    return decisions, summary


def examine_fault(decisions, summary):
    """A fault: an alarm within 3 s of signal, and at least 95 % of the windows judged."""
    raised = [each["mono"] - decisions[0]["mono"] for each in decisions if each["event"] == "raised"]
    assert raised, "no alarm"
    assert raised[0] <= 3000
    assert summary["judged"] >= 0.95 * summary["windows"] > 0


def examine_health(decisions, summary):
    """Health: no alarm, and at least 95 % of the windows judged."""
    assert summary["alarms"] == 0, "false alarm"
    assert not [each for each in decisions if each["event"] == "raised"]
    assert summary["judged"] >= 0.95 * summary["windows"] > 0


def test_the_list_holds_every_shared_fault_file(shared_data):
    assert sorted(FAULTS) == sorted(path.name for path in (shared_data / "data" / "cwru").glob("*Drive_End*.mat"))


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_raises_an_alarm_within_three_seconds(shared_data, name):
    path = shared_data / "data" / "cwru" / name
    examine_fault(*run_cli(RIG, f"{path},rate_hz={FAULTS[name]},channel=DE_time"))


@pytest.fixture(scope="module")
def healthy(shared_data, tmp_path_factory) -> Path:
    """The part of the healthy recording that no training saw."""
    from scipy.io import loadmat

    path = tmp_path_factory.mktemp("healthy") / "healthy.npz"
    matrices = loadmat(shared_data / "data" / "cwru" / "normal_0_97.mat")
    values = next(value.ravel() for name, value in matrices.items() if name.endswith("DE_time"))
    np.savez(path, DE_time=values[round(HEALTHY_FROM_S * HEALTHY_RATE_HZ) :])
    return path


def device_with(app: Path, folder: Path) -> Path:
    """The bearing rig with another app."""
    path = folder / "rig.yaml"
    path.write_text(RIG.read_text().replace("../../apps/predictive_maintenance", str(app)))
    return path


def copy_of_the_app(folder: Path, *changes: tuple[str, str]) -> Path:
    """The shipped app with pieces of its app.yaml replaced."""
    app = folder / "predictive_maintenance"
    shutil.copytree(APP, app)
    text = (app / "app.yaml").read_text()
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (app / "app.yaml").write_text(text)
    return app


OFTEN = ("hop_s: 0.5}", "hop_s: 0.1}")
"""The healthy part lasts 1.58 s: at a hop of 0.5 s that is two windows, too few for any alarm (3 of 5)."""


def test_the_healthy_bearing_is_judged_healthy(healthy, tmp_path):
    replayed = f"{healthy},rate_hz={HEALTHY_RATE_HZ}"
    examine_health(*run_cli(RIG, replayed))
    decisions, summary = run_cli(device_with(copy_of_the_app(tmp_path, OFTEN), tmp_path), replayed)
    assert summary["windows"] >= 6
    examine_health(decisions, summary)


def test_no_window_of_the_healthy_bearing_scores_above_the_threshold(healthy, tmp_path):
    """Wherever a window begins: one every 20 ms, 30 of them in 1.58 s."""
    device = device_with(copy_of_the_app(tmp_path, ("hop_s: 0.5}", "hop_s: 0.02}")), tmp_path)
    outcome = replay(device, tmp_path / "state", f"vibration={healthy},rate_hz={HEALTHY_RATE_HZ}")
    threshold = outcome.decisions[0].threshold
    assert len(outcome.scores) == outcome.summary["windows"] >= 29
    print(f"largest score {max(outcome.scores) / 10000:.2f}, threshold {threshold / 10000:.2f}")
    assert max(outcome.scores) < threshold


FIXED_MODEL = '''\
"""A model that always says the same."""

import numpy as np
from pydantic import BaseModel, ConfigDict

from edge_app.core.plugin import Plugin
from edge_app.core.results import Inference, ModelIdentity


class Fixed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    score: int


class Model:
    identity = ModelIdentity("fixed", "0" * 64)

    def __init__(self, score):
        self._score = score

    def infer(self, features):
        zeros = np.zeros(len(features.values), np.int32)
        return Inference(self._score, self._score, zeros, zeros.astype(np.int16))


PLUGINS = {"models": [Plugin("fixed", "one score", Fixed, lambda config, context: Model(config.score))]}
'''


@pytest.mark.parametrize(("score", "passed"), [(10000, "fault"), (0, "health")], ids=["always alarms", "never alarms"])
def test_a_device_that_always_says_the_same_fails_one_of_these_examinations(
    shared_data, healthy, tmp_path, score, passed
):
    model = "{plugin: tflite, file: models/bearing_int8.tflite, engine: exact}"
    fixed = (model, f"{{plugin: fixed, score: {score}}}")
    app = copy_of_the_app(tmp_path, OFTEN, fixed, ("version: 1.0.0\n", "version: 1.0.0\nplugins: plugin.py\n"))
    (app / "plugin.py").write_text(FIXED_MODEL)
    device = device_with(app, tmp_path)
    name, rate_hz = next(iter(FAULTS.items()))
    fault = run_cli(device, f"{shared_data / 'data' / 'cwru' / name},rate_hz={rate_hz},channel=DE_time")
    health = run_cli(device, f"{healthy},rate_hz={HEALTHY_RATE_HZ}")

    if passed == "fault":
        examine_fault(*fault)
        with pytest.raises(AssertionError, match="false alarm"):
            examine_health(*health)
    else:
        examine_health(*health)
        with pytest.raises(AssertionError, match="no alarm"):
            examine_fault(*fault)


FAN = "fan-msa301/ceiling-fan"
TOO_SLOW = {
    f"ceiling fan {name}": (f"{FAN}/fan_0_{name}", "rate_hz=200,channel=3")
    for name in ("high_0_weight", "high_1_weight", "low_0_weight", "med_0_weight", "off_0_weight")
} | {
    "ceiling fan as deployed": ("fan-msa301/ceiling-fan-deploy/fan_0_low-deploy", "rate_hz=200,channel=3"),
    "motor telemetry healthy": ("bldc-telemetry/healthy/1300rpm_S016.csv", "rate_hz=10,channel=accel_rms_mg"),
    "motor telemetry loose mount": ("bldc-telemetry/loose_mount/1300rpm_S035.csv", "rate_hz=10,channel=accel_rms_mg"),
    "SisFall into a chair": ("sisfall/SA01/D11_SA01_R01.txt", "rate_hz=200,channel=1,scale=0.00390625"),
    "SisFall fainting, still at the end": ("sisfall/SA01/F06_SA01_R01.txt", "rate_hz=200,channel=2,scale=0.00390625"),
    "PPG of HeartPy": ("heartpy/data.csv", "rate_hz=100"),
    "ECG of HeartPy": ("heartpy/118e06.csv", "rate_hz=360"),
}


def concatenated(folder: Path, pattern: str, columns, path: Path) -> Path:
    """The captures of a folder, one behind the other."""
    parts = [np.loadtxt(each, delimiter=",", usecols=columns) for each in sorted(folder.glob(pattern))]
    np.savez(path, signal=np.concatenate(parts))
    return path


@pytest.mark.parametrize("name", TOO_SLOW)
def test_signals_too_slow_for_the_app_are_unknown_and_never_an_alarm(shared_data, tmp_path, name):
    place, options = TOO_SLOW[name]
    path = shared_data / "data" / place
    if path.is_dir():
        path, options = concatenated(path, "*.csv", 2, tmp_path / "fan.npz"), "rate_hz=200"
    outcome = replay(RIG, tmp_path / "state", f"vibration={path},{options}")
    assert outcome.summary["unknown"] == outcome.summary["windows"] > 0
    assert outcome.summary["alarms"] == 0
    assert any("below the 3200 Hz this app needs" in json.dumps(each.why) for each in outcome.decisions)


OTHER_MACHINES = {
    "motor sound with a bad bearing": "bldc-audio/bearing/bearing_M4_1700_00_original.wav",
    "motor sound, healthy": "bldc-audio/healthy/healthy_M1_1400_00_original.wav",
    "valve sound of MIMII": "mimii/valve_id00_n_00000000.wav",
    "FEMTO bearing 1_2": "femto/Learning_set/Bearing1_2",
}


@pytest.mark.parametrize("name", OTHER_MACHINES)
def test_other_machines_are_judged_and_found_to_be_others(shared_data, tmp_path, name):
    """Fast enough to be judged: the model knows one test rig, and says that this is not it."""
    path = shared_data / "data" / OTHER_MACHINES[name]
    options = ""
    if path.is_dir():
        path, options = concatenated(path, "acc_*.csv", 4, tmp_path / "femto.npz"), ",rate_hz=25600"
    outcome = replay(RIG, tmp_path / "state", f"vibration={path}{options}")
    assert outcome.summary["judged"] > 0
    assert outcome.events[-1] != "cleared"
    assert "raised" in outcome.events


def test_a_snapshot_shorter_than_a_window_is_told_and_not_judged(shared_data, tmp_path):
    path = next((shared_data / "data" / "femto").rglob("acc_*.csv"))  # 0.1 s
    outcome = replay(RIG, tmp_path / "state", f"vibration={path},rate_hz=25600,channel=5")
    assert outcome.summary["windows"] == 0
    assert "no window was formed" in outcome.summary["warnings"][0]


def test_a_recording_with_holes_is_refused_with_the_line(shared_data, tmp_path):
    """The smart ring of HeartPy left out values: nothing is invented in their place."""
    with pytest.raises(RecordingError, match=r"ring_data\.csv: line 2311, column 1"):
        replay(RIG, tmp_path / "state", f"vibration={shared_data / 'data/heartpy/ring_data.csv'},rate_hz=32")
