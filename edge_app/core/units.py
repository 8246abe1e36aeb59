# Runs unchanged on MicroPython.
"""Conversions between units, each with its source; nowhere else in the project."""

STANDARD_GRAVITY_MPS2 = 9.80665
"""m/s² in one g. Source: 3rd CGPM (1901), "standard acceleration due to gravity"; BIPM SI Brochure."""

SCORE_ONE = 10000
"""The integer that stands for score 1.0 inside the program and on the wire."""

LOG2_ONE = 256
"""Log features are log2 in Q8: 256 counts are a factor of two (6.02 dB in amplitude, 3.01 dB in power)."""

DB_PER_POWER_OCTAVE = 3.010299956639812
"""dB in a factor of two of power: 10·log10(2)."""
