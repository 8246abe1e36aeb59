"""Intervals: over groups, the same every time, and honest where there is little to go by."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.training.protocols.bootstrap import FEWEST_GROUPS, bootstrap, most_events, share_interval

VALUES = np.array([0.2, 0.4, 0.5, 0.6, 0.9, 0.3, 0.7, 0.8])


def mean(weights):
    return float((weights * VALUES).sum() / weights.sum())


def test_the_same_units_give_the_same_interval_every_time() -> None:
    groups = [str(index) for index in range(len(VALUES))]

    assert bootstrap(mean, groups) == bootstrap(mean, groups)


def test_the_interval_of_a_mean_is_about_two_standard_errors_wide() -> None:
    random = np.random.RandomState(1)
    values = random.standard_normal(200)
    found = bootstrap(lambda weights: float((weights * values).sum() / weights.sum()), [str(k) for k in range(200)])

    assert found.low is not None
    assert found.high is not None
    error = values.std() / np.sqrt(200)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_units_of_one_group_are_drawn_together() -> None:
    # Ten groups of a hundred equal windows each: as sure as ten windows, not as a thousand.
    groups = [str(index // 100) for index in range(1000)]
    values = np.repeat(np.arange(10.0), 100)
    alone = bootstrap(lambda w: float((w * np.arange(10.0)).sum() / w.sum()), [str(k) for k in range(10)])
    together = bootstrap(lambda w: float((w * values).sum() / w.sum()), groups)

    assert together == alone


def test_few_groups_have_no_interval_and_the_reason_says_how_few() -> None:
    found = bootstrap(mean, ["a", "b", "c", "a", "b", "c", "a", "b"])

    assert found.bounds is None
    assert f"only 3 recordings or groups of a kind, at least {FEWEST_GROUPS}" in found.reason


def test_each_stratum_keeps_its_number_of_groups() -> None:
    strata = ["healthy"] * 6 + ["fault"] * 5
    seen = set()

    def statistic(weights) -> float:
        seen.add((int(weights[:6].sum()), int(weights[6:].sum())))
        return 1.0

    bootstrap(statistic, [str(k) for k in range(11)], strata)

    assert seen == {(6, 5)}


def test_a_figure_that_never_changes_is_told_as_such() -> None:
    found = bootstrap(lambda weights: 1.0, [str(k) for k in range(6)])

    assert found.bounds == [1.0, 1.0]
    assert "every resample gives the same figure" in found.reason


def test_a_figure_undefined_in_many_resamples_has_no_interval() -> None:
    found = bootstrap(lambda weights: float("nan") if weights[0] == 0 else 1.0, [str(k) for k in range(6)])

    assert found.bounds is None
    assert "not defined" in found.reason


@pytest.mark.parametrize(
    ("hits", "of", "bounds"),
    [
        (10, 10, [0.6915, 1.0]),  # 0.025 ** (1 / 10)
        (0, 10, [0.0, 0.3085]),
        (5, 10, [0.1871, 0.8129]),  # Clopper and Pearson's table
        (1, 1, [0.025, 1.0]),
    ],
)
def test_shares_have_the_exact_binomial_interval(hits: int, of: int, bounds: list[float]) -> None:
    assert share_interval(hits, of).bounds == bounds


def test_a_share_of_nothing_has_no_interval() -> None:
    assert share_interval(0, 0).bounds is None


def test_no_event_seen_allows_three_and_one_event_4_74() -> None:
    assert most_events(0) == pytest.approx(-np.log(0.05))  # 2.996
    assert most_events(1) == pytest.approx(4.744, abs=1e-3)  # Garwood's table
