"""Limits give the same scores under every runtime."""

from edge_app.inference.limit_score import LimitScore, points_of


def test_points_are_half_at_the_limit_and_stay_within_0_and_10000():
    assert [points_of(distance, 82) for distance in (-100, -82, -41, 0, 1, 41, 82, 100)] == [
        0, 0, 2500, 5000, 5060, 7500, 10000, 10000,
    ]  # fmt: skip
    assert points_of(-1, 82) == 4939  # 5000 - 60.98, rounded down


def test_the_worst_limit_and_its_side_are_told():
    score = LimitScore([(0, 1000, 2000), (2, None, 500)], 82)
    assert score.judge([1500, 0, 0]) == (0, 0, True, [0, 0])
    assert score.judge([2041, 0, 500]) == (7500, 0, True, [7500, 5000])
    assert score.judge([959, 0, 600]) == (10000, 1, True, [7500, 10000])
    assert score.judge([959, 0, 0]) == (7500, 0, False, [7500, 0])
