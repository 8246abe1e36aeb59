"""Evidence, delays and the rate limit, under every runtime."""

from edge_app.decision.rules import Delay, Evidence, Limiter, count_ones


def _pushed(evidence, scores):
    for score in scores:
        evidence.push(score)
    return evidence


def test_ones_are_counted():
    assert [count_ones(bits) for bits in (0, 1, 0b1011, (1 << 24) - 1)] == [0, 1, 3, 24]


def test_three_of_five_is_due_at_the_third_high_window():
    evidence = Evidence(8000, 6000, 3, 5)
    assert not _pushed(evidence, (9000, 100, 9000)).is_due()
    assert _pushed(evidence, (9000,)).is_due()


def test_a_score_at_the_threshold_is_not_above_it():
    assert not _pushed(Evidence(8000, 6000, 1, 1), (8000,)).is_due()
    assert _pushed(Evidence(8000, 6000, 1, 1), (8001,)).is_due()
    assert not _pushed(Evidence(8000, 6000, 1, 1), (6000,)).is_over()
    assert _pushed(Evidence(8000, 6000, 1, 1), (5999,)).is_over()


def test_windows_leave_the_memory():
    evidence = _pushed(Evidence(8000, 6000, 3, 5), (9000, 9000, 100, 100, 100))
    assert evidence.above() == 2
    assert _pushed(evidence, (9000,)).above() == 2  # the first one has left


def test_between_the_thresholds_a_window_says_neither():
    evidence = _pushed(Evidence(8000, 6000, 1, 3), (7000, 7000, 7000))
    assert (evidence.above(), evidence.below()) == (0, 0)


def test_due_and_over_are_never_true_together():
    for of in range(1, 8):
        for hits in range(1, of + 1):
            for pattern in range(1 << of):
                evidence = Evidence(8000, 6000, hits, of)
                for place in range(of):
                    evidence.push(9000 if (pattern >> place) & 1 else 100)
                assert not (evidence.is_due() and evidence.is_over())


def test_clearing_takes_at_least_as_many_windows_as_raising():
    for of in range(1, 8):
        for hits in range(1, of + 1):
            assert Evidence(8000, 6000, hits, of).clears >= hits
            assert Evidence(8000, 6000, hits, of).clears <= of


def test_impossible_evidence_is_refused():
    for arguments in ((8000, 6000, 0, 1), (8000, 6000, 3, 2), (8000, 6000, 1, 25), (6000, 8000, 1, 1)):
        try:
            Evidence(*arguments)
        except ValueError:
            continue
        raise AssertionError(arguments)


def test_a_delay_needs_its_condition_without_a_break():
    delay = Delay(1000)
    assert [delay.update(holds, now) for holds, now in ((True, 0), (True, 999), (True, 1000))] == [False, False, True]
    assert not delay.update(False, 1001)
    assert not delay.update(True, 1002)
    assert delay.update(True, 2002)


def test_no_delay_is_none():
    assert Delay(0).update(True, 12345)


def test_at_most_so_many_in_any_hour():
    limiter = Limiter(2)
    for now in (0, 1000):
        assert limiter.allows(now)
        limiter.note(now)
    assert not limiter.allows(3599999)
    assert limiter.allows(3600000)


def test_none_sooner_than_the_gap():
    limiter = Limiter(0, 500)
    limiter.note(1000)
    assert not limiter.allows(1499)
    assert limiter.allows(1500)


def test_without_limit_everything_goes_and_nothing_is_remembered():
    limiter = Limiter(0)
    for now in range(100):
        assert limiter.allows(now)
        limiter.note(now)
    assert limiter.times_ms == []
