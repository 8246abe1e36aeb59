# Runs unchanged on MicroPython.
"""The arithmetic of deciding, without any state of the alarm: evidence, delays, rate limit. Integers only.

Scores are 0..10000, times milliseconds of any clock that does not go back.
"""

OF_MAX = 24
"""Longest memory of `k of n`, so that its bits stay a small integer on 32-bit boards."""

HOUR_MS = 3600000


def count_ones(bits: int) -> int:
    """How many of the bits of a non-negative integer are set."""
    ones = 0
    while bits:
        bits &= bits - 1
        ones += 1
    return ones


class Evidence:
    """Hysteresis and `k of n`: which of the last n windows spoke for the alarm, and which against it.

    A window speaks for the alarm when its score is above `raise_above`, against it when below `clear_below`; between
    the two it says neither. The alarm is due when `hits` of the last `of` windows speak for it, over when so many
    speak against it that fewer than `hits` could still be for it, and at least `hits`: clearing never takes
    fewer windows than raising, and the two can never be true together.
    """

    def __init__(self, raise_above: int, clear_below: int, hits: int, of: int) -> None:
        if not 1 <= hits <= of <= OF_MAX:
            raise ValueError("hits %d of %d: 1 <= hits <= of <= %d" % (hits, of, OF_MAX))
        if clear_below > raise_above:
            raise ValueError("clear_below %d is higher than raise_above %d" % (clear_below, raise_above))
        self.raise_above = raise_above
        self.clear_below = clear_below
        self.hits = hits
        self.of = of
        self.clears = max(hits, of - hits + 1)
        self.above_bits = 0
        self.below_bits = 0

    def push(self, score: int) -> None:
        """Take the score of one judged window; the oldest of the memory is forgotten."""
        mask = (1 << self.of) - 1
        self.above_bits = ((self.above_bits << 1) | (1 if score > self.raise_above else 0)) & mask
        self.below_bits = ((self.below_bits << 1) | (1 if score < self.clear_below else 0)) & mask

    def reset(self) -> None:
        """Forget all windows (the machine stopped, or could not be judged for a while)."""
        self.above_bits = 0
        self.below_bits = 0

    def restore(self, above_bits: int, below_bits: int) -> None:
        """Take over remembered windows; those older than the memory are dropped."""
        mask = (1 << self.of) - 1
        self.above_bits = above_bits & mask
        self.below_bits = below_bits & mask & ~above_bits

    def above(self) -> int:
        """How many of the last `of` windows spoke for the alarm."""
        return count_ones(self.above_bits)

    def below(self) -> int:
        """How many of the last `of` windows spoke against it."""
        return count_ones(self.below_bits)

    def is_due(self) -> bool:
        """Enough windows speak for the alarm."""
        return self.above() >= self.hits

    def is_over(self) -> bool:
        """Enough windows speak against it."""
        return self.below() >= self.clears


class Delay:
    """True once its condition has held without a break for `duration_ms`; a duration of zero is no delay."""

    def __init__(self, duration_ms: int) -> None:
        self.duration_ms = duration_ms
        self.since_ms: int | None = None

    def update(self, holds: bool, now_ms: int) -> bool:
        """Take the condition at `now_ms`; true when it has held long enough."""
        if not holds:
            self.since_ms = None
            return False
        if self.since_ms is None:
            self.since_ms = now_ms
        return now_ms - self.since_ms >= self.duration_ms

    def reset(self) -> None:
        """The condition does not hold."""
        self.since_ms = None


class Limiter:
    """At most `per_hour` notifications in any 3600 s, none sooner than `gap_ms` after the one before; 0: no limit."""

    def __init__(self, per_hour: int, gap_ms: int = 0) -> None:
        self.per_hour = per_hour
        self.gap_ms = gap_ms
        self.times_ms: list[int] = []

    def allows(self, now_ms: int) -> bool:
        """Whether one more may go out now."""
        times = self.times_ms
        while times and now_ms - times[0] >= HOUR_MS:
            times.pop(0)
        if times and now_ms - times[-1] < self.gap_ms:
            return False
        return self.per_hour == 0 or len(times) < self.per_hour

    def note(self, now_ms: int) -> None:
        """One went out."""
        if self.per_hour or self.gap_ms:
            self.times_ms.append(now_ms)
            if len(self.times_ms) > max(self.per_hour, 1):
                self.times_ms.pop(0)
