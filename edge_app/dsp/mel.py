"""Sound over time on a mel scale, in whole numbers: frames, their power, log band levels and statistics of these.

Arithmetic: docs/reference/front-end.md, "Sound".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from edge_app.dsp.bands import BandPlan, sum_bands
from edge_app.dsp.fft import Complexes, FftPlan, fft, plan_fft
from edge_app.dsp.fixed import log2_q16
from edge_app.dsp.logadd import add_powers_q8
from edge_app.dsp.logtable import log2_q16_array
from edge_app.dsp.spectrum import hann_q15

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SIGNAL_BITS = 25
"""The signal is normalised to |x| < 2^25 (see spectrum.normalise): the power of one frame then stays below 2^51."""
TRANSFORM_LENGTHS = (256, 1024, 4096)
"""Points of a transform: the first that holds a frame, zeros behind it."""
MIN_FRAMES = 8
"""Fewer frames say nothing of how a sound changes."""
FRAMES_MAX = 1 << 15
"""More would not fit the sums."""


@dataclass(frozen=True)
class FramePlan:
    """How a signal of one length is cut into frames."""

    frame_length: int
    """Samples of a frame."""
    hop: int
    """Samples between the starts of two frames."""
    frames: int
    size: int
    """Points of the transform."""
    hann: Floats
    """Window in Q15, (frame_length, 1), already divided by 2^15."""
    fft: FftPlan

    @property
    def pairs(self) -> int:
        """Complex transforms: two frames each."""
        return (self.frames + 1) // 2


def mel_edges_mhz(low_hz: float, high_hz: float, bands: int) -> tuple[int, ...]:
    """Edges of `bands` bands of equal width in mel, in whole millihertz (bands + 1 of them).

    Source: mel(f) = 2595 log10(1 + f / 700), D. O'Shaughnessy, Speech Communication, 1987.
    """
    low, high = math.log10(1.0 + low_hz / 700.0), math.log10(1.0 + high_hz / 700.0)
    mels = [low + (high - low) * i / bands for i in range(bands + 1)]
    return tuple(math.floor(700000.0 * (10.0**mel - 1.0) + 0.5) for mel in mels)


def plan_frames(length: int, frame_length: int, hop: int) -> FramePlan:
    """Plan for signals of `length` samples. Raises ValueError, saying what is wrong, when frames do not fit."""
    size = next((size for size in TRANSFORM_LENGTHS if size >= frame_length), 0)
    if not size or hop < 1:
        raise ValueError(f"a frame of {frame_length} samples; the longest transform takes {TRANSFORM_LENGTHS[-1]}")
    frames = (length - frame_length) // hop + 1 if length >= frame_length else 0
    if not MIN_FRAMES <= frames <= FRAMES_MAX:
        raise ValueError(f"{frames} frames fit into {length} samples, at least {MIN_FRAMES} are needed")
    hann = np.array(hann_q15(frame_length), np.float64).reshape(frame_length, 1) * 2.0**-15
    return FramePlan(frame_length, hop, frames, size, hann, plan_fft(size, (frames + 1) // 2))


def frame_power(signal: Floats, plan: FramePlan, bins: int) -> Floats:
    """4 |X[k]|^2 of every frame, k = 0..bins-1, (frames, bins), whole numbers below 2^51; X is the transform / size.

    `signal` (n,) comes from `spectrum.normalise`. Frames 2 j and 2 j + 1 are the real and imaginary part of one
    transform Z; Z[k] + conj Z[-k] is twice the first one's, Z[k] - conj Z[-k] is 2 i times the second one's.
    """
    transformed = fft(_windowed(signal, plan), plan.fft)
    upper = transformed[:bins]
    differences = np.concatenate((upper[:1], transformed[:-bins:-1]))
    sums = upper + differences
    differences -= upper
    squares, others = sums.view(np.float64), differences.view(np.float64)
    np.square(squares, out=squares)
    np.square(others, out=others)
    squares[:, 0::2] += others[:, 1::2]
    squares[:, 1::2] += others[:, 0::2]
    return np.ascontiguousarray(squares[:, : plan.frames].T)


def _windowed(signal: Floats, plan: FramePlan) -> Complexes:
    """Hann-weighted frames, two to a column, zeros below them, (size, pairs); each product rounded once."""
    points = np.zeros((plan.size, plan.pairs), np.complex128)
    step = signal.strides[0]
    for part, first in ((points.real, 0), (points.imag, 1)):
        columns = (plan.frames + 1 - first) // 2
        shape, strides = (plan.frame_length, columns), (step, 2 * plan.hop * step)
        frames = as_strided(signal[first * plan.hop :], shape, strides, writeable=False)
        np.multiply(frames, plan.hann, out=part[: plan.frame_length, :columns])
    parts = points[: plan.frame_length].view(np.float64)
    parts += 0.5
    np.floor(parts, out=parts)
    return points


@dataclass(frozen=True)
class LogMel:
    """Levels of a window, in the units of the transform."""

    bands_q8: Ints
    """log2 in Q8 of the power of each frame and band, (frames, bands), relative floor added."""
    level_q16: int
    """log2 in Q16 of the mean power of a frame, all bands; 0 when the window is silent."""
    silent: bool


def log_mel(power: Floats, plan: BandPlan, floors_q8: Ints) -> LogMel:
    """Log band levels of every frame, none of them below the window's own floor.

    Parameters
    ----------
    power : whole numbers (frames, bins), from `frame_power`
    plan : BandPlan
        The sum over all bands first, then the bands; unit constants 0.
    floors_q8 : int64 (bands,)
        Floor of each band relative to the window's mean power, log2 in Q8: added as a power, so that quiet bands show
        neither the rounding of the counts nor the noise of the microphone, at any loudness.
    """
    sums, exponents = sum_bands(power, plan)
    if not sums[:, 0].any():
        return LogMel(np.zeros((len(power), len(floors_q8)), np.int64), 0, True)
    level_q16 = _mean_level(sums[:, 0], exponents[:, 0])
    silent = sums[:, 1:] < 1.0
    logs = log2_q16_array(np.where(silent, 1.0, sums[:, 1:])) + (exponents[:, 1:] << 16)
    bands = np.where(silent, -32768, (logs + 128) >> 8)
    return LogMel(add_powers_q8(bands, floors_q8 + ((level_q16 + 128) >> 8)), level_q16, False)


def _mean_level(sums: Floats, exponents: Ints) -> int:
    """log2 in Q16 of the mean over frames of sums times 2^exponents, (frames,) each, not all of them 0."""
    top = exponents.max()
    total = int(np.floor(sums * np.ldexp(1.0, exponents - top) + 0.5).sum())
    return log2_q16(total) + (int(top) << 16) - log2_q16(len(sums))


def band_statistics(bands_q8: Ints) -> tuple[Ints, Ints, Ints]:
    """How loud each band is beside the others, how much it swings, how much it flickers: (bands,) each, Q8.

    Mean over the frames less the mean over frames and bands; log2 of the standard deviation over the frames; log2 of
    the mean step from frame to frame. The last two are of logarithms in counts of Q8 (256 counts: an octave of power),
    with 1 count (added to the variance, to the mean step) under them. A gain adds one number to all levels, so none of
    the three sees it.
    """
    frames, bands = bands_q8.shape
    sums = bands_q8.sum(axis=0)
    mean = (2 * sums + frames) // (2 * frames)
    overall = (2 * int(sums.sum()) + frames * bands) // (2 * frames * bands)
    squares = ((bands_q8 - mean) ** 2).sum(axis=0)
    spread = (_log2(squares + frames) - log2_q16(frames) + 256) >> 9
    steps = np.abs(np.diff(bands_q8, axis=0)).sum(axis=0)
    flux = (_log2(steps + frames - 1) - log2_q16(frames - 1) + 128) >> 8
    return mean - overall, spread, flux


def _log2(values: Ints) -> Ints:
    return log2_q16_array(values.astype(np.float64))
