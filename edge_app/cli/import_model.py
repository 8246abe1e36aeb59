"""`edge-app import-model`: take a .tflite file made elsewhere into an app."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edge_app.cli.common import print_json
from edge_app.cli.layout import say
from edge_app.core.errors import ConfigError, PluginError
from edge_app.core.wording import counted

if TYPE_CHECKING:
    from edge_app.training.import_model import Imported

EXAMPLES = """examples:
  edge-app import-model ae.tflite --app apps/my_machine --pipeline bearing --data ../recordings
  edge-app import-model types.tflite --app apps/my_machine --pipeline bearing --part diagnose \\
      --data ../recordings --labels normal,inner,outer --alarm inner,outer

The file must be fully int8. It is checked, compared in every interpreter at hand, measured, and copied into the app's
models folder with a manifest whose score mapping comes from the healthy recordings.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("file", metavar="FILE", help="int8 .tflite file")
    parser.add_argument("--app", metavar="DIR", required=True, help="the app's folder, with app.yaml")
    parser.add_argument("--pipeline", metavar="NAME", required=True, help="pipeline of the app it is for")
    parser.add_argument(
        "--part", choices=("model", "diagnose"), default="model", help="which of its models it becomes (default: model)"
    )
    parser.add_argument("--data", metavar="DIR", required=True, help="folder of healthy recordings")
    parser.add_argument(
        "--normal",
        metavar="LABELS",
        default="normal,healthy",
        help="labels of the healthy recordings (default: normal,healthy)",
    )
    parser.add_argument("--labels", metavar="LABELS", default="", help="classes in the order of the outputs, by commas")
    parser.add_argument("--alarm", metavar="LABELS", default="", help="those of them that are an alarm")
    parser.add_argument("--moments", metavar="FILE", help="JSON with mean and std of each feature it was trained with")
    parser.add_argument("--name", metavar="NAME", help="name of the model (default: the file's)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of sentences")


def run(args: argparse.Namespace) -> int:
    if find_spec("flatbuffers") is None:
        raise PluginError(
            "importing a model needs packages that are not installed.", "Install them: pip install 'edge-app[train]'."
        )
    from edge_app.cli.progress import Terminal
    from edge_app.training.import_checks import Wanted
    from edge_app.training.import_model import import_model

    data = Path(args.data)
    if not data.is_dir():
        raise ConfigError(f"--data {data} is not a folder.", "Name the folder that holds the healthy recordings.")
    wanted = Wanted(
        file=Path(args.file),
        app_dir=Path(args.app),
        pipeline=args.pipeline,
        data_dir=data,
        labels=_names(args.labels, "--labels"),
        alarm_labels=_names(args.alarm, "--alarm"),
        name=args.name or "",
        part=args.part,
        normal=_names(args.normal, "--normal"),
        moments=Path(args.moments) if args.moments else None,
    )
    with Terminal(sys.stderr, lines=args.verbose) as progress:
        imported = import_model(wanted, progress=progress)
    if args.json:
        print_json(imported.plain())
    else:
        _print(imported, args.part)
    return 0


def _names(text: str, option: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if text and not names:
        raise ConfigError(f"{option} {text}: names nothing.", "Write names with commas between them, or leave it out.")
    return names


def _print(imported: Imported, part: str) -> None:
    manifest = imported.manifest
    say(f"{manifest.kind} {manifest.name}: {imported.bytes} bytes")
    say(f"activations: {imported.arena_bytes} bytes at once (counted)")
    say(f"one run: {imported.latency_us:.0f} µs (measured here, {imported.engine}, features not included)")
    for engine, found in manifest.engines.items():
        if "refuses" in found:
            say(f"{engine}: refuses it: {found['refuses']}")
        else:
            share, inputs = found["differing_bytes_percent"], found["inputs"]
            say(f"{engine}: {share:g} % of bytes differ from ours on {counted(inputs, 'window')}")
    say(f"score: {manifest.score_set_by}")
    say(f"inputs that do not fit into int8: {imported.clipped_percent:g} % on {imported.windows} healthy windows")
    for warning in imported.warnings:
        say(f"note: {warning}")
    for path in imported.written:
        print(path)
    line = f"model: {{plugin: tflite, file: models/{manifest.file}}}"
    say(f"In app.yaml: {'diagnose: {' + line + '}' if part == 'diagnose' else line}")
