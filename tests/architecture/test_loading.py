"""What a command really loads: read from `sys.modules` of a fresh process, not from the source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SLOW_TO_LOAD = ("numpy", "pydantic", "yaml", "paho", "sqlite3", "rich", "scipy", "asyncio", "smbus2")
NOT_ON_THE_DEVICE = (
    *("scipy", "rich", "pandas", "matplotlib", "flatbuffers", "sklearn", "torch", "amqtt", "IPython"),
    *("edge_app.training", "edge_app.testing"),
)
DEVICE_PATH = """
import pkgutil, edge_app.runtime.build, edge_app.runtime, edge_app.cli.run
for room in ("sensors", "sensors.chips", "features", "inference", "decision", "transport"):
    __import__(f"edge_app.{room}.plugins")
for module in pkgutil.iter_modules(edge_app.runtime.__path__, "edge_app.runtime."):
    __import__(module.name)
"""

NOT_IN_A_RUN = (
    # What learns a normal comes with `edge-app learn`, what compares two with `--compare`.
    *("edge_app.inference.normal", "edge_app.inference.tail", "edge_app.inference.steadiness"),
    *("edge_app.inference.normal_words", "edge_app.runtime.comparison"),
    # Other signals, other models, other sensors than the configuration names.
    *("edge_app.beat_windowing", "edge_app.dsp.qrs_block", "edge_app.dsp.qrs_rules", "edge_app.dsp.mel"),
    *("edge_app.inference.classifier", "edge_app.inference.forest", "edge_app.inference.gaussian"),
    *("edge_app.inference.gmm", "edge_app.inference.limits"),
    *("edge_app.sensors.simulated", "edge_app.sensors.chips", "edge_app.sensors.driver", "edge_app.sensors.chip"),
    *("edge_app.sensors.recording_csv", "edge_app.buses.i2c"),
    # Other verbs, and what only a mistake needs.
    *("edge_app.config.recipe", "edge_app.config.evaluation", "edge_app.config.targets", "edge_app.config.jsonschema"),
    *("edge_app.config.messages", "edge_app.runtime.backtest", "edge_app.runtime.record", "difflib"),
    # `--broker none`.
    *("paho", "edge_app.transport.mqtt", "edge_app.transport.broker"),
)
REPOSITORY = Path(__file__).resolve().parents[2]


def loaded_by(code: str, modules: tuple[str, ...]) -> set[str]:
    """Which of `modules` are loaded after a fresh Python has run `code`."""
    report = f"\nimport sys\nprint('@@', *[name for name in {modules!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("@@")[2].split())


def test_the_check_sees_what_is_loaded():
    assert loaded_by("import sqlite3", SLOW_TO_LOAD) == {"sqlite3"}


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_the_command_line_answers_without_loading_anything_heavy(arguments: list[str]) -> None:
    code = f"""
import edge_app.cli.main
try:
    edge_app.cli.main.main({arguments!r})
except SystemExit as end:
    assert not end.code, end.code
"""
    assert loaded_by(code, SLOW_TO_LOAD) == set()


def test_the_device_path_loads_nothing_a_device_need_not_have():
    assert loaded_by(DEVICE_PATH, NOT_ON_THE_DEVICE) == set()


def test_a_run_loads_only_what_its_configuration_names(tmp_path: Path) -> None:
    recording = tmp_path / "noise.npz"
    counts = np.random.RandomState(1).randint(-300, 300, (1, 36_000), np.int16)
    np.savez(recording, z=counts, rate_hz=12_000.0, scale=16 / 32768)
    device = REPOSITORY / "configs" / "devices" / "bearing-rig.yaml"
    arguments = ["run", str(device), "--replay", f"vibration={recording}", "--speed", "max", "--broker", "none"]
    code = f"import edge_app.cli.main\nassert edge_app.cli.main.main({arguments!r}) == 0"

    assert loaded_by(code, (*NOT_IN_A_RUN, *NOT_ON_THE_DEVICE)) == set()
    assert loaded_by(code, ("edge_app.features.vibration",)) == {"edge_app.features.vibration"}  # it did judge
