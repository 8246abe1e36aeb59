# Runs unchanged on MicroPython.
"""What a full journal gives up, how losses are told: the same answers on both runtimes."""

from edge_app.journal import policy


def test_levels_rank_as_they_rise_and_an_unknown_one_counts_as_alarm():
    assert [policy.rank(level) for level in ("ok", "info", "warn", "alarm")] == [0, 1, 2, 3]
    assert policy.rank("fatal") == 3


def test_touching_ranges_become_one():
    ranges = [[0, 4], [10, 12]]
    policy.add_range(ranges, 5, 5)
    assert ranges == [[0, 5], [10, 12]]
    policy.add_range(ranges, 7, 7)
    assert ranges == [[0, 5], [7, 7], [10, 12]]
    policy.add_range(ranges, 6, 9)
    assert ranges == [[0, 12]]


def test_an_earlier_range_is_put_in_front():
    ranges = [[10, 12]]
    policy.add_range(ranges, 1, 2)
    assert ranges == [[1, 2], [10, 12]]


def test_numbers_become_the_fewest_ranges_that_hold_exactly_them():
    assert policy.ranges_of([7, 3, 4, 5, 9, 4]) == [[3, 5], [7, 7], [9, 9]]
    assert policy.count([[3, 5], [7, 7], [9, 9]]) == 5
    assert policy.ranges_of([]) == []


def test_the_lowest_level_goes_first_and_among_equals_the_oldest():
    rows = [((1, 1, 0), 3, 100), ((1, 1, 1), 0, 100), ((1, 1, 2), 1, 100), ((1, 1, 3), 0, 100)]
    assert policy.victims(rows, 150, 3) == [(1, 1, 1), (1, 1, 3)]
    assert policy.victims(rows, 300, 3) == [(1, 1, 1), (1, 1, 3), (1, 1, 2)]


def test_nothing_is_given_up_for_something_less_important():
    rows = [((1, 1, 0), 3, 100), ((1, 1, 1), 2, 100)]
    assert policy.victims(rows, 100, 1) == []


def test_a_refusal_is_final_at_once_or_the_third_time_or_when_a_quota_was_used_up_thrice():
    assert policy.refusal(0x87, 1) == "quarantine"
    assert policy.refusal(0, 1) == "again"
    assert policy.refusal(0, 3) == "quarantine"
    assert policy.refusal(0x97, 1) == "again"
    assert policy.refusal(0x97, 3) == "quarantine"


def test_ranges_of_one_boot_are_told_together():
    entries = [("aa", 1, 0, 3), ("aa", 2, 5, 5), ("aa", 1, 4, 9), ("bb", 1, 1, 1)]
    assert policy.take_ranges(entries, 3) == ([("aa", 1, [[0, 9]]), ("aa", 2, [[5, 5]])], 3)
