"""`edge-app learn`: have a running device learn the machine's own normal, and see what became of it."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from edge_app.cli.common import print_json, score_text, warn
from edge_app.cli.control import device_id
from edge_app.cli.layout import columns, say, table
from edge_app.core.errors import BaselineError, NotRunning
from edge_app.core.wording import counted, span_text

POLL_S = 1.0
ORDERS = ("status", "cancel", "compare", "history", "rollback", "forget")


EXAMPLES = """examples:
  edge-app learn configs/devices/pump-7.yaml --minutes 10 --false-alarms-per-week 1
  edge-app learn pump-7 --status
  edge-app learn pump-7 --compare
  edge-app learn pump-7 --rollback

Let the healthy machine run as it normally does. No sample is stored; what was learnt lies in the state folder.
Exit status: 0 done, 2 refused with the reason, wrong input, or no running device.
"""


def positive(text: str) -> float:
    """A number above 0, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0 and below a million")
    return value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("device", metavar="DEVICE", help="the device's file or its id; it must be running")
    parser.add_argument("--pipeline", metavar="NAME", help="which pipeline, where the device has several")
    parser.add_argument(
        "--minutes",
        type=positive,
        default=10.0,
        metavar="N",
        help="for how long to watch the healthy machine (default: 10)",
    )
    parser.add_argument(
        "--false-alarms-per-week",
        type=positive,
        default=1.0,
        metavar="N",
        help="how many false alarms are acceptable (default: 1)",
    )
    parser.add_argument("--despite-alarm", action="store_true", help="learn although an alarm stands or is raised")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--wait", action="store_true", help="show progress and wait for the end (the default)")
    what.add_argument("--detach", action="store_true", help="begin, and leave the rest to the device")
    what.add_argument("--status", action="store_true", help="what serves, what runs, what became of the last learning")
    what.add_argument("--cancel", action="store_true", help="end a learning that runs")
    what.add_argument("--compare", action="store_true", help="the normal that serves against the one before")
    what.add_argument("--history", action="store_true", help="list the normals that are kept")
    what.add_argument("--rollback", action="store_true", help="let the normal before this one serve again")
    what.add_argument("--forget", action="store_true", help="delete all learnt normals; the shipped one serves")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.add_argument("--state-dir", metavar="DIR", help="the running device's --state-dir")


def run(args: argparse.Namespace) -> int:
    from edge_app.runtime.control import ask
    from edge_app.runtime.state import state_root

    folder = state_root(args.state_dir) / device_id(args.device)
    order = next((each for each in ORDERS if getattr(args, each)), "start")
    request: dict[str, Any] = {"verb": "learn", "do": order}
    if args.pipeline is not None:
        request["pipe"] = args.pipeline
    if order == "start":
        request |= {"minutes": args.minutes, "false_alarms_per_week": args.false_alarms_per_week}
        request["despite_alarm"] = args.despite_alarm
    try:
        answer = ask(folder, request, timeout_s=60.0)
    except NotRunning as error:
        file = args.device if args.device.endswith((".yaml", ".yml")) else "DEVICE.yaml"
        fix = f"Normal is learnt inside the running device: start it with `edge-app run {file}`"
        raise NotRunning(error.what, f"{fix}, and let the healthy machine run.") from error
    if order == "start" and not args.detach:
        answer = wait(folder, request | {"do": "status"}, quiet=args.json)
    if args.json:
        print_json(answer)
    if order == "start" and not args.detach:
        _check_learnt(answer)
    if not args.json:
        say(text_of(order, answer))
    return 0


def wait(folder: Any, request: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """Follow a learning to its end; Ctrl-C leaves it to the device."""
    from edge_app.cli.progress import Terminal
    from edge_app.core.clock import SystemClock
    from edge_app.runtime.control import ask

    clock = SystemClock()
    try:
        with Terminal(sys.stderr, lines=False) as screen:
            while (answer := ask(folder, request, timeout_s=60.0))["learning"] != "off":
                if not quiet:
                    screen.show(progress_text(answer))
                clock.sleep_s(POLL_S)
    except KeyboardInterrupt:
        warn("the device goes on learning; `--status` shows it, `--cancel` ends it")
        raise
    found: dict[str, Any] = answer
    return found


def _check_learnt(answer: dict[str, Any]) -> None:
    """Raises BaselineError unless the learning that was waited for gave a normal."""
    last = answer["last"] or {}
    if last.get("result") == "learnt":
        return
    raise BaselineError(f"nothing was learnt: {last.get('what', 'nobody knows why')}", str(last.get("fix", "")))


def text_of(order: str, answer: dict[str, Any]) -> str:
    """An answer for people."""
    if order == "compare":
        return compare_text(answer)
    if order == "history":
        return history_text(answer)
    return status_text(answer)


def status_text(answer: dict[str, Any]) -> str:
    """What serves, what runs, what became of the last."""
    place = f"{answer['app']}/{answer['pipe']}"
    serves = (
        f"normal {answer['normal']} serves" if answer["normal"] else f"the shipped normal serves: {answer['unlearned']}"
    )
    lines = [f"{place}: {serves}"]
    if answer["learning"] != "off":
        lines.append(f"  {progress_text(answer)}")
    if answer["last"]:
        lines.append(f"  last learning: {answer['last']['what']}")
        lines += [f"    {note}" for note in answer["last"].get("notes", [])]
        lines += [f"    {answer['last']['fix']}"] if answer["last"].get("fix") else []
    if answer.get("drift"):
        lines.append(f"  drift: {answer['drift']}")
    return "\n".join(lines)


def progress_text(answer: dict[str, Any]) -> str:
    """One line of progress."""
    progress = answer["progress"]
    if not progress:
        return "fitting …"
    left_s = progress["of_seconds"] - progress["seconds"]
    return (
        f"learning: {progress['percent']} %, {left_s // 60}:{left_s % 60:02} left, "
        f"{counted(progress['windows'], 'window')} ({progress['unknown']} could not be judged, {progress['idle']} idle)"
    )


def history_text(answer: dict[str, Any]) -> str:
    """One line a normal, newest last; the one that serves is marked, and what is to know of it stands below."""
    if not answer["normals"]:
        return f"{answer['app']}/{answer['pipe']}: no normal was learnt yet"
    lines = []
    for each in answer["normals"]:
        mark = "*" if each["number"] == answer["normal"] else " "
        if "problem" in each:
            lines.append(f"{mark} {each['number']:>4}  cannot be used: {each['problem']}")
            continue
        rate = each["false_alarms_per_week"]
        alarms = "1 false alarm" if rate == 1 else f"{rate:g} false alarms"
        lines.append(
            f"{mark} {each['number']:>4}  {each['learnt']} (clock {each['clock']})  "
            f"{counted(each['windows'], 'window')} in {span_text(each['seconds'])}, "
            f"{alarms} a week, {each['tail']} tail"
        )
        if each["number"] == answer["normal"]:
            lines += [f"        {note}" for note in each.get("notes", [])]
    return "\n".join(lines)


def compare_text(answer: dict[str, Any]) -> str:
    """Two normals side by side."""
    new, old = answer["new"], answer["old"]
    if old is None:
        return f"normal {new['number']}: the one before it was learnt with another model or other features"
    names = {None: "shipped"}
    rows = [["", names.get(old["number"], f"normal {old['number']}"), f"normal {new['number']}"]]
    wanted = [f"{each['false_alarms_per_week']:g}" if each["false_alarms_per_week"] else "-" for each in (old, new)]
    rows.append(["false alarms a week asked for", *wanted])
    rows.append(["threshold (dB of the model's output)", *(f"{each['threshold_db']:.1f}" for each in (old, new))])
    rows.append(["median score", *(score_text(each["median_score"]) for each in (old, new))])
    rows.append([f"of {answer['windows']} kept windows, above", *(str(each["windows_above"]) for each in (old, new))])
    rows.append(["alarms they would have raised", *(str(each["alarms"]) for each in (old, new))])
    lines = table(rows, columns(sys.stdout))
    moved = [f"  {name:<24} {change:+.1f} dB" for name, change in answer["shifts_db"]]
    return "\n".join([*lines, "features whose centre moved most:", *moved])
