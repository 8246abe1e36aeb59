"""Windows from frames: their grid, what is said about them, and what happens when samples are missing."""

from __future__ import annotations

import time

import numpy as np
import pytest

from edge_app.core.frames import Frame
from edge_app.sensors.recording import load_recording
from edge_app.windowing import QualityLimits, RateMeter, Windower, judge_samples, stuck_run

RATE_HZ = 1000.0


def noise(n_axes=1, n=1000, rms=100.0, offset=0, seed=1):
    values = np.random.RandomState(seed).standard_normal((n_axes, n)) * rms + offset
    return np.clip(np.rint(values), -32767, 32767).astype(np.int16)


def frame(samples, start_s=0.0, lost=0, rate_hz=RATE_HZ, full_scale=32767):
    return Frame(np.atleast_2d(samples), 0.001, "g", rate_hz, start_s, full_scale, lost)


def frames_of(samples, length, start_s=0.0, rate_hz=RATE_HZ):
    total = samples.shape[1]
    return [frame(samples[:, k : k + length], start_s + k / rate_hz, rate_hz=rate_hz) for k in range(0, total, length)]


def push_all(windower, frames):
    return [window for each in frames for window in windower.push(each)]


def quality_after(samples, **limits):
    windower = Windower(RATE_HZ, 1.0, 1.0, samples.shape[0], QualityLimits(**limits))
    (window,) = windower.push(frame(samples))
    return window.quality


# --- the grid -----------------------------------------------------------------------------------------------------


def test_a_window_is_seconds_times_rate_rounded():
    windower = Windower(3332.0, 0.5, 0.25, 1)
    assert (windower.length, windower.hop) == (1666, 833)


@pytest.mark.parametrize("frame_length", [1, 7, 64, 500, 1000, 9000, 20000])
@pytest.mark.parametrize("n_axes", [1, 3])
def test_the_length_of_frames_does_not_change_the_windows(frame_length, n_axes):
    signal = noise(n_axes, 20000)
    windower = Windower(RATE_HZ, 1.0, 0.5, n_axes)
    windows = push_all(windower, frames_of(signal, frame_length, start_s=40.0))
    assert len(windows) == 39  # starts 0, 500 … 19000
    for k, window in enumerate(windows):
        assert np.array_equal(window.samples, signal[:, 500 * k : 500 * k + 1000])
        assert window.samples.flags.c_contiguous
        assert (window.start_s, window.end_s) == pytest.approx((40 + 0.5 * k, 41 + 0.5 * k))
        assert (window.index, window.quality.percent, window.quality.judgeable) == (k, 100, True)


def test_a_hop_longer_than_the_window_passes_over_samples():
    signal = noise(1, 10000)
    windows = push_all(Windower(RATE_HZ, 0.5, 2.5, 1), frames_of(signal, 64))
    assert [round(window.start_s, 9) for window in windows] == [0, 2.5, 5, 7.5]
    assert np.array_equal(windows[2].samples, signal[:, 5000:5500])


def test_a_window_already_given_away_is_never_written_again():
    signal = noise(1, 100_000)
    windows = push_all(Windower(RATE_HZ, 1.0, 0.5, 1), frames_of(signal, 250))
    assert all(np.array_equal(w.samples, signal[:, 500 * k : 500 * k + 1000]) for k, w in enumerate(windows))


def test_windows_carry_scale_unit_and_rate_of_the_frame():
    (window,) = Windower(RATE_HZ, 1.0, 1.0, 1).push(frame(noise()))
    assert (window.scale, window.unit, window.rate_hz) == (0.001, "g", RATE_HZ)


def test_a_frame_with_other_axes_is_refused():
    with pytest.raises(ValueError, match="3 axes"):
        Windower(RATE_HZ, 1.0, 1.0, 1).push(frame(noise(3)))


def test_reset_forgets_samples_and_times():
    windower = Windower(RATE_HZ, 1.0, 1.0, 1)
    windower.push(frame(noise(n=900)))
    windower.reset()
    assert windower.push(frame(noise(n=900), start_s=500.0)) == []


# --- missing samples ----------------------------------------------------------------------------------------------


def test_after_a_loss_the_window_restarts_and_each_hop_without_a_window_says_so():
    # given one second of windows, hop 0.5 s, and 2.0 s lost after 3.2 s
    windower = Windower(RATE_HZ, 1.0, 0.5, 1)
    signal = noise(n=10_000)
    before = push_all(windower, frames_of(signal[:, :3200], 100))
    # when the stream goes on at 5.2 s
    after = push_all(windower, [frame(signal[:, :100], 5.2, lost=2000), *frames_of(signal[:, 100:1500], 100, 5.3)])
    # then windows were due at 3.5, 4.0 … and the first whole one ends at 6.2 s: one second of new samples
    assert [round(w.end_s, 3) for w in before] == [1.0, 1.5, 2.0, 2.5, 3.0]
    assert [round(w.end_s, 3) for w in after] == [3.5, 4.0, 4.5, 5.0, 5.5, 6.2, 6.7]
    missing, whole = after[:5], after[5:]
    assert all(w.samples.shape == (1, 0) for w in missing)
    assert all(w.quality.reasons == ("2000 samples lost",) and not w.quality.judgeable for w in missing)
    assert all(w.quality.judgeable for w in whole)
    assert np.array_equal(whole[0].samples, signal[:, :1000])
    assert [w.index for w in before + after] == list(range(12))


def test_no_window_spans_even_a_single_lost_sample():
    windower = Windower(RATE_HZ, 1.0, 0.5, 1)
    signal = noise(n=3000)
    push_all(windower, frames_of(signal[:, :1200], 100))
    windows = push_all(windower, [frame(signal[:, :100], 1.201, lost=1), *frames_of(signal[:, 100:1500], 100, 1.301)])
    # due 1.5 cannot be formed; 2.0 is nearer to the whole window at 2.201 than half a hop, so that one takes its place
    assert [(round(w.end_s, 3), w.quality.judgeable) for w in windows] == [(1.5, False), (2.201, True), (2.701, True)]
    assert windows[0].quality.reasons == ("1 samples lost",)


def test_a_jump_of_the_timestamps_is_a_gap_even_when_no_loss_is_reported():
    windower = Windower(RATE_HZ, 1.0, 1.0, 1)
    push_all(windower, frames_of(noise(n=2500), 100))
    windows = push_all(windower, frames_of(noise(n=2500), 100, start_s=4.0))  # expected at 2.5
    assert [(round(w.end_s, 3), w.quality.reasons) for w in windows] == [
        (3.0, ("no samples for 1.50 s",)),
        (4.0, ("no samples for 1.50 s",)),
        (5.0, ()),
        (6.0, ()),
    ]


def test_a_loss_of_unknown_size_is_said_to_be_unknown():
    windower = Windower(RATE_HZ, 1.0, 0.5, 1)
    push_all(windower, frames_of(noise(n=1200), 100))
    (missing, *_) = push_all(windower, [frame(noise(n=400), 1.2, lost=-1)])
    assert missing.quality.reasons == ("samples lost, number unknown",)


def test_timestamps_that_go_back_begin_a_new_grid_after_saying_so_once():
    windower = Windower(RATE_HZ, 1.0, 0.5, 1)
    push_all(windower, frames_of(noise(n=2000), 100, start_s=100.0))
    windows = push_all(windower, frames_of(noise(n=2000), 100, start_s=50.0))
    assert [w.quality.judgeable for w in windows] == [False, True, True, True]
    assert windows[0].quality.reasons == ("timestamps went back 52.00 s",)


def test_a_gap_of_hours_gives_a_bounded_number_of_windows_and_counts_the_rest():
    windower = Windower(RATE_HZ, 1.0, 1.0, 1)
    windower.push(frame(noise(n=1000)))
    windows = push_all(windower, frames_of(noise(n=2000), 100, start_s=7200.0))
    assert sum(not w.quality.judgeable for w in windows) == 120
    assert windower.skipped == 7199 - 120  # due at 2, 3 … 7200; the one due at 7201 is whole again
    assert [w.index for w in windows][-1] == 7201


# --- quality ------------------------------------------------------------------------------------------------------


def test_a_perfect_window_is_100_percent_without_reasons():
    quality = quality_after(noise())
    assert (quality.percent, quality.reasons, quality.judgeable) == (100, (), True)


def test_a_resting_sensor_with_gravity_and_noise_is_not_flat():
    assert quality_after(noise(rms=0.8, offset=2048)).judgeable  # 1 g at 16 g full scale, noise below one count


def test_a_constant_full_scale_is_saturation_and_named_so():
    quality = quality_after(np.full((1, 1000), 32767, dtype=np.int16))
    assert (quality.reasons, quality.judgeable) == (("saturated, flat at full scale",), False)


def test_a_constant_value_is_a_flat_line_and_not_judgeable():
    quality = quality_after(np.full((1, 1000), 2048, dtype=np.int16))
    assert (quality.percent, quality.reasons, quality.judgeable) == (0, ("flat line",), False)


def test_one_dead_axis_of_three_is_named():
    samples = noise(3)
    samples[1] = 7
    assert quality_after(samples).reasons == ("flat line (axis 2)",)


@pytest.mark.parametrize(
    ("clipped", "percent", "judgeable"),
    [(10, 90, True), (40, 60, True), (49, 51, True), (50, 50, False), (200, 0, False)],  # 100 - 50 * share / 5 %
)
def test_clipping_lowers_quality_and_ends_judgement_at_five_percent(clipped, percent, judgeable):
    samples = noise(rms=3000)
    places = np.random.RandomState(2).permutation(1000)[:clipped]
    samples[0, places] = np.where(places % 2, 32767, -32768)
    quality = quality_after(samples)
    assert quality.reasons == (f"clipped {clipped / 10:.1f} %",)
    assert (quality.percent, quality.judgeable) == (percent, judgeable)


def test_full_scale_is_that_of_the_sensor():
    samples = np.clip(noise(rms=300), -512, 511)  # a 10-bit sensor; 8.8 % of a Gaussian lie beyond 1.7 sigma
    (window,) = Windower(RATE_HZ, 1.0, 1.0, 1).push(frame(samples, full_scale=511))
    assert not window.quality.judgeable
    assert window.quality.reasons[0].startswith("clipped")


def test_a_value_that_stays_for_five_percent_of_a_window_is_stuck():
    samples = noise()
    samples[0, 300:350] = 42  # 50 of 1000
    quality = quality_after(samples)
    assert quality.reasons == ("stuck at one value for 50 samples",)
    assert not quality.judgeable


def test_a_shorter_stay_is_left_alone():
    samples = noise()
    samples[0, 300:345] = 42
    assert quality_after(samples).percent == 100


@pytest.mark.parametrize("rms", [0.2, 0.3, 0.5, 1.0, 3.0])
def test_long_runs_that_coarse_quantisation_explains_are_not_stuck(rms):
    # at 0.2 counts rms nearly every sample is the same number: runs of 80 and more are to be expected
    for seed in range(40):
        assert quality_after(noise(rms=rms, seed=seed)).judgeable


def test_a_slow_sine_with_flat_tops_is_not_stuck():
    slow = np.rint(40 * np.sin(2 * np.pi * np.arange(1000) / 1000.0))[None].astype(np.int16)  # runs of about 25
    assert quality_after(slow).judgeable


def test_clipping_plateaus_are_called_clipping_not_stuck():
    samples = noise(rms=3000)
    samples[0, 100:400] = 32767
    assert [reason.split()[0] for reason in quality_after(samples).reasons] == ["clipped"]


def test_the_longest_run_of_noise_follows_its_law():
    coin = np.random.RandomState(3).randint(0, 2, 4096).astype(np.int16)  # p = 1/2: about log2(4096) = 12 long
    assert stuck_run(coin, 32767) == 0
    coin[1000:1050] = 1  # 50 heads: chance 4096 / 2^51
    assert stuck_run(coin, 32767) >= 50


def test_a_rate_below_what_the_app_needs_makes_every_window_unjudgeable():
    windower = Windower(200.0, 1.0, 0.5, 1, min_rate_hz=2560.0)
    windows = push_all(windower, frames_of(noise(n=1000), 13, rate_hz=200.0))
    assert len(windows) == 9
    assert {w.quality.reasons for w in windows} == {("200 Hz is below the 2560 Hz this app needs",)}
    assert not any(w.quality.judgeable for w in windows)


@pytest.mark.parametrize(
    ("true_hz", "percent", "judgeable", "reason"),
    [
        (1005.0, 100, True, None),
        (1040.0, 80, True, "rate +4.0 % off"),  # 100 - 50 * 4 / 10
        (940.0, 70, True, "rate -6.0 % off"),
        (1120.0, 40, False, "rate +12.0 % off"),
    ],
)
def test_the_rate_is_measured_from_timestamps_once_ten_seconds_are_known(true_hz, percent, judgeable, reason):
    windower = Windower(RATE_HZ, 1.0, 1.0, 1)
    signal = noise(n=200_000)
    frames = [frame(signal[:, k : k + 50], k / true_hz) for k in range(0, 200_000, 50)]
    windows = push_all(windower, frames)
    early, late = windows[3].quality, windows[-1].quality
    assert early.percent == 100
    assert (late.percent, late.judgeable) == (percent, judgeable)
    assert late.reasons == (() if reason is None else (reason,))


def test_the_rate_follows_a_change_within_two_minutes():
    meter = RateMeter(10.0)
    time_s = 0.0
    for k in range(4000):  # 200 s at the nominal rate, then 200 s at +3 %, frames of 0.1 s
        meter.add(time_s, 100)
        time_s += 0.1 if k < 2000 else 0.1 / 1.03
    assert meter.error(1000.0) == pytest.approx(0.03, abs=1e-4)


def test_jitter_is_mentioned_and_never_ends_judgement():
    windower = Windower(RATE_HZ, 1.0, 1.0, 1)
    signal = noise(n=3000)
    frames = [frame(signal[:, k : k + 100], k / 1000 + (0.04 if k == 1500 else 0.0)) for k in range(0, 3000, 100)]
    windows = push_all(windower, frames)
    assert windows[0].quality.reasons == ()
    assert windows[1].quality.reasons == ("jitter 40 ms",)
    assert windows[1].quality.judgeable


def test_reasons_stand_worst_first():
    samples = noise(3, rms=3000)
    samples[0, :10] = 32767
    samples[2] = 0
    assert [reason for _, reason in sorted(judge_samples(samples, 32767, QualityLimits()), reverse=True)] == list(
        quality_after(samples).reasons
    )
    assert quality_after(samples).reasons == ("flat line (axis 3)", "clipped 1.0 % (axis 1)")


def test_limits_are_settings():
    samples = noise(rms=3000)
    samples[0, :60] = np.where(np.arange(60) % 2, 32767, -32767)
    assert not quality_after(samples).judgeable
    assert quality_after(samples, clipped_share=0.10).judgeable


# --- real recordings --------------------------------------------------------------------------------------------------


def windows_of(path, **options):
    signal = load_recording(path, **options)
    windower = Windower(signal.rate_hz, 1.0, 0.5, signal.counts.shape[0], min_rate_hz=3200.0)
    return windower.push(Frame(signal.counts, signal.scale, signal.unit, signal.rate_hz, 0.0))


@pytest.mark.data
def test_every_window_of_every_bearing_recording_can_be_judged(shared_data):
    for path in sorted((shared_data / "data/cwru").glob("*.mat")):
        rate_hz = 12000 if path.name.startswith("12k") else 48000
        windows = windows_of(path, rate_hz=rate_hz, channel="DE_time")
        assert len(windows) >= 9
        assert all(window.quality.judgeable for window in windows), path.name


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "options", "reason"),
    [
        ("fan-msa301/ceiling-fan/fan_0_high_0_weight/0001.csv", {"rate_hz": 200, "channel": "z"}, "200 Hz is below"),
        ("sisfall/SA01/D05_SA01_R01.txt", {"rate_hz": 200, "channel": "1"}, "200 Hz is below"),
        ("bldc-telemetry/healthy/0700rpm_S007.csv", {"channel": "accel_rms_mg"}, "9.98517 Hz is below"),
    ],
)
def test_recordings_too_slow_for_the_app_are_windowed_and_never_judged(shared_data, file, options, reason):
    windows = windows_of(shared_data / "data" / file, **options)
    assert windows
    for window in windows:
        assert not window.quality.judgeable
        assert any(each.startswith(reason) for each in window.quality.reasons)


# --- cost ---------------------------------------------------------------------------------------------------------


def test_a_window_of_3332_samples_costs_little():
    # the aim is 60 us; the bound here is wide because test machines are shared
    signal = noise(n=3332 * 20)
    frames = frames_of(signal, 213, rate_hz=3332.0)  # 64 ms
    best_s = 1.0
    for _ in range(10):
        windower = Windower(3332.0, 1.0, 0.5, 1)
        start_s = time.perf_counter()
        windows = push_all(windower, frames)
        best_s = min(best_s, (time.perf_counter() - start_s) / len(windows))
    assert best_s < 200e-6
