# Runs unchanged on MicroPython.
"""How far values pass their limits, as a score, in whole numbers.

A value v (log2 in Q8) with the limits low and high, and the width w, the log2 of `factor` in Q8:

    points = 5000 + 5000 * distance / w, rounded down, within 0..10000
    distance = v - high above the high limit's side, low - v at the low one; the larger where there are both
    score = the most points of any value

So a value at its limit scores 0.50; one that is `factor` times beyond scores 1, one as far within scores 0.
"""

from edge_app.core.units import SCORE_ONE

HALF = SCORE_ONE // 2
FAR = 1 << 20
"""Distance to a limit that is not given."""


def points_of(distance: int, width: int) -> int:
    """Points 0..10000 of a signed distance beyond a limit, both log2 in Q8."""
    return min(SCORE_ONE, max(0, HALF + HALF * distance // width))


class LimitScore:
    """Limits of several values.

    Parameters
    ----------
    limits : list of (index, low, high)
        Which value, and between which levels (log2 in Q8) it is normal; None where there is no limit.
    width : int
        log2 of the factor beyond a limit at which the score is 1, in Q8; at least 1.
    """

    def __init__(self, limits, width: int) -> None:
        self.limits = limits
        self.width = max(1, width)

    def judge(self, values) -> tuple[int, int, bool, list[int]]:
        """(score, number of the limit that gave it, whether its high side did, points of each limit)."""
        points = []
        best, which, high_side = -1, 0, False
        for number, (index, low, high) in enumerate(self.limits):
            value = int(values[index])
            over = value - high if high is not None else -FAR
            under = low - value if low is not None else -FAR
            mine = points_of(max(over, under), self.width)
            points.append(mine)
            if mine > best:
                best, which, high_side = mine, number, over >= under
        return best, which, high_side, points
