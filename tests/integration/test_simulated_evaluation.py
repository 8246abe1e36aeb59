"""The simulated pump's own questions: small faults are told, and a learnt normal keeps quiet."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.cli import REPOSITORY, edge_app

pytestmark = pytest.mark.slow

APP = REPOSITORY / "apps" / "simulated_pump"


def evaluated(app: Path, case: str):
    done = edge_app("evaluate", app, "--data", app, "--case", case, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_small_faults_are_flagged_and_stops_are_not():
    figures = evaluated(APP, "faults")["int8"]
    assert figures["flagged_of"] == [6, 6]
    assert figures["false_alarms"] == 0


def test_a_learnt_hour_keeps_the_hours_after_it_quiet(tmp_path):
    """Two of the eight pumps; all of them, 22.6 h, are `edge-app evaluate apps/simulated_pump --case quiet`."""
    app = shutil.copytree(APP, tmp_path / "simulated_pump")
    lines = (APP / "evaluate.yaml").read_text().splitlines(keepends=True)
    kept = [line for line in lines if "seconds: 14400" not in line or "seed: 44" in line or "seed: 48" in line]
    (app / "evaluate.yaml").write_text("".join(kept))

    figures = evaluated(app, "quiet")["int8"]

    assert figures["baselines_learnt"] == 1
    assert figures["false_alarms"] == 0
    assert 5 < figures["healthy_hours"] < 6
