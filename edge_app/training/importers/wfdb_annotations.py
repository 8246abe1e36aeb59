"""Annotations of WFDB records. Source: G. B. Moody, "WFDB Applications Guide", annot(5); "Annotation Codes"."""

from __future__ import annotations

import struct
from pathlib import Path

from edge_app.sensors.recording_formats import damaged
from edge_app.training.importers.signals import read_bytes

Annotation = tuple[int, str, str]
"""(sample index, symbol, text)."""

_MOST_BYTES = 1 << 26
_SYMBOLS = {
    1: "N", 2: "L", 3: "R", 4: "a", 5: "V", 6: "F", 7: "J", 8: "A", 9: "S", 10: "E", 11: "j", 12: "/", 13: "Q",
    14: "~", 16: "|", 18: "s", 19: "T", 20: "*", 21: "D", 22: '"', 23: "=", 24: "p", 25: "B", 26: "^", 27: "t",
    28: "+", 29: "u", 30: "?", 31: "!", 32: "[", 33: "]", 34: "e", 35: "n", 36: "@", 37: "x", 38: "f", 39: "(",
    40: ")", 41: "r",
}  # fmt: skip
BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")
"""Symbols that stand for a heartbeat (QRS complex)."""
RHYTHM = "+"
"""Symbol of a change of rhythm; its text names it."""
_SKIP, _NUM, _SUB, _CHN, _AUX = 59, 60, 61, 62, 63


def read_annotations(path: Path) -> list[Annotation]:
    """All annotations in the order of time. Raises RecordingError for a missing or damaged file."""
    data = read_bytes(path, _MOST_BYTES)
    found: list[Annotation] = []
    sample, at = 0, 0
    try:
        while at + 2 <= len(data):
            (word,) = struct.unpack_from("<H", data, at)
            at += 2
            code, low = word >> 10, word & 0x3FF
            if word == 0:
                return found
            if code == _SKIP:
                high, rest = struct.unpack_from("<hH", data, at)  # as a PDP-11 wrote 32 bits: the high word first
                sample += (high << 16) + rest
                at += 4
            elif code == _AUX:
                text = data[at : at + low].split(b"\0")[0].decode("latin-1").strip()
                at += low + (low & 1)
                if found:
                    found[-1] = (*found[-1][:2], text)
            elif code not in (_NUM, _SUB, _CHN):
                sample += low
                found.append((sample, _SYMBOLS.get(code, ""), ""))
    except struct.error:
        pass
    raise damaged(path, "its annotations have no end mark")
