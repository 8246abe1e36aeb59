"""The score mapping under every runtime."""

from edge_app.inference.score import LINEAR, LINEAR_KNOTS, ScoreMap, check_knots


def refused(knots):
    try:
        check_knots(knots)
    except ValueError as error:
        return str(error)
    return ""


def test_knots_and_the_lines_between_them():
    mapping = ScoreMap([[1024, 0], [2048, 5000], [3072, 10000]])
    # log2(16) = 4 → 1024 in Q8: the first knot; log2(256) = 8 → 2048; log2(4096) = 12 → 3072
    assert [mapping.score(raw) for raw in (16, 256, 4096)] == [0, 5000, 10000]
    # log2(64) = 6 → 1536: half way; log2(1024) = 10 → 2560
    assert [mapping.score(raw) for raw in (64, 1024)] == [2500, 7500]


def test_beyond_the_ends_the_score_stays():
    mapping = ScoreMap([[1024, 100], [2048, 9000]])
    assert [mapping.score(raw) for raw in (0, 1, 15, 257, 2**31 - 1)] == [100, 100, 100, 9000, 9000]


def test_halves_are_rounded_up():
    # one unit of score over two of log2: half way is 0.5, rounded to 1
    mapping = ScoreMap([[0, 0], [512, 1]])
    assert mapping.score(2) == 1
    assert mapping.score(1) == 0


def test_a_steep_step_is_reached_at_its_knot():
    mapping = ScoreMap([[0, 0], [2047, 0], [2048, 10000]])
    assert mapping.score(255) == 0
    assert mapping.score(256) == 10000


def test_raw_outputs_of_31_bits_do_not_fail():
    mapping = ScoreMap([[0, 0], [31 * 256, 10000]])
    last = -1
    for bits in range(31):
        score = mapping.score(1 << bits)
        assert score > last
        last = score
    assert mapping.score(2**31 - 1) == 10000


def test_wrong_knots_are_named():
    assert refused([[0, 0]]).startswith("1 knots")
    assert refused([[0, 0], [0, 1]]).startswith("knot 1 (0, 1) does not rise")
    assert refused([[0, 5], [9, 4]]).startswith("knot 1 (9, 4) does not rise")
    assert refused([[0, -1], [9, 4]]).startswith("knot 0 has score -1")
    assert refused([[0, 0], [9, 10001]]).startswith("knot 1 has score 10001")
    assert refused([[0, 0], [40000, 1]]).startswith("knot 1 lies at 40000")
    assert refused([[0, 0], [9, 0], [10, 10000]]) == ""


def test_shares_of_classes_have_linear_knots():
    share = ScoreMap(LINEAR_KNOTS, LINEAR)
    assert [share.score(raw) for raw in (0, 1, 4999, 10000)] == [0, 1, 4999, 10000]
    # 2000 -> 1000 and 6000 -> 9000: two scores a share between them, ends held
    steep = ScoreMap(((2000, 1000), (6000, 9000)), LINEAR)
    assert [steep.score(raw) for raw in (0, 2000, 3000, 6000, 10000)] == [1000, 1000, 3000, 9000, 9000]
