"""Letters for terminals and files that know ASCII or Latin-1 only: our drawings stay drawings there, µs become us."""

from __future__ import annotations

import codecs

NAME = "edge_app_letters"
"""The error handler's, for `errors=` of a stream."""
STAND_INS = {
    "│": "|", "┃": "|", "├": "+", "└": "+", "─": "-", "█": "#", "●": "o", "·": "-", "…": "...", "×": "x", "→": "->",
    "−": "-", "–": "-", "—": "-", "µ": "u", "²": "^2", "³": "^3", "σ": "sigma", "Σ": "sum ", "≥": ">=", "≤": "<=",
    "≈": "about ", "±": "+-",
}  # fmt: skip


def stand_in(error: UnicodeError) -> tuple[str, int]:
    """What is written for letters that an encoding lacks: a stand-in of ours, else a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(STAND_INS.get(letter, "?") for letter in lacking), error.end


codecs.register_error(NAME, stand_in)
