"""One window for every heartbeat: what it holds, when it comes, and what is said when there is no beat."""

from __future__ import annotations

import numpy as np
import pytest
from hearts import VENTRICULAR, ecg, steady

from edge_app.beat_windowing import BeatWindower
from edge_app.core.frames import Frame
from edge_app.windowing import QualityLimits, Windower, make_windower

RATE_HZ = 360.0


def frame(samples, start_s=0.0, lost=0, full_scale=32767):
    return Frame(np.atleast_2d(samples).astype(np.int16), 0.005, "au", RATE_HZ, start_s, full_scale, lost)


def windows_of(samples, window_s=10.0, step=360, start_s=0.0, windower=None):
    windower = windower or BeatWindower(RATE_HZ, window_s)
    found = []
    for start in range(0, len(samples), step):
        found += windower.push(frame(samples[start : start + step], start_s + start / RATE_HZ))
    return found


def place_s(window):
    """When the beat came that a window is about."""
    return window.start_s + window.marks[window.focus] / RATE_HZ


def plain(windows):
    return [
        (each.samples.tolist(), each.marks, each.focus, round(each.end_s, 6), each.index, each.quality)
        for each in windows
    ]


def test_every_beat_gets_one_window_that_ends_two_seconds_behind_it():
    beats_s = steady(20.0)
    windows = windows_of(ecg(beats_s, 20.0))

    told = [each for each in beats_s if each + 2.0 <= 20.0]
    assert [place_s(each) for each in windows] == pytest.approx(told, abs=0.01)
    # The first beat, at 0.5 s, is known when the levels are learnt, at 2.2 s; its two seconds are over later.
    assert [each.end_s - place_s(each) for each in windows] == pytest.approx([2.0] * len(told), abs=0.01)
    assert [each.index for each in windows] == list(range(len(told)))


def test_a_window_is_as_long_as_asked_and_shorter_only_behind_the_start():
    windows = windows_of(ecg(steady(20.0), 20.0), window_s=10.0)
    for each in windows:
        assert each.samples.shape == (1, min(3600, round(each.end_s * RATE_HZ)))
        assert each.samples.flags.c_contiguous


def test_marks_are_all_beats_of_the_window_and_the_beat_itself_is_among_them():
    beats_s = steady(20.0)
    window = windows_of(ecg(beats_s, 20.0), window_s=9.5)[-1]

    # The end is 2 s behind a beat; those that came 0.8 and 1.6 s after it are known by then, each 0.33 s after it came.
    within = [beat for beat in beats_s if window.start_s <= beat < window.end_s - 0.35]
    assert [window.start_s + mark / RATE_HZ for mark in window.marks] == pytest.approx(within, abs=0.01)
    assert place_s(window) == pytest.approx(window.end_s - 2.0, abs=0.01)


@pytest.mark.parametrize("step", [1, 18, 127, 5000, 7200])
def test_how_the_samples_come_in_frames_changes_nothing(step):
    beats_s = [*steady(12.0), 12.2, 13.4, 18.6, 19.4]  # with a pause of 5 s
    samples = ecg(beats_s, 20.0, waves={15: VENTRICULAR})

    assert plain(windows_of(samples, step=step)) == plain(windows_of(samples))


def test_beats_that_outlast_the_buffer_many_times_are_all_told():
    beats_s = steady(200.0)
    windows = windows_of(ecg(beats_s, 200.0), window_s=8.0, step=100)
    assert len(windows) == len([each for each in beats_s if each + 2.0 <= 200.0])
    assert {each.samples.shape[1] for each in windows if each.end_s > 8} == {2880}


def test_no_heartbeat_for_four_seconds_is_said_and_again_every_second():
    samples = np.concatenate((ecg(steady(10.0), 10.0), ecg([], 6.0, seed=2)))

    silent = [each for each in windows_of(samples) if each.focus < 0]

    # The last beat is at 8.5 + 0.8 = 9.3 s.
    assert [each.end_s for each in silent] == pytest.approx([13.3, 14.3, 15.3], abs=0.02)
    assert [each.quality.reasons[0] for each in silent[:2]] == [
        "no heartbeat found for 4.0 s",
        "no heartbeat found for 5.0 s",
    ]
    assert not any(each.quality.judgeable for each in silent)
    assert all(each.marks == () for each in silent)


def test_a_flat_line_from_the_start_is_no_heartbeat_and_a_flat_line():
    windows = windows_of(np.full(3600, 7))
    assert [each.end_s for each in windows] == pytest.approx([4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0])
    assert windows[0].quality.reasons == ("no heartbeat found for 4.0 s", "flat line")


def test_behind_a_gap_windows_begin_anew_and_the_gap_is_told_second_by_second():
    samples = ecg(steady(10.0), 10.0)
    windower = BeatWindower(RATE_HZ, 10.0)
    before = windows_of(samples, windower=windower)
    after = windows_of(samples, start_s=13.5, windower=windower)

    empty = [each for each in after if each.samples.size == 0]
    assert [each.quality.reasons for each in empty] == [("no samples for 3.50 s",)] * len(empty)
    # The last window before it ended at 9.7 s (the beat of 7.7 s); the next is due a second later.
    assert [round(each.end_s, 3) for each in empty] == [11.5, 12.5, 13.5]
    judged = [each for each in after if each.focus >= 0]
    assert min(each.start_s for each in judged) == pytest.approx(13.5)
    assert len(judged) == len(before)


def test_lost_samples_are_told_once_however_few_they_are():
    samples = ecg(steady(10.0), 10.0)
    windower = BeatWindower(RATE_HZ, 10.0)
    windows_of(samples, windower=windower)

    windows = windower.push(frame(samples[:10], 10.0 + 12 / RATE_HZ, lost=12))

    assert [each.quality.reasons for each in windows] == [("12 samples lost",)]


def test_timestamps_that_go_back_are_told_once():
    samples = ecg(steady(10.0), 10.0)
    windower = BeatWindower(RATE_HZ, 10.0)
    windows_of(samples, windower=windower)

    windows = windower.push(frame(samples[:10], 4.0))

    assert [each.quality.reasons for each in windows] == [("timestamps went back 6.00 s",)]


def test_clipping_counts_where_the_beat_is_and_not_a_minute_ago():
    samples = ecg(steady(40.0), 40.0, gain=200.0)
    samples[360 * 5 : 360 * 6] = 2047  # a second at full scale

    windower = BeatWindower(RATE_HZ, 30.0)
    windows = []
    for start in range(0, samples.size, 360):
        windows += windower.push(frame(samples[start : start + 360], start / RATE_HZ, full_scale=2047))

    near = [each for each in windows if 6.0 <= each.end_s <= 11.0]
    late = [each for each in windows if each.end_s > 12.1]
    assert not any(each.quality.judgeable for each in near)
    assert all(each.quality.percent == 100 for each in late)


def test_a_beat_found_by_searching_back_gets_its_window_when_it_is_found():
    weak = tuple((at, width, 0.22 * height) for at, width, height in ((0.0, 0.012, 1.0), (0.03, 0.01, -0.25)))
    beats_s = steady(20.0)
    windows = windows_of(ecg(beats_s, 20.0, waves={15: weak}, noise_mv=0.0))

    assert sorted(place_s(each) for each in windows) == pytest.approx(
        [each for each in beats_s if each + 2.0 <= 20.0], abs=0.02
    )
    assert [each.end_s for each in windows] == sorted(each.end_s for each in windows)


def test_after_reset_nothing_is_left_of_the_signal_before():
    samples = ecg(steady(10.0), 10.0)
    windower = BeatWindower(RATE_HZ, 10.0)
    windows_of(samples[:2000], windower=windower)
    windower.reset()
    windower.index = 0

    assert plain(windows_of(samples, windower=windower)) == plain(windows_of(samples))


def test_a_signal_too_slow_for_the_app_is_windowed_and_not_judged():
    windower = make_windower("beat", 50.0, 10.0, 1.0, min_rate_hz=125.0)
    samples = np.zeros((1, 500), np.int16)

    windows = windower.push(Frame(samples, 0.005, "au", 50.0, 0.0))

    assert windows
    assert not any(each.quality.judgeable for each in windows)


def test_the_configuration_chooses_the_windower():
    assert isinstance(make_windower("beat", 360.0, 10.0, 1.0), BeatWindower)
    assert type(make_windower("hop", 360.0, 10.0, 1.0, limits=QualityLimits())) is Windower


def test_a_window_too_short_for_a_beat_found_late_is_refused():
    with pytest.raises(ValueError, match="need 8 s"):
        BeatWindower(360.0, 7.0)
