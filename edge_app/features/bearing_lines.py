"""How far the defect lines of a rolling bearing stand out of the envelope's spectrum: what tells which part fails.

The order of the work: band limiting → normalisation → envelope of a band in which bearings ring → line over
neighbourhood. Arithmetic: docs/reference/front-end.md, "Envelope lines".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edge_app.core.errors import ConfigError
from edge_app.core.frames import Window
from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.dsp.decimate import decimate, design_decimator, polyphase
from edge_app.dsp.envelope import EnvelopePlan, line_levels, plan_envelope
from edge_app.dsp.spectrum import normalise
from edge_app.features.schema import level, physical

FAMILIES = ("bpfo", "bpfi", "bsf", "ftf")
"""Lines of outer race, inner race, rolling element and cage, in the order of the schema."""
SIGNAL_BITS = 25
"""The signal is normalised to this many bits before its envelope is taken; the envelope cuts it to 14."""


@dataclass(frozen=True)
class BearingLinesSettings:
    """What the numbers depend on beside the samples and the bearing."""

    envelope_hz: tuple[float, float]
    """Band whose envelope is searched (Hz)."""
    min_rate_hz: float
    """A slower sensor cannot hear the band (Hz)."""
    window_s: float


def bearing_lines_schema(settings: BearingLinesSettings) -> FeatureSchema:
    """One number a family: log2 in Q8 of the power ratio of its lines and their neighbourhood."""
    facts: dict[str, object] = {
        "envelope_hz": [float(edge) for edge in settings.envelope_hz],
        "min_rate_hz": float(settings.min_rate_hz),
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
        low, high = settings.envelope_hz
        if not 0.0 < low < high < 0.5 * settings.min_rate_hz:
            raise ConfigError(
                f"envelope_hz: [{low:g}, {high:g}] does not lie below half of min_rate_hz, "
                f"{0.5 * settings.min_rate_hz:g} Hz",
                "Choose two rising frequencies below half of the rate.",
            )
        self.settings = settings
        self.schema = bearing_lines_schema(settings)
        self._doubts: tuple[str, ...] = ()
        if line_hz is None:
            self._doubts = ("the machine's bearing and shaft speed are not given",)
        elif rate_hz < settings.min_rate_hz:
            needed = f"{settings.min_rate_hz:g} Hz"
            self._doubts = (f"{rate_hz:g} Hz is too slow for the lines of a bearing: {needed}",)
        self._line_hz = dict(line_hz or {})
        self._decimator = design_decimator(rate_hz, settings.min_rate_hz, high)
        self._columns = polyphase(self._decimator)
        self._rate_hz = rate_hz / self._decimator.factor
        self._envelope: tuple[tuple[int, int], EnvelopePlan] | None = None

    def extract(self, window: Window) -> FeatureVector:
        """Levels for one window: int16 counts (n_axes, length); the best axis counts."""
        nothing = np.zeros(len(FAMILIES), np.int16)
        if self._doubts:
            return FeatureVector(nothing, self.schema, doubts=self._doubts)
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

    def _plan(self, n_axes: int, length: int) -> EnvelopePlan:
        if self._envelope is None or self._envelope[0] != (n_axes, length):
            plan = plan_envelope(n_axes, length, self._rate_hz, self.settings.envelope_hz, self._line_hz)
            self._envelope = (n_axes, length), plan
        return self._envelope[1]

    def level(self, feature: str, value: float) -> int:
        """A power ratio as that feature's integer."""
        return level(value)

    def physical(self, feature: str, level: int) -> float:
        """The inverse of `level`."""
        return physical(level)
