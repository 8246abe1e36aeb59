# Runs unchanged on MicroPython.
"""Which rises of an ECG's energy are heartbeats: lengths for a sampling rate, medians, and the rules of dsp/qrs.py."""

from array import array

LOWEST_RATE_MHZ = 100000
"""Slower sampling does not show a QRS complex (mHz)."""
ANALYSIS_RATE_MHZ = 125000
"""Faster signals are summed down to this rate, or up to twice it (mHz)."""
LOW_PASS_MS = 24
"""Length of the two moving sums that end the band (ms)."""
HIGH_PASS_MS = 125
"""Length of the moving mean that is taken away (ms)."""
SLOPE_MS = 10
"""Distance of the two values whose difference is the slope (ms)."""
ENERGY_MS = 80
"""Length of the sum of absolute slopes (ms)."""
REFRACTORY_MS = 200
"""No two beats are closer than this (ms)."""
T_WAVE_MS = 360
"""A candidate closer than this to the last beat, with less than 3/8 of its slope, is its T wave (ms)."""
LEARN_MS = 2000
"""Signal the first level is taken from (ms)."""
SEARCH_MS = 2500
"""Without a beat the search back begins after 3/2 of the median interval, at the latest after this time (ms)."""
SILENT_MS = 4000
"""After this time without a beat, and every second from then on, the levels are halved: the signal became smaller."""
HALVE_MS = 1000
KEPT = 8
"""Levels and intervals are medians of so many."""
PENDING = 24
"""Candidates kept for searching back."""


class QrsPlan:
    """Lengths in samples for one sampling rate, worked out once.

    Parameters
    ----------
    rate_mhz : int
        Sampling rate (mHz). Raises ValueError below 100 Hz.
    """

    def __init__(self, rate_mhz: int) -> None:
        if rate_mhz < LOWEST_RATE_MHZ:
            raise ValueError("heartbeats need %d Hz or more, not %d mHz" % (LOWEST_RATE_MHZ // 1000, rate_mhz))
        self.factor = max(1, rate_mhz // ANALYSIS_RATE_MHZ)
        analysis_mhz = rate_mhz // self.factor

        def samples(ms: int) -> int:
            return max(1, (ms * analysis_mhz + 500000) // 1000000)

        self.low_pass = max(2, samples(LOW_PASS_MS))
        self.high_pass = samples(HIGH_PASS_MS) | 1
        self.slope = samples(SLOPE_MS)
        self.energy = samples(ENERGY_MS)
        self.refractory = samples(REFRACTORY_MS)
        self.t_wave = samples(T_WAVE_MS)
        self.learn = samples(LEARN_MS)
        self.search = samples(SEARCH_MS)
        self.silent = samples(SILENT_MS)
        self.halve = samples(HALVE_MS)
        self.shift = 0
        # Bits dropped after the low-pass: what is left of an int16 is below 2^18, energies below 2^30.
        while (self.factor * self.low_pass * self.low_pass) >> self.shift > 7:
            self.shift += 1
        # Filtered samples a candidate's energy comes from, and one more on either side.
        self.span = self.energy + self.slope + 1
        # Samples by which the filtered signal lags behind the summed one.
        self.delay = self.low_pass - 1 + self.high_pass // 2
        # Samples after which nothing is left of how the signal began: a beat in them is not told from that.
        self.settle = 2 * self.low_pass + self.high_pass + self.slope + self.energy


class Medians:
    """Median of the last `KEPT` values, the upper one of two."""

    def __init__(self) -> None:
        self._ring = array("i", bytes(4 * KEPT))
        self._sorted = array("i", bytes(4 * KEPT))
        self.reset()

    def reset(self) -> None:
        """Forget all values."""
        self.count = 0
        self._next = 0
        self.value = 0

    def add(self, value: int) -> None:
        """Take a value in the place of the oldest."""
        self._ring[self._next] = value
        self._next = (self._next + 1) % KEPT
        self.count = min(KEPT, self.count + 1)
        self._update()

    def halve(self) -> None:
        """Believe half of every value."""
        for i in range(KEPT):
            self._ring[i] >>= 1
        self._update()

    def _update(self) -> None:
        ordered = self._sorted
        for i in range(self.count):
            value = self._ring[i]
            j = i
            while j > 0 and ordered[j - 1] > value:
                ordered[j] = ordered[j - 1]
                j -= 1
            ordered[j] = value
        self.value = int(ordered[self.count // 2])


def extremes(values) -> tuple[int, int, int, int]:
    """Highest and lowest of filtered values, first and last left out: (index, height, index, depth), either >= 0.

    Indices are in sixteenths of a sample, placed by the parabola through the three values around the extreme.
    """
    top = bottom = 1
    for i in range(2, len(values) - 1):
        if values[i] > values[top]:
            top = i
        if values[i] < values[bottom]:
            bottom = i
    return _vertex(values, top), max(0, values[top]), _vertex(values, bottom), max(0, -values[bottom])


def _vertex(values, i: int) -> int:
    before, here, after = int(values[i - 1]), int(values[i]), int(values[i + 1])
    bend = 2 * here - before - after
    if bend == 0:
        return 16 * i
    # Half a sample at most: at the edge of the span the extreme may lie outside.
    return 16 * i + max(-8, min(8, 8 * (after - before) // bend))


class QrsRules:
    """Which candidates are beats: medians of beats and of noise, T waves, search-back.

    Times are samples at the analysis rate. `found` receives the beats in the order they are told, which is not always
    the order of time: a search back may find one before another. Each is 16 x its place in the summed signal.
    """

    def __init__(self, plan: QrsPlan) -> None:
        self._plan = plan
        self._beats = Medians()
        self._noise = Medians()
        self._intervals = Medians()
        self.found: list[int] = []
        self.told: list[int] = []
        self.reset()

    def reset(self) -> None:
        """As for a new signal."""
        self._beats.reset()
        self._noise.reset()
        self._intervals.reset()
        self._pending: list[tuple[int, int, int, int, int, int, int]] = []
        self._learning = True
        self._known = False
        self._last = 0
        self._last_slope = 0
        self._halve_at = 0
        self._balance = 0
        self._now = 0
        self._searched = False
        self.found = []
        self.told = []

    def rebase(self, by: int) -> None:
        """All times are `by` samples smaller from now on."""
        self._last -= by
        self._halve_at -= by
        self._now -= by
        self._pending = [(c[0] - by, c[1], c[2], c[3] - 16 * by, c[4], c[5] - 16 * by, c[6]) for c in self._pending]

    def candidate(
        self, at: int, height: int, slope: int, top: int, top_height: int, bottom: int, bottom_depth: int
    ) -> None:
        """An energy of `height` at `at`; `slope` is the steepest, top and bottom what `extremes` found (1/16 samples).

        Told when it is certain that no higher one follows: `refractory` samples later.
        """
        now = at + self._plan.refractory
        self.advance(now)
        if self._learning and at < self._plan.settle:
            return
        candidate = (at, height, slope, top, top_height, bottom, bottom_depth)
        if self._learning:
            self._pending.append(candidate)
        else:
            self._now = now
            self._searched = False
            self._decide(candidate)
            self.advance(now)

    def advance(self, now: int) -> None:
        """Do what is due before `now`: end the learning, search back, lower the levels."""
        if self._learning:
            if now < self._plan.learn + self._plan.refractory:
                return
            self._now = self._plan.learn + self._plan.refractory
            self._learn()
        while True:
            if not self._searched:
                search_at = self._last + min(3 * self._intervals.value >> 1 or self._plan.search, self._plan.search)
                if search_at < min(now, self._halve_at):
                    self._now = max(self._now, search_at + 1)
                    self._searched = not self._search_back()
                    continue
            if self._halve_at >= now:
                return
            self._now = max(self._now, self._halve_at + 1)
            self._lower()
            self._searched = False

    def _lower(self) -> None:
        """The signal has become smaller, or the heart stands still: believe less. Old candidates are left alone."""
        self._leave(self._halve_at - self._plan.silent)
        self._beats.halve()
        self._halve_at += self._plan.halve

    def _learn(self) -> None:
        self._learning = False
        waiting, self._pending = self._pending, []
        highest = 0
        for candidate in waiting:
            highest = max(highest, candidate[1])
        self._beats.add(highest - (highest >> 2))
        self._last = -self._plan.t_wave
        self._halve_at = self._plan.silent
        for candidate in waiting:
            self._decide(candidate)

    def _threshold(self) -> int:
        level = self._beats.value
        noise = min(self._noise.value, level)
        return noise + ((level - noise) >> 2)

    def _decide(self, candidate) -> None:
        if candidate[1] > self._threshold() and not self._is_t_wave(candidate):
            self._accept(candidate)
        else:
            self._pending.append(candidate)
            if len(self._pending) > PENDING:
                self._leave(self._pending[0][0])

    def _leave(self, until: int) -> None:
        """Candidates up to this time can be beats no more: the others among them were noise."""
        for candidate in self._pending:
            if candidate[0] <= until and candidate[0] != self._last:
                self._noise.add(candidate[1])
        self._pending = [candidate for candidate in self._pending if candidate[0] > until]

    def _is_t_wave(self, candidate) -> bool:
        early = candidate[0] - self._last < self._plan.t_wave
        return bool(early and candidate[2] << 3 < 3 * self._last_slope)

    def _search_back(self) -> bool:
        """Accept the highest rejected candidate above half the threshold; false when there is none."""
        threshold = self._threshold() >> 1
        best = None
        for candidate in self._pending:
            if candidate[1] > threshold and not self._is_t_wave(candidate):
                threshold = candidate[1]
                best = candidate
        if best is None:
            return False
        self._accept(best)
        return True

    def _accept(self, beat) -> None:
        at, height, slope, top, top_height, bottom, bottom_depth = beat
        if self._known:
            self._intervals.add(at - self._last)
        self._known = True
        self._last = at
        self._last_slope = slope
        self._halve_at = at + self._plan.silent
        self._beats.add(height)
        self._leave(at)
        # Which side of the beats is measured follows the last eight or so: one odd beat does not move the others.
        self._balance += ((top_height - bottom_depth) >> 8) - (self._balance >> 3)
        self.found.append(top if self._balance >= 0 else bottom)
        self.told.append(self._now)
