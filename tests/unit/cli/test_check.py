"""`edge-app check` says a line a file, and everything that is wrong with it."""

from __future__ import annotations

import json

import pytest

from edge_app.cli.main import main

APP = """\
app: level
version: 1.0.0
plugins: plugin.py
sensors: {vibration: {quantity: acceleration, unit: g, min_rate_hz: 400}}
pipelines:
  level:
    sensor: vibration
    gate: {feature: rms_g, above: 0.01}
    window: {seconds: 1, hop_s: 1}
    features: {plugin: mine}
    model: {plugin: mine}
    decision: {plugin: mine}
"""

PLUGIN = """\
from types import SimpleNamespace
from pydantic import BaseModel
from edge_app.core.errors import ModelError
from edge_app.core.plugin import Plugin
from edge_app.core.results import FeatureSchema
class Keys(BaseModel, extra="forbid"):
    broken: bool = False
extractor = SimpleNamespace(schema=FeatureSchema("mine/1", ("rms_g",)))
def create(config, context):
    if config.broken:
        raise ModelError("the model wants other features", "Train it again.")
    return extractor
MINE = Plugin("mine", "mine", Keys, create, micropython=True)
PLUGINS = {group: [MINE] for group in ("features", "models", "deciders")}
"""

DEVICE = """\
device: {id: bench, site: lab}
apps: [level]
sensors:
  vibration: {plugin: lsm6ds3, rate_hz: 416}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "level").mkdir()
    (tmp_path / "level" / "app.yaml").write_text(APP)
    (tmp_path / "level" / "plugin.py").write_text(PLUGIN)
    (tmp_path / "bench.yaml").write_text(DEVICE)
    return tmp_path


def test_right_files_have_a_line_each_with_their_targets(folder, capsys):
    assert main(["check", "level", "bench.yaml"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "ok     level/app.yaml: app level 1.0.0, for linux and micropython",
        "ok     bench.yaml: device bench at lab, for linux and micropython",
    ]


def test_a_sensor_that_linux_alone_has_leaves_linux_alone(folder, capsys):
    (folder / "bench.yaml").write_text(DEVICE.replace("lsm6ds3, rate_hz: 416", "simulated, rate_hz: 416"))

    assert main(["check", "bench.yaml"]) == 0
    assert capsys.readouterr().out.endswith("for linux\n")


def test_what_the_runtime_could_not_build_is_an_error_with_its_place(folder, capsys):
    (folder / "level" / "app.yaml").write_text(
        APP.replace("model: {plugin: mine}", "model: {plugin: mine, broken: true}")
    )

    assert main(["check", "level"]) == 2

    error = capsys.readouterr().err
    assert (
        "edge-app: error: level/app.yaml: pipelines.level: the model wants other features\n  Train it again." in error
    )


def test_a_gate_on_a_feature_that_is_not_computed_names_the_nearest(folder, capsys):
    (folder / "level" / "app.yaml").write_text(APP.replace("feature: rms_g", "feature: rms_gg"))

    assert main(["check", "level"]) == 2
    assert "there is no feature `rms_gg`\n  Did you mean `feature: rms_g`?" in capsys.readouterr().err


def test_a_warning_is_no_error(folder, capsys):
    (folder / "bench.yaml").write_text(DEVICE + "  spare: {plugin: simulated}\n")

    assert main(["check", "bench.yaml"]) == 0
    assert "warning: bench.yaml:5: sensors.spare is bound, but no app asks for it" in capsys.readouterr().err


def test_a_device_that_can_name_no_part_of_a_bearing_is_told_why(repository, tmp_path, capsys):
    device = (
        f"device: {{id: bench, site: lab}}\napps: [{repository / 'apps' / 'simulated_pump'}]\n"
        "sensors:\n  vibration: {plugin: simulated, machine: pump, rate_hz: 3332}\n"
    )
    (tmp_path / "bench.yaml").write_text(device)
    assert main(["check", str(tmp_path / "bench.yaml")]) == 0
    told = "simulated_pump/pump will not name the kind of trouble: the machine's bearing and shaft speed are not given"
    assert told in capsys.readouterr().err

    bearing = "{balls: 9, ball_mm: 7.94, pitch_mm: 39.04, angle_deg: 0}"
    (tmp_path / "bench.yaml").write_text(device + f"machine: {{shaft_hz: 29.5, bearing: {bearing}}}\n")
    assert main(["check", str(tmp_path / "bench.yaml")]) == 0
    assert capsys.readouterr().err == ""


def test_as_json_each_file_has_an_object(folder, capsys):
    (folder / "other.yaml").write_text("name: x\n")

    assert main(["check", "--json", "bench.yaml", "other.yaml", "level"]) == 2

    good, other, app = json.loads(capsys.readouterr().out)
    assert (good["kind"], good["ok"], good["errors"]) == ("device", True, [])
    assert (other["kind"], other["ok"]) == ("unknown", False)
    assert "neither an app" in other["errors"][0]["what"]
    assert app["targets"] == ["linux", "micropython"]


def test_a_recipe_is_checked_against_its_app(folder, capsys):
    recipe = folder / "level" / "train.yaml"
    recipe.write_text("pipeline: level\nname: level_int8\ntrain:\n  - {file: a.wav}\n")
    assert main(["check", "level/train.yaml"]) == 0
    assert capsys.readouterr().out == "ok     level/train.yaml: recipe level_int8 of level, for training\n"

    recipe.write_text("pipeline: lvl\nname: level_int8\ntrain:\n  - {file: a.wav}\n")
    assert main(["check", "level/train.yaml"]) == 2
    assert (
        "level/train.yaml:1: pipeline: level has no pipeline `lvl`\n  Did you mean `level`?" in capsys.readouterr().err
    )
