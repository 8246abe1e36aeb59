"""Band limiting and decimation."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.dsp.decimate import decimate, design_decimator, polyphase

RATES = [(3332.0, 1), (12000.0, 4), (25600.0, 9), (48000.0, 17)]


@pytest.mark.parametrize(("rate_hz", "factor"), RATES)
def test_the_factor_leaves_two_and_a_quarter_times_the_top(rate_hz: float, factor: int) -> None:
    assert design_decimator(rate_hz, 2560.0, 1250.0).factor == factor  # floor(rate / 2812.5)


def test_the_factor_leaves_the_lowest_rate_the_app_allows() -> None:
    assert design_decimator(12000.0, 4000.0, 1250.0).factor == 3
    assert design_decimator(12000.0, 4001.0, 1250.0).factor == 2


def test_a_sensor_near_the_lowest_rate_is_not_filtered() -> None:
    decimator = design_decimator(2560.0, 2560.0, 1250.0)
    assert (decimator.factor, decimator.taps) == (1, (1 << 18,))
    counts = np.array([[1, -32768, 32767]], np.int16)
    assert decimate(counts, decimator, polyphase(decimator)).tolist() == [[256, -32768 * 256, 32767 * 256]]


@pytest.mark.parametrize(("rate_hz", "factor"), RATES)
@pytest.mark.parametrize("top_hz", [1250.0, 1500.0])
def test_the_band_is_flat_and_what_folds_into_it_is_68_db_down(rate_hz: float, factor: int, top_hz: float) -> None:
    decimator = design_decimator(rate_hz, 2560.0, top_hz)
    if len(decimator.taps) == 1:
        return
    frequency_hz = np.fft.rfftfreq(1 << 16, 1 / rate_hz)
    gain_db = 20 * np.log10(np.abs(np.fft.rfft(decimator.taps, 1 << 16)) / 2**18 + 1e-12)
    assert np.abs(gain_db[frequency_hz <= top_hz]).max() < 0.05
    folding = frequency_hz >= rate_hz / decimator.factor - top_hz
    assert gain_db[folding & (frequency_hz >= 1.25 * top_hz)].max(initial=-99) < -68


@pytest.mark.parametrize("rate_hz", [2813.0, 3000.0, 3332.0, 6400.0, 12000.0, 20000.0, 25600.0, 48000.0, 96000.0])
@pytest.mark.parametrize("top_hz", [400.0, 1250.0, 1500.0])
def test_taps_are_symmetric_sum_to_one_and_their_sums_fit_32_bits(rate_hz: float, top_hz: float) -> None:
    taps = design_decimator(rate_hz, 2560.0, top_hz).taps
    assert taps == taps[::-1]
    assert sum(taps) == 1 << 18
    assert sum(abs(tap) for tap in taps) < 1 << 20  # times 2^8, a byte of a sample: far below 2^31


@pytest.mark.parametrize("rate_hz", [3332.0, 12000.0, 48000.0])
def test_the_polyphase_form_equals_the_plain_sum(rate_hz: float) -> None:
    decimator = design_decimator(rate_hz, 2560.0, 1250.0)
    counts = np.random.default_rng(3).integers(-32768, 32768, (2, 4001)).astype(np.int16)
    got = decimate(counts, decimator, polyphase(decimator))
    assert got.shape == (2, decimator.output_length(4001))
    taps = np.array(decimator.taps, np.int64)
    for axis in range(2):
        for i in range(0, got.shape[1], 7):
            start = i * decimator.factor
            exact = int((counts[axis, start : start + len(taps)].astype(np.int64) * taps).sum())
            assert got[axis, i] == (exact + 512) >> 10


def test_a_window_shorter_than_the_filter_gives_nothing() -> None:
    assert design_decimator(48000.0, 2560.0, 1250.0).output_length(100) == 0
