"""An app and its recipe, read together: which features, which windows, which signals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_app.config.apps import app_file, check_stage
from edge_app.config.errors import Problems, problem, validated
from edge_app.config.load import load_document
from edge_app.config.recipe import RecipeConfig
from edge_app.config.schema import AppConfig
from edge_app.core.errors import ConfigError
from edge_app.training.front import Front

RECIPE_FILE = "train.yaml"


@dataclass(frozen=True)
class Task(Front):
    """What is to be trained: the app's pipeline and the recipe for its model."""

    recipe: RecipeConfig


def load_task(app_dir: Path) -> Task:
    """The app in a folder and its `train.yaml`.

    Raises
    ------
    ConfigError, PluginError
        What is wrong in either file, with file, line and remedy. The model file itself need not exist yet.
    """
    document = load_document(app_file(app_dir))
    app = validated(AppConfig, document)
    folder = document.path.parent
    if not (folder / RECIPE_FILE).is_file():
        raise ConfigError(
            f"{folder} has no {RECIPE_FILE}: nothing says what to learn from.",
            "Copy apps/predictive_maintenance/train.yaml and name your recordings in it.",
        )
    recipe_document = load_document(folder / RECIPE_FILE)
    recipe = validated(RecipeConfig, recipe_document)
    if recipe.pipeline not in app.pipelines:
        known = ", ".join(app.pipelines)
        raise problem(
            recipe_document, ("pipeline",), f"the app has no pipeline `{recipe.pipeline}`", f"It has {known}."
        )
    pipeline = app.pipelines[recipe.pipeline]
    problems = Problems()
    here = ("pipelines", recipe.pipeline)
    features = check_stage("features", document, (*here, "features"), problems)
    decision = check_stage("deciders", document, (*here, "decision"), problems)
    problems.raise_if_any()
    return Task(folder, app, app.sensors[pipeline.sensor], pipeline, features, decision, recipe)
