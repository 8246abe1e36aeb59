"""Envelope spectrum and the lines in it: band-pass, rectify, add up, transform, compare with the neighbourhood.

Arithmetic: docs/reference/front-end.md, "Envelope lines". The result is evidence for people, no input of a model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_app.dsp.decimate import kaiser_lowpass
from edge_app.dsp.logtable import log2_q16_array
from edge_app.dsp.spectrum import WelchPlan, hann_q15, normalise, plan_welch, welch_power

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

LOWEST_RATE_HZ = 1000.0
"""The envelope is thinned out to the lowest rate not below this."""
SEGMENT = 1024
"""Points of its transform; a shorter envelope is padded with zeros."""
HARMONICS = 3
TOLERANCE = 0.02
"""Lines are searched this far around their frequency (slip, speed) ..."""
TOLERANCE_BINS = 1.5
"""... but at least this many bins."""
NEIGHBOURS = 12
"""Bins on each side of the searched ones whose median is the background."""
CUT_BITS = 14
"""Samples are cut to this many bits before the band-pass, so that its sums fit 32 bits."""
EDGE_RATIO = 0.15
"""Width of the band-pass's transitions, outside the band, as a share of its width."""


@dataclass(frozen=True)
class EnvelopePlan:
    """Filter, transform and searched bins for signals of one length and rate."""

    taps: Floats
    """Band-pass, Q15."""
    step: int
    """Rectified samples added up to one."""
    length: int
    """Samples of the envelope after that."""
    welch: WelchPlan
    names: tuple[str, ...]
    """Name of each family of lines."""
    family: Indices
    """First line of each family."""
    harmonics: Indices
    """Lines of each family that lie below the envelope's Nyquist frequency."""
    line_bins: Indices
    """Searched bins of all lines, flat."""
    line_starts: Indices
    background: Indices
    """(lines, 2 NEIGHBOURS) bins around each."""


def bandpass_taps(rate_hz: float, band_hz: tuple[float, float]) -> tuple[int, ...]:
    """Odd-length linear-phase band-pass in Q15: difference of two low-passes of one length and kind."""
    low, high = band_hz
    edge_hz = EDGE_RATIO * (high - low)
    upper = kaiser_lowpass(high / rate_hz, (high + edge_hz) / rate_hz, 15)
    lower = kaiser_lowpass((low - edge_hz) / rate_hz, low / rate_hz, 15)
    size = min(len(upper), len(lower))
    trim_u, trim_l = (len(upper) - size) // 2, (len(lower) - size) // 2
    pairs = zip(upper[trim_u : trim_u + size], lower[trim_l : trim_l + size], strict=True)
    return tuple(u - v for u, v in pairs)


def plan_envelope(
    n_axes: int, length: int, rate_hz: float, band_hz: tuple[float, float], line_hz: Mapping[str, float]
) -> EnvelopePlan:
    """Plan for normalised signals (n_axes, length) at `rate_hz`; `line_hz` names each family's fundamental (Hz).

    Families without a line inside the envelope's spectrum are left out. Raises ValueError when the signal is too short.
    """
    taps = np.array(bandpass_taps(rate_hz, band_hz), np.float64)
    step = max(1, int(rate_hz / LOWEST_RATE_HZ))
    thinned = (length - len(taps) + 1) // step
    if thinned < SEGMENT // 4:
        raise ValueError(f"{thinned} samples of envelope; it takes {SEGMENT // 4}")
    welch = plan_welch(n_axes, max(thinned, SEGMENT))
    if thinned < SEGMENT:
        hann = np.zeros((SEGMENT, 1, 1))
        hann[:thinned, 0, 0] = hann_q15(thinned)
        welch = replace(welch, hann=hann * 2.0**-15)
    bin_hz = rate_hz / step / SEGMENT
    families = {name: _lines(hz / bin_hz) for name, hz in line_hz.items()}
    families = {name: lines for name, lines in families.items() if lines}
    lines = [line for one in families.values() for line in one]
    counts = [len(one) for one in families.values()]
    widths = [last - first + 1 for first, last in lines]
    return EnvelopePlan(
        taps=taps,
        step=step,
        length=thinned,
        welch=welch,
        names=tuple(families),
        family=_starts(counts),
        harmonics=np.array(counts, np.intp),
        line_bins=np.array([k for first, last in lines for k in range(first, last + 1)], np.intp),
        line_starts=_starts(widths),
        background=np.array([_around(first, last) for first, last in lines], np.intp).reshape(-1, 2 * NEIGHBOURS),
    )


def _lines(fundamental: float) -> list[tuple[int, int]]:
    """First and last searched bin of each harmonic whose neighbourhood lies inside the spectrum."""
    lines = []
    for harmonic in range(1, HARMONICS + 1):
        centre = harmonic * fundamental
        reach = max(TOLERANCE * centre, TOLERANCE_BINS)
        first, last = math.ceil(centre - reach), math.floor(centre + reach)
        if first >= 2 and last + NEIGHBOURS < SEGMENT // 2:
            lines.append((first, last))
    return lines


def _around(first: int, last: int) -> list[int]:
    """The nearest 2 NEIGHBOURS bins outside first..last, as evenly on both sides as bin 2 at the bottom allows."""
    below = list(range(max(2, first - NEIGHBOURS), first))
    return below + list(range(last + 1, last + 1 + 2 * NEIGHBOURS - len(below)))


def _starts(counts: list[int]) -> Indices:
    return np.cumsum([0, *counts[:-1]]).astype(np.intp)


def envelope(signal: Floats, bits: int, plan: EnvelopePlan) -> Floats:
    """Thinned envelope of normalised whole numbers |x| < 2^bits (n_axes, n): (n_axes, plan.length), below 2^24.

    x is cut to 14 bits (rounded), filtered (floor(sum / 2^14 + 1/2)), rectified, and `plan.step` samples are added up.
    """
    cut = np.floor(signal * 2.0 ** (CUT_BITS - bits) + 0.5)
    filtered = np.stack([np.correlate(axis, plan.taps, "valid") for axis in cut])
    rectified = np.abs(np.floor(filtered * 2.0**-CUT_BITS + 0.5))
    used = rectified[:, : plan.length * plan.step]
    result: Floats = used.reshape(len(signal), plan.length, plan.step).sum(axis=2)
    return result


def line_levels(signal: Floats, bits: int, plan: EnvelopePlan) -> dict[str, int]:
    """How far each family of lines stands out of its neighbourhood: log2 in Q8 of the power ratio, best of the axes.

    Per line: log2 of the strongest searched bin minus log2 of the lower median of the background; per family the mean
    of its harmonics, rounded downwards.
    """
    if not plan.names:
        return {}
    thinned, _ = normalise(envelope(signal, bits, plan), plan.welch.bits)
    if plan.length < SEGMENT:
        thinned = np.pad(thinned, ((0, 0), (0, SEGMENT - plan.length)))
    power = np.maximum(welch_power(thinned, plan.welch, SEGMENT // 2), 1.0)
    strongest = np.maximum.reduceat(power[:, plan.line_bins], plan.line_starts, axis=1)
    background = np.sort(power[:, plan.background], axis=2)[:, :, NEIGHBOURS - 1]
    ratio = log2_q16_array(strongest) - log2_q16_array(background)
    means = np.add.reduceat(ratio, plan.family, axis=1) // plan.harmonics
    best = (means.max(axis=0) + 128) >> 8
    return {name: int(value) for name, value in zip(plan.names, best, strict=True)}
