"""Names of vibration features, in order, and how each name stands for a physical quantity."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from edge_app.core.levels import level as level
from edge_app.core.levels import physical as physical
from edge_app.core.results import FeatureSchema
from edge_app.dsp.bands import log_edges_mhz

VELOCITY_BAND_HZ = (10.0, 1000.0)
"""Band of the velocity feature. Source: ISO 20816-1:2016, broad-band vibration, 10 Hz to 1 000 Hz."""
TIME_FEATURES = ("peak_g", "crest", "kurtosis")


@dataclass(frozen=True)
class VibrationSettings:
    """What a vibration vector depends on beside the samples; equal settings give equal schemas on any sensor."""

    band_hz: tuple[float, float]
    """Lowest and highest frequency analysed (Hz)."""
    bands: int
    """Bands of equal ratio between them."""
    axes: int
    min_rate_hz: float
    window_s: float
    noise_ug_per_rthz: float = 300.0
    """White noise (µg per root Hz) added to every band and to velocity, so that no model lives off what its sensor
    hears and another cannot: the noise of a recorder is no property of a machine. 300 is that of the noisier chips
    supported (data sheets: LSM6DS3 90, LIS3DH 220, MPU-6050 400)."""

    @property
    def edges_mhz(self) -> tuple[int, ...]:
        """Band edges (mHz), bands + 1 of them."""
        return log_edges_mhz(self.band_hz[0], self.band_hz[1], self.bands)

    @property
    def has_velocity(self) -> bool:
        """Velocity needs the whole ISO band."""
        return self.band_hz[0] <= VELOCITY_BAND_HZ[0] and self.band_hz[1] >= VELOCITY_BAND_HZ[1]

    @property
    def axis_names(self) -> tuple[str, ...]:
        """Features of one axis, in order."""
        velocity = ("velocity_rms_mmps",) if self.has_velocity else ()
        return ("rms_g", *TIME_FEATURES, *velocity, *band_names(self.edges_mhz))


def band_names(edges_mhz: tuple[int, ...]) -> tuple[str, ...]:
    """band_10_12_hz …: edges in Hz, with as many decimals (0 to 3) as keep the names apart."""
    for decimals in range(4):
        texts = [f"{edge / 1000:.{decimals}f}" for edge in edges_mhz]
        if len(set(texts)) == len(texts):
            break
    return tuple(f"band_{low}_{high}_hz" for low, high in pairwise(texts))


def vibration_schema(settings: VibrationSettings) -> FeatureSchema:
    """Schema of a vector: one axis plain, several with the axis number in front ("axis0_rms_g")."""
    names = settings.axis_names
    if settings.axes > 1:
        names = tuple(f"axis{axis}_{name}" for axis in range(settings.axes) for name in names)
    facts: dict[str, object] = {
        "band_hz": [float(edge) for edge in settings.band_hz],
        "bands": settings.bands,
        "axes": settings.axes,
        "min_rate_hz": float(settings.min_rate_hz),
        "window_s": float(settings.window_s),
        "noise_ug_per_rthz": float(settings.noise_ug_per_rthz),
    }
    return FeatureSchema("vibration/1", names, facts)
