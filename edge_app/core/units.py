# Runs unchanged on MicroPython.
"""Conversions between units, each with its source; nowhere else in the project."""

import math

STANDARD_GRAVITY_MPS2 = 9.80665
"""m/s² in one g. Source: 3rd CGPM (1901), "standard acceleration due to gravity"; BIPM SI Brochure."""

SCORE_ONE = 10000
"""The integer that stands for score 1.0 inside the program and on the wire."""

LOG2_ONE = 256
"""Log features are log2 in Q8: 256 counts are a factor of two (6.02 dB in amplitude, 3.01 dB in power)."""

DB_PER_POWER_OCTAVE = 3.010299956639812
"""dB in a factor of two of power: 10·log10(2)."""


def level(value: float) -> int:
    """A positive physical value as log2 in Q8, rounded; nothing below 2^-128 can be said, so zero gives -32768."""
    if value <= 0.0:
        return -32768
    return max(-32768, min(32767, math.floor(LOG2_ONE * math.log2(value) + 0.5)))


def physical(log2_q8: int) -> float:
    """The inverse of `level`."""
    return float(2.0 ** (log2_q8 / LOG2_ONE))
