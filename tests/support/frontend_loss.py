"""What the integer front end loses against double precision on the CWRU recordings: dB per band, AUROC per fault."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from float_frontend import FloatFrontend
from scipy.io import loadmat

from edge_app.core.frames import Window
from edge_app.core.units import DB_PER_POWER_OCTAVE
from edge_app.features.schema import VibrationSettings
from edge_app.features.vibration import Vibration

WINDOW_S, HOP_S = 1.0, 0.25
FIRST_BAND = 5


@dataclass(frozen=True)
class Recording:
    name: str
    rate_hz: float
    accel_g: np.ndarray
    """Drive end, (n,)."""

    @property
    def healthy(self) -> bool:
        return self.name.startswith("normal")

    def windows(self, range_g: float) -> list[np.ndarray]:
        """int16 counts (1, n) of each window as a sensor of +-range_g would deliver them."""
        counts = np.clip(np.round(self.accel_g * (32768 / range_g)), -32768, 32767).astype(np.int16)[None]
        length, hop = int(WINDOW_S * self.rate_hz), int(HOP_S * self.rate_hz)
        return [counts[:, i : i + length].copy() for i in range(0, counts.shape[1] - length + 1, hop)]


def recordings(shared: Path) -> list[Recording]:
    """Every CWRU file; `normal_0_97` and `48k_*` are 48 kHz (SOURCE.md: the trap)."""
    files = []
    for path in sorted((shared / "data" / "cwru").glob("*.mat")):
        content = loadmat(path)
        key = next(key for key in content if key.endswith("DE_time"))
        rate_hz = 12000.0 if path.stem.startswith("12k") else 48000.0
        files.append(Recording(path.stem, rate_hz, content[key].ravel()))
    return files


def features(recording: Recording, range_g: float) -> tuple[np.ndarray, np.ndarray]:
    """log2 features of every window, (n_windows, 37): integer (Q8 / 256) and double precision, same counts."""
    scale = range_g / 32768
    windows = recording.windows(range_g)
    integer = Vibration(VibrationSettings((10.0, 1250.0), 32, 1, 2560.0, WINDOW_S), recording.rate_hz, scale)
    real = FloatFrontend(recording.rate_hz, scale, 1, windows[0].shape[1])
    ours = [integer.extract(Window(x, scale, "g", recording.rate_hz, 0.0, 1.0)).values / 256 for x in windows]
    return np.array(ours), np.array([real.features(x)[0] for x in windows])


def errors_db(recording: Recording, range_g: float) -> tuple[np.ndarray, np.ndarray]:
    """Integer minus double precision: (band levels in dB of power, the five others in dB of amplitude), flat."""
    ours, real = features(recording, range_g)
    error = (ours - real) * DB_PER_POWER_OCTAVE
    return error[:, FIRST_BAND:].ravel(), 2.0 * error[:, :FIRST_BAND].ravel()


def auroc(healthy: np.ndarray, faulty: np.ndarray) -> float:
    """Chance that a faulty score is above a healthy one, ties counted half."""
    above = (faulty[:, None] > healthy[None, :]).mean()
    return float(above + 0.5 * (faulty[:, None] == healthy[None, :]).mean())


def distance(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Mean squared standardised deviation from the training windows: the plainest anomaly score."""
    spread = train.std(axis=0) + 0.05
    return (((test - train.mean(axis=0)) / spread) ** 2).mean(axis=1)
