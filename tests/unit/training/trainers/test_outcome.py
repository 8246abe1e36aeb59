"""What training says of signals it never saw is what `edge-app evaluate` would say of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edge_app.core.units import SCORE_ONE
from edge_app.inference.load import load_tflite
from edge_app.training.protocols import anomaly
from edge_app.training.protocols.base import INT8, Case
from edge_app.training.protocols.float_models import steps_of
from edge_app.training.trainers.outcome import outcomes_of, separation, trails_of, validation_case
from edge_app.training.trainers.report import metrics_of, outcome_rows
from edge_app.training.windows.recipes import Task, load_tasks

SOURCES = """
evaluate:
  - {simulated: pump, rate_hz: 3332, seed: 3, seconds: 30, profile: steady, name: well}
  - {simulated: pump, rate_hz: 3332, seed: 5, seconds: 40, fault: outer, label: outer, name: ill, span_s: [5.0, 40.0]}
"""


@pytest.fixture
def task(tmp_path: Path, repository: Path) -> Task:
    app = shutil.copytree(repository / "apps" / "simulated_pump", tmp_path / "pump")
    recipe = (app / "train.yaml").read_text()
    (app / "train.yaml").write_text(recipe[: recipe.index("evaluate:")] + SOURCES)
    return load_tasks(app)[0]


def test_the_figures_of_a_training_are_those_of_the_protocol(task: Task) -> None:
    file = task.app_dir / "models" / "pump_int8.tflite"
    trails = trails_of(task, task.app_dir)
    model = load_tflite(file, file.with_suffix(".json"), trails[0].schema)
    models, _ = steps_of(model, file)
    well, ill = outcomes = outcomes_of(trails, task, model, models["trained"])

    case: Case = validation_case(task)
    found = anomaly.run(case, trails, models)

    for outcome in outcomes:
        facts = found.recordings[outcome.title]
        assert round(outcome.shipped.held / SCORE_ONE, 4) == facts["sustained_score"]
        assert len(outcome.shipped.alarms_s) == facts["alarms"]
        assert outcome.shipped.to_alarm_s == pytest.approx(facts["time_to_alarm_s"], abs=0.001)
    apart = separation(ill, outcomes, task.raise_score)
    assert apart.int8_auroc == pytest.approx(found.metrics[INT8]["auroc"], abs=1e-4)
    assert apart.float_auroc == pytest.approx(found.metrics["trained"]["auroc"], abs=1e-4)
    assert (well.healthy, ill.healthy) == (True, False)


def test_every_label_but_healthy_is_a_fault_and_has_its_figures(task: Task) -> None:
    file = task.app_dir / "models" / "pump_int8.tflite"
    trails = trails_of(task, task.app_dir)
    model = load_tflite(file, file.with_suffix(".json"), trails[0].schema)
    outcomes = outcomes_of(trails, task, model, steps_of(model, file)[0]["trained"])

    metrics = metrics_of(outcomes, task.raise_score)
    well, ill = outcome_rows(outcomes, task.raise_score)

    assert metrics["int8"]["faults"] == 1
    assert list(metrics["int8"]["auroc"]) == ["ill"]
    assert (well[1], well[7]) == ("healthy", "")
    assert ill[1] == "outer"
    assert float(ill[7]) > 0.9
