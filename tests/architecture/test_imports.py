"""The house holds: imports point down, each library has one importer, `=` files stand on `=` files."""

from __future__ import annotations

from pathlib import Path

import pytest
from code_rules import broken_code_rules
from import_rules import broken_rules, device_breaches
from unchanged import FIRST_LINE, unchanged_files

EDGE_APP = Path(__file__).resolve().parents[2] / "edge_app"


def show(breaches: list[str]) -> str:
    return "\n" + "\n".join(breaches)


def test_imports_point_down_and_each_library_has_its_importers():
    breaches = broken_rules(EDGE_APP)
    assert not breaches, show(breaches)


def test_unchanged_files_use_nothing_micropython_takes_otherwise():
    assert unchanged_files(EDGE_APP)
    breaches = device_breaches(EDGE_APP)
    assert not breaches, show(breaches)


def test_functions_and_files_stay_short_and_nothing_evaluates_text_or_unpickles():
    breaches = broken_code_rules(EDGE_APP)
    assert not breaches, show(breaches)


def tree(folder: Path, files: dict[str, str]) -> Path:
    """A package `edge_app` below `folder` with these files and an `__init__.py` in each folder."""
    package = folder / "edge_app"
    for name, text in files.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for parent in [path.parent, *path.parent.parents]:
            if parent.is_relative_to(package):
                (parent / "__init__.py").touch()
        path.write_text(text)
    return package


WRONG = {
    "a stage imports a stage": ("sensors/a.py", "import edge_app.features.b\n", "stage sensors imports stage features"),
    "a stage imports one inside a function": (
        "journal/a.py",
        "def f():\n    from edge_app.transport import b\n",
        "stage journal imports stage transport",
    ),
    "a stage imports one relatively": ("sensors/a.py", "from ..features import b\n", "stage sensors imports stage"),
    "windowing is a stage": ("windowing.py", "from edge_app.features import b\n", "stage windowing imports stage"),
    "core imports a room": ("core/a.py", "import edge_app.dsp.b\n", "core imports dsp"),
    "core imports a library": ("core/a.py", "import requests\n", "core imports the standard library and numpy only"),
    "a stage imports its plugins": ("sensors/a.py", "import edge_app.sensors.plugins\n", "sensors imports plugins"),
    "plugins import another room's plugins": (
        "sensors/plugins.py",
        "import edge_app.features.plugins\n",
        "plugins imports plugins",
    ),
    "the package imports a room": ("__init__.py", "import edge_app.cli.b\n", "imports cli"),
    "runtime imports the command line": ("runtime/a.py", "import edge_app.cli.b\n", "runtime imports cli"),
    "config imports runtime": ("config/a.py", "from edge_app.runtime import b\n", "config imports runtime"),
    "the command line imports testing": ("cli/a.py", "import edge_app.testing.b\n", "cli imports testing"),
    "a trainer imports the evaluation": (
        "training/trainers/a.py",
        "from edge_app.training.evaluation import b\n",
        "training/trainers imports training/evaluation",
    ),
    "a network imports a protocol": (
        "training/network/a.py",
        "def f():\n    import edge_app.training.protocols.b\n",
        "training/network imports training/protocols",
    ),
    "an unknown room": ("attic/a.py", "import edge_app.core.b\n", "room attic has no level"),
    "a second importer": ("sensors/a.py", "import smbus2\n", "smbus2 is imported only by buses/i2c.py"),
    "a second importer by name": (
        "sensors/a.py",
        "import importlib\nimportlib.import_module('sqlite3')\n",
        "sqlite3 is imported only by journal/store.py",
    ),
    "pydantic in a stage": ("decision/a.py", "from pydantic import BaseModel\n", "pydantic is imported only by"),
    "time taken": ("runtime/a.py", "from time import sleep\n", "time is imported only by core/clock.py"),
    "the date taken": ("cli/a.py", "def f():\n    import datetime\n", "datetime is imported only by core/clock.py"),
    "scikit-learn outside its trainer": (
        "inference/a.py",
        "def f():\n    import sklearn\n",
        "sklearn is imported only by training/trainers/forest.py",
    ),
    "torch at the top": ("training/trainers/convolution.py", "import torch\n", "torch is of an extra"),
    "scipy": ("training/a.py", "import scipy.stats\n", "scipy is used nowhere"),
    "pickle": ("training/a.py", "import pickle\n", "pickle is used nowhere"),
    "an extra at the top": ("buses/pcm.py", "import sounddevice\n", "sounddevice is of an extra"),
    "an = file imports numpy": ("core/a.py", FIRST_LINE + "\nimport numpy\n", "an = file imports numpy"),
    "an = file imports typing": ("core/a.py", FIRST_LINE + "\nfrom typing import Any\n", "an = file imports typing"),
    "an = file imports another": ("core/a.py", FIRST_LINE + "\nfrom edge_app.core import b\n", "which is no = file"),
}


ROOMS = ("core", "dsp", "features", "transport", "cli", "runtime", "testing")
ROOMS += ("training/evaluation", "training/protocols")


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_import_is_caught(tmp_path: Path, case: str) -> None:
    path, text, words = WRONG[case]
    others = {f"{room}/b.py": "" for room in ROOMS}
    package = tree(tmp_path, {**others, "sensors/plugins.py": "", "features/plugins.py": "", path: text})

    breaches = broken_rules(package)

    assert len(breaches) == 1, show(breaches)
    assert breaches[0].startswith(f"edge_app/{path}:")
    assert words in breaches[0]


def test_right_imports_are_not_caught(tmp_path: Path) -> None:
    files = {
        "core/errors.py": FIRST_LINE + "\nfrom array import array\n",
        "core/clock.py": "import time\nimport numpy\n",
        "dsp/fixed.py": FIRST_LINE + "\nfrom edge_app.core.errors import X\n",
        "sensors/chip.py": "from edge_app.core import errors\nfrom . import other\n",
        "sensors/other.py": "from edge_app import __version__\n",
        "sensors/plugins.py": "import pydantic\nfrom edge_app.sensors import chip\nimport edge_app.core.clock\n",
        "buses/pcm.py": "def load():\n    import sounddevice\n",
        "runtime/build.py": "from edge_app.sensors import plugins\nimport edge_app.config.load\n",
        "training/windows/a.py": "from edge_app.training.importers import b\nfrom edge_app.training.windows import c\n",
        "training/a.py": "from edge_app.training.windows import a\nimport edge_app.training.b\n",
        "config/load.py": "import yaml\n",
        "cli/run.py": "def run():\n    from edge_app.runtime import build\n",
    }
    assert broken_rules(tree(tmp_path, files)) == []


DEVICE_WRONG = {
    "two bases": ("class Wrong(KeyError, ValueError):\n    pass\n", "two bases"),
    "set_name": ("class A:\n    def __set_name__(self, owner, name):\n        pass\n", "never calls __set_name__"),
    "nested f-string": ("x = f'{f\"{1}\"}'\n", "f-string inside"),
    "computed width": ("x = f'{1:{2}}'\n", "computed format width"),
}


@pytest.mark.parametrize("case", DEVICE_WRONG)
def test_a_construct_micropython_takes_otherwise_is_caught(tmp_path: Path, case: str) -> None:
    text, words = DEVICE_WRONG[case]
    breaches = device_breaches(tree(tmp_path, {"core/a.py": f"{FIRST_LINE}\n{text}", "core/b.py": text}))
    assert len(breaches) == 1, show(breaches)
    assert words in breaches[0]


CODE_WRONG = {
    "a long function": ("def f():\n" + "    x = 1\n" * 51, "f has 51 lines"),
    "a long file": ("x = 1\n" * 401, "401 lines"),
    "eval": ("eval('1')\n", "eval() is called nowhere"),
    "yaml": ("import yaml\nyaml.unsafe_load('')\n", "unsafe_load() is called nowhere"),
    "unpickling arrays": ("import numpy\nnumpy.load('a', allow_pickle=True)\n", "allow_pickle stays False"),
    "an error without a remedy": (
        "from x import ConfigError\nraise ConfigError('wrong')\n",
        "ConfigError without a remedy",
    ),
    "a computed import": ("import importlib\nimportlib.import_module('a' + 'b')\n", "a computed import"),
    "a shell": ("import subprocess\nsubprocess.run('ls', shell=True)\n", "shell stays False"),
}


@pytest.mark.parametrize("case", CODE_WRONG)
def test_a_breach_of_a_code_rule_is_caught(tmp_path: Path, case: str) -> None:
    text, words = CODE_WRONG[case]
    breaches = broken_code_rules(tree(tmp_path, {"core/a.py": text}))
    assert len(breaches) == 1, show(breaches)
    assert words in breaches[0]


def test_a_long_function_that_says_why_and_a_long_docstring_are_no_breach(tmp_path: Path) -> None:
    says_why = 'def f():\n    """A table. Long because one row a line."""\n' + "    x = 1\n" * 60
    documented = 'def g():\n    """First.\n' + "    more\n" * 60 + '    """\n    return 1\n'
    assert broken_code_rules(tree(tmp_path, {"core/a.py": says_why, "core/b.py": documented})) == []
