"""`edge-app recordings DIR`: what lies in a folder of recordings, whether it is sound, and how it is split."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_app.cli.common import print_json, print_table, warn
from edge_app.cli.layout import columns, say
from edge_app.core.errors import ConfigError, RecordingError
from edge_app.core.files import write_out
from edge_app.core.wording import counted, span_text

if TYPE_CHECKING:
    from edge_app.training.importers.base import Recording
    from edge_app.training.recordings import Described, Finding

FINE = 800
"""Columns of a picture, and of a plot's JSON."""
EXAMPLES = """examples:
  edge-app recordings recordings
  edge-app recordings recordings --check
  edge-app recordings recordings --split 0.6/0.2/0.2
  edge-app recordings ../shared/data/cwru --split 0.7/0.3 --to my-split      then: edge-app train … --data my-split
  edge-app recordings recordings --plot pump-7_vibration_20260131T120000Z --svg pump.svg

Splits are made by recording (all of a session, bearing, motor or person on one side), each label on its own, and are
kept in splits.csv; splitting again places new recordings only. The recordings themselves are never touched.
Exit status: 0 all is well, 1 --check found something that must be put right, 2 wrong input.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("folder", metavar="DIR", help="what `edge-app record` wrote, or public recordings")
    parser.add_argument("--dataset", metavar="NAME", help="only this one, where the folder holds several")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="read everything and say what is wrong")
    what.add_argument("--split", metavar="A/B/C", help="shares of train/val/test (or train/test), by recording")
    what.add_argument("--plot", metavar="ID", help="draw a recording's course and spectrum")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of --split: another choice (default: 1)")
    parser.add_argument("--to", metavar="FOLDER", help="of --split: where DIR cannot be written to")
    parser.add_argument("--svg", metavar="FILE", help="of --plot: a picture instead of characters")
    parser.add_argument("--axis", type=int, default=1, metavar="N", help="of --plot: which axis, from 1 (default: 1)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    from edge_app.training.importers.find import recordings_in

    if args.to and not args.split:
        raise ConfigError("--to belongs to --split.", "Leave it out, or add --split 0.6/0.2/0.2.")
    if args.svg and not args.plot:
        raise ConfigError("--svg belongs to --plot.", "Leave it out, or add --plot ID.")
    folder = Path(args.folder)
    recordings = recordings_in(folder, args.dataset)
    if args.plot:
        return plot(recordings, args)
    if args.split:
        return split(folder, recordings, args)
    if args.check:
        return check(folder, recordings, args.json)
    return list_recordings(recordings, args.json)


def list_recordings(recordings: list[Recording], as_json: bool) -> int:
    from edge_app.cli.progress import Terminal
    from edge_app.training.recordings import described_all

    with Terminal(sys.stderr, lines=False) as progress:
        looked = described_all(recordings, progress)
    if as_json:
        print_json({"recordings": [_as_json(each) for each in looked]})
        return 0
    _print_recordings(looked)
    return 0


def _print_recordings(looked: list[Described]) -> None:
    head = ("ID", "LABEL", "SECONDS", "HZ", "UNIT", "AXES", "QUALITY", "SPLIT")
    print_table([head, *(_row(each) for each in looked)])
    for each in looked:
        if each.trouble:
            warn(each.trouble)
    seconds = sum(each.seconds for each in looked)
    print(f"\n{counted(len(looked), 'recording')}, {span_text(seconds)}")


def _row(each: Described) -> tuple[str, ...]:
    recording = each.recording
    if each.trouble:
        return (recording.id, recording.label or "-", "-", "-", "-", "-", "unreadable", recording.split or "-")
    return (
        recording.id,
        recording.label or "-",
        f"{each.seconds:.2f}",
        f"{each.rate_hz:g}",
        each.unit,
        str(each.axes),
        f"{each.quality_percent:.0f} %",
        recording.split or "-",
    )


def _as_json(each: Described) -> dict[str, Any]:
    recording = each.recording
    return {
        "id": recording.id,
        "dataset": recording.dataset,
        "label": recording.label,
        "group": recording.group,
        "split": recording.split,
        "seconds": round(each.seconds, 3),
        "rate_hz": each.rate_hz,
        "unit": each.unit,
        "axes": each.axes,
        "gaps": each.gaps,
        "quality_percent": round(each.quality_percent, 1),
        "unusable_share": round(each.unusable_share, 4),
        "reasons": each.reasons,
        "sha256": each.sha256,
        "trouble": each.trouble,
        "facts": dict(recording.facts),
    }


def check(folder: Path, recordings: list[Recording], as_json: bool) -> int:
    """Read everything; 1 when something must be put right."""
    from edge_app.cli.progress import Terminal
    from edge_app.training.recordings import check as look

    with Terminal(sys.stderr, lines=False) as progress:
        looked, findings = look(recordings, folder, progress)
    wrong = [finding for finding in findings if finding.wrong]
    if as_json:
        print_json(
            {
                "recordings": [_as_json(each) for each in looked],
                "findings": [{"id": f.id, "text": f.text, "wrong": f.wrong} for f in findings],
            }
        )
        return 1 if wrong else 0
    _print_findings(findings)
    seconds: Counter[str] = Counter()
    for each in looked:
        seconds[each.recording.label or "(no label)"] += round(each.seconds)
    labels = ", ".join(f"{label} {length} s" for label, length in seconds.most_common())
    say(f"{counted(len(looked), 'recording')}: {labels}")
    told = f"; {len(findings) - len(wrong)} more to know" if len(findings) > len(wrong) else ""
    print(f"{len(wrong)} to put right{told}" if wrong else f"nothing to put right{told}")
    return 1 if wrong else 0


def _print_findings(findings: list[Finding]) -> None:
    for finding in sorted(findings, key=lambda each: not each.wrong):
        word = "wrong" if finding.wrong else "note "
        say(f"{word}  {finding.id + ': ' if finding.id else ''}{finding.text}")
    if findings:
        print()


def split(folder: Path, recordings: list[Recording], args: argparse.Namespace) -> int:
    """Choose and write splits; say how many of each label are where."""
    from edge_app.training.importers import splits

    shares = splits.parse_shares(args.split)
    home = Path(args.to) if args.to else folder
    kept = splits.read_splits(home / splits.SPLITS_FILE) if (home / splits.SPLITS_FILE).is_file() else {}
    chosen = splits.split_by_group(recordings, shares, args.seed, kept)
    if args.to:
        splits.make_view(home, folder)
    path = splits.write_splits(home, recordings, chosen)
    names = list(dict.fromkeys([*shares, *chosen.values()]))
    table = _split_table(recordings, chosen, names)
    if args.json:
        print_json({"file": str(path), "splits": chosen})
    else:
        print_table([("LABEL", *map(str.upper, names)), *((label, *map(str, row)) for label, row in table.items())])
        print(f"\n{path}" + (f": give {home} as --data" if args.to else ""))
    for label, row in table.items():
        missing = [name for name, count in zip(names, row, strict=True) if not count]
        if missing:
            warn(f"{label or '(no label)'}: too few sessions for {' and '.join(missing)}; record it again another day.")
    return 0


def _split_table(recordings: list[Recording], chosen: dict[str, str], names: list[str]) -> dict[str, list[int]]:
    """Recordings of each label in each split."""
    table: dict[str, list[int]] = {}
    for recording in recordings:
        row = table.setdefault(recording.label, [0] * len(names))
        row[names.index(chosen[recording.id])] += 1
    return dict(sorted(table.items()))


def plot(recordings: list[Recording], args: argparse.Namespace) -> int:
    """Draw one recording: in characters, as a picture, or as numbers."""
    from edge_app.training.importers.select import select
    from edge_app.training.plot import as_svg, as_text, course, plot_columns, spectrum

    signal, axis = select(recordings, ids=[args.plot])[0].load(), args.axis
    if not 1 <= axis <= signal.counts.shape[0]:
        axes = counted(signal.counts.shape[0], "axis", "axes")
        raise ConfigError(f"--axis {axis}: {signal.title} has {axes}.", "They count from 1.")
    fine = [] if not (args.svg or args.json) else [course(signal, axis - 1, FINE), spectrum(signal, axis - 1, FINE)]
    if args.svg:
        _write_picture(Path(args.svg), as_svg(fine))
    if args.json:
        print_json({"id": signal.title, "axis": axis, "svg": args.svg, "curves": [each.plain() for each in fine]})
    elif args.svg:
        print(args.svg)
    else:
        across = plot_columns(columns(sys.stdout))
        print(as_text(course(signal, axis - 1, across)))
        print()
        print(as_text(spectrum(signal, axis - 1, across), filled=True))
    return 0


def _write_picture(path: Path, picture: str) -> None:
    try:
        write_out(path, picture)
    except OSError as error:
        raise RecordingError(f"cannot write {path}: {error.strerror}.", "Choose another file.") from error
