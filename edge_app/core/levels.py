"""Physical values as the integers features are: log2 in Q8, and back."""

from __future__ import annotations

import math

from edge_app.core.units import LOG2_ONE


def level(value: float) -> int:
    """A positive physical value as log2 in Q8, rounded; nothing below 2^-128 can be said, so zero gives -32768."""
    if value <= 0.0:
        return -32768
    return max(-32768, min(32767, math.floor(LOG2_ONE * math.log2(value) + 0.5)))


def physical(log2_q8: int) -> float:
    """The inverse of `level`."""
    return float(2.0 ** (log2_q8 / LOG2_ONE))
