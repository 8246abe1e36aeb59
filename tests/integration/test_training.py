"""Training on the real recordings: reproducible to the byte, and good enough on every file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_app.cli.main import main
from edge_app.training.evaluation.report import EVALUATED

pytestmark = pytest.mark.data

Metrics = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def trained(repository: Path, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of today, with today's front end."""
    out = tmp_path_factory.mktemp("models")
    arguments = ["train", str(repository / "apps" / "predictive_maintenance"), "--data", str(shared_data / "data")]
    assert main([*arguments, "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def metrics(trained: Path) -> Metrics:
    figures: Metrics = json.loads((trained / "bearing_int8.json").read_text())["metrics"]
    return figures


def test_the_shipped_model_is_made_again_to_the_byte(trained: Path, repository: Path) -> None:
    shipped = repository / "apps" / "predictive_maintenance" / "models"
    assert (trained / "bearing_int8.tflite").read_bytes() == (shipped / "bearing_int8.tflite").read_bytes()
    card = (shipped / "bearing_int8.md").read_text().partition(f"\n{EVALUATED}\n")[0]  # its figures come later
    assert (trained / "bearing_int8.md").read_text().rstrip() == card.rstrip()
    today, then = (json.loads((folder / "bearing_int8.json").read_text()) for folder in (trained, shipped))
    engines = today.pop("engines"), then.pop("engines")  # which interpreters are at hand differs between machines
    assert today == then
    assert engines[1]["tflite-runtime 2.14.0 (BUILTIN_REF)"]["differing_bytes_percent"] == 0.0
    for agreement in (*engines[0].values(), *engines[1].values()):
        assert agreement["most_steps"] <= 4
        assert agreement["same_events"] == agreement["signals"] == 20


def test_every_fault_of_the_rig_is_alarmed_and_the_healthy_rig_is_not(metrics: Metrics) -> None:
    assert metrics["int8"]["faults"] == 19
    assert metrics["int8"]["faults_alarmed"] == 19
    assert metrics["int8"]["alarms_healthy"] == 0


def test_no_window_of_the_healthy_test_part_comes_near_the_threshold(
    metrics: dict[str, dict[str, dict[str, float]]],
) -> None:
    assert max(metrics["int8"]["healthy_highest"].values()) < 0.6


def test_windows_separate_in_every_file_and_int8_separates_as_float_does(metrics: Metrics) -> None:
    floats, ints = metrics["float"]["auroc"], metrics["int8"]["auroc"]
    print("\nAUROC of windows, by file: float, int8")
    for title in floats:
        print(f"  {title:<45} {floats[title]:.4f} {ints[title]:.4f}")
    assert len(floats) == 19
    assert min(ints.values()) > 0.99
    assert max(abs(floats[title] - ints[title]) for title in floats) < 0.005


def test_pruning_halves_the_model_and_costs_nothing(metrics: dict[str, Any]) -> None:
    pruning = metrics["pruning"]
    assert pruning["taken"]
    assert pruning["before"]["bytes"] >= 2 * pruning["after"]["bytes"]
    assert pruning["after"]["value"] >= pruning["before"]["value"] - 0.01
