"""How far the defect lines of a rolling bearing stand out of the envelope's spectrum: what tells which part fails.

A bearing rings at several resonances. A fast sensor hears the upper ones, where blows stand out most; a slow one must
do with the lower, so the band depends on the sensor's rate. The order of the work: band limiting → normalisation →
envelope of that band → line over neighbourhood. Arithmetic: docs/reference/front-end.md, "Envelope lines".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edge_app.core.errors import ConfigError
from edge_app.core.frames import Window
from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.core.units import DB_PER_POWER_OCTAVE, LOG2_ONE
from edge_app.dsp.decimate import decimate, design_decimator, polyphase
from edge_app.dsp.envelope import EnvelopePlan, line_levels, plan_envelope
from edge_app.dsp.spectrum import normalise
from edge_app.features.schema import level, physical

FAMILIES = ("bpfo", "bpfi", "bsf", "ftf")
"""Lines of outer race, inner race, rolling element and cage, in the order of the schema."""
SIGNAL_BITS = 25
"""The signal is normalised to this many bits before its envelope is taken; the envelope cuts it to 14."""


@dataclass(frozen=True)
class Band:
    """Where blows are listened for."""

    min_rate_hz: float
    """A slower sensor cannot hear the band (Hz)."""
    envelope_hz: tuple[float, float]
    """Its edges; the envelope of what lies between is searched (Hz)."""


@dataclass(frozen=True)
class BearingLinesSettings:
    """What the numbers depend on beside the samples and the bearing."""

    bands: tuple[Band, ...]
    """A sensor is served by the first one it is fast enough for."""
    window_s: float

    def band_for(self, rate_hz: float) -> Band | None:
        """The band a sensor of this rate (Hz) hears; None when it is too slow for all."""
        return next((each for each in self.bands if rate_hz >= each.min_rate_hz), None)


def bearing_lines_schema(settings: BearingLinesSettings) -> FeatureSchema:
    """One number a family: log2 in Q8 of the power ratio of its lines and their neighbourhood."""
    facts: dict[str, object] = {
        "bands": [[float(each.min_rate_hz), *map(float, each.envelope_hz)] for each in settings.bands],
        "window_s": float(settings.window_s),
    }
    return FeatureSchema("bearing_lines/1", tuple(f"{family}_line" for family in FAMILIES), facts)


class BearingLines:
    """Levels of a bearing's defect lines; doubts, and no numbers, where they cannot be known.

    Parameters
    ----------
    settings : BearingLinesSettings
    rate_hz : float
        Of the sensor.
    line_hz : mapping, optional
        Fundamental of each family (Hz); None when the machine's bearing or speed is not given.
    """

    def __init__(
        self, settings: BearingLinesSettings, rate_hz: float, line_hz: Mapping[str, float] | None = None
    ) -> None:
        check_bands(settings.bands)
        self.settings = settings
        self.schema = bearing_lines_schema(settings)
        self.doubts: tuple[str, ...] = ()
        """Why no window will do, whatever it holds."""
        band = settings.band_for(rate_hz)
        if line_hz is None:
            self.doubts = ("the machine's bearing and shaft speed are not given",)
        elif band is None:
            needed = f"{min(each.min_rate_hz for each in settings.bands):g} Hz"
            self.doubts = (f"{rate_hz:g} Hz is too slow for the lines of a bearing: {needed}",)
        self._line_hz = dict(line_hz or {})
        self._band = band or settings.bands[-1]
        self._decimator = design_decimator(rate_hz, self._band.min_rate_hz, self._band.envelope_hz[1])
        self._columns = polyphase(self._decimator)
        self._rate_hz = rate_hz / self._decimator.factor
        self._envelope: tuple[tuple[int, int], EnvelopePlan] | None = None

    def extract(self, window: Window) -> FeatureVector:
        """Levels for one window: int16 counts (n_axes, length); the best axis counts."""
        nothing = np.zeros(len(FAMILIES), np.int16)
        if self.doubts:
            return FeatureVector(nothing, self.schema, doubts=self.doubts)
        signal, _ = normalise(decimate(window.samples, self._decimator, self._columns), SIGNAL_BITS)
        try:
            plan = self._plan(len(signal), signal.shape[1])
        except ValueError:
            doubt = f"a window of {self.settings.window_s:g} s is too short for the lines of a bearing"
            return FeatureVector(nothing, self.schema, doubts=(doubt,))
        found = line_levels(signal, SIGNAL_BITS, plan)
        levels = np.array([found.get(family, 0) for family in FAMILIES])
        values = np.clip(levels, -32768, 32767).astype(np.int16)
        return FeatureVector(values, self.schema, clipped=int(np.count_nonzero(values != levels)))

    def describe(self, vector: FeatureVector) -> str:
        """The line that stands out most, where it lies and by how much, for people."""
        if vector.doubts or not self._line_hz:
            return ""
        height, family = max((int(value), family) for value, family in zip(vector.values, FAMILIES, strict=True))
        height_db = height * DB_PER_POWER_OCTAVE / LOG2_ONE
        return f"{family.upper()}, {self._line_hz[family]:.0f} Hz, stands {height_db:.0f} dB above its surroundings"

    def _plan(self, n_axes: int, length: int) -> EnvelopePlan:
        if self._envelope is None or self._envelope[0] != (n_axes, length):
            plan = plan_envelope(n_axes, length, self._rate_hz, self._band.envelope_hz, self._line_hz)
            self._envelope = (n_axes, length), plan
        return self._envelope[1]

    def level(self, feature: str, value: float) -> int:
        """A power ratio as that feature's integer."""
        self.schema.check_name(feature)
        return level(value)

    def physical(self, feature: str, level: int) -> float:
        """The inverse of `level`."""
        self.schema.check_name(feature)
        return physical(level)


def check_bands(bands: tuple[Band, ...]) -> None:
    """Raises ConfigError when a band does not lie below half of its rate."""
    for each in bands:
        (low, high), half_hz = each.envelope_hz, 0.5 * each.min_rate_hz
        if not 0.0 < low < high < half_hz:
            raise ConfigError(
                f"envelope [{low:g}, {high:g}] does not lie below half of the rate it takes, {half_hz:g} Hz",
                "Choose two rising frequencies below half of `min_rate_hz` (or `slow_min_rate_hz`).",
            )
