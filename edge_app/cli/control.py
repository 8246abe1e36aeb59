"""`why`, `ack`, `shelve`, `unshelve`, `reset`: talk to the running device through its local socket."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("device", metavar="DEVICE", help="the device's file or its id")
    parser.add_argument("pipeline", nargs="?", help="one pipeline; without it, all of them")
    parser.add_argument("--minutes", type=int, metavar="N", help="shelve: for how long")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.add_argument("--state-dir", metavar="DIR", help="the running device's --state-dir")


def run(args: argparse.Namespace) -> int:
    from edge_app.runtime.control import ask
    from edge_app.runtime.state import state_root

    folder = state_root(args.state_dir) / device_id(args.device)
    request = {"verb": args.verb, "pipe": args.pipeline, "minutes": args.minutes}
    result = ask(folder, {key: value for key, value in request.items() if value is not None})
    if args.json:
        print(json.dumps(result))
    elif args.verb == "why":
        print("\n\n".join(why_text(report) for report in result))
    else:
        print(
            "\n".join(
                f"{entry['app']}/{entry['pipe']}: {', '.join(entry['events']) or 'no change'}" for entry in result
            )
        )
    return 0


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
    if report.get("score") is not None:
        lines.append(f"  score {report['score'] / 10000:.2f}, threshold {report['threshold'] / 10000:.2f}")
    for name, change_db10, share in why.get("top", []):
        lines.append(f"    {name:<24} {change_db10 / 10:+6.1f} dB against normal, {share} % of the score")
    return "\n".join(lines)
