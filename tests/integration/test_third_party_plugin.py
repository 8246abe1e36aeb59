"""The package of docs/how-to/write-a-sensor-plugin.md, built as a reader would build it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib

import pytest
from doc_pages import files_of
from unchanged import stage

PAGE = "docs/how-to/write-a-sensor-plugin.md"


@pytest.fixture(scope="module")
def package(tmp_path_factory, repository):
    """The files of the page, and beside them its metadata as an installation leaves it: entry points in a dist-info."""
    folder = tmp_path_factory.mktemp("plugin")
    for name, text in files_of(repository / PAGE).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    metadata = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *[f"{name} = {value}" for name, value in entries.items()]]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


def python(package, *arguments):
    """Run our Python with the package installed."""
    return subprocess.run(
        [sys.executable, "-W", "error", *map(str, arguments)],
        cwd=package,
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def edge_app(package, *arguments):
    return python(package, "-m", "edge_app.cli.main", *arguments)


def test_the_plugins_own_tests_pass_the_contract_suite_among_them(package):
    done = python(package, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--rootdir", package, "tests")

    assert done.returncode == 0, done.stdout
    assert "8 passed" in done.stdout  # seven checks of the contract, one of the scale


def test_sensors_list_shows_the_plugin_beside_ours_with_what_it_can_do(package):
    done = edge_app(package, "sensors", "list", "--json")

    assert done.returncode == 0, done.stderr
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert {"bmi160", "lsm6ds3"} <= set(found)
    assert found["bmi160"]["rates_hz"] == [100.0, 200.0, 400.0, 800.0, 1600.0]
    assert found["bmi160"]["keys"] == ["bus", "address", "rate_hz", "range_g", "axis"]


def test_a_device_that_names_the_plugin_is_checked_against_the_app_and_read(package, repository):
    shutil.copytree(repository / "tests" / "support" / "apps" / "level_watch", package / "my_app")

    checked = edge_app(package, "check", "bench.yaml")
    read = edge_app(package, "sensors", "read", "bench.yaml", "vibration", "--seconds", "1")

    assert checked.returncode == 0, checked.stderr
    assert "ok" in checked.stdout
    assert read.returncode == 2  # no bus here: the plugin was made, and its open() says what is missing
    assert "I2C bus 1" in read.stderr or "i2c-1" in read.stderr
    assert "Traceback" not in read.stderr


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("rate_hz: 1500", "100, 200, 400, 800 or 1600 Hz"), ("address: 0x53", "address"), ("adress: 0x69", "address")],
)
def test_a_mistake_in_the_plugins_keys_is_told_like_one_in_ours(package, wrong, said):
    text = (package / "bench.yaml").read_text()
    key = wrong.partition(":")[0].replace("adress", "address")
    old = next(part for part in ("rate_hz: 1600", "address: 0x69") if part.startswith(key))
    (package / "wrong.yaml").write_text(text.replace(old, wrong))

    done = edge_app(package, "check", "wrong.yaml")

    assert done.returncode == 2
    assert "wrong.yaml:4: sensors.vibration." in done.stderr
    assert said in done.stderr


SCRIPT = """
from array import array
from edge_app_bmi160.driver import BMI160

class Bus:
    name = "bus 1"
    def __init__(self):
        self.memory = bytearray(256)
        self.memory[0x00] = 0xD1
        self.memory[0x03] = 0x10
        self.memory[0x22] = 12
    def read_into(self, address, register, buffer):
        if register == 0x24:
            for n in range(len(buffer)):
                buffer[n] = (0, -1, 2048)[n % 3]
        else:
            buffer[:] = self.memory[register : register + len(buffer)]
    def write(self, address, register, data):
        self.memory[register : register + len(data)] = data

driver = BMI160(Bus(), 0x69, 1600, 16, lambda ms: None)
driver.open()
out = array("h", bytes(60))
print(driver.read_into(out), list(out[:6]), driver.scale * 2048)
"""


@pytest.mark.micropython
def test_the_driver_file_runs_unchanged_on_micropython(package, tmp_path, repository, micropython_builds):
    stage(repository / "edge_app", tmp_path)
    (tmp_path / "edge_app_bmi160").mkdir()
    (tmp_path / "edge_app_bmi160" / "__init__.py").write_text("")  # pydantic stays on the host
    shutil.copy(package / "edge_app_bmi160" / "driver.py", tmp_path / "edge_app_bmi160")
    (tmp_path / "script.py").write_text(SCRIPT)

    said = [build.run("script.py", path=tmp_path, cwd=tmp_path) for build in micropython_builds]

    assert said
    for done in said:
        assert done.stdout == "2 [0, -1, 2048, 0, -1, 2048] 1.0\n", done.stdout + done.stderr
