"""What a finished model does on signals it never saw: judged as protocol `anomaly` judges them, int8 beside float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_app.config.evaluation import CaseConfig
from edge_app.core.stages import Model
from edge_app.core.units import SCORE_ONE
from edge_app.training.importers.base import Recording
from edge_app.training.metrics import auroc
from edge_app.training.protocols.base import Case, Trail
from edge_app.training.protocols.trails import trail_of
from edge_app.training.protocols.verdicts import Verdict, scores_of, verdict_of
from edge_app.training.windows.recipes import Task
from edge_app.training.windows.sources import Item, items_of


@dataclass(frozen=True)
class Outcome:
    """One signal through the whole pipeline: quality, features, gate, model, decider."""

    shipped: Verdict
    """By the int8 model."""
    float_: Verdict
    """By the same model had nothing been quantised."""
    healthy: bool
    """Whether its label says that the machine was well."""

    @property
    def title(self) -> str:
        """The recording's id, or what the recipe calls it."""
        return self.shipped.trail.id

    @property
    def label(self) -> str:
        """As the recipe or the data set has it."""
        return self.shipped.trail.label


def trails_of(task: Task, data_dir: Path) -> list[Trail]:
    """Every signal that the recipe has the model measured on, one in memory at a time."""
    return [_trail(each, task) for each in items_of(task.recipe.evaluate, task, data_dir)]


def _trail(item: Item, task: Task) -> Trail:
    recording = Recording(item.title, "sources", item.label, item.title, item.load, facts=item.facts)
    return trail_of(
        recording,
        item.load(),
        task,
        split="val",
        span_s=item.source.span_s,
        hop_s=item.source.hop_s,
        machine=item.machine(task.recipe.bearing),
    )


def validation_case(task: Task) -> Case:
    """What `evaluate.yaml` would say of the signals that the recipe names."""
    config = CaseConfig(name="validation", pipeline=task.recipe.pipeline, part=task.recipe.part, protocol="anomaly")
    return Case(config, task, "val")


def outcomes_of(trails: Sequence[Trail], task: Task, shipped: Model, float_: Model) -> list[Outcome]:
    """Every trail judged by the shipped model and by its float form."""
    case = validation_case(task)
    return [
        Outcome(verdict_of(case, trail, shipped), verdict_of(case, trail, float_), case.is_healthy(trail.label))
        for trail in trails
    ]


@dataclass(frozen=True)
class Separation:
    """How far one faulty signal stands from the healthy ones."""

    float_auroc: float
    int8_auroc: float
    margin: float
    """Sustained score less the raise threshold (0..1 units)."""


def separation(outcome: Outcome, outcomes: Sequence[Outcome], raise_score: int) -> Separation:
    """Against all healthy windows of the evaluation; AUROC is not a number where there are none."""
    healthy = [each for each in outcomes if each.healthy]
    return Separation(
        auroc(scores_of([each.float_ for each in healthy]), outcome.float_.scores),
        auroc(scores_of([each.shipped for each in healthy]), outcome.shipped.scores),
        (outcome.shipped.held - raise_score) / SCORE_ONE,
    )
