"""`edge-app evaluate`: the shipped model, and its float steps beside it, on recordings; case by case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_app.config import registry
from edge_app.config.apps import check_stage
from edge_app.config.errors import Problems
from edge_app.config.evaluation import CaseConfig
from edge_app.core.errors import ConfigError, EdgeAppError, ModelError, RecordingError
from edge_app.core.plugin import ModelContext
from edge_app.core.results import FeatureVector
from edge_app.core.stages import Model
from edge_app.training.evaluation.cases import (
    Chosen,
    Folder,
    case_front,
    choose,
    classes_of,
    load_cases,
    look_into,
    recipes_of,
)
from edge_app.training.evaluation.footprint import Footprint, footprint, machine
from edge_app.training.evaluation.uses import Use, manifest_uses, recipe_uses
from edge_app.training.progress import UNWATCHED, Progress
from edge_app.training.protocols.base import INT8, Case, CaseResult, Trail
from edge_app.training.protocols.find import find_protocol
from edge_app.training.protocols.float_models import is_quantised, steps_of
from edge_app.training.windows.front import Front, app_document


@dataclass(frozen=True)
class Asked:
    """One case with the models it measures."""

    config: CaseConfig
    front: Front
    models: Mapping[str, Model]
    model_file: Path | None
    no_float: str
    """Why there is no float step, "" when there is one."""
    uses: Sequence[Use]
    classes: Mapping[str, tuple[str, ...]]
    quantised: bool
    """Whether the model was made by rounding one in floats."""


@dataclass
class CaseOutcome:
    """What came of one case."""

    config: CaseConfig
    chosen: Chosen
    result: CaseResult
    model_name: str
    model_sha256: str
    model_file: Path | None
    no_float: str
    footprints: dict[str, Footprint]
    """By step."""
    quantised: bool = True
    """Whether the model was made by rounding one in floats."""

    @property
    def name(self) -> str:
        """The case's."""
        return self.config.name

    @property
    def float_step(self) -> str | None:
        """The float step that was quantised: the last one before the shipped model; None when there is none."""
        steps = [step for step in self.result.metrics if step != INT8]
        return steps[-1] if steps else None


@dataclass
class Evaluation:
    """Everything measured; reports and JSON are made of it."""

    app: str
    version: str
    summary: str
    split: str
    data_dir: Path
    outcomes: list[CaseOutcome] = field(default_factory=list)
    passed_over: dict[str, str] = field(default_factory=dict)
    """Cases for which there was nothing here, with the reason."""
    single: bool = True
    """Whether metrics stand without the case's name before them."""
    machine: str = ""
    """What the times were measured on."""


def evaluate(
    app_dir: Path,
    data_dir: Path,
    *,
    split: str = "test",
    only: str | None = None,
    progress: Progress = UNWATCHED,
) -> Evaluation:
    """Measure an app on a folder of recordings.

    Parameters
    ----------
    app_dir : Path
        The app's folder, or its app.yaml.
    data_dir : Path
        Folder of recordings: all of them, or just a few, known or never seen.
    split : str
        "test" (what no model learnt from or was chosen by), "val", "train" or "all".
    only : str, optional
        Name of the one case wanted.
    progress : Progress, optional
        Told how far each case is.

    Raises
    ------
    EdgeAppError
        The app or a recording is wrong, a recording was learnt from, or no case has a recording here.
    """
    folder = look_into(data_dir)
    cases = load_cases(app_dir, folder, only)
    document = app_document(app_dir)
    found = Evaluation(
        app=str(document.data.get("app", "")),
        version=str(document.data.get("version", "")),
        summary=str(document.data.get("summary") or ""),
        split=split,
        data_dir=data_dir,
        single=len(cases) == 1,
        machine=machine(),
    )
    for config in cases:
        asked = ask(app_dir, config, folder)
        chosen = choose(config, asked.front, folder, split, asked.uses, progress)
        if not chosen.trails:
            found.passed_over[config.name] = _nothing(config, chosen, split, folder)
            continue
        progress.at(config.name, len(chosen.trails), len(chosen.trails), "judging")
        found.outcomes.append(run_case(asked, chosen, split))
    if not found.outcomes:
        raise _no_case(found, folder)
    return found


def ask(app_dir: Path, config: CaseConfig, folder: Folder) -> Asked:
    """A case with its front and its models loaded, and what those have met before."""
    find_protocol(config.protocol)
    front, data = case_front(app_dir, config)
    try:
        model, file = _model(front, data, config)
    except EdgeAppError as error:
        raise type(error)(f"case {config.name}: {error.what}", error.fix) from error
    models, no_float = steps_of(model, file)
    recipes = recipes_of(app_dir, config) if file is not None else []
    manifest: Any = getattr(model, "manifest", None)
    uses = [use for recipe in recipes for use in recipe_uses(recipe, folder.recordings)]
    uses += manifest_uses(manifest.data) if manifest is not None and file is not None else []
    labels = tuple(manifest.labels) if manifest is not None else ()
    classes = classes_of(config, recipes, labels)
    return Asked(config, front, models, file, no_float, uses, classes, is_quantised(model))


def _model(front: Front, data: Mapping[str, Any], config: CaseConfig) -> tuple[Model, Path | None]:
    """The model of a case as the device would load it, and its file."""
    here: tuple[str, ...] = ("pipelines", config.pipeline)
    if config.part == "diagnose":
        here = (*here, "diagnose")
        if "diagnose" not in data["pipelines"][config.pipeline]:
            raise ConfigError(f"pipeline {config.pipeline} has no `diagnose` block.", "Leave it out.")
    document = app_document(front.app_dir, config.set)
    problems = Problems()
    local = registry.load_local(front.app_dir / front.app.plugins) if front.app.plugins else {}
    stage = check_stage("models", document, (*here, "model"), problems, local)
    problems.raise_if_any()
    if stage is None:
        raise ModelError("the model is wrong.", "`edge-app check` says what.")
    scale = {"g": 16 / 32768, "fs": 1 / 32768}.get(front.slot.unit, 1.0)
    machine = {"shaft_hz": 25.0, "bearing": config.bearing.model_dump()} if config.bearing else {}
    schema = front.extractor(front.slot.min_rate_hz, scale, machine).schema
    model: Model = stage.plugin.create(stage.config, ModelContext(front.app_dir, schema))
    name = getattr(stage.config, "file", None)
    return model, front.app_dir / name if name else None


def run_case(asked: Asked, chosen: Chosen, split: str) -> CaseOutcome:
    """One case on its trails."""
    case = Case(asked.config, asked.front, split, asked.classes)
    result = find_protocol(asked.config.protocol)(case, chosen.trails, asked.models)
    if chosen.met:
        more = f" and {len(chosen.met) - 4} more" if len(chosen.met) > 4 else ""
        listed = ", ".join(chosen.met[:4]) + more
        result.notes.append(f"Of persons or machines that the model learnt from in other recordings: {listed}.")
    identity = asked.models[INT8].identity
    return CaseOutcome(
        config=asked.config,
        chosen=chosen,
        result=result,
        model_name=identity.name,
        model_sha256=identity.sha256,
        model_file=asked.model_file,
        no_float=asked.no_float,
        footprints=_footprints(asked, chosen.trails),
        quantised=asked.quantised,
    )


def _footprints(asked: Asked, trails: Sequence[Trail]) -> dict[str, Footprint]:
    vectors: list[FeatureVector] = [vector for trail in trails for vector in trail.vectors[:50]][:500]
    if not vectors or asked.model_file is None:
        return {}
    return {step: footprint(model, asked.model_file, vectors) for step, model in asked.models.items()}


def _nothing(config: CaseConfig, chosen: Chosen, split: str, folder: Folder) -> str:
    """Why a case has no trail."""
    if chosen.other_split:
        parts = [f"{len(names)} of {part}" for part, names in chosen.other_split.items()]
        names = next(iter(chosen.other_split.values()))
        return f"no {split} recording here; there is {', '.join(parts)} (e.g. {names[0]})"
    if chosen.left_out:
        name, reason = next(iter(chosen.left_out.items()))
        return f"no recording here can be used: {name}: {reason}"
    what = f"of {config.dataset}" if config.dataset else "it asks for"
    if any(each.dataset == config.dataset for each in folder.recordings):
        what += " with the labels and facts it asks for"
    return f"no recordings {what} here"


def _no_case(found: Evaluation, folder: Folder) -> RecordingError:
    reasons = "; ".join(f"{name}: {reason}" for name, reason in found.passed_over.items())
    fix = "Name a folder with recordings of one of the cases."
    if "no test recording" in reasons:
        fix = "What a model learnt from cannot test it: add other recordings, or measure with `--split train` or `all`."
    return RecordingError(f"{found.data_dir} holds {folder.holds()}, and nothing to measure: {reasons}.", fix)
