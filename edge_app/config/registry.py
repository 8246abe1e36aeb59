"""Plugins by name: found by entry point, and only the one a configuration names is loaded."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from types import ModuleType

from edge_app.config.errors import nearest
from edge_app.config.load import shown
from edge_app.core.errors import PluginError
from edge_app.core.plugin import Plugin

GROUPS = {
    "sensors": "sensor",
    "features": "feature",
    "models": "model",
    "deciders": "decision",
    "publishers": "publisher",
}
"""Entry point groups (`edge_app.sensors` …) and what one of their plugins is called in messages."""

LocalPlugins = Mapping[tuple[str, str], Plugin]
"""Plugins of an app's own `plugin.py`, by group and name."""


@cache
def _entry_points(group: str) -> dict[str, metadata.EntryPoint]:
    found: dict[str, metadata.EntryPoint] = {}
    for entry in metadata.entry_points(group=f"edge_app.{group}"):
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            raise PluginError(
                f"two packages offer a {GROUPS[group]} plugin `{entry.name}`: {other.value} and {entry.value}.",
                "Uninstall one of them: `pip uninstall …`.",
            )
    return found


def names(group: str, local: LocalPlugins | None = None) -> list[str]:
    """Names of all plugins of a group, sorted; nothing is loaded."""
    own = {name for kind, name in local or {} if kind == group}
    return sorted(own | set(_entry_points(group)))


def built_in(group: str) -> list[str]:
    """Names of the plugins that came with edge-app itself."""
    entries = _entry_points(group).items()
    return sorted(name for name, entry in entries if entry.value.startswith("edge_app."))


def find(group: str, name: str, local: LocalPlugins | None = None) -> Plugin:
    """The plugin of that name. Raises PluginError when there is none (naming the nearest) or it cannot be loaded."""
    if local and (group, name) in local:
        return local[group, name]
    entry = _entry_points(group).get(name)
    if entry is None:
        raise _unknown(group, name, names(group, local))
    return _load(group, entry)


def _load(group: str, entry: metadata.EntryPoint) -> Plugin:
    try:
        plugin = entry.load()
    except Exception as error:  # a third party's module may fail in any way
        raise PluginError(
            f"the {GROUPS[group]} plugin `{entry.name}` cannot be loaded: {type(error).__name__}: {error}",
            "Reinstall the package that brought it; `edge-app --verbose …` shows where it fails.",
        ) from error
    return _checked(plugin, entry.name, entry.value)


def _checked(plugin: object, name: str, source: str) -> Plugin:
    if not isinstance(plugin, Plugin):
        raise PluginError(
            f"{source} is no Plugin but a {type(plugin).__name__}.", "Declare it as edge_app.core.plugin.Plugin."
        )
    if plugin.name != name:
        raise PluginError(
            f"{source} is declared as `{plugin.name}`, but registered as `{name}`.", "Use one name in both."
        )
    return plugin


def _unknown(group: str, name: str, known: Iterable[str]) -> PluginError:
    listing = sorted(known)
    if not listing:
        return PluginError(
            f"no {GROUPS[group]} plugin is installed at all.", "Install edge-app itself: `pip install .` in its folder."
        )
    guess = nearest(name, listing)
    hint = f"Did you mean `{guess}`? " if guess else ""
    return PluginError(f"there is no {GROUPS[group]} plugin `{name}`", f"{hint}Installed: {', '.join(listing)}.")


def load_local(path: Path) -> LocalPlugins:
    """Plugins of an app's own file: its `PLUGINS = {"features": [MINE], …}`.

    The file is run: an app is code one trusts. Raises PluginError when it is missing, fails, or declares nothing.
    """
    if not path.is_file():
        raise PluginError(f"{shown(path)} is missing, though `plugins` names it.", "Add the file, or delete the key.")
    module = _run(path)
    table = getattr(module, "PLUGINS", None)
    if not isinstance(table, Mapping) or not table:
        raise PluginError(f"{shown(path)} declares no PLUGINS.", 'Add e.g. `PLUGINS = {"features": [MINE]}`.')
    found: dict[tuple[str, str], Plugin] = {}
    for group, plugins in table.items():
        if group not in GROUPS:
            raise PluginError(
                f"{shown(path)}: PLUGINS has the unknown group {group!r}.", f"Groups: {', '.join(GROUPS)}."
            )
        if not isinstance(plugins, list | tuple):
            raise PluginError(f"{shown(path)}: PLUGINS[{group!r}] is no list.", f'Write e.g. `"{group}": [MINE]`.')
        for plugin in plugins:
            name = getattr(plugin, "name", "?")
            found[group, name] = _checked(plugin, name, f"{shown(path)}: {name}")
    return found


def _run(path: Path) -> ModuleType:
    name = f"edge_app_local_{Path(os.path.realpath(path)).parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{shown(path)} is no Python file.", "Name a file that ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the app's own code may fail in any way
        del sys.modules[name]
        raise PluginError(
            f"{shown(path)} fails when loaded: {type(error).__name__}: {error}",
            "Mend the file, or delete the key `plugins`.",
        ) from error
    return module
