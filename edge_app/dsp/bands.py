"""Sums of spectral power over bands with fractional edges, each with its own block exponent, and their logarithm.

Arithmetic: docs/reference/front-end.md, "Band sums".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_app.dsp.logtable import log2_q16_array

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK_BITS = 22
"""The largest bin of a band is brought to this many bits before the sum."""
EDGE_BITS = 8
"""Edge bins count by a fraction in Q8."""
VELOCITY_BITS = 24
"""Velocity weights (f_low / f)^2 are in Q24 ..."""
VELOCITY_SHIFT = 17
"""... and the product is divided by 2^17."""


@dataclass(frozen=True)
class BandPlan:
    """Which bins go into which sum, with which weight: all sums of one rate in one flat list."""

    bins: NDArray[np.intp]
    """Bin of each entry."""
    weights: Floats
    """Weight of each entry, already divided by its power of two."""
    starts: NDArray[np.intp]
    """First entry of each sum."""
    counts: NDArray[np.intp]
    """Entries of each sum."""
    log2_q16: Ints
    """log2 in Q16 of what one unit of each sum stands for."""

    @property
    def top_bin(self) -> int:
        """Bins needed from the spectrum."""
        return int(self.bins.max()) + 1


@dataclass(frozen=True)
class Sum:
    """One sum over bins."""

    entries: tuple[tuple[int, int], ...]
    """(bin, weight)."""
    shift: int
    """Each product is divided by 2^shift, rounded to nearest, halves upwards."""
    unit_log2: float = 0.0
    """log2 of what the sum stands for, divided by power."""


def log_edges_mhz(low_hz: float, high_hz: float, bands: int) -> tuple[int, ...]:
    """Edges of `bands` bands of equal ratio, in whole millihertz (bands + 1 of them)."""
    ratio = high_hz / low_hz
    return tuple(math.floor(1000.0 * low_hz * ratio ** (i / bands) + 0.5) for i in range(bands + 1))


def edge_position(edge_mhz: int, rate_mhz: int, length: int) -> int:
    """Position of a frequency on the bin axis in Q8. Bin k spans positions k - 1/2 .. k + 1/2."""
    return (2 * edge_mhz * (length << EDGE_BITS) + rate_mhz) // (2 * rate_mhz)


def band_sum(low: int, high: int) -> Sum:
    """Bins between two positions (Q8 from `edge_position`); a bin counts by the share of it that lies between."""
    one, half = 1 << EDGE_BITS, 1 << (EDGE_BITS - 1)
    entries = []
    for k in range((low + half) >> EDGE_BITS, ((high + half - 1) >> EDGE_BITS) + 1):
        share = min(high, k * one + half) - max(low, k * one - half)
        entries.append((k, share))
    return Sum(tuple(entries), EDGE_BITS)


def velocity_sum(low: int, high: int, unit_log2: float) -> Sum:
    """The same bins weighted by (low / k)^2 in Q24: acceleration power to velocity power times (2 pi f_low)^2."""
    entries = []
    for k, share in band_sum(low, high).entries:
        if k == 0:
            continue  # the mean is gone and has no velocity
        numerator = share * low * low << VELOCITY_BITS
        denominator = k * k << (3 * EDGE_BITS)
        entries.append((k, (2 * numerator + denominator) // (2 * denominator)))
    return Sum(tuple(entries), VELOCITY_SHIFT, unit_log2 - (VELOCITY_BITS - VELOCITY_SHIFT))


def plan_sums(sums: Sequence[Sum], power_log2: float) -> BandPlan:
    """The flat lists behind several sums; `power_log2` is log2 of what one unit of power stands for.

    Raises ValueError when a sum is empty.
    """
    if any(not one.entries for one in sums):
        raise ValueError("a band holds no part of any bin")
    counts = [len(one.entries) for one in sums]
    flat = [entry for one in sums for entry in one.entries]
    scales = np.repeat(np.array([2.0**-one.shift for one in sums]), counts)
    return BandPlan(
        bins=np.array([k for k, _ in flat], np.intp),
        weights=np.array([float(weight) for _, weight in flat]) * scales,
        starts=np.cumsum([0, *counts[:-1]]).astype(np.intp),
        counts=np.array(counts, np.intp),
        log2_q16=np.array([q16(one.unit_log2 + power_log2) for one in sums], np.int64),
    )


def sum_bands(power: Floats, plan: BandPlan) -> tuple[Floats, Ints]:
    """Sums S and block exponents e, (n_axes, n_sums) each; the power of a band is S times 2^e. A silent band gives 0.

    `power` are whole numbers (n_axes, n_bins) below 2^53. Each entry is brought to 22 bits by its band's exponent
    (rounded), weighted (rounded), added.
    """
    entries = power[:, plan.bins]
    largest = np.maximum.reduceat(entries, plan.starts, axis=1)
    exponents = np.frexp(largest)[1] - BLOCK_BITS
    entries *= np.repeat(np.ldexp(1.0, -exponents), plan.counts, axis=1)
    entries += 0.5
    np.floor(entries, out=entries)
    entries *= plan.weights
    entries += 0.5
    np.floor(entries, out=entries)
    return np.add.reduceat(entries, plan.starts, axis=1), exponents.astype(np.int64)


def log2_bands(power: Floats, plan: BandPlan) -> tuple[Ints, NDArray[np.bool_]]:
    """log2 in Q16 of every sum in the units of the plan, (n_axes, n_sums), and where there was no power at all."""
    sums, exponents = sum_bands(power, plan)
    silent = sums < 1.0
    return log2_q16_array(np.where(silent, 1.0, sums)) + (exponents << 16) + plan.log2_q16, silent


def q16(value: float) -> int:
    """A constant in Q16, rounded to nearest, halves upwards."""
    return math.floor(65536.0 * value + 0.5)
