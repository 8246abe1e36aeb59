"""`edge-app train`: make an app's model from recordings of the healthy machine."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

from edge_app.core.errors import ConfigError, PluginError

EXAMPLES = """examples:
  edge-app train apps/predictive_maintenance --data ../recordings
  edge-app train apps/predictive_maintenance --data ../recordings --seed 8 --out /tmp/try

The app's train.yaml says which recordings are healthy, which parts of them to learn from, and which others to
measure the model on. The same recordings and the same seed give the same bytes on every machine.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("app", metavar="APP_DIR", help="the app's folder, with app.yaml and train.yaml")
    parser.add_argument("--data", metavar="DIR", default=".", help="folder of the recordings named in train.yaml")
    parser.add_argument("--seed", type=int, metavar="N", help="instead of the recipe's")
    parser.add_argument("--out", metavar="DIR", help="where to write instead of the app's models folder")


def run(args: argparse.Namespace) -> int:
    from edge_app.cli.common import print_table

    if find_spec("flatbuffers") is None:
        raise PluginError(
            "training needs packages that are not installed.", "Install them: pip install 'edge-app[train]'."
        )
    from edge_app.training.report import HEADINGS, outcome_rows
    from edge_app.training.train import train

    if args.seed is not None and not 0 <= args.seed < 2**32:
        raise ConfigError(f"--seed {args.seed} is not between 0 and 4294967295.", "Choose another.")
    data = Path(args.data)
    if not data.is_dir():
        raise ConfigError(f"--data {data} is not a folder.", "Name the folder that holds the recordings of train.yaml.")
    out = Path(args.out) if args.out else None
    result = train(Path(args.app), data, out_dir=out, seed=args.seed, say=_say)
    if result.outcomes:
        print()
        print_table([HEADINGS, *outcome_rows(result.outcomes, result.raise_score)])
        print()
    for path in result.written:
        print(path)
    return 0


def _say(step: str, figures: str) -> None:
    print(f"{step:<9} {figures}", flush=True)
