"""`edge-app fit`: figures that can be worked out by hand, verdicts, targets as data with sources."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from tflite_builder import ModelBuilder

from edge_app.cli.main import main
from edge_app.config.apps import load_app
from edge_app.config.targets import load_target, target_names
from edge_app.core.errors import ConfigError
from edge_app.inference.graph import read_graph
from edge_app.testing.clock import FakeClock
from edge_app.training.fit.counts import macs_of
from edge_app.training.fit.needs import REFERENCE_MIPS, REFERENCE_S, fit
from edge_app.training.fit.plain import plain

HOWS = {"measured", "counted", "estimated"}


class Ticking(FakeClock):
    """Every reading is `step_s` later than the one before: all work takes that long."""

    def __init__(self, step_s: float) -> None:
        super().__init__()
        self.step_s, self.at_s = step_s, 0.0

    def monotonic_s(self) -> float:
        self.at_s += self.step_s
        return self.at_s


@pytest.fixture(autouse=True)
def _a_process_of_60_mb(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `edge-app fit` takes by itself: the tests' own process holds whatever other tests have loaded."""
    monkeypatch.setattr("edge_app.training.fit.needs._resident_bytes", lambda: 60e6)


@pytest.fixture
def app(repository: Path, tmp_path: Path) -> Path:
    """The pump's app without its second model, so that figures worked out by hand are of one."""
    folder = shutil.copytree(repository / "apps" / "simulated_pump", tmp_path / "simulated_pump")
    before, diagnose, after = (folder / "app.yaml").read_text().partition("    diagnose:")
    assert diagnose
    (folder / "app.yaml").write_text(before + after[after.index("    decision:") :])
    return Path(folder)


@pytest.mark.parametrize("name", ["pi-zero-2w", "pi-4", "pi-5", "esp32", "esp32-s3", "esp32-c3"])
def test_every_board_names_the_source_of_every_figure_and_what_its_kind_needs(name: str):
    board = load_target(name)

    assert board.target == name
    figures = board.model_dump(exclude_none=True)
    assert all(each["source"] for each in figures.values() if isinstance(each, dict))
    if board.runs == "linux":
        assert board.seven_zip_mips is not None
    else:
        assert board.cycles_per_mac is not None
        assert board.cycles_per_butterfly is not None
    assert name in target_names()


def test_window_buffers_and_multiply_adds_are_counted(app: Path):
    resolved = load_app(app)

    (cost,) = fit(resolved, load_target("esp32")).pipelines

    # A window of 1 s and a hop of 0.5 s at 3200 Hz, one axis, two bytes a sample.
    assert cost.window_buffer_bytes.value == (3200 + 1600) * 2
    graph = read_graph((app / "models" / "pump_int8.tflite").read_bytes(), "pump")
    # Dense layers: every weight is used once.
    weights = [graph.tensors[each.inputs[1]] for each in graph.operators if each.name == "FULLY_CONNECTED"]
    assert cost.macs.value == macs_of(graph) == sum(each.shape[0] * each.shape[1] for each in weights)
    assert cost.windows_per_s == 2.0


def test_a_board_of_known_cycles_takes_the_time_of_its_butterflies_and_multiply_adds(app: Path):
    board = load_target("esp32")

    (cost,) = fit(load_app(app), board).pipelines

    # 3200 samples: 5 frames of 1024, half over one another, of 512 x 10 butterflies.
    cycles = 5 * 5120 * board.cycles_per_butterfly.value + cost.macs.value * board.cycles_per_mac.value
    assert cost.latency_s.value == pytest.approx(cycles / 240e6)
    assert cost.latency_s.how == "estimated"


def test_times_of_this_machine_are_scaled_to_a_pi_and_never_passed_off_as_measured_there(app: Path):
    board = load_target("pi-zero-2w")

    (cost,) = fit(load_app(app), board, Ticking(0.001)).pipelines

    # Everything takes 1 ms here, the calibration too: this machine is REFERENCE_S / 1 ms as fast as the reference.
    mine = REFERENCE_MIPS * REFERENCE_S / 0.001
    assert cost.latency_s.value == pytest.approx(0.001 * mine / 757)
    assert cost.latency_s.how == "estimated"
    assert "sbc-bench" in cost.latency_s.why


def test_too_slow_says_how_much_longer_the_hop_must_be(app: Path):
    found = fit(load_app(app), load_target("pi-zero-2w"), Ticking(10.0))

    # Calibration and window take the same, so the Pi takes 0.260 ms x 4000 / 757 = 1.37 ms: it fits.
    assert found.fits
    slow = load_target("esp32-c3").model_copy(
        update={"clock_mhz": load_target("esp32").ram_bytes.model_copy(update={"value": 10.0})}
    )
    found = fit(load_app(app), slow)
    (problem,) = [each for each in found.problems if each[0].startswith("time")]
    # 25600 butterflies of 560 cycles at 10 MHz, twice a second: 2.87 cores, 5.8 times the half of one.
    assert "287 % of a core" in problem[0]
    assert "a longer hop (×5.8)" in problem[1]


def test_all_pipelines_of_an_app_count_together(repository: Path):
    found = fit(load_app(repository / "apps" / "vital_signs"), load_target("esp32"))

    assert len(found.pipelines) == 3
    assert found.ram_bytes.value == sum(each.ram for each in found.pipelines)
    assert found.duty.value == pytest.approx(sum(each.duty for each in found.pipelines))


def test_too_little_memory_does_not_fit_and_says_what_would_help(app: Path):
    board = load_target("esp32")
    small = board.model_copy(update={"ram_bytes": board.ram_bytes.model_copy(update={"value": 20000.0})})

    found = fit(load_app(app), small)

    assert not found.fits
    (problem,) = found.problems
    assert problem[0].startswith("memory: ")
    assert "shorter window" in problem[1]


def test_an_operator_no_engine_runs_does_not_fit_and_is_named(app: Path, tmp_path: Path, capsys):
    folder = tmp_path / "app"
    shutil.copytree(app, folder)
    builder = ModelBuilder()
    x = builder.tensor((1, 37), scale=0.05)
    y = builder.tensor((1, 37), scale=0.05)
    builder.operator("LOGISTIC", [x], [y])
    model = builder.build([x], [y])
    (folder / "models" / "pump_int8.tflite").write_bytes(model)
    papers = json.loads((folder / "models" / "pump_int8.json").read_text())
    papers["sha256"] = sha256(model).hexdigest()
    (folder / "models" / "pump_int8.json").write_text(json.dumps(papers))

    assert main(["fit", str(folder), "--target", "esp32", "--json"]) == 1

    report = json.loads(capsys.readouterr().out)
    assert report["fits"] is False
    assert "LOGISTIC" in report["problems"][0]["what"]


def test_the_json_marks_every_figure(app: Path):
    resolved = load_app(app)

    report = plain(resolved, fit(resolved, load_target("esp32-s3")))

    marked = [each for each in report["pipelines"]["pump"].values() if isinstance(each, dict)]
    marked += [report[key] for key in ("ram_bytes", "flash_bytes", "duty", "power_mw")]
    assert len(marked) == 11
    assert all(each["how"] in HOWS and each["why"] for each in marked)
    assert "planned" in report["remarks"][0]


def test_energy_is_power_times_the_time_of_a_window(app: Path):
    found = fit(load_app(app), load_target("esp32"))

    (cost,) = found.pipelines
    assert found.energy_mj["pump"].value == pytest.approx(68 * 3.3 * cost.latency_s.value)


def test_the_verdict_is_the_exit_status_and_boards_can_be_listed(app: Path, capsys):
    assert main(["fit", str(app), "--target", "pi-4"]) == 0
    assert "simulated_pump on Raspberry Pi 4 Model B, 1 GB: fits" in capsys.readouterr().out
    assert main(["fit", "--list"]) == 0
    assert "pi-zero-2w" in capsys.readouterr().out


def test_an_unknown_board_is_refused_with_the_nearest_and_one_of_ones_own_is_read(
    app: Path, tmp_path: Path, repository
):
    with pytest.raises(ConfigError) as refused:
        load_target("esp32s3")
    assert "Did you mean esp32-s3?" in refused.value.fix
    own = tmp_path / "my-board.yaml"
    text = (repository / "configs" / "targets" / "pi-4.yaml").read_text()
    own.write_text(text.replace("target: pi-4", "target: my-board"))
    assert load_target(str(own)).target == "my-board"
    own.write_text(text.replace(", source:", ", sauce:"))
    with pytest.raises(ConfigError):
        load_target(str(own))


def test_an_app_and_a_target_are_needed(app: Path, capsys):
    assert main(["fit", str(app)]) == 2
    assert "name an app and a target" in capsys.readouterr().err
