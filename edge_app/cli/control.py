"""`why`, `ack`, `shelve`, `unshelve`, `reset`: talk to the running device through its local socket."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from edge_app.cli.common import NO_SCORE, score_text, warn
from edge_app.cli.layout import say
from edge_app.core.errors import ControlError, NotRunning


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("device", metavar="DEVICE", help="the device's file or its id")
    parser.add_argument("pipeline", nargs="?", help="one pipeline; without it, all of them")
    parser.add_argument("--minutes", type=int, metavar="N", help="shelve: for how long")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.add_argument("--state-dir", metavar="DIR", help="the running device's --state-dir")


def run(args: argparse.Namespace) -> int:
    from edge_app.runtime.control import ask
    from edge_app.runtime.state import JOURNAL_NAME, state_root

    folder = state_root(args.state_dir) / device_id(args.device)
    request = {"verb": args.verb, "pipe": args.pipeline, "minutes": args.minutes}
    try:
        result = ask(folder, {key: value for key, value in request.items() if value is not None})
        if args.verb == "why":
            add_last_decisions(result, folder / JOURNAL_NAME)
    except NotRunning:
        if args.verb != "why" or not (folder / JOURNAL_NAME).exists():
            raise
        result = last_decisions(folder / JOURNAL_NAME, args.pipeline)
        warn(f"{args.device} does not run; these are the last decisions in its journal")
    if args.json:
        print(json.dumps(result))
    elif args.verb == "why":
        say("\n\n".join(why_text(report) for report in result))
    else:
        print(
            "\n".join(
                f"{entry['app']}/{entry['pipe']}: {', '.join(entry['events']) or 'no change'}" for entry in result
            )
        )
    return 0


def last_decisions(journal: Path, pipeline: str | None) -> list[dict[str, Any]]:
    """The last decision of each pipeline, or of the one named, as it was journaled. Raises ControlError for none."""
    from edge_app.journal.store import read_last

    found = read_last(journal)
    wanted = [each for each in found if pipeline in (None, each["pipe"], f"{each['app']}/{each['pipe']}")]
    if not wanted:
        names = ", ".join(each["pipe"] for each in found) or "none"
        raise ControlError(
            f"the journal holds no decision of {pipeline or 'any pipeline'}", f"It has those of: {names}."
        )
    return wanted


def add_last_decisions(reports: list[dict[str, Any]], journal: Path) -> None:
    """Under `last`, the decision each pipeline told last; its present window stands beside it."""
    from edge_app.journal.store import read_last

    told = {(each["app"], each["pipe"]): each for each in read_last(journal)}
    for report in reports:
        report["last"] = told.get((report["app"], report["pipe"]))


def device_id(device: str) -> str:
    """The id itself, or the id in a device's file."""
    if not device.endswith((".yaml", ".yml")):
        return device
    from edge_app.config.resolve import device_id as id_in_file

    return id_in_file(Path(device))


def why_text(report: dict[str, Any]) -> str:
    """An explanation for people, several lines."""
    why = report["why"]
    lines = [
        f"{report['app']}/{report['pipe']}: state {report['state']}, level {report['level']}"
        + (f" ({', '.join(report['flags'])})" if report["flags"] else ""),
        f"  {why.get('text', '')}",
    ]
    score = score_text(report.get("score"))
    if score != NO_SCORE:
        lines.append(f"  score {score}, threshold {score_text(report['threshold'])}")
    for name, change_db10, share in why.get("top", []):
        lines.append(f"    {name:<24} {change_db10 / 10:+6.1f} dB against normal, {share} % of the score")
    if report.get("normal"):
        lines.append(f"  judged against normal {report['normal']}, learnt on this machine")
    elif "unlearned" in report:
        lines.append(f"  unlearned, judged against the shipped normal: {report['unlearned']}")
    if report.get("drift"):
        lines.append(f"  drift: {report['drift']}")
    last = report.get("last")
    if last:
        from edge_app.core.clock import utc_text

        lines.append(f"  last decision: {last['event']} at {utc_text(last['t'])}. {last['why'].get('text', '')}")
    return "\n".join(lines)
