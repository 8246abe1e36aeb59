"""`edge-app evaluate` as a person runs it, on real recordings."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.data


def edge_app(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "edge_app.cli.main", "evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def bearing_app(repository: Path) -> Path:
    return repository / "apps" / "predictive_maintenance"


def test_every_fault_of_the_bearing_rig_is_flagged_and_the_json_says_so(bearing_app: Path, shared_data: Path):
    done = edge_app(
        bearing_app, "--data", shared_data / "data" / "cwru", "--split", "test", "--json", "--case", "faults"
    )

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["app"], report["split"]) == ("predictive_maintenance", "test")
    faults = {name: facts for name, facts in report["recordings"].items() if facts["label"] != "healthy"}
    assert len(faults) == 19
    assert all(facts["flagged"] for facts in faults.values())
    assert report["int8"]["flagged_of"] == [19, 19]
    assert report["int8"]["auroc"] >= report["float"]["auroc"] - 0.01
    assert all(name.startswith("cwru/") for name in report["recordings"])


def test_one_recording_never_seen_is_enough(bearing_app: Path, shared_data: Path, tmp_path: Path):
    shutil.copy(shared_data / "data" / "cwru" / "12k_Drive_End_IR014_3_172.mat", tmp_path)

    done = edge_app(bearing_app, "--data", tmp_path, "--json")

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    (facts,) = report["recordings"].values()
    assert facts["flagged"] is True
    assert "wear" in report["passed_over"]


def test_the_baseline_learnt_from_is_refused_under_another_name(bearing_app: Path, shared_data: Path, tmp_path: Path):
    shutil.copy(shared_data / "data" / "cwru" / "normal_0_97.mat", tmp_path / "normal_1_98.mat")

    done = edge_app(bearing_app, "--data", tmp_path, "--split", "test")

    assert done.returncode == 2
    assert "normal_1_98" in done.stderr
    assert "normal_0_97" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_of_another_quantity_is_told_without_a_traceback(bearing_app: Path, shared_data: Path):
    done = edge_app(bearing_app, "--data", shared_data / "data" / "mitdb")

    assert done.returncode == 2
    assert "20 of mitdb, and nothing to measure" in done.stderr
    assert done.stdout == ""


def test_each_motor_is_told_from_its_own_faults_by_its_own_normal(repository: Path, shared_data: Path):
    app = repository / "apps" / "machine_sound"

    done = edge_app(app, "--data", shared_data / "data" / "bldc-audio", "--case", "own", "--json")

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    for motor in ("M1", "M2"):
        assert report["int8"][f"auroc_{motor}"] >= 0.95
        assert report["int8"][f"recording_auroc_{motor}"] >= 0.95
        assert abs(report["int8"][f"auroc_{motor}"] - report["float"][f"auroc_{motor}"]) <= 0.01
