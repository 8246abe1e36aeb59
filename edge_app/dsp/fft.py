"""Fast Fourier transform of 4^k points in whole numbers, radix 4, decimation in time, one rounding per pass.

Arithmetic: docs/reference/front-end.md, "FFT". Whole numbers travel in float64; every product and sum is exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Complexes = NDArray[np.complex128]

_CHUNK = 16
"""Columns transformed at once: keeps the working set in cache."""
_HALF = 0.5 + 0.5j


def twiddle_q15(numerator: int, denominator: int) -> tuple[int, int]:
    """exp(-2 pi i numerator / denominator) as (real, imaginary) in Q15, rounded to nearest, halves upwards."""
    angle = 2.0 * math.pi * numerator / denominator
    return math.floor(32768.0 * math.cos(angle) + 0.5), math.floor(-32768.0 * math.sin(angle) + 0.5)


@dataclass(frozen=True)
class FftPlan:
    """Twiddles of one length, spread over the columns."""

    length: int
    """Points, a power of four."""
    passes: tuple[tuple[int, Complexes], ...]
    """Per pass: sub-transform length l before it, factors (4, 1, l, columns) already divided by 2^17."""


def plan_fft(length: int, columns: int) -> FftPlan:
    """Tables for transforms of `length` points (a power of four), `columns` of them at a time."""
    width = min(columns, _CHUNK)
    passes = []
    done = 1
    while done < length:
        factors = np.array([[complex(*twiddle_q15(p * k, 4 * done)) for k in range(done)] for p in range(4)])
        passes.append((done, np.repeat(factors.reshape(4, 1, done, 1) * 2.0**-17, width, axis=3)))
        done *= 4
    if done != length:
        raise ValueError(f"FFT length {length} is not a power of four")
    return FftPlan(length, tuple(passes))


def fft(points: Complexes, plan: FftPlan) -> Complexes:
    """Transform of each column divided by the length: whole numbers (length, columns) with |z| < 2^26.5, same out.

    Each pass is y[q] = floor((sum_p (-i)^(p q) w_p x_p + 2^16 (1 + i)) / 2^17), w_0 = 2^15, four points to four.
    """
    columns = points.shape[1]
    if columns <= _CHUNK:
        return _transform(points, plan)
    parts = [np.ascontiguousarray(points[:, i : i + _CHUNK]) for i in range(0, columns, _CHUNK)]
    return np.concatenate([_transform(part, plan) for part in parts], axis=1)


def _transform(points: Complexes, plan: FftPlan) -> Complexes:
    columns = points.shape[1]
    for done, factors in plan.passes:
        groups = plan.length // (4 * done)
        shaped = points.reshape(4, groups, done, columns)
        # The first pass turns nothing: its factors are all 2^15 / 2^17.
        turned = shaped * 0.25 if done == 1 else shaped * factors[..., :columns]
        x0, x1, x2, x3 = turned
        x0 += _HALF
        even = x0 + x2
        x0 -= x2
        odd = x1 + x3
        x1 -= x3
        x1 *= -1j
        out = np.empty((groups, 4, done, columns), np.complex128)
        np.add(even, odd, out=out[:, 0])
        np.add(x0, x1, out=out[:, 1])
        np.subtract(even, odd, out=out[:, 2])
        np.subtract(x0, x1, out=out[:, 3])
        parts = out.view(np.float64)
        np.floor(parts, out=parts)
        points = out.reshape(plan.length, columns)
    return points
