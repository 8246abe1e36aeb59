"""What the integer log-mel costs, and what loudness does to it, on every recording of bldc-audio."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from float_sound import FloatLogMel

from edge_app.core.frames import Window
from edge_app.features.audio import AudioSettings, LogMelFeatures

pytestmark = pytest.mark.data

SCALE = 1 / 32768
SETTINGS = AudioSettings((100.0, 7500.0), 12, 64.0, 32.0, 40.0, 16000.0, 2.0)
DB = 3.010299956639812


@pytest.fixture(scope="module")
def windows(shared_data: Path) -> list[np.ndarray]:
    """int16 (1, 32000): windows of 2 s, one a second."""
    found = []
    for path in sorted((shared_data / "data" / "bldc-audio").glob("*/*.wav")):
        with wave.open(str(path)) as file:
            counts = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        found += [counts[None, at : at + 32000].copy() for at in range(0, len(counts) - 31999, 16000)]
    assert len(found) > 300
    return found


def integers(counts: list[np.ndarray]) -> np.ndarray:
    """log2 of every value and rms_fs, (n, 37)."""
    extractor = LogMelFeatures(SETTINGS, 16000.0, SCALE)
    vectors = [extractor.extract(Window(each, SCALE, "fs", 16000.0, 0.0, 2.0)) for each in counts]
    return np.array([[*vector.values, vector.evidence["rms_fs"]] for vector in vectors]) / 256


def softer(counts: np.ndarray, gain_db: float) -> np.ndarray:
    return np.round(counts * 10 ** (gain_db / 20)).astype(np.int16)


def test_integers_lose_a_twentieth_of_a_db_at_most(windows) -> None:
    real = FloatLogMel(16000.0, SCALE)
    error_db = np.abs(integers(windows) - [real.features(each) for each in windows]) * DB
    assert np.percentile(error_db, 95) < 0.012  # a Q8 step is 0.012 dB
    assert error_db.max() < 0.05


@pytest.mark.parametrize(("gain_db", "most_db"), [(-10.0, 0.05), (-20.0, 0.1)])
def test_a_softer_recording_has_the_same_features(windows, gain_db: float, most_db: float) -> None:
    before = integers(windows)[:, :-1]
    after = integers([softer(each, gain_db) for each in windows])[:, :-1]
    assert np.abs(before - after).max() * DB < most_db
