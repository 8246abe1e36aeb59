"""Frames, their power, mel levels and statistics."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from edge_app.dsp.bands import band_sum, plan_sums
from edge_app.dsp.mel import band_statistics, frame_power, log_mel, mel_edges_mhz, plan_frames
from edge_app.dsp.spectrum import hann_q15, normalise

PLAN_SUMS = plan_sums([band_sum(256, 512 * 64), band_sum(256, 512 * 32), band_sum(512 * 32, 512 * 64)], 0.0)


def signal(length: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return normalise(np.round(rng.standard_normal((1, length)) * 2**20), 25)[0][0]


def test_mel_edges_are_equally_far_apart_in_mel() -> None:
    edges = np.array(mel_edges_mhz(100.0, 7500.0, 12)) / 1000
    steps = np.diff(2595 * np.log10(1 + edges / 700))
    assert (edges[0], edges[-1]) == (100.0, 7500.0)
    assert steps == pytest.approx(steps[0], rel=1e-5)


@pytest.mark.parametrize(("frame", "size"), [(256, 256), (300, 1024), (1024, 1024), (1411, 4096)])
@pytest.mark.parametrize("frames", [8, 9])
def test_the_power_of_each_frame_is_that_of_a_double_precision_transform(frame: int, size: int, frames: int) -> None:
    hop = frame // 2
    x = signal(frame + hop * (frames - 1))
    plan = plan_frames(len(x), frame, hop)
    power = frame_power(x, plan, size // 2)
    hann = np.array(hann_q15(frame)) / 32768
    assert (plan.size, plan.frames, power.shape) == (size, frames, (frames, size // 2))
    for t in range(frames):
        exact = np.abs(np.fft.rfft(x[t * hop : t * hop + frame] * hann, size)[: size // 2] / size) ** 2 * 4
        # Twiddles of 15 bits: 2^-15 of the value; roundings: a few counts.
        assert np.sqrt(power[t]) == pytest.approx(np.sqrt(exact), rel=2.0**-14, abs=40.0)
        assert power[t].sum() == pytest.approx(exact.sum(), rel=1e-4)


def test_the_largest_signal_there_is_stays_exact() -> None:
    """All samples at -2^25 (a mean the normalisation would take off): the power of a frame is 2^50 at most."""
    power = frame_power(np.full(8 * 1024, -(2.0**25)), plan_frames(8 * 1024, 1024, 1024), 512)
    assert 2**49.9 < power.max() <= 2.0**50
    assert (power == np.floor(power)).all()


@pytest.mark.parametrize(
    ("length", "frame", "hop", "words"),
    [
        (100, 256, 128, "0 frames fit into 100 samples"),
        (256 + 6 * 128, 256, 128, "7 frames fit"),
        (99999, 5000, 100, "the longest transform takes 4096"),
        (99999, 100, 0, "a frame of 100 samples"),
    ],
)
def test_frames_that_do_not_fit_are_refused(length: int, frame: int, hop: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        plan_frames(length, frame, hop)


def test_bands_far_under_the_rest_show_the_floor() -> None:
    """Power 2^40 in every bin of the lower band, which holds 62.5 of them (half of bin 1, no more than bin 63)."""
    power = np.ones((8, 129))
    power[:, :64] = 2.0**40
    mel = log_mel(power, PLAN_SUMS, np.array([-1024 - 256, -1024]))  # 5 and 4 octaves under the mean
    assert mel.level_q16 / 65536 == pytest.approx(45.97, abs=0.01)  # 40 + log2(62.5)
    assert mel.bands_q8[:, 1] == pytest.approx(np.full(8, 256 * 41.97), abs=2)
    assert mel.bands_q8[:, 0] == pytest.approx(np.full(8, 256 * (45.97 + 0.044)), abs=2)  # log2(1 + 2^-5) = 0.044


def test_a_silent_window_says_so() -> None:
    mel = log_mel(np.zeros((9, 129)), PLAN_SUMS, np.zeros(2, np.int64))
    assert mel.silent
    assert not mel.bands_q8.any()


def test_a_window_with_silent_frames_keeps_its_level() -> None:
    power = np.zeros((8, 129))
    power[3] = 4.0
    mel = log_mel(power, PLAN_SUMS, np.full(2, -1280))
    assert mel.level_q16 / 65536 == pytest.approx(np.log2(127.5 * 4 / 8), abs=0.02)
    assert (mel.bands_q8[0] < mel.bands_q8[3] - 1500).all()


def test_statistics_of_levels_done_by_hand() -> None:
    """Band 0 stands still at 1000; band 1 goes 2000, 2512, 2000, 2512 …"""
    levels = np.full((8, 2), 1000)
    levels[:, 1] = [2000, 2512] * 4
    band, spread, flux = band_statistics(levels)
    assert band.tolist() == [-628, 628]  # means 1000 and 2256, their mean 1628
    assert spread.tolist() == [0, 2048]  # half of log2(0 + 1); deviation 256 = 2^8
    assert flux.tolist() == [0, 2305]  # log2(0 + 1); steps of 512 + 1: log2(513) = 9.0028


def test_adding_one_number_to_all_levels_changes_no_statistic() -> None:
    levels = np.random.default_rng(2).integers(-3000, 3000, (61, 12))
    before, after = band_statistics(levels), band_statistics(levels + 1701)
    for one, other in zip(before, after, strict=True):
        assert (one == other).all()


def test_the_statistics_that_micropython_is_held_to(repository: Path) -> None:
    sys.path.append(str(repository / "tests" / "micropython"))
    import mp_sound as device

    assert np.concatenate(band_statistics(np.array(device.levels(21, 5)))).tolist() == device.STATISTICS
