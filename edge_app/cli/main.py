"""The command line: one verb a module, imported only when it is called.

`edge-app --version` and `--help` import neither numpy nor pydantic: this file holds what they need to say.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from edge_app import __version__
from edge_app.core.errors import EdgeAppError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

VERBS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "watch a simulated pump fall ill, over a real broker; no hardware needed"),
    "run": ("run", "run a device: sense, judge, publish decisions"),
    "why": ("control", "explain the last decision, or why there was none"),
    "ack": ("control", "acknowledge alarms: someone has seen them"),
    "shelve": ("control", "silence alarms for a while; they go on being judged"),
    "unshelve": ("control", "end a shelving early"),
    "reset": ("control", "reset latched alarms whose cause is gone"),
    "learn": ("learn", "have a running device learn the machine's own normal"),
    "check": ("check", "check app and device files before anything runs"),
    "doctor": ("doctor", "test this machine: interpreter, buses, sound, broker, disk, clock"),
    "sensors": ("sensors", "list sensor plugins, scan buses, read a sensor live"),
    "record": ("record", "keep a sensor's samples, with label, for training and backtests"),
    "recordings": ("recordings", "list, check, draw and split recordings"),
    "import-model": ("import_model", "take a .tflite file made elsewhere into an app"),
    "train": ("train", "make an app's model from recordings"),
    "evaluate": ("evaluate", "measure an app on recordings: figures with intervals, and a report"),
    "backtest": ("backtest", "replay recordings through the deployed pipeline: what would it have done, and what if?"),
    "fit": ("fit", "memory, flash, time and energy an app needs on a board, before it is deployed"),
    "schema": ("schema", "write the JSON Schema of configurations and messages"),
}
"""Verb → module in edge_app/cli, and what it does in one line."""

HELP = """usage: edge-app VERB …

Turns a Raspberry Pi or an ESP32 with a sensor into a device that decides.

verbs:
{verbs}

options:
  --version     print the version
  --verbose     say more about what happens, on stderr
  -h, --help    this text; `edge-app VERB --help` for a verb

examples:
  edge-app demo
  edge-app check configs/devices/pump-7.yaml
  edge-app run configs/devices/pump-7.yaml

Exit status: 0 done, 1 a check failed, 2 wrong input or configuration,
130 interrupted, 74 the system refused a file or an output, 70 a fault of
edge-app itself.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status. A person's mistake is answered by a message, never by a traceback."""
    _open_closed_streams()
    _never_fail_on_a_letter()
    arguments = list(sys.argv[1:] if argv is None else argv)
    verbose = "--verbose" in arguments
    try:
        return _answer(arguments, verbose)
    except BaseException:  # pydantic_core's panic, when its import is interrupted, is no Exception
        if _interrupted():
            return _leave_interrupted()
        raise


def _answer(arguments: list[str], verbose: bool) -> int:
    try:
        return _main([argument for argument in arguments if argument != "--verbose"], verbose)
    except EdgeAppError as error:
        return _report(str(error), error, verbose, error.exit_code)
    except KeyboardInterrupt:
        return _leave_interrupted()
    except BrokenPipeError:
        _discard_output()
        return 0
    except ModuleNotFoundError as error:
        return _missing_package(error, verbose)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        what = f"the system refused: {error.strerror or error}{where}.\n  --verbose shows where it happened."
        return _report(what, error, verbose, 74)
    except Exception as error:
        what = (
            f"{type(error).__name__}: {error}\n  This is a fault of edge-app itself. --verbose shows where it happened."
        )
        return _report(what, error, verbose, 70)


def _main(arguments: list[str], verbose: bool) -> int:
    first = arguments[0] if arguments else "--help"
    if first == "--version":
        print(f"edge-app {__version__}")
        return 0
    if first in ("-h", "--help", "help"):
        from edge_app.cli.layout import columns, table, wrapped

        rows = [(f"  {verb}", text) for verb, (_, text) in VERBS.items()]
        text = HELP.format(verbs="\n".join(table(rows, columns(sys.stdout), headed=False)))
        print(wrapped(text.rstrip("\n"), sys.stdout))
        return 0 if arguments else 2
    if first not in VERBS:
        raise EdgeAppError(_unknown(first), "`edge-app --help` lists them.")
    return _run_verb(first, arguments[1:], verbose)


def _unknown(word: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, VERBS, n=1)
    kind = "option" if word.startswith("-") else "verb"
    return f"there is no {kind} `{word}`." + (f" Did you mean `{close[0]}`?" if close and kind == "verb" else "")


def _run_verb(verb: str, arguments: list[str], verbose: bool) -> int:
    import argparse
    import os
    from importlib import import_module

    from edge_app.cli import interrupts

    interrupts.remember()
    # Our matrices are small: a second BLAS thread costs more than it gives. Bytes do not depend on it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    module_name, summary = VERBS[verb]
    module = import_module(f"edge_app.cli.{module_name}")
    parser = argparse.ArgumentParser(
        prog=f"edge-app {verb}",
        allow_abbrev=False,
        description=summary[0].upper() + summary[1:] + ("" if summary.endswith("?") else "."),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(verb=verb)
    module.add_arguments(parser)
    parser.add_argument("--verbose", action="store_true", help="say more about what happens, on stderr")
    parser.epilog = _fitted(parser.epilog)
    options = _parse(parser, arguments, verbose)
    _set_up_logging(verbose)
    status = module.run(options)
    sys.stdout.flush()
    return int(status)


def _fitted(epilog: str | None) -> str:
    """Examples as they stand, sentences wrapped at the terminal's last column."""
    from edge_app.cli.layout import columns, paragraph

    width = columns(sys.stdout)
    if not epilog or width is None:
        return epilog or ""
    lines: list[str] = []
    for line in epilog.strip().splitlines():
        if line and lines and lines[-1] and not line.startswith((" ", "Exit")) and lines[-1][0] != " ":
            lines[-1] += " " + line
        else:
            lines.append(line)
    return "\n".join(
        part for line in lines for part in ([line] if line.startswith(" ") else paragraph(line, width) or [""])
    )


def _parse(parser: argparse.ArgumentParser, arguments: list[str], verbose: bool) -> argparse.Namespace:
    _refuse_nothing(arguments)
    try:
        options = parser.parse_args(arguments)
    except SystemExit as error:
        _leave(error.code)
    options.verbose = verbose
    return options


def _refuse_nothing(arguments: Sequence[str]) -> None:
    """An empty text, as an unset variable of a shell gives: as a folder it would mean the one we are in."""
    for number, argument in enumerate(arguments):
        before = arguments[number - 1] if number else ""
        if not argument or (argument.startswith("--") and argument.endswith("=")):
            name = argument.rstrip("=") or before
            what = f"`{name}` is given nothing" if name.startswith("-") else "an argument is an empty text"
            raise EdgeAppError(f"{what}.", "Leave it out, or give a value: is a variable of the shell empty?")


def _leave(code: object) -> NoReturn:
    """argparse has printed its help or its complaint."""
    sys.stdout.flush()
    raise SystemExit(code)


def _set_up_logging(verbose: bool) -> None:
    import logging

    level = logging.DEBUG if verbose else logging.WARNING
    text = "%(asctime)s %(levelname)s %(name)s: %(message)s" if verbose else "edge-app: %(levelname)s: %(message)s"
    for number, name in ((logging.WARNING, "warning"), (logging.ERROR, "error")):
        logging.addLevelName(number, name)
    logging.basicConfig(level=level, format=text, stream=sys.stderr)


def _interrupted() -> bool:
    module = sys.modules.get("edge_app.cli.interrupts")
    return module is not None and module.came()


def _leave_interrupted() -> int:
    """A person at a terminal is told, in the place of the `^C` that it shows; scripts have the status."""
    if sys.stderr.isatty():
        print("\redge-app: interrupted", file=sys.stderr)
    return 130


def _report(text: str, error: BaseException, verbose: bool, status: int) -> int:
    if _interrupted():  # what an interrupted import says misleads
        return _leave_interrupted()
    if verbose:
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:
        _discard_output()
    from edge_app.cli.common import message

    message(f"error: {text}")
    return status


EXTRAS = {"rich": "demo", "amqtt": "demo", "sounddevice": "audio", "flatbuffers": "train"}
"""Packages that come with an extra of ours."""


def _missing_package(error: ModuleNotFoundError, verbose: bool) -> int:
    package = (error.name or "").partition(".")[0]
    if package == "edge_app":
        return _report(f"{error}\n  This installation is incomplete: install edge-app again.", error, verbose, 70)
    extra = EXTRAS.get(package)
    fix = f'pip install "edge-app[{extra}]"' if extra else f"pip install {package}"
    return _report(f"this needs the Python package `{package}`, which is not installed.\n  {fix}", error, verbose, 2)


def _open_closed_streams() -> None:
    """Started with a stream closed (`>&-`), Python has None there, and the next file opened takes its number."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        import os

        while os.open(os.devnull, os.O_RDWR) < 2:
            pass
        sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
        sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _never_fail_on_a_letter() -> None:
    """A terminal that does not know a letter of ours gets a stand-in; better than no answer."""
    for stream in (sys.stdout, sys.stderr):
        if not stream.encoding or not hasattr(stream, "reconfigure"):
            continue
        if stream.encoding.lower() not in ("utf-8", "utf8"):
            from edge_app.cli.letters import NAME

            stream.reconfigure(errors=NAME)
        elif stream.errors == "strict":  # names of files may hold bytes that are no UTF-8
            stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Whoever read our output has gone: let the interpreter's last flush go nowhere."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
