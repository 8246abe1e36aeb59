"""Log-mel features of sound, free of its level: what a machine sounds like, not how loud.

The order of the work: decimation → normalisation → frames → power → log band levels → statistics over the window.
Arithmetic: docs/reference/front-end.md, "Sound"; meaning of each feature: docs/reference/features.md.
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
from edge_app.core.units import DB_PER_POWER_OCTAVE, LOG2_ONE
from edge_app.dsp.bands import BandPlan, band_sum, edge_position, plan_sums, q16
from edge_app.dsp.decimate import FRACTION_BITS, Decimator, decimate, design_decimator, polyphase
from edge_app.dsp.mel import (
    SIGNAL_BITS,
    FramePlan,
    band_statistics,
    frame_power,
    log_mel,
    mel_edges_mhz,
    plan_frames,
)
from edge_app.dsp.spectrum import HANN_ENERGY, normalise
from edge_app.features.schema import band_names, level, physical

RMS = "rms_fs"
"""Evidence for the operating gate: root mean square within `band_hz`, 1.0 is full scale. No model reads it."""
SILENT = -32768
"""Level of a window of zeros."""
STATISTICS = ("band", "spread", "flux")
"""What is said of each band; first words of the features' names."""
DB_PER_COUNT = DB_PER_POWER_OCTAVE / LOG2_ONE
"""dB of power in one count of a log level."""


@dataclass(frozen=True)
class AudioSettings:
    """What a vector depends on beside the samples; equal settings give equal schemas on any microphone."""

    band_hz: tuple[float, float]
    """Lowest and highest frequency heard (Hz)."""
    bands: int
    """Bands of equal width in mel between them."""
    frame_ms: float
    """Length of a frame (ms)."""
    hop_ms: float
    """Time between the starts of two frames (ms)."""
    floor_db: float
    """What lies this far (dB) under the window's own mean level, spread evenly over the frequencies, is not heard."""
    min_rate_hz: float
    window_s: float

    @property
    def edges_mhz(self) -> tuple[int, ...]:
        """Band edges (mHz), bands + 1 of them."""
        return mel_edges_mhz(self.band_hz[0], self.band_hz[1], self.bands)

    @property
    def floors_q8(self) -> tuple[int, ...]:
        """The floor of each band relative to the window's mean power, log2 in Q8."""
        edges = self.edges_mhz
        under = self.floor_db / DB_PER_POWER_OCTAVE
        shares = [(high - low) / (edges[-1] - edges[0]) for low, high in pairwise(edges)]
        return tuple(math.floor(LOG2_ONE * (math.log2(share) - under) + 0.5) for share in shares)


def audio_schema(settings: AudioSettings) -> FeatureSchema:
    """Schema of a vector: band_100_316_hz … (levels), then spread_… and flux_… of the same bands."""
    ends = [name.removeprefix("band") for name in band_names(settings.edges_mhz)]
    facts: dict[str, object] = {
        "band_hz": [float(edge) for edge in settings.band_hz],
        "bands": settings.bands,
        "frame_ms": float(settings.frame_ms),
        "hop_ms": float(settings.hop_ms),
        "floor_db": float(settings.floor_db),
        "min_rate_hz": float(settings.min_rate_hz),
        "window_s": float(settings.window_s),
    }
    return FeatureSchema("log_mel/1", tuple(word + end for word in STATISTICS for end in ends), facts)


@dataclass(frozen=True)
class _Plan:
    """Everything worked out once for one rate, scale and window length."""

    decimator: Decimator
    columns: NDArray[np.float64]
    frames: FramePlan
    sums: BandPlan
    rms_log2_q16: int
    """log2 in Q16 of the mean square (full scale 1) that one unit of a frame's power stands for, shift 0."""


class LogMelFeatures:
    """Features of sound windows of one channel; see `AudioSettings` for what fixes the schema."""

    gate_names = (RMS,)
    """Evidence an operating gate may read."""

    def __init__(self, settings: AudioSettings, rate_hz: float, scale: float) -> None:
        """Settings of the app; rate (Hz) and scale (full scale per count) of the microphone. Raises ConfigError."""
        check_settings(settings, rate_hz)
        self.settings = settings
        self.schema = audio_schema(settings)
        self._floors_q8 = np.array(settings.floors_q8, np.int64)
        self._plans: dict[tuple[int, float, float], _Plan] = {}
        self._plan(int(settings.window_s * rate_hz + 0.5), rate_hz, scale)

    def extract(self, window: Window) -> FeatureVector:
        """Features of one window: int16 counts (1, length)."""
        plan = self._plan(window.samples.shape[1], window.rate_hz, window.scale)
        signal, shift = normalise(decimate(window.samples, plan.decimator, plan.columns), SIGNAL_BITS)
        power = frame_power(signal[0], plan.frames, plan.sums.top_bin)
        mel = log_mel(power, plan.sums, self._floors_q8)
        values = np.concatenate(band_statistics(mel.bands_q8))
        rms_q8 = SILENT if mel.silent else (mel.level_q16 + plan.rms_log2_q16 - (int(shift[0]) << 17) + 256) >> 9
        return FeatureVector(values.astype(np.int16), self.schema, {RMS: rms_q8})

    def level(self, feature: str, value: float) -> int:
        """A physical value as that feature's integer: a ratio of powers, a change in dB, or full scales (rms_fs)."""
        return level(value / self._unit(feature))

    def physical(self, feature: str, level: int) -> float:
        """The inverse of `level`."""
        return physical(level) * self._unit(feature)

    def _unit(self, feature: str) -> float:
        """What a feature of log2 0 stands for: 1, or one count of a log level in dB."""
        self.schema.check_name(feature, RMS)
        return DB_PER_COUNT if feature.startswith(STATISTICS[1:]) else 1.0

    def _plan(self, length: int, rate_hz: float, scale: float) -> _Plan:
        key = (length, rate_hz, scale)
        if key not in self._plans:
            self._plans[key] = make_plan(self.settings, length, rate_hz, scale)
        return self._plans[key]


def make_plan(settings: AudioSettings, length: int, rate_hz: float, scale: float) -> _Plan:
    """Filters, tables and constants for windows of `length` samples. Raises ConfigError when frames do not fit."""
    decimator = design_decimator(rate_hz, settings.min_rate_hz, settings.band_hz[1])
    if decimator.factor == 1:
        decimator = Decimator(1, (sum(decimator.taps),))  # bands end below the top: nothing to filter
    rate_mhz = int(rate_hz * 1000.0 / decimator.factor + 0.5)
    frame_length, hop = (int(ms * rate_mhz / 1e6 + 0.5) for ms in (settings.frame_ms, settings.hop_ms))
    try:
        frames = plan_frames(decimator.output_length(length), frame_length, hop)
    except ValueError as error:
        raise ConfigError(
            f"window of {settings.window_s:g} s, frames of {settings.frame_ms:g} ms every {settings.hop_ms:g} ms at "
            f"{rate_hz:g} Hz: {error}",
            "Set a longer `window: {seconds: …}`, or shorter `frame_ms` and `hop_ms`.",
        ) from error
    edges = [edge_position(edge, rate_mhz, frames.size) for edge in settings.edges_mhz]
    if edges[1] - edges[0] < 256:
        raise ConfigError(
            f"the lowest of {settings.bands} bands is narrower than a frame of {settings.frame_ms:g} ms resolves",
            "Take fewer `bands`, or longer frames.",
        )
    sums = [band_sum(edges[0], edges[-1]), *(band_sum(low, high) for low, high in pairwise(edges))]
    # Parseval: the mean square is the sum of 4 |X|^2 over one side, times size / (2 · Hann energy · frame length).
    unit_log2 = math.log2(frames.size / (2.0 * HANN_ENERGY * frame_length)) + 2.0 * (math.log2(scale) - FRACTION_BITS)
    return _Plan(decimator, polyphase(decimator), frames, plan_sums(sums, 0.0), q16(unit_log2))


def check_settings(settings: AudioSettings, rate_hz: float) -> None:
    """Raises ConfigError when the band does not fit the rates."""
    low, high = settings.band_hz
    if not 0.0 < low < high or settings.bands < 2:
        raise ConfigError(
            f"band_hz: [{low:g}, {high:g}] with {settings.bands} bands says nothing",
            "Give two rising frequencies above 0 and at least two bands.",
        )
    if high > 0.49 * settings.min_rate_hz:
        raise ConfigError(
            f"band_hz ends at {high:g} Hz, but min_rate_hz {settings.min_rate_hz:g} carries at most "
            f"{0.49 * settings.min_rate_hz:g} Hz",
            f"Set `min_rate_hz: {math.ceil(high / 0.49)}` for the microphone, or end `band_hz` lower.",
        )
    if settings.hop_ms > settings.frame_ms:
        raise ConfigError(
            f"hop_ms {settings.hop_ms:g} is longer than frame_ms {settings.frame_ms:g}: sound would go unheard",
            "Set `hop_ms` to half of `frame_ms`.",
        )
    if rate_hz < settings.min_rate_hz:
        raise ConfigError(
            f"sensor too slow: {rate_hz:g} Hz, but the app needs min_rate_hz {settings.min_rate_hz:g}",
            "Set a higher `rate_hz` for the microphone, or use one that can.",
        )
