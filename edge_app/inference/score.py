# Runs unchanged on MicroPython.
"""A model's raw output becomes a score 0..10000: straight lines between knots, in whole numbers.

Distances have knots over their logarithm ("log2_knots"), shares of classes (0..10000) over themselves
("linear_knots").
"""

from edge_app.core.units import SCORE_ONE
from edge_app.dsp.fixed import log2_q8

LOG2 = "log2_knots"
LINEAR = "linear_knots"
LINEAR_KNOTS = ((0, 0), (SCORE_ONE, SCORE_ONE))
"""The share itself as score."""


class ScoreMap:
    """The mapping of a manifest or of learnt state.

    Parameters
    ----------
    knots : pairs (log2(raw) in Q8, or raw itself, score)
        At least two, the places rising, the scores 0..10000 and not falling. ValueError says which knot is wrong.
    kind : LOG2 or LINEAR
    """

    def __init__(self, knots: tuple[tuple[int, int], ...], kind: str = LOG2) -> None:
        check_knots(knots)
        self.knots = tuple((int(place), int(score)) for place, score in knots)
        self.linear = kind == LINEAR

    def score(self, raw: int) -> int:
        """Score of a raw output >= 0; raw 0 and everything before the first knot has the first knot's score."""
        knots = self.knots
        place = raw if self.linear else log2_q8(raw) if raw > 0 else knots[0][0]
        before = knots[0]
        if place <= before[0]:
            return before[1]
        for knot in knots:
            if place < knot[0]:
                width = knot[0] - before[0]
                return before[1] + (2 * (place - before[0]) * (knot[1] - before[1]) + width) // (2 * width)
            before = knot
        return before[1]


def check_knots(knots: tuple[tuple[int, int], ...]) -> None:
    """Raises ValueError, naming the knot, unless `knots` is what `ScoreMap` takes."""
    if len(knots) < 2:
        raise ValueError("%d knots, at least 2 are needed" % len(knots))
    before = None
    for number, (place, score) in enumerate(knots):
        if not 0 <= score <= SCORE_ONE:
            raise ValueError("knot %d has score %d, allowed are 0 to %d" % (number, score, SCORE_ONE))
        if not -32768 <= place <= 32767:
            raise ValueError("knot %d lies at %d, allowed are -32768 to 32767" % (number, place))
        if before is not None and (place <= before[0] or score < before[1]):
            raise ValueError(
                "knot %d (%d, %d) does not rise above the one before (%d, %d)"
                % (number, place, score, before[0], before[1])
            )
        before = (place, score)
