"""`edge-app evaluate`: how good an app is on recordings, with a report people can read."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edge_app.core.errors import PluginError

if TYPE_CHECKING:
    from edge_app.training.evaluation.evaluate import Evaluation

EXAMPLES = """examples:
  edge-app evaluate apps/predictive_maintenance --data ../recordings
  edge-app evaluate apps/predictive_maintenance --data ../recordings --split test --json
  edge-app evaluate apps/vital_signs --data ../recordings/mitdb --case beats --out report

Recordings the models never met count as test. Windows that cannot be judged are counted, never left out silently.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("app", metavar="APP_DIR", help="the app's folder, with app.yaml and evaluate.yaml")
    parser.add_argument("--data", metavar="DIR", required=True, help="folder of recordings")
    parser.add_argument(
        "--split", choices=("test", "val", "train", "all"), default="test", help="which recordings (default: test)"
    )
    parser.add_argument("--case", metavar="NAME", help="one case of evaluate.yaml only")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else there")
    parser.add_argument("--out", metavar="DIR", help="write report.md and report.html (one file, opens anywhere) here")
    parser.add_argument(
        "--card", action="store_true", help="put the figures into the cards of the models (split test only)"
    )


def run(args: argparse.Namespace) -> int:
    if find_spec("flatbuffers") is None:
        raise PluginError(
            "evaluating needs packages that are not installed.", "Install them: pip install 'edge-app[train]'."
        )
    from edge_app.cli.progress import Terminal
    from edge_app.training.evaluation.evaluate import evaluate
    from edge_app.training.evaluation.report import check_card_split
    from edge_app.training.files import check_place

    if args.card:
        check_card_split(args.split)
    if args.out:
        check_place(Path(args.out), "the report")
    with Terminal(sys.stderr, lines=args.verbose) as progress:
        evaluation = evaluate(Path(args.app), Path(args.data), split=args.split, only=args.case, progress=progress)
    written = _write(evaluation, args)
    if args.json:
        from edge_app.cli.common import print_json
        from edge_app.training.evaluation.plain import plain

        print_json(plain(evaluation))
        for path in written:
            print(path, file=sys.stderr)
        return 0
    _print(evaluation)
    for path in written:
        print(path)
    return 0


def _print(evaluation: Evaluation) -> None:
    from edge_app.cli.common import print_table
    from edge_app.cli.layout import say
    from edge_app.training.evaluation.tables import case_heading, metric_rows, recording_rows, remarks

    for outcome in evaluation.outcomes:
        say(case_heading(outcome))
        if outcome.config.about:
            say(outcome.config.about, "  ")
        print()
        print_table(metric_rows(outcome))
        print()
        print_table(recording_rows(outcome, float_steps=False))
        print()
        for remark in remarks(outcome):
            say(remark, "  ")
        print()
    for name, reason in evaluation.passed_over.items():
        say(f"{name}: {reason}")


def _write(evaluation: Evaluation, args: argparse.Namespace) -> list[Path]:
    from edge_app.training.evaluation.report import write_cards, write_report

    written = write_report(evaluation, Path(args.out)) if args.out else []
    return written + (write_cards(evaluation) if args.card else [])
