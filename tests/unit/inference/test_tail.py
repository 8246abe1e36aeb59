"""How high a threshold must lie so that false alarms are as rare as was asked."""

import numpy as np
import pytest

from edge_app.inference.normal import centre_of, spread_of
from edge_app.inference.normal_settings import Rule
from edge_app.inference.tail import cluster_peaks, event_count, fit_tail, seen_level, statistic

HOP_S, WINDOW_S = 0.5, 1.0
WEEK_WINDOWS = 7 * 24 * 3600 * 2


def outputs(count, seed, wander=0.0):
    """Distances of a model of 12 normal features; windows overlap by half, so neighbours share half their noise.

    `wander`: standard deviation of log2(raw) from a slow change of the machine with a time constant of 250 s.
    """
    random = np.random.RandomState(seed)
    noise = random.standard_normal((12, count + 1))
    raw = (((noise[:, 1:] + noise[:, :-1]) / np.sqrt(2.0)) ** 2).sum(axis=0)
    slow, level, steps = np.empty(count), 0.0, random.standard_normal(count)
    for index in range(count):
        level = 0.998 * level + np.sqrt(1 - 0.998**2) * steps[index]
        slow[index] = level
    return np.sqrt(100.0 * raw * 2.0 ** (wander * slow))


def test_the_statistic_is_what_the_decider_compares():
    distances = np.array([5.0, 1, 6, 7, 2, 8, 9])
    # Third largest of the last five: (5 1 6 7 2) 5, (1 6 7 2 8) 6, (6 7 2 8 9) 7.
    assert list(statistic(distances, Rule(hits=3, of=5))) == [5, 6, 7]
    # Held for one window more: the smaller of each two.
    assert list(statistic(distances, Rule(hits=3, of=5, delay=1))) == [5, 6]
    assert statistic(distances[:4], Rule(hits=3, of=5)).size == 0


def test_nothing_reaches_across_a_standstill():
    distances = np.array([5.0, 1, 6, 7, 2, 8, 9])
    assert list(statistic(distances, Rule(hits=2, of=3), breaks=(3,))) == [5, 7, 8]


def test_exceedances_parted_by_enough_quiet_windows_are_alarms_of_their_own():
    values = np.array([0, 9, 9, 0, 9, 0, 0, 0, 9, 0], np.float64)
    assert event_count(values, 5.0, clears=3) == 2  # a gap of one window is the same alarm, of three another
    assert event_count(values, 10.0, clears=3) == 0


def test_peaks_of_one_cluster_count_once():
    values = np.zeros(1000)
    for start in (100, 400, 700):
        values[start : start + 5] = [1, 2, 3, 2, 1]
    assert list(cluster_peaks(values, 0.5)) == [2.5, 2.5, 2.5]


@pytest.mark.parametrize(("wander", "kept"), [(0.0, 29), (0.3, 25)])
def test_ten_minutes_are_enough_for_one_false_alarm_a_week(wander, kept):
    """Thirty machines, each learnt for 600 s; a week of another run of the same machine says how often it alarms."""
    rule = Rule(hits=3, of=5, clears=3)
    week = statistic(outputs(WEEK_WINDOWS // 4, 1000, wander), rule)
    rates = []
    for seed in range(30):
        tail = fit_tail(outputs(1200, seed, wander), rule, HOP_S, WINDOW_S, 1.0)
        rates.append(4 * event_count(week, tail.level, rule.clears))
    assert sum(rate <= 1 for rate in rates) >= kept
    assert max(rates) <= 60


def test_the_threshold_is_not_far_above_what_was_seen():
    distances = outputs(1200, 3)
    tail = fit_tail(distances, Rule(hits=3, of=5, clears=3), HOP_S, WINDOW_S, 1.0)
    seen = statistic(distances, Rule(hits=3, of=5)).max()
    assert seen < tail.level < 2.0 * seen  # 6 dB


def test_rarer_false_alarms_need_a_higher_threshold():
    distances = outputs(1200, 4)
    levels = [fit_tail(distances, Rule(3, 5, 0, 3), HOP_S, WINDOW_S, rate).level for rate in (10.0, 1.0, 0.1)]
    assert levels[0] < levels[1] < levels[2]


def test_what_was_seen_would_not_have_alarmed_more_often_than_asked():
    # Ten peaks of height 1 to 10 in 2 000 windows of 0.5 s, 1 000 s: 605 times 1 000 s in a week.
    values = np.zeros(2000)
    values[100::200] = np.arange(1, 11)
    rule = Rule(hits=1, of=1, clears=3)
    assert seen_level(values, rule, HOP_S, 1.0) == 10.0  # nothing is allowed: the highest
    assert seen_level(values, rule, HOP_S, 605.0) == pytest.approx(9.0)  # one is: 10 lies above
    assert seen_level(values, rule, HOP_S, 3 * 605.0) == pytest.approx(7.0)


def test_frequent_false_alarms_asked_for_are_had():
    """4 h learnt at one an hour: what hours of another run of the same machine then have, over sixteen learnings."""
    rule = Rule(hits=3, of=5, clears=3)
    day = statistic(outputs(WEEK_WINDOWS // 7, 1000), rule)
    alarms = [
        event_count(day, fit_tail(outputs(28800, seed), rule, HOP_S, WINDOW_S, 168.0).level, 3) for seed in range(16)
    ]
    assert 4 <= np.mean(alarms) <= 24  # a day; one standard error and the highest of four fits keep it below 24


def test_eight_windows_get_a_stated_fallback():
    distances = outputs(8, 5)
    tail = fit_tail(distances, Rule(3, 5, 0, 3), 10.0, 0.1, 1.0)
    assert tail.method == "single-window"
    assert "8 windows are too few" in tail.words
    assert distances.max() < tail.level < 8.0 * distances.max()


def test_a_few_windows_get_an_exponential_tail_with_one_standard_error():
    # Median 2; four above it, by 1, 2, 3 and 4: mean excess 2.5. One alarm a week, one window of one, every 300 s:
    # 1 window in 2016, 1008 times rarer than the median. 2 + 2.5 ln 1008 = 19.29, of which 17.29 / sqrt 4 is the error.
    distances = np.array([0.0, 1.0, 1.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    tail = fit_tail(distances, Rule(), 300.0, 0.1, 1.0)
    assert tail.error == pytest.approx(2.5 * np.log(1008) / 2)
    assert tail.level == pytest.approx(2.0 + 2.5 * np.log(1008) + tail.error)


def test_an_alarm_takes_as_many_windows_as_hits_however_they_overlap():
    # 2 s every 0.5 s: three windows in a row share samples, nothing is independent. 1 209 600 windows a week, three of
    # them above to an alarm: 1 window in 403 200.
    assert "1 window in 403 200" in fit_tail(outputs(60, 6), Rule(3, 5, 0, 3), 0.5, 2.0, 1.0).words
    # 2 s every 2 s: three independent windows of five, 302 400 times a week: the cube root of 1 in 10 · 302 400.
    assert "1 window in 145" in fit_tail(outputs(12, 6), Rule(3, 5, 0, 3), 2.0, 2.0, 1.0).words


def test_windows_that_share_samples_make_the_few_no_surer():
    distances = outputs(16, 8)
    apart = fit_tail(distances, Rule(), 2.0, 2.0, 1.0)
    sharing = fit_tail(distances, Rule(), 0.5, 2.0, 4.0)  # four times as many windows a week, and alarms: the same rise
    assert sharing.error == pytest.approx(2 * apart.error)  # a quarter of the eight excesses tells something new


def leave_one_out(values):
    """Distance of each row from the normal of the others, in spreads."""
    found = []
    for index, row in enumerate(values):
        others = np.delete(values, index, axis=0)
        found.append(np.sqrt((((row - centre_of(others)) / spread_of(others, 1.0)) ** 2).mean()))
    return np.array(found)


@pytest.mark.parametrize(("windows", "together", "kept"), [(8, 0.0, 34), (8, 0.25, 31), (20, 0.0, 38), (20, 0.25, 34)])
def test_a_few_snapshots_keep_the_wanted_rate_of_most_machines(windows, together, kept):
    """Forty machines with 24 features of 1.5 dB, of whose variance a share is common to all features; 7 alarms a week
    asked of snapshots every 300 s: 1 in 288. Of 5000 further snapshots no more may lie above the threshold.
    """
    random = np.random.RandomState(11)

    def snapshots(count):
        common, own = random.standard_normal((count, 1)), random.standard_normal((count, 24))
        return 1.5 * (np.sqrt(together) * common + np.sqrt(1 - together) * own)

    holding = 0
    for _ in range(40):
        values, later = snapshots(windows), snapshots(5000)
        tail = fit_tail(leave_one_out(values), Rule(), 300.0, 0.1, 7.0)
        distances = np.sqrt((((later - centre_of(values)) / spread_of(values, 1.0)) ** 2).mean(axis=1))
        holding += float((distances > tail.level).mean()) <= 1 / 288
    assert holding >= kept


def test_slow_changes_over_hours_raise_the_threshold():
    """Sixteen regimes of 900 s, each at its own level; within one of them everything is calm."""
    random = np.random.RandomState(7)
    calm = 10.0 + 0.1 * random.standard_normal(16 * 1800)
    levels = np.repeat(random.uniform(0.0, 5.0, 16), 1800)
    rule = Rule(hits=3, of=5, delay=16, clears=3)
    assert fit_tail(calm + levels, rule, HOP_S, WINDOW_S, 1.0).level > 15.5  # above the highest regime possible
    assert fit_tail(calm, rule, HOP_S, WINDOW_S, 1.0).level < 12.0
