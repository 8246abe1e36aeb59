"""The heartbeat detector of dsp/qrs.py over blocks of samples: filters in numpy, the same rules, equal beats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_app.dsp.qrs_rules import QrsPlan, QrsRules, extremes

Ints = NDArray[np.int64]


class QrsBlocks:
    """Beats of a signal that comes in blocks of any length.

    Parameters
    ----------
    rate_hz : float
        Sampling rate (Hz), 100 or more; taken to the mHz. Raises ValueError below.
    """

    def __init__(self, rate_hz: float) -> None:
        self.plan = QrsPlan(int(rate_hz * 1000.0 + 0.5))
        plan = self.plan
        memory = 2 * (plan.low_pass - 1) + plan.high_pass - 1 + plan.slope + plan.energy - 1
        self._context = memory + 2 * plan.refractory + plan.span + 2
        self._rules = QrsRules(plan)
        self.reset()

    def reset(self) -> None:
        """As for a new signal."""
        self._rules.reset()
        self._rest = np.empty(0, np.int64)
        self._tail: Ints | None = None
        self._done = 0

    def push(self, counts: NDArray[np.int16]) -> list[int]:
        """Sample indices, since the last reset, of the beats that are known now; int16 counts (n,) come next.

        A beat found by searching back may lie before one told earlier.
        """
        return [beat for beat, _ in self.push_told(counts)]

    def push_told(self, counts: NDArray[np.int16]) -> list[tuple[int, int]]:
        """As `push`; beside each beat how many samples must have come for it to be known, whatever the blocks."""
        factor = self.plan.factor
        samples = np.concatenate((self._rest, counts))
        whole = samples.size // factor * factor
        self._rest = samples[whole:].astype(np.int64)
        if whole == 0:
            return []
        sums = samples[:whole].astype(np.int64).reshape(-1, factor).sum(axis=1)
        if self._tail is None:
            self._tail = np.full(self._context, sums[0])
        sums = np.concatenate((self._tail, sums))
        first = self._done - self._context
        self._done += whole // factor
        self._tail = sums[-self._context :]
        self._find(sums, first)
        rules = self._rules
        beats = [(place * factor + 8 * (factor - 1) + 8) >> 4 for place in rules.found]
        heard = [(told + 1) * factor for told in rules.told]
        rules.found, rules.told = [], []
        return list(zip(beats, heard, strict=True))

    def _find(self, sums: Ints, first: int) -> None:
        """Tell the rules every candidate among `sums`, the first of which is summed sample number `first`."""
        plan, width = self.plan, self.plan.refractory
        filtered, slopes, energies = self._filter(sums)
        middle = slice(self._context - width, sums.size - width)
        highest = sliding_max(energies, width)
        peaks = np.flatnonzero((energies[middle] == highest[middle]) & (energies[middle] > 0)) + middle.start
        for at in peaks.tolist():
            if energies[at - width : at].max() == energies[at]:
                continue  # of equal ones the first counts
            values = filtered[at - plan.span + 1 : at + 2].tolist()
            top, top_height, bottom, bottom_depth = extremes(values)
            start = 16 * (first + at - plan.span + 1 - plan.delay)
            steepest = int(slopes[at - plan.energy + 1 : at + 1].max())
            self._rules.candidate(
                first + at, int(energies[at]), steepest, start + top, top_height, start + bottom, bottom_depth
            )
        self._rules.advance(self._done - 1)

    def _filter(self, sums: Ints) -> tuple[Ints, Ints, Ints]:
        """Band-passed signal, absolute slope and energy, each as long as `sums`; the first `memory` mean nothing."""
        plan = self.plan
        smooth = moving_sum(moving_sum(sums, plan.low_pass), plan.low_pass) >> plan.shift
        centred = plan.high_pass * delayed(smooth, plan.high_pass // 2) - moving_sum(smooth, plan.high_pass)
        slopes = np.abs(centred - delayed(centred, plan.slope))
        return centred, slopes, moving_sum(slopes, plan.energy)


def moving_sum(values: Ints, length: int) -> Ints:
    """Sum of each value and the `length` - 1 before it; before the first there are as many like it."""
    total = np.cumsum(np.concatenate((np.full(length, values[0]), values)))
    return np.asarray(total[length:] - total[:-length])


def delayed(values: Ints, by: int) -> Ints:
    """The values `by` samples later; the first is repeated."""
    return np.concatenate((np.full(by, values[0]), values[: values.size - by]))


def sliding_max(values: Ints, width: int) -> Ints:
    """Highest value within `width` either side of each; beyond the ends there is nothing."""
    length = 2 * width + 1
    low = np.full(width, np.iinfo(np.int64).min)
    highest = np.concatenate((low, values, low))
    reach = 1
    while 2 * reach <= length:
        highest = np.maximum(highest[:-reach], highest[reach:])
        reach *= 2
    if reach < length:
        highest = np.maximum(highest[: -(length - reach)], highest[length - reach :])
    return np.asarray(highest)
