"""An app and its recipes, read together: which features, which windows, which signals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_app.config.errors import nearest, problem, validated
from edge_app.config.load import Document, dotted, load_document
from edge_app.config.recipe import RecipeConfig
from edge_app.config.schema import AppConfig
from edge_app.core.errors import ConfigError
from edge_app.core.files import lies_within
from edge_app.training.windows.front import Front, app_document, load_front

RECIPE_FILE = "train.yaml"


@dataclass(frozen=True)
class Task(Front):
    """What is to be trained: the app's pipeline and the recipe for its model."""

    recipe: RecipeConfig
    document: Document | None = None
    """The recipe's file, to say where in it something stands."""

    def place(self, *path: str | int) -> str:
        """Where a key of the recipe stands, for messages: "apps/pump/train.yaml:6: train[0]"."""
        if self.document is None:
            return f"`{dotted(path)}`"
        return f"{self.document.place(path)}: {dotted(path)}"


def load_tasks(app_dir: Path, only: str | None = None) -> list[Task]:
    """The recipes of the app in a folder, in the order of `recipe:` in app.yaml.

    Parameters
    ----------
    app_dir : Path
        The app's folder, or its app.yaml.
    only : str, optional
        Name of the one model wanted.

    Raises
    ------
    ConfigError, PluginError
        What is wrong in any of the files, with file, line and remedy. The model files themselves need not exist yet.
    """
    document = app_document(app_dir)
    app = validated(AppConfig, document)
    tasks = [_task(document, app, path) for path in _recipe_files(document, app)]
    names = [task.recipe.name for task in tasks]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"{document.name}: two recipes are named {twice}.", "Name each model differently.")
    if only is None:
        return tasks
    chosen = [task for task in tasks if task.recipe.name == only]
    if not chosen:
        guess = nearest(only, names)
        hint = f"Did you mean {guess}? " if guess else ""
        raise ConfigError(f"no recipe of {app.app} is named {only}.", f"{hint}There is: {', '.join(names)}.")
    return chosen


def _recipe_files(document: Document, app: AppConfig) -> list[Path]:
    folder = document.path.parent
    if app.recipe is None:
        if not (folder / RECIPE_FILE).is_file():
            raise ConfigError(
                f"{folder} has no {RECIPE_FILE}: nothing says what to learn from.",
                "Copy apps/predictive_maintenance/train.yaml and name your recordings in it.",
            )
        return [folder / RECIPE_FILE]
    names = [app.recipe] if isinstance(app.recipe, str) else list(app.recipe)
    for name in names:
        if not lies_within(folder, folder / name) or not (folder / name).is_file():
            there = ", ".join(sorted(path.name for path in folder.glob("*.yaml") if path.name != document.path.name))
            found = f"The folder holds {there}." if there else "The folder holds no recipe."
            raise problem(document, ("recipe",), f"there is no recipe {name} in the app's folder", found)
    return [folder / name for name in names]


def _task(document: Document, app: AppConfig, path: Path) -> Task:
    recipe_document = load_document(path)
    recipe = validated(RecipeConfig, recipe_document)
    if recipe.pipeline not in app.pipelines:
        known = ", ".join(app.pipelines)
        raise problem(
            recipe_document, ("pipeline",), f"the app has no pipeline `{recipe.pipeline}`", f"It has {known}."
        )
    front = load_front(document, recipe.pipeline, recipe.part)
    parts = (front.app_dir, front.app, front.slot, front.pipeline, front.features, front.decision)
    return Task(*parts, recipe=recipe, document=recipe_document, gate_features=front.gate_features)
