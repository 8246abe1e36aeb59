"""The numpy front end equals the one written in plain integers from docs/reference/front-end.md, byte for byte."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import scalar_frontend
from frontend_windows import KINDS, counts_of

from edge_app.core.frames import Window
from edge_app.dsp.bearing import Bearing
from edge_app.features.bearing_lines import Band, BearingLines, BearingLinesSettings
from edge_app.features.schema import VibrationSettings
from edge_app.features.vibration import Vibration

LINES_HZ = Bearing(balls=9, ball_mm=7.94, pitch_mm=39.04).line_hz(29.5)
RATES = [
    (200.0, 1.0),
    (3332.0, 1.0),
    (2560.0, 1.0),
    (12000.0, 1.0),
    (25600.0, 0.3),
    (48000.0, 0.5),
    (1600.0, 0.4),
    (3332.0, 6.0),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rate_hz", "seconds"), RATES, ids=[f"{rate:g}Hz-{seconds:g}s" for rate, seconds in RATES])
def test_every_value_equals_the_scalar_reference(rate_hz: float, seconds: float, kind: str) -> None:
    low_hz = 10.0 if seconds >= 0.5 else 30.0
    high_hz = min(1250.0, 0.45 * rate_hz)
    min_rate_hz = min(2560.0, rate_hz)
    scale = 2 / 32768
    counts = counts_of(kind, int(rate_hz * seconds + 0.5))
    settings = VibrationSettings((low_hz, high_hz), 24, 1, min_rate_hz, seconds)
    extractor = Vibration(settings, rate_hz, scale)

    vector = extractor.extract(Window(counts[None], scale, "g", rate_hz, 0.0, seconds))

    plain = [int(count) for count in counts]
    expected = scalar_frontend.axis_features(plain, rate_hz, scale, low_hz, high_hz, 24, min_rate_hz)
    assert vector.values.tolist() == expected
    assert vector.values.dtype == np.int16
    assert vector.clipped == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rate_hz", "seconds"), RATES, ids=[f"{rate:g}Hz-{seconds:g}s" for rate, seconds in RATES])
def test_every_bearing_line_equals_the_scalar_reference(rate_hz: float, seconds: float, kind: str) -> None:
    min_rate_hz = min(3200.0, rate_hz)
    band_hz = (0.15 * min_rate_hz, 0.4 * min_rate_hz)
    counts = counts_of(kind, int(rate_hz * seconds + 0.5))
    settings = BearingLinesSettings((Band(min_rate_hz, band_hz),), seconds)
    extractor = BearingLines(settings, rate_hz, LINES_HZ)

    vector = extractor.extract(Window(counts[None], 2 / 32768, "g", rate_hz, 0.0, seconds))

    plain = [int(count) for count in counts]
    if vector.doubts:
        assert "too short" in vector.doubts[0]
        return
    lines = scalar_frontend.envelope_lines(plain, rate_hz, min_rate_hz, band_hz[1], band_hz, LINES_HZ)
    assert vector.values.tolist() == [lines.get(family, 0) for family in ("bpfo", "bpfi", "bsf", "ftf")]


@pytest.mark.parametrize("seed", range(12))
def test_random_windows_of_any_size_and_level_equal_the_scalar_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rate_hz = float(rng.choice([2560, 2666, 3200, 3332, 6400, 10000]))
    length = int(rate_hz * rng.uniform(0.45, 1.6))
    level = 2.0 ** rng.uniform(-1, 16)
    counts = np.clip(np.round(rng.standard_normal(length) * level + rng.uniform(-2e4, 2e4)), -32768, 32767)
    scale = float(rng.choice([2, 4, 8, 16])) / 32768
    low_hz, bands = float(rng.uniform(15, 60)), int(rng.integers(1, 40))
    settings = VibrationSettings((low_hz, 1250.0), bands, 1, 2560.0, length / rate_hz)
    vector = Vibration(settings, rate_hz, scale).extract(
        Window(counts.astype(np.int16)[None], scale, "g", rate_hz, 0.0, 1.0)
    )
    plain = [int(count) for count in counts]
    assert vector.values.tolist() == scalar_frontend.axis_features(plain, rate_hz, scale, low_hz, 1250.0, bands, 2560.0)


def test_each_axis_of_three_has_the_values_it_has_alone() -> None:
    rate_hz, scale = 3332.0, 16 / 32768
    counts = np.stack([counts_of(kind, 3332) for kind in ("noise", "impulse", "sine")])
    three = Vibration(VibrationSettings((10.0, 1250.0), 32, 3, 2560.0, 1.0), rate_hz, scale)
    one = Vibration(VibrationSettings((10.0, 1250.0), 32, 1, 2560.0, 1.0), rate_hz, scale)
    together = three.extract(Window(counts, scale, "g", rate_hz, 0.0, 1.0)).values.reshape(3, -1)
    for axis in range(3):
        alone = one.extract(Window(counts[axis : axis + 1].copy(), scale, "g", rate_hz, 0.0, 1.0))
        assert together[axis].tolist() == alone.values.tolist()


def test_the_tables_equal_those_made_in_integers() -> None:
    from edge_app.dsp.fft import twiddle_q15
    from edge_app.dsp.fixed import LOG2_TABLE
    from edge_app.dsp.spectrum import hann_q15

    assert list(LOG2_TABLE) == scalar_frontend.log2_table()
    for length in (256, 1024):
        assert hann_q15(length) == scalar_frontend.hann(length)
        assert [twiddle_q15(k, length) for k in range(length)] == scalar_frontend.twiddles(length)


def test_no_table_entry_of_the_usual_rates_sits_on_a_rounding_tie() -> None:
    """The last digit of sin, cos and I0 differs between C libraries; it must not reach a table."""
    for rate_hz in (3332.0, 3200.0, 6400.0, 6664.0, 12000.0, 25600.0, 48000.0):
        taps = unrounded_taps(1250.0 / rate_hz, 1562.5 / rate_hz)
        assert min(abs(tap - np.floor(tap) - 0.5) for tap in taps if abs(tap) > 1e-9) > 1e-9


def unrounded_taps(passband: float, stopband: float) -> list[float]:
    from edge_app.dsp.decimate import scaled_taps

    return scaled_taps(passband, stopband, 18)


def test_the_checksums_that_micropython_is_held_to_are_those_of_numpy(repository: Path) -> None:
    sys.path.append(str(repository / "tests" / "micropython"))
    import mp_frontend as device

    from edge_app.dsp.fft import fft, plan_fft, twiddle_q15
    from edge_app.dsp.moments import moments
    from edge_app.dsp.spectrum import hann_q15, normalise, plan_welch, welch_power

    points = np.array([complex(*point) for point in device.points(256)]).reshape(-1, 1)
    transformed = fft(points, plan_fft(256, 1)).view(np.float64).ravel()
    assert device.checksum([int(part) for part in transformed]) == device.FFT_256
    assert device.checksum(hann_q15(1024)) == device.HANN_1024
    twiddles = [part for k in range(1024) for part in twiddle_q15(k, 1024)]
    assert device.checksum(twiddles) == device.TWIDDLES_1024
    draw = device.Draw(5)
    counts = np.array([[float(draw.within(30000) << 8) for _ in range(300)]])
    signal, _ = normalise(counts, 25)
    power = welch_power(signal, plan_welch(1, 300), 128)[0]
    assert device.checksum([int(one) & 0xFFFFFF for one in power]) == device.POWER_300
    sums = [int(one[0]) & 0xFFFFFF for one in moments(signal, 25)]
    assert device.checksum(sums) == device.MOMENTS_300
    counts16 = np.array([device.small_window()], np.int16)
    extractor = Vibration(VibrationSettings((30.0, 1250.0), 8, 1, 2560.0, 900 / 3332), 3332.0, 16 / 32768)
    vector = extractor.extract(Window(counts16, 16 / 32768, "g", 3332.0, 0.0, 1.0))
    assert vector.values.tolist() == device.VECTOR
