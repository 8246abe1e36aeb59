"""`edge-app train`: make an app's models from recordings."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edge_app.core.errors import ConfigError, PluginError

if TYPE_CHECKING:
    from edge_app.training.train import Result

EXAMPLES = """examples:
  edge-app train apps/predictive_maintenance --data ../recordings
  edge-app train apps/predictive_maintenance --data ../recordings --seed 8 --out /tmp/try
  edge-app train apps/my_machine --data ../recordings --only my_types

The app's recipes (train.yaml, or the files under `recipe:` in app.yaml) say which recordings to learn from, which parts
of them, and which others to measure the models on. The same recordings and the same seed give the same bytes.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("app", metavar="APP_DIR", help="the app's folder, with app.yaml and its recipes")
    parser.add_argument(
        "--data", metavar="DIR", default=".", help="folder of the recordings named in the recipes (default: here)"
    )
    parser.add_argument("--only", metavar="NAME", help="train this one model of the app")
    parser.add_argument("--seed", type=int, metavar="N", help="instead of the recipe's")
    parser.add_argument("--out", metavar="DIR", help="where to write instead of the app's models folder")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else there")


def run(args: argparse.Namespace) -> int:
    if find_spec("flatbuffers") is None:
        raise PluginError(
            "training needs packages that are not installed.", "Install them: pip install 'edge-app[train]'."
        )
    from edge_app.cli.common import print_json
    from edge_app.cli.progress import Terminal
    from edge_app.training.train import train

    if args.seed is not None and not 0 <= args.seed < 2**32:
        raise ConfigError(f"--seed {args.seed} is not between 0 and 4294967295.", "Choose another.")
    data = Path(args.data)
    if not data.is_dir():
        raise ConfigError(
            f"--data {data} is not a folder.", "Name the folder that holds the recordings of the recipes."
        )
    out = Path(args.out) if args.out else None
    with Terminal(sys.stderr if args.json else sys.stdout) as progress:
        results = train(Path(args.app), data, progress=progress, out_dir=out, seed=args.seed, only=args.only)
    if args.json:
        print_json({"models": [result.plain() for result in results]})
    else:
        for result in results:
            _print(result)
    return 0


def _print(result: Result) -> None:
    from edge_app.cli.common import print_table
    from edge_app.training.trainers.report import HEADINGS, outcome_rows

    if result.outcomes:
        print()
        print_table([HEADINGS, *outcome_rows(result.outcomes, result.raise_score)])
        print()
    for path in result.written:
        print(path)
