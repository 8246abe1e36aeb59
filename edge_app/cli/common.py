"""What several verbs print or ask alike."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from typing import Any

from edge_app.cli.layout import columns, draws, table, wrapped
from edge_app.core.names import readable
from edge_app.core.units import SCORE_ONE


def positive_seconds(text: str) -> float:
    """The value of `--seconds`, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0; write e.g. 60")
    return value


def print_json(value: Any) -> None:
    """One JSON value on stdout, keys in the order given; numbers that JSON has no word for are null."""
    print(json.dumps(_strict(value), indent=2, ensure_ascii=False, allow_nan=False))


def _strict(value: Any) -> Any:
    """Without NaN and infinities."""
    if isinstance(value, dict):
        return {key: _strict(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_table(rows: Sequence[Sequence[str]], *, headed: bool = True) -> None:
    """Rows on stdout as columns, within those of the terminal; `headed`: the first row names the columns."""
    for line in table(rows, columns(sys.stdout), headed=headed):
        print(line)


NO_SCORE = "-"


def score_text(score: int | None) -> str:
    """A score 0..10000 as people read it, 0..1; NO_SCORE when there was none (None or -1)."""
    return NO_SCORE if score is None or score < 0 else f"{score / SCORE_ONE:.2f}"


def warn(text: str) -> None:
    """A line on stderr."""
    message(f"warning: {text}")


def message(text: str) -> None:
    """Lines on stderr; what they quote of files and their names cannot command the terminal."""
    lines = "\n".join(readable(line) for line in text.split("\n"))
    print(wrapped(f"edge-app: {lines}", sys.stderr), file=sys.stderr)


def marks() -> dict[str, str]:
    """Words for ok, warn and fail; coloured when a person looks at them and has not said no (NO_COLOR)."""
    colours = {"ok": "32", "warn": "33", "fail": "31", "error": "31"}
    if os.environ.get("NO_COLOR") or not draws(sys.stdout):
        return {word: word for word in colours}
    return {word: f"\x1b[{code}m{word}\x1b[0m" for word, code in colours.items()}
