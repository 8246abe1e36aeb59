"""Who may import what: the rules of the house, read from the source with `ast`; nothing is executed.

`broken_rules(package)` is the list of all breaches, each "path:line: what is wrong", empty for a sound tree.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unchanged import is_unchanged, unchanged_files

STAGES = ("sensors", "windowing", "features", "inference", "decision", "journal", "transport")
LEVELS = (
    ("core",),
    ("buses", "dsp"),
    STAGES,
    ("config", "plugins"),  # "plugins" stands for the plugins.py of every room
    ("runtime", "bundle"),
    ("deploy", "monitor", "training", "testing"),
    ("cli",),
)
"""Rooms from the ground up: imports point to a lower level or stay in the room."""
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}

TRAINING = (
    ("files", "metrics", "progress"),
    ("importers", "network"),
    ("windows",),
    ("protocols",),
    ("trainers",),
    ("evaluation",),
    ("backtest", "fit"),
)
"""Rooms and modules of training/ from the ground up, in the order of its data; what is named nowhere lies above all."""
TRAINING_LEVEL = {room: level for level, rooms in enumerate(TRAINING) for room in rooms}

ONE_IMPORTER = {
    "smbus2": ("buses/i2c.py",),
    "sounddevice": ("buses/pcm.py",),
    "tflite_runtime": ("inference/tflite.py",),
    "ai_edge_litert": ("inference/tflite.py",),
    "sqlite3": ("journal/store.py",),
    "paho": ("transport/mqtt.py",),
    "amqtt": ("transport/broker.py",),
    "yaml": ("config/load.py",),
    "rich": ("cli/demo_view.py",),
    "time": ("core/clock.py",),
    "datetime": ("core/clock.py",),
    "flatbuffers": ("training/network/tflite_file.py",),
    "sklearn": ("training/trainers/forest.py",),
    "torch": ("training/trainers/convolution.py",),
    "pydantic": ("config/", "plugins.py", "bundle/", "monitor/"),
    "pydantic_core": ("config/",),
}
"""The files or folders that may import a library; "plugins.py" means the one of any room."""
NEVER = (
    *("pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"),  # what is read may run
    *("pandas", "matplotlib", "scipy"),  # large, and a few lines of our own do
)
LAZY = ("sounddevice", "amqtt", "sklearn", "torch")
"""Only inside a function: of an extra, which a device need not have installed."""
ON_THE_DEVICE = ("array", "struct", "micropython")
"""Besides other `=` files, all that an `=` file may import."""


@dataclass(frozen=True)
class Import:
    """One imported module."""

    path: Path
    """The importing file."""
    line: int
    """Line of the import, from 1."""
    module: str
    """Dotted name of what is imported."""
    top_level: bool
    """Whether importing the file runs it (not inside a function)."""


def imports_of(path: Path, package: Path) -> list[Import]:
    """Every import of a file, those inside functions and those by literal name (`import_module("x")`) too."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    inside = {id(node) for function in ast.walk(tree) if _is_function(function) for node in ast.walk(function)}
    return [
        Import(path, node.lineno, module, id(node) not in inside)
        for node in ast.walk(tree)
        for module in _modules(node, path, package)
    ]


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def _modules(node: ast.AST, path: Path, package: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:  # `from . import x` in a/b.py starts at a
            parents = path.relative_to(package.parent).parts[: -node.level]
            base = ".".join([*parents, *([base] if base else [])])
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            yield inner if _exists(inner, package) else base
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in ("import_module", "__import__") and isinstance(node.args[0].value, str):
            yield node.args[0].value


def _exists(module: str, package: Path) -> bool:
    path = package.parent.joinpath(*module.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


def room_of(module: str) -> str:
    """Room of a dotted `edge_app` module; "" for the package itself, "plugins" for a room's plugins.py.

    Windowing has two files and no folder.
    """
    parts = module.split(".")
    if parts[-1] == "plugins":
        return "plugins"
    room = parts[1] if len(parts) > 1 else ""
    return "windowing" if room == "beat_windowing" else room


def broken_rules(package: Path) -> list[str]:
    """All breaches of the rules below a package folder, sorted by file and line."""
    found = []
    for path in sorted(package.rglob("*.py")):
        for item in imports_of(path, package):
            for breach in _breaches(item, package):
                found.append(f"{path.relative_to(package.parent)}:{item.line}: {breach}")
    return found


def _breaches(item: Import, package: Path) -> Iterator[str]:
    top = item.module.split(".")[0]
    if top == package.name:
        yield from _wrong_arrow(item, package)
    else:
        yield from _wrong_library(item, top, package)
    if is_unchanged(item.path):
        yield from _not_on_the_device(item, package)


def _wrong_arrow(item: Import, package: Path) -> Iterator[str]:
    source = ".".join(item.path.relative_to(package.parent).with_suffix("").parts)
    importer, imported = room_of(source), room_of(item.module)
    same_folder = source.split(".")[1] == item.module.split(".")[1] if imported else True
    same_folder |= importer == imported == "windowing"
    if importer not in LEVEL and item.path.parent != package:
        yield f"room {importer} has no level; add it to LEVELS"
    elif imported and imported not in LEVEL:
        yield f"room {imported} has no level; add it to LEVELS"
    elif importer == imported == "training":
        yield from _wrong_training_arrow(source, item.module)
    elif imported == "" or (same_folder and (importer == imported or importer == "plugins")):
        return
    elif importer in STAGES and imported in STAGES:
        yield f"stage {importer} imports stage {imported}; stages exchange core objects only"
    elif LEVEL.get(importer, -1) <= LEVEL[imported]:
        yield f"{importer or package.name} imports {imported}; imports point down only"
    elif imported == "testing":
        yield f"{importer} imports testing, which is for tests of plugins"


def _wrong_training_arrow(source: str, module: str) -> Iterator[str]:
    """The rooms of training/ stand in the order of its data too."""
    above = len(TRAINING)
    importer, imported = (name.split(".")[2] for name in (f"{source}.", f"{module}."))
    mine, other = TRAINING_LEVEL.get(importer, above), TRAINING_LEVEL.get(imported, above)
    if importer != imported and (other > mine or (other == mine and mine < above)):
        yield f"training/{importer} imports training/{imported}; imports point down only"


def _wrong_library(item: Import, top: str, package: Path) -> Iterator[str]:
    where = item.path.relative_to(package).as_posix()
    if top in NEVER:
        yield f"{top} is used nowhere"
    allowed = ONE_IMPORTER.get(top)
    if allowed and not any(_is_at(where, place) for place in allowed):
        yield f"{top} is imported only by {', '.join(allowed)}"
    if top in LAZY and item.top_level:
        yield f"{top} is of an extra: import it inside the function that needs it"
    if where.startswith("core/") and top not in sys.stdlib_module_names and top != "numpy":
        yield f"core imports the standard library and numpy only, not {top}"


def _is_at(where: str, place: str) -> bool:
    return where.startswith(place) if place.endswith("/") else where == place or where.endswith(f"/{place}")


def _not_on_the_device(item: Import, package: Path) -> Iterator[str]:
    if item.module.split(".")[0] != package.name:
        if item.module not in ON_THE_DEVICE:
            yield f"an = file imports {item.module}; allowed are other = files, {', '.join(ON_THE_DEVICE)}"
        return
    path = package.parent.joinpath(*item.module.split(".")).with_suffix(".py")
    if not path.exists() or not is_unchanged(path):
        yield f"an = file imports {item.module}, which is no = file"


def device_breaches(package: Path) -> list[str]:
    """What in `=` files MicroPython accepts but does otherwise, or refuses only when it gets there."""
    found = []
    for path in unchanged_files(package):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for breach in _device_constructs(node):
                found.append(f"{path.relative_to(package.parent)}:{node.lineno}: {breach}")
    return found


def _device_constructs(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ClassDef) and len(node.bases) > 1:
        names = [ast.unparse(base) for base in node.bases]
        if any(name.endswith(("Error", "Exception")) for name in names):
            yield f"class {node.name} has two bases; MicroPython allows an exception one"
    if isinstance(node, ast.FunctionDef) and node.name in ("__set_name__", "__init_subclass__"):
        yield f"MicroPython never calls {node.name}"
    if isinstance(node, ast.FormattedValue) and any(isinstance(part, ast.JoinedStr) for part in ast.walk(node.value)):
        yield "f-string inside an f-string"
    if isinstance(node, ast.FormattedValue) and any(
        isinstance(part, ast.FormattedValue) for part in ast.walk(node.format_spec or ast.Pass())
    ):
        yield "computed format width in an f-string"
