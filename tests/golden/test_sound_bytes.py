"""The numpy log-mel equals the one written in plain integers from docs/reference/front-end.md, bit for bit."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import scalar_sound
from frontend_windows import KINDS, counts_of

from edge_app.core.frames import Window
from edge_app.features.audio import AudioSettings, LogMelFeatures

SCALE = 1 / 32768


def both(counts: np.ndarray, rate_hz: float, settings: AudioSettings) -> None:
    """numpy and scalar, asserted equal."""
    vector = LogMelFeatures(settings, rate_hz, SCALE).extract(
        Window(counts[None], SCALE, "fs", rate_hz, 0.0, settings.window_s)
    )
    expected, rms = scalar_sound.sound_features(
        [int(count) for count in counts], rate_hz, SCALE, *settings.band_hz, settings.bands,
        settings.min_rate_hz, settings.frame_ms, settings.hop_ms, settings.floor_db,
    )  # fmt: skip
    assert vector.values.tolist() == expected
    assert vector.evidence["rms_fs"] == rms
    assert vector.values.dtype == np.int16


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_equals_the_scalar_reference(kind: str) -> None:
    settings = AudioSettings((100.0, 7500.0), 12, 64.0, 32.0, 40.0, 16000.0, 0.35)
    both(counts_of(kind, 5600), 16000.0, settings)


@pytest.mark.parametrize(
    ("rate_hz", "seconds", "frame_ms"),
    [(32000.0, 0.3, 32.0), (48000.0, 0.22, 25.0), (16000.0, 0.1, 12.0), (44100.0, 0.36, 64.0)],
)
def test_other_rates_and_frames_equal_the_scalar_reference(rate_hz: float, seconds: float, frame_ms: float) -> None:
    """Decimated by 2 and 3; transforms of 256, 1024 and (44.1 kHz) 4096 points, padded and full."""
    settings = AudioSettings((150.0, 7000.0), 9, frame_ms, frame_ms / 2, 50.0, 16000.0, seconds)
    both(counts_of("noise", int(rate_hz * seconds + 0.5)), rate_hz, settings)


@pytest.mark.parametrize("seed", range(6))
def test_random_windows_equal_the_scalar_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    length = int(rng.integers(2400, 5000))
    level = 2.0 ** rng.uniform(-1, 14)
    swing = 10 ** (np.sin(np.arange(length) / rng.uniform(50, 900)) * rng.uniform(0, 2))
    counts = np.clip(np.round(rng.standard_normal(length) * swing * level), -32768, 32767).astype(np.int16)
    bands, floor_db = int(rng.integers(2, 20)), float(rng.uniform(20, 70))
    settings = AudioSettings(
        (float(rng.uniform(90, 300)), 7800.0), bands, 32.0, 16.0, floor_db, 16000.0, length / 16000
    )
    both(counts, 16000.0, settings)


def test_the_numbers_that_micropython_is_held_to_are_those_of_numpy(repository: Path) -> None:
    sys.path.append(str(repository / "tests" / "micropython"))
    import mp_sound as device

    settings = AudioSettings((200.0, 7000.0), 6, 16.0, 8.0, 40.0, 16000.0, 1600 / 16000)
    vector = LogMelFeatures(settings, 16000.0, SCALE).extract(
        Window(np.array([device.small_sound()], np.int16), SCALE, "fs", 16000.0, 0.0, 0.1)
    )
    assert vector.values.tolist() == device.VECTOR
    assert vector.evidence["rms_fs"] == device.RMS
    assert scalar_sound.mel_edges(200.0, 7000.0, 6) == list(settings.edges_mhz) == device.EDGES
