"""Plugins are found by name through entry points; only the one that is named is loaded."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from pydantic import BaseModel

from edge_app.config import registry
from edge_app.config.share import find_share
from edge_app.core.errors import ConfigError, PluginError
from edge_app.core.plugin import Plugin


@pytest.fixture
def installed(monkeypatch):
    """Puts entry points in the place of those that are installed."""

    def put(*entries: tuple[str, str]):
        found = [EntryPoint(name, value, "edge_app.sensors") for name, value in entries]
        monkeypatch.setattr(registry.metadata, "entry_points", lambda group: found)
        registry._entry_points.cache_clear()

    yield put
    registry._entry_points.cache_clear()


def refused(action) -> str:
    with pytest.raises(PluginError) as caught:
        action()
    assert caught.value.fix
    return str(caught.value)


@pytest.mark.parametrize("group", sorted(registry.GROUPS))
def test_every_built_in_plugin_is_declared_under_its_own_name(group):
    for name in registry.built_in(group):
        plugin = registry.find(group, name)
        assert plugin.name == name
        assert plugin.summary
        assert issubclass(plugin.config, BaseModel)
        assert plugin.config.model_config["extra"] == "forbid", "unknown keys are refused"


def test_finding_one_plugin_loads_no_other_room():
    code = (
        "import sys; from edge_app.config.registry import find; find('deciders', 'anomaly');"
        "rooms = ('edge_app.sensors', 'edge_app.transport');"
        "sys.exit(' '.join(name for name in sys.modules if name.startswith(rooms)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr


def test_an_unknown_plugin_names_the_nearest_and_lists_the_rest():
    text = refused(lambda: registry.find("sensors", "lsm6ds"))

    assert text.startswith("there is no sensor plugin `lsm6ds`\n  Did you mean `lsm6ds3`? Installed: adxl345, lis3dh,")


def test_without_any_plugin_the_installation_is_suspected(installed):
    installed()

    assert "no sensor plugin is installed at all" in refused(lambda: registry.find("sensors", "lsm6ds3"))


def test_two_packages_that_offer_one_name_are_told_apart(installed):
    installed(("gauge", "one:GAUGE"), ("gauge", "two:GAUGE"))

    assert "two packages offer a sensor plugin `gauge`: one:GAUGE and two:GAUGE" in refused(
        lambda: registry.find("sensors", "gauge")
    )


def test_one_plugin_seen_twice_is_one_plugin(installed):
    installed(
        ("lsm6ds3", "edge_app.sensors.chips.plugins:LSM6DS3"), ("lsm6ds3", "edge_app.sensors.chips.plugins:LSM6DS3")
    )

    assert registry.names("sensors") == ["lsm6ds3"]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("nothing.of.that.name:GAUGE", "cannot be loaded: ModuleNotFoundError"),
        ("edge_app.core.units:SCORE_ONE", "is no Plugin but a int"),
        ("edge_app.sensors.chips.plugins:LSM6DS3", "is declared as `lsm6ds3`, but registered as `gauge`"),
    ],
)
def test_a_plugin_that_is_none_is_told(installed, value, says):
    installed(("gauge", value))

    assert says in refused(lambda: registry.find("sensors", "gauge"))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (None, "is missing, though `plugins` names it"),
        ("x = 1", "declares no PLUGINS"),
        ("PLUGINS = {'sensor': []}", "has the unknown group 'sensor'"),
        ("PLUGINS = {'sensors': [7]}", "is no Plugin but a int"),
        ("PLUGINS = {'sensors': 7}", "PLUGINS['sensors'] is no list"),
        ("raise RuntimeError('oh')", "fails when loaded: RuntimeError: oh"),
    ],
)
def test_an_apps_own_plugin_file_that_is_wrong_is_told(tmp_path, code, says):
    path = tmp_path / "plugin.py"
    if code is not None:
        path.write_text(code)

    assert says in refused(lambda: registry.load_local(path))


def test_an_apps_own_plugin_goes_before_an_installed_one():
    mine = Plugin("anomaly", "mine", BaseModel, lambda config, context: None)

    assert registry.find("deciders", "anomaly", {("deciders", "anomaly"): mine}) is mine
    assert registry.find("deciders", "anomaly") is not mine


def test_what_came_along_is_found_in_the_checkout(repository):
    assert find_share() == repository


def test_a_broken_installation_is_told(monkeypatch):
    monkeypatch.setattr(Path, "is_dir", lambda _: False)

    with pytest.raises(ConfigError, match="the apps that come with edge-app are missing"):
        find_share()
