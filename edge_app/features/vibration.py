"""Vibration features of a window in whole numbers: levels, shape, velocity, log band powers.

The order of the work: band limiting → normalisation → moments, Welch power → band sums → logarithm. Arithmetic:
docs/reference/front-end.md; meaning of each feature: docs/reference/features.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import ConfigError
from edge_app.core.frames import Window
from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.core.units import STANDARD_GRAVITY_MPS2
from edge_app.dsp.bands import BandPlan, Sum, band_sum, edge_position, log2_bands, plan_sums, q16, velocity_sum
from edge_app.dsp.decimate import FRACTION_BITS, Decimator, decimate, design_decimator, polyphase
from edge_app.dsp.logadd import add_amplitudes_q8, add_powers_q8
from edge_app.dsp.moments import log2_moments
from edge_app.dsp.spectrum import HANN_ENERGY, WelchPlan, normalise, plan_welch, welch_power
from edge_app.features.schema import VELOCITY_BAND_HZ, VibrationSettings, level, physical, vibration_schema

Ints = NDArray[np.int64]

FLOOR_G_PER_RTHZ = 20e-6
"""Nothing is told apart below this noise density (g per root Hz), four times under a quiet MEMS chip (LSM6DS3: 90 µg,
data sheet table 3) and six times over the quantisation noise of ±16 g at 3.3 kHz: so the range does not show."""
NOISE_CREST_Q8 = 512
"""Crest of a window at the floor: 4, what a second of normal noise shows (log2 in Q8)."""
NOISE_KURTOSIS_Q8 = 406
"""Kurtosis of a window at the floor: 3, normal noise (log2 in Q8)."""


@dataclass(frozen=True)
class _Plan:
    """Everything worked out once for one sensor rate, scale and window length."""

    decimator: Decimator
    columns: NDArray[np.float64]
    welch: WelchPlan
    sums: BandPlan
    """Sums in the order rms, velocity (if any), bands."""
    peak_log2_q16: int
    """log2 in Q16 of the g that stand for a normalised peak of 1 at shift 0."""


class Vibration:
    """Vibration features of acceleration windows; see `VibrationSettings` for what fixes the schema."""

    def __init__(self, settings: VibrationSettings, rate_hz: float, scale: float) -> None:
        """Settings of the app; rate (Hz) and scale (g per count) of the sensor. Raises ConfigError on a misfit."""
        check_settings(settings, rate_hz)
        self.settings = settings
        self.schema: FeatureSchema = vibration_schema(settings)
        self._floors_q8 = floors_q8(settings)
        self._plans: dict[tuple[int, float, float], _Plan] = {}
        self._plan(int(settings.window_s * rate_hz + 0.5), rate_hz, scale)

    def extract(self, window: Window) -> FeatureVector:
        """Features of one window: int16 counts (n_axes, length) in g."""
        plan = self._plan(window.samples.shape[1], window.rate_hz, window.scale)
        decimated = decimate(window.samples, plan.decimator, plan.columns)
        signal, shift = normalise(decimated, plan.welch.bits)
        spectral, silent = log2_bands(welch_power(signal, plan.welch, plan.sums.top_bin), plan.sums)
        spectral -= (shift << 17)[:, None]
        peak, crest, kurtosis = log2_moments(signal, plan.welch.bits)
        peak += plan.peak_log2_q16 - (shift << 16)
        values = self._levels(spectral, silent, np.stack((peak, crest >> 1, kurtosis), axis=1))
        levels = np.clip(values, -32768, 32767).astype(np.int16)
        return FeatureVector(levels.ravel(), self.schema, clipped=int(np.count_nonzero(levels != values)))

    def level(self, feature: str, value: float) -> int:
        """A physical value (g, ratio, mm/s; g² for bands) as that feature's integer."""
        self.schema.check_name(feature)
        return level(value)

    def physical(self, feature: str, level: int) -> float:
        """The inverse of `level`."""
        self.schema.check_name(feature)
        return physical(level)

    def _levels(self, spectral: Ints, silent: NDArray[np.bool_], shape: Ints) -> Ints:
        """Q16 logarithms to Q8 levels (n_axes, features of an axis) in the order of the schema, floors applied.

        `spectral` and `silent` (n_axes, sums) are powers, `shape` (n_axes, 3) peak, crest and kurtosis.
        """
        amplitudes = 2 if self.settings.has_velocity else 1
        sums = np.empty_like(spectral)
        sums[:, :amplitudes] = (spectral[:, :amplitudes] + 256) >> 9
        sums[:, amplitudes:] = (spectral[:, amplitudes:] + 128) >> 8
        sums[silent] = -32768
        np.maximum(sums[:, 0], self._floors_q8[0], out=sums[:, 0])
        sums[:, 1:amplitudes] = add_amplitudes_q8(sums[:, 1:amplitudes], self._floors_q8[1:amplitudes])
        sums[:, amplitudes:] = add_powers_q8(sums[:, amplitudes:], self._floors_q8[amplitudes:])
        at_floor = sums[:, 0] == self._floors_q8[0]
        shape = (shape + 128) >> 8
        np.maximum(shape[:, 0], self._floors_q8[0], out=shape[:, 0])
        shape[at_floor] = (self._floors_q8[0] + NOISE_CREST_Q8, NOISE_CREST_Q8, NOISE_KURTOSIS_Q8)
        return np.concatenate((sums[:, :1], shape, sums[:, 1:]), axis=1)

    def _plan(self, length: int, rate_hz: float, scale: float) -> _Plan:
        key = (length, rate_hz, scale)
        if key not in self._plans:
            self._plans[key] = make_plan(self.settings, length, rate_hz, scale)
        return self._plans[key]


def make_plan(settings: VibrationSettings, length: int, rate_hz: float, scale: float) -> _Plan:
    """Filters, tables and constants for windows of `length` samples. Raises ConfigError when that is too short."""
    decimator = design_decimator(rate_hz, settings.min_rate_hz, settings.band_hz[1])
    try:
        welch = plan_welch(settings.axes, decimator.output_length(length))
    except ValueError as error:
        raise ConfigError(
            f"window of {settings.window_s:g} s at {rate_hz:g} Hz is too short for spectra: {error}",
            "Set a longer `window: {seconds: …}`.",
        ) from error
    rate_mhz = int(rate_hz * 1000.0 / decimator.factor + 0.5)
    bin_hz = rate_mhz / 1000.0 / welch.segment_length
    if settings.band_hz[0] < bin_hz:
        raise ConfigError(
            f"band_hz starts at {settings.band_hz[0]:g} Hz, but a window of {settings.window_s:g} s resolves "
            f"{bin_hz:.1f} Hz",
            "Set a longer `window: {seconds: …}`, or start `band_hz` higher.",
        )
    scale_log2 = math.log2(scale) - FRACTION_BITS
    power_log2 = 2.0 * scale_log2 - math.log2(HANN_ENERGY * welch.segments)
    sums = plan_sums(_sums(settings, rate_mhz, welch.segment_length), power_log2)
    return _Plan(decimator, polyphase(decimator), welch, sums, q16(scale_log2 + welch.bits))


def _sums(settings: VibrationSettings, rate_mhz: int, segment_length: int) -> list[Sum]:
    """The sums behind rms_g, velocity_rms_mmps (if any) and the bands, units g² and (mm/s)²."""

    def position(edge_mhz: int) -> int:
        return edge_position(edge_mhz, rate_mhz, segment_length)

    edges = [position(edge) for edge in settings.edges_mhz]
    sums = [band_sum(edges[0], edges[-1])]
    if settings.has_velocity:
        low, high = (position(int(edge_hz * 1000.0)) for edge_hz in VELOCITY_BAND_HZ)
        # The weights hold (low / f)^2; what is left of (1 / (2 pi f))^2 is one constant.
        unit = 2.0 * math.log2(1000.0 * STANDARD_GRAVITY_MPS2 / (2.0 * math.pi * VELOCITY_BAND_HZ[0]))
        sums.append(velocity_sum(low, high, unit))
    return sums + [band_sum(low, high) for low, high in pairwise(edges)]


def floors_q8(settings: VibrationSettings) -> Ints:
    """Levels of the white noise under each sum, Q8, in the order of the sums.

    rms_g never falls below FLOOR_G_PER_RTHZ; to velocity and bands `settings.noise_ug_per_rthz` is added.
    """
    edges = [edge / 1000.0 for edge in settings.edges_mhz]
    floors = [level(FLOOR_G_PER_RTHZ * math.sqrt(edges[-1] - edges[0]))]
    density = (settings.noise_ug_per_rthz * 1e-6) ** 2
    if settings.has_velocity:
        low, high = VELOCITY_BAND_HZ
        mmps_hz_per_g = 1000.0 * STANDARD_GRAVITY_MPS2 / (2.0 * math.pi)
        floors.append(level(math.sqrt(density * (1.0 / low - 1.0 / high)) * mmps_hz_per_g))
    floors += [level(density * (high - low)) for low, high in pairwise(edges)]
    return np.array(floors, np.int64)


def check_settings(settings: VibrationSettings, rate_hz: float) -> None:
    """Raises ConfigError when the band does not fit the rates."""
    low, high = settings.band_hz
    if not 0.0 < low < high or settings.bands < 1 or settings.axes < 1:
        raise ConfigError(
            f"band_hz: [{low:g}, {high:g}] with {settings.bands} bands says nothing",
            "Give two rising frequencies above 0 and at least one band.",
        )
    if high > 0.49 * settings.min_rate_hz:
        raise ConfigError(
            f"band_hz ends at {high:g} Hz, but min_rate_hz {settings.min_rate_hz:g} carries at most "
            f"{0.49 * settings.min_rate_hz:g} Hz",
            f"Set `min_rate_hz: {math.ceil(high / 0.49)}` for the sensor, or end `band_hz` lower.",
        )
    if rate_hz < settings.min_rate_hz:
        raise ConfigError(
            f"sensor too slow: {rate_hz:g} Hz, but the app needs min_rate_hz {settings.min_rate_hz:g}",
            "Set a higher `rate_hz` for the sensor, or use a sensor that can.",
        )
