"""`edge-app fit`: does an app fit a board, before it is deployed?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edge_app.cli.common import print_json, print_table
from edge_app.cli.layout import say
from edge_app.core.errors import ConfigError

if TYPE_CHECKING:
    from edge_app.training.fit.needs import Cost, Fit

EXAMPLES = """examples:
  edge-app fit apps/predictive_maintenance --target pi-zero-2w
  edge-app fit apps/predictive_maintenance --target esp32-s3 --json
  edge-app fit --list

Every figure is marked: measured (on this machine, for itself), counted, or estimated, with the reason.
Exit status: 0 it fits, 1 it does not, 2 wrong input.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("app", metavar="APP_DIR", nargs="?", help="the app's folder")
    parser.add_argument("--target", metavar="NAME", help="board, or a YAML file of your own that describes one")
    parser.add_argument("--list", action="store_true", help="list the boards")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    from edge_app.config.targets import load_target, target_names

    if args.list:
        boards = [load_target(name) for name in target_names()]
        if args.json:
            print_json({board.target: board.model_dump(mode="json") for board in boards})
        else:
            print_table([(board.target, board.runs, board.title) for board in boards], headed=False)
        return 0
    if not args.app or not args.target:
        raise ConfigError("name an app and a target.", f"Targets: {', '.join(target_names())}.")
    target = load_target(args.target)
    from edge_app.config.apps import load_app
    from edge_app.training.fit.needs import fit
    from edge_app.training.fit.plain import plain

    app = load_app(Path(args.app))
    found = fit(app, target)
    if args.json:
        print_json(plain(app, found))
    else:
        _print(app.name, found)
    return 0 if found.fits else 1


def _print(name: str, found: Fit) -> None:
    target = found.target
    print(f"{name} on {target.title}: {'fits' if found.fits else 'does not fit'}\n")
    rows = [
        ("memory", _size(found.ram_bytes.value), f"of {_size(target.ram_bytes.value)}", *_how(found.ram_bytes)),
        ("flash", _size(found.flash_bytes.value), f"of {_size(target.flash_bytes.value)}", *_how(found.flash_bytes)),
        ("one core", f"{100 * found.duty.value:.3g} %", "of 50 %", *_how(found.duty)),
        ("power", f"{found.power_mw.value:.0f} mW", "", *_how(found.power_mw)),
    ]
    for each in found.pipelines:
        rows += [
            (f"{each.name}: window", _size(each.window_buffer_bytes.value), "", *_how(each.window_buffer_bytes)),
            (f"{each.name}: features", _size(each.feature_buffer_bytes.value), "", *_how(each.feature_buffer_bytes)),
            (f"{each.name}: model", _size(each.model_ram_bytes.value), "", *_how(each.model_ram_bytes)),
            (f"{each.name}: MACs", f"{each.macs.value:.0f}", "", *_how(each.macs)),
            (f"{each.name}: time", f"{1e3 * each.latency_s.value:.3g} ms", "a window", *_how(each.latency_s)),
            (
                f"{each.name}: energy",
                f"{found.energy_mj[each.name].value:.3g} mJ",
                "a decision",
                *_how(found.energy_mj[each.name]),
            ),
        ]
    print_table(rows, headed=False)
    for what, fix in found.problems:
        print()
        say(f"does not fit: {what}")
        say(fix, "  ")
    for remark in found.remarks:
        print()
        say(remark)


def _how(cost: Cost) -> tuple[str, str]:
    """The sources behind it stand in the JSON."""
    return cost.how, cost.why.partition(" (")[0]


def _size(size: float) -> str:
    if size >= 1e9:
        return f"{size / 2**30:.1f} GiB"
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 1024:.1f} KiB"
