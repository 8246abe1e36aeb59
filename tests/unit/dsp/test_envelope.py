"""Envelope lines of simulated bearing defects."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.dsp.bearing import Bearing
from edge_app.dsp.envelope import bandpass_taps, envelope, line_levels, plan_envelope
from edge_app.dsp.spectrum import normalise

RATE_HZ = 3332.0
BAND_HZ = (500.0, 1250.0)
LINES_HZ = Bearing(balls=9, ball_mm=7.94, pitch_mm=39.04).line_hz(29.5)


def struck(strike_hz: float, seconds: float = 1.0, noise: float = 0.3) -> np.ndarray:
    """A resonance at 900 Hz struck `strike_hz` times a second, in noise, beside a strong shaft line; normalised."""
    rng = np.random.default_rng(11)
    t = np.arange(int(RATE_HZ * seconds)) / RATE_HZ
    since = t % (1.0 / strike_hz)
    ringing = np.exp(-since * 400.0) * np.sin(2 * np.pi * 900.0 * since)
    x = ringing + noise * rng.standard_normal(len(t)) + 2.0 * np.sin(2 * np.pi * 29.5 * t)
    return normalise(np.round(x * 2**20)[None], 25)[0]


@pytest.mark.parametrize("family", ["bpfo", "bpfi", "bsf"])
def test_the_line_that_is_struck_stands_out_and_no_other_does(family: str) -> None:
    signal = struck(LINES_HZ[family])
    plan = plan_envelope(1, signal.shape[1], RATE_HZ, BAND_HZ, LINES_HZ)
    levels = line_levels(signal, 25, plan)
    assert set(levels) == {"bpfo", "bpfi", "bsf", "ftf"}
    assert levels[family] > 5 * 256  # 2^5 = 15 dB over the median of its neighbours
    # Harmonics of two families may fall together (3 BPFO = 317 Hz, 2 BPFI = 320 Hz), which lifts the other by a third.
    assert all(level < levels[family] - 3 * 128 for name, level in levels.items() if name != family)


def test_noise_shows_no_line() -> None:
    signal = normalise(np.round(np.random.default_rng(2).normal(0, 1e5, (1, 3332))), 25)[0]
    levels = line_levels(signal, 25, plan_envelope(1, 3332, RATE_HZ, BAND_HZ, LINES_HZ))
    assert max(levels.values()) < 4 * 256


def test_of_several_axes_the_one_that_shows_it_most_counts() -> None:
    quiet = normalise(np.round(np.random.default_rng(2).normal(0, 1e5, (1, 3332))), 25)[0]
    loud = struck(LINES_HZ["bpfo"])
    both = np.concatenate([quiet, loud])
    alone = line_levels(loud, 25, plan_envelope(1, 3332, RATE_HZ, BAND_HZ, LINES_HZ))
    assert line_levels(both, 25, plan_envelope(2, 3332, RATE_HZ, BAND_HZ, LINES_HZ))["bpfo"] == alone["bpfo"]


def test_a_line_that_slips_by_one_and_a_half_percent_is_still_found() -> None:
    plan = plan_envelope(1, 3332, RATE_HZ, BAND_HZ, LINES_HZ)
    assert line_levels(struck(0.985 * LINES_HZ["bpfi"]), 25, plan)["bpfi"] > 5 * 256


def test_lines_beyond_the_envelopes_spectrum_are_left_out() -> None:
    plan = plan_envelope(1, 3332, RATE_HZ, BAND_HZ, {"fast": 600.0, "slow": 100.0})
    assert plan.names == ("slow",)
    assert line_levels(struck(100.0), 25, plan_envelope(1, 3332, RATE_HZ, BAND_HZ, {"fast": 600.0})) == {}


def test_the_band_pass_keeps_its_band_and_stops_the_shaft() -> None:
    taps = bandpass_taps(RATE_HZ, BAND_HZ)
    gain_db = 20 * np.log10(np.abs(np.fft.rfft(taps, 1 << 15)) / 32768 + 1e-9)
    hz = np.fft.rfftfreq(1 << 15, 1 / RATE_HZ)
    assert np.abs(gain_db[(hz > 505) & (hz < 1245)]).max() < 0.1
    assert gain_db[hz < 380].max() < -60
    assert sum(map(abs, taps)) < 1 << 17  # times 14-bit samples: below 2^31


def test_the_envelope_is_whole_numbers_of_24_bits_at_most() -> None:
    rails = np.where(np.random.default_rng(1).random((1, 3332)) < 0.5, -(2.0**25), 2.0**25)
    plan = plan_envelope(1, 3332, RATE_HZ, BAND_HZ, LINES_HZ)
    out = envelope(rails, 25, plan)
    assert out.shape == (1, plan.length)
    assert (out == np.floor(out)).all()
    assert out.min() >= 0
    assert out.max() < 2**24


def test_a_window_too_short_for_an_envelope_is_refused() -> None:
    with pytest.raises(ValueError, match="samples of envelope"):
        plan_envelope(1, 800, RATE_HZ, BAND_HZ, LINES_HZ)
