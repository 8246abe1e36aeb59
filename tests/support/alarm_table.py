"""The life cycle table of docs/explanation/alarms.md, made from decision/alarm.py.

`python tests/support/alarm_table.py` rewrites it.
"""

from __future__ import annotations

import re
from pathlib import Path

from edge_app.decision import alarm

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "alarms.md"
MARK = re.compile(r"(<!-- table: life cycle -->\n).*?(<!-- end -->)", re.DOTALL)
INPUTS = ("quiet", "high", "raise", "clear", "blind", "still", "wait")
NAMES = {
    alarm.START: "start",
    alarm.ACTIVE_UNKNOWN: "unknown, alarm held",
    alarm.ACTIVE_IDLE: "idle, alarm held",
}
"""How the page calls the conditions that people do not see under their own name."""


def table() -> str:
    """One row a condition, one column an input; what stays as it is is a dot."""
    head = ["state", *INPUTS]
    rows = [head, ["---"] * len(head)]
    for state in alarm.STATES:
        rows.append([_name(state), *["·" if to == state else _name(to) for to in alarm.TABLE[state]]])
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def _name(state: str) -> str:
    return NAMES.get(state, f"`{state}`")


def rewritten(text: str) -> str:
    """The page with a fresh table."""
    return MARK.sub(lambda match: match[1] + table() + match[2], text)


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text()))
