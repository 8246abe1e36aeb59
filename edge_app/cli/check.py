"""`edge-app check FILE…`: everything that can be known to be wrong before anything runs."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_app.cli.common import marks, print_json, warn
from edge_app.core.errors import EdgeAppError

EXAMPLES = """examples:
  edge-app check apps/predictive_maintenance configs/devices/pump-7.yaml
  edge-app check configs/devices/*.yaml --json

Exit status: 0 when every file is right, 2 when one is not.
"""


@dataclass
class Report:
    """What was found in one file."""

    file: str
    kind: str = "unknown"
    """app, device, recipe or evaluation."""
    about: str = ""
    """Name and version, or site and id."""
    targets: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: list[EdgeAppError] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "file": self.file,
            "kind": self.kind,
            "ok": not self.errors,
            "about": self.about,
            "targets": list(self.targets),
            "warnings": list(self.warnings),
            "errors": [{"what": error.what, "fix": error.fix} for error in self.errors],
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="an app's folder, app.yaml, train.yaml or evaluate.yaml, or a device's file",
    )
    parser.add_argument("--json", action="store_true", help="one JSON list on stdout")


def run(args: argparse.Namespace) -> int:
    reports = [examine(Path(name)) for name in args.files]
    if args.json:
        print_json([report.as_json() for report in reports])
    else:
        for report in reports:
            _print(report)
    return 2 if any(report.errors for report in reports) else 0


def examine(path: Path) -> Report:
    """One file, checked as far as can be without hardware."""
    from edge_app.config.apps import app_file
    from edge_app.config.load import load_document, shown
    from edge_app.core.errors import ConfigError

    report = Report(shown(app_file(path)))
    try:
        document = load_document(app_file(path))
        if "app" in document.data:
            _examine_app(document.path, report)
        elif "device" in document.data:
            _examine_device(document.path, report)
        elif "pipeline" in document.data and "train" in document.data:
            _examine_recipe(document.path, report)
        elif "cases" in document.data:
            _examine_evaluation(document.path, report)
        else:
            what = f"{document.name}:1: neither an app (key `app`), nor a device (`device`), nor a recipe (`train`)."
            raise ConfigError(what, "Begin with `app: NAME` or with `device: {id: …, site: …}`.")
    except EdgeAppError as error:
        report.errors.append(error)
    return report


def _examine_app(path: Path, report: Report) -> None:
    from edge_app.config.apps import load_app
    from edge_app.config.trial import try_app

    report.kind = "app"
    app = load_app(path)
    report.about, report.targets = f"{app.name} {app.version}", app.targets
    report.errors += try_app(app)


def _examine_recipe(path: Path, report: Report) -> None:
    from edge_app.config.apps import load_app
    from edge_app.config.errors import nearest, problem, validated
    from edge_app.config.load import load_document
    from edge_app.config.recipe import RecipeConfig

    report.kind, report.targets = "recipe", ("training",)
    document = load_document(path)
    recipe = validated(RecipeConfig, document)
    app = load_app(path.parent, with_models=False)
    report.about = f"{recipe.name} of {app.name}"
    names = [pipeline.name for pipeline in app.pipelines]
    if recipe.pipeline not in names:
        guess = nearest(recipe.pipeline, names)
        fix = (f"Did you mean `{guess}`? " if guess else "") + f"Pipelines: {', '.join(names)}."
        report.errors.append(problem(document, ("pipeline",), f"{app.name} has no pipeline `{recipe.pipeline}`", fix))


def _examine_evaluation(path: Path, report: Report) -> None:
    from edge_app.config.errors import validated
    from edge_app.config.evaluation import EvaluationConfig
    from edge_app.config.load import load_document
    from edge_app.training.evaluation.cases import case_front
    from edge_app.training.protocols.find import find_protocol

    report.kind, report.targets = "evaluation", ("training",)
    cases = validated(EvaluationConfig, load_document(path)).cases
    report.about = ", ".join(case.name for case in cases)
    for case in cases:
        try:
            find_protocol(case.protocol)
            case_front(path.parent, case)
        except EdgeAppError as error:
            report.errors.append(error)


def _examine_device(path: Path, report: Report) -> None:
    from edge_app.config.resolve import load_device
    from edge_app.config.trial import try_device, untold

    report.kind = "device"
    device = load_device(path)
    report.about, report.warnings = f"{device.id} at {device.site}", device.warnings
    targets = [set(app.targets) for app in device.apps]
    report.targets = tuple(sorted(set.intersection(*targets) & _sensor_targets(device)))
    report.errors += try_device(device)
    if not report.errors:
        report.warnings = (*report.warnings, *untold(device))


def _sensor_targets(device: Any) -> set[str]:
    able = {"linux"}
    if all(sensor.plugin.micropython for sensor in device.sensors.values()):
        able.add("micropython")
    return able


def _print(report: Report) -> None:
    words = marks()
    if report.errors:
        print(f"{words['error']}  {report.file}", flush=True)
        for error in report.errors:
            print(f"edge-app: error: {error}", file=sys.stderr)
    else:
        print(f"{words['ok']}     {report.file}: {report.kind} {report.about}, for {' and '.join(report.targets)}")
    for warning in report.warnings:
        warn(warning)
