"""`edge-app backtest`: what would this app have done on these recordings, and what with other settings?"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_app.cli.common import positive_seconds, print_json, print_table, warn
from edge_app.cli.layout import columns, say
from edge_app.core.errors import ConfigError, RecordingError
from edge_app.core.files import write_out

if TYPE_CHECKING:
    from edge_app.config.resolved import ResolvedApp
    from edge_app.training.backtest.run import Question, Result

MOST_NAMED = 3
"""So many recordings of whom the same is said have a line each."""
EXAMPLES = """examples:
  edge-app backtest apps/predictive_maintenance --recordings ../recordings
  edge-app backtest apps/predictive_maintenance --recordings rec --set pipelines.bearing.decision.raise_above=0.7
  edge-app backtest apps/predictive_maintenance --recordings ../recordings --learn 600 --events events.csv
  edge-app backtest apps/machine_sound --recordings ../recordings --curve --svg curve.svg

The pipelines that are deployed, over every recording, on its own clock; no broker, no journal. A recording (or labelled
part of one) is normal when its label is, else one event; labels that say nothing count only with --events.
Exit status: 0 done, 1 done, but a recording could not be read, 2 wrong input, or nothing to judge.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("app", metavar="APP_DIR", help="the app's folder")
    parser.add_argument("--recordings", metavar="DIR", required=True, help="our own recordings, or public ones")
    parser.add_argument("--dataset", metavar="NAME", help="only this one, where the folder holds several")
    parser.add_argument("--pipeline", metavar="NAME", help="only this one; needed when two sensors have one unit")
    parser.add_argument("--channel", metavar="NAME", help="which axes: MLII, or X+Y+Z")
    parser.add_argument("--device", metavar="FILE", help="take overrides and the machine's facts from a device's file")
    parser.add_argument(
        "--healthy",
        metavar="LABELS",
        default="healthy,normal",
        help="labels of normal signal (default: healthy,normal)",
    )
    parser.add_argument("--events", metavar="FILE", help="CSV: recording,start_s,end_s; all other time is normal")
    parser.add_argument(
        "--tolerance",
        metavar="S",
        type=float,
        help="how long after an event its alarm may come (default: what an alarm looks back on)",
    )
    parser.add_argument(
        "--learn", metavar="SECONDS|SHARE", help="learn normal from the beginning of each machine's recordings first"
    )
    parser.add_argument("--false-alarms-per-week", metavar="N", type=float, default=1.0, help="of --learn (default: 1)")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="what if; may be repeated")
    parser.add_argument("--sweep", metavar="KEY=LOW:HIGH:STEP", help="what if, for a row of values")
    parser.add_argument("--curve", action="store_true", help="draw recall against false alarms a day")
    parser.add_argument("--svg", metavar="FILE", help="the curve as a picture")
    parser.add_argument("--jobs", metavar="N", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    from edge_app.cli.progress import Terminal
    from edge_app.training.backtest.run import backtest

    question, app = _question(args)
    # Why nothing was learnt stands in each recording's line.
    logging.getLogger("edge_app.runtime.learning").setLevel(logging.ERROR)
    with Terminal(sys.stderr, lines=args.verbose) as progress:
        results = backtest(question, progress, args.jobs)
    if all(result.left_out for result in results):
        raise RecordingError(
            f"none of {len(results)} recordings can be judged: {results[0].id}: {results[0].left_out}.",
            "Name recordings of what the app senses; `edge-app recordings DIR` lists them.",
        )
    _report(args, app, question, results)
    return 1 if any(result.broken for result in results) else 0


def _report(args: argparse.Namespace, app: ResolvedApp, question: Question, results: list[Result]) -> None:
    from edge_app.training.backtest import report

    if args.json:
        print_json(report.plain(app, question, results))
    else:
        say(report.title(app, results))
        for line in report.what_ifs(question):
            say(line)
        for rows in report.tables(question, results):
            print()
            print_table(rows)
        if args.curve:
            print()
            print(report.curve_text(question, results, columns(sys.stdout)))
    if args.svg:
        try:
            write_out(Path(args.svg), report.curve_svg(question, results))
        except OSError as error:
            raise RecordingError(f"cannot write {args.svg}: {error.strerror}.", "Choose another file.") from error
    for key in dict.fromkeys(key for variant in question.variants[1:] for key in variant.changes):
        if key not in app.tunable:
            warn(f"{key} is not `tunable`: no device can set it, only a new version of the app.")
    told = [(result.id, f"left out: {result.left_out}") for result in results if result.left_out]
    for line in alike(told + [(result.id, remark) for result in results for remark in result.remarks]):
        warn(line)


def alike(told: list[tuple[str, str]]) -> list[str]:
    """A line a recording, or one for all of whom the same is said, where those are many."""
    by_text: dict[str, list[str]] = {}
    for name, text in told:
        by_text.setdefault(text, []).append(name)
    lines = []
    for text, names in by_text.items():
        if len(names) <= MOST_NAMED:
            lines += [f"{name}: {text}." for name in names]
        else:
            lines.append(f"{len(names)} recordings, {names[0]} to {names[-1]}: {text}.")
    return lines


def _question(args: argparse.Namespace) -> tuple[Question, ResolvedApp]:
    from edge_app.config.apps import load_app
    from edge_app.training.backtest.question import default_sweep, device_facts, parse_sweep, variants_of
    from edge_app.training.backtest.run import DEPLOYED, Question, Variant

    _check(args)
    folder = Path(args.app)
    app = load_app(folder)
    overrides, machine = device_facts(Path(args.device), app) if args.device else ({}, {})
    sweep = parse_sweep(args.sweep) if args.sweep else default_sweep(app, args.pipeline) if args.curve else None
    variants = variants_of(Variant(DEPLOYED, overrides), args.set, sweep)
    question = Question(
        app=folder,
        folder=Path(args.recordings),
        dataset=args.dataset,
        pipeline=args.pipeline,
        channel=args.channel,
        healthy=tuple(label.strip() for label in args.healthy.split(",")),
        events=Path(args.events) if args.events else None,
        tolerance_s=args.tolerance,
        rate=args.false_alarms_per_week,
        machine=machine,
        variants=variants,
        **_learning(args.learn),
    )
    return question, app


def _check(args: argparse.Namespace) -> None:
    if args.svg and not (args.curve or args.sweep):
        raise ConfigError("--svg draws the curve of a sweep.", "Add --curve, or --sweep KEY=LOW:HIGH:STEP.")
    if not 1 <= args.jobs <= 256:
        raise ConfigError(f"--jobs {args.jobs}: from 1 to 256 processes.", "As many as there are cores, at most.")
    if args.tolerance is not None and not 0 <= args.tolerance < 1e9:
        raise ConfigError(f"--tolerance {args.tolerance:g}: is no time in seconds.", "Write e.g. --tolerance 60.")
    if not 0.001 <= args.false_alarms_per_week <= 1000:
        raise ConfigError(
            f"--false-alarms-per-week {args.false_alarms_per_week:g}: from 0.001 to 1000.", "Write e.g. 1."
        )


def _learning(text: str | None) -> dict[str, Any]:
    """A share below 1, or seconds."""
    if text is None:
        return {}
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if 0 < value < 1:
        return {"learn_share": value}
    try:
        return {"learn_s": positive_seconds(text)}
    except argparse.ArgumentTypeError as error:
        raise ConfigError(f"--learn {text}: is no share and no time.", "Write 0.25, or 600 (seconds).") from error
