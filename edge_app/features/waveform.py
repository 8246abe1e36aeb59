"""The signal itself as features, for convolutional networks: band-limited, at the network's own rate, free of level.

    x   = the window band-limited to `top_hz` and decimated (docs/reference/front-end.md, "Band limiting"), mean off
    y_k = x_i + ((x_(i+1) − x_i)·f >> 16)        between samples: position k·step in Q16 is i + f/2^16
    rms = isqrt(Σ y² div n) over all axes;       value = clamp((1024·y + rms div 2) div rms, −32768, 32767)

so every value is a multiple of the window's root mean square, in Q10. The order is sample by sample, all axes of a
sample together: the bytes of a network input [1, samples, 1, axes]. Unlike other features these are not logarithms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import ConfigError
from edge_app.core.frames import Window
from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.dsp.decimate import Decimator, Floats, decimate, design_decimator, polyphase

RMS_ONE = 1024
"""The value that stands for the window's root mean square."""
POSITION_BITS = 16


@dataclass(frozen=True)
class WaveformSettings:
    """What a waveform depends on beside the samples; equal settings give equal schemas on any sensor."""

    rate_hz: float
    """Rate of the values (Hz), whatever the sensor's."""
    samples: int
    """Values per axis."""
    top_hz: float
    """Highest frequency kept (Hz)."""
    axes: int


@dataclass(frozen=True)
class _Plan:
    """Filter and positions for one sensor rate."""

    decimator: Decimator
    columns: Floats
    whole: NDArray[np.int64]
    """Index of the sample before each position."""
    part: NDArray[np.int64]
    """Distance from it, Q16."""


class Waveform:
    """Samples of acceleration, sound, ECG … as an int16 vector."""

    def __init__(self, settings: WaveformSettings, rate_hz: float, window_s: float) -> None:
        """Settings of the app; rate (Hz) of the sensor. Raises ConfigError on a misfit."""
        self.settings = settings
        self.schema = waveform_schema(settings)
        self._plans: dict[tuple[int, float], _Plan] = {}
        self._plan(int(window_s * rate_hz + 0.5), rate_hz)

    def extract(self, window: Window) -> FeatureVector:
        """Values of one window: int16 counts (n_axes, length)."""
        plan = self._plan(window.samples.shape[1], window.rate_hz)
        signal = decimate(window.samples, plan.decimator, plan.columns).astype(np.int64)
        signal -= ((2 * signal.sum(axis=1) + signal.shape[1]) // (2 * signal.shape[1]))[:, None]
        before = signal[:, plan.whole]
        taken = before + ((signal[:, plan.whole + 1] - before) * plan.part >> POSITION_BITS)
        rms = math.isqrt(int((taken * taken).sum()) // taken.size)
        if rms == 0:
            nothing = np.zeros(taken.size, np.int16)
            return FeatureVector(nothing, self.schema, doubts=("the signal does not move",))
        values = (taken.T.ravel() * RMS_ONE + rms // 2) // rms
        limited = np.clip(values, -32768, 32767)
        return FeatureVector(limited.astype(np.int16), self.schema, clipped=int(np.count_nonzero(limited != values)))

    def describe(self, vector: FeatureVector) -> str:
        """Nothing: a single sample tells a person nothing."""
        return ""

    def level(self, feature: str, value: float) -> int:
        """A multiple of the window's root mean square as that feature's integer."""
        self.schema.check_name(feature)
        return max(-32768, min(32767, math.floor(value * RMS_ONE + 0.5)))

    def physical(self, feature: str, level: int) -> float:
        """The inverse of `level`."""
        self.schema.check_name(feature)
        return level / RMS_ONE

    def _plan(self, length: int, rate_hz: float) -> _Plan:
        key = (length, rate_hz)
        if key not in self._plans:
            self._plans[key] = make_plan(self.settings, length, rate_hz)
        return self._plans[key]


def waveform_schema(settings: WaveformSettings) -> FeatureSchema:
    """sample_0000 …; with several axes sample_0000_axis0, sample_0000_axis1 …"""
    digits = max(4, len(str(settings.samples - 1)))
    axes = [""] if settings.axes == 1 else [f"_axis{axis}" for axis in range(settings.axes)]
    names = tuple(f"sample_{place:0{digits}}{axis}" for place in range(settings.samples) for axis in axes)
    facts: dict[str, object] = {
        "rate_hz": float(settings.rate_hz),
        "samples": settings.samples,
        "top_hz": float(settings.top_hz),
        "axes": settings.axes,
    }
    return FeatureSchema("waveform/1", names, facts)


def make_plan(settings: WaveformSettings, length: int, rate_hz: float) -> _Plan:
    """Filter and positions for windows of `length` samples. Raises ConfigError when they hold too few."""
    if settings.top_hz > 0.49 * settings.rate_hz:
        raise ConfigError(
            f"top_hz: {settings.top_hz:g} Hz does not fit a waveform of {settings.rate_hz:g} Hz",
            f"Set `top_hz` to at most {0.49 * settings.rate_hz:g}, or a higher `rate_hz`.",
        )
    if rate_hz < settings.rate_hz:
        raise ConfigError(
            f"sensor too slow: {rate_hz:g} Hz, but the waveform has rate_hz {settings.rate_hz:g}",
            "Set a higher `rate_hz` for the sensor, or use a sensor that can.",
        )
    decimator = design_decimator(rate_hz, settings.rate_hz, settings.top_hz)
    analysis_mhz = int(rate_hz * 1000.0 / decimator.factor + 0.5)
    step = int(analysis_mhz * 2.0**POSITION_BITS / (settings.rate_hz * 1000.0) + 0.5)
    places = np.arange(settings.samples, dtype=np.int64) * step
    whole, part = places >> POSITION_BITS, places & ((1 << POSITION_BITS) - 1)
    found, needed = decimator.output_length(length), int(whole[-1]) + 2
    if found < needed:
        taken_s = needed * decimator.factor / rate_hz + len(decimator.taps) / rate_hz
        raise ConfigError(
            f"a window of {length / rate_hz:g} s is too short for {settings.samples} samples at "
            f"{settings.rate_hz:g} Hz: {taken_s:.3f} s are needed, the filter included",
            "Set a longer `window: {seconds: …}`, or fewer `samples`.",
        )
    return _Plan(decimator, polyphase(decimator), whole, part)
