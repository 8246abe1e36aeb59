# Runs unchanged on MicroPython.
"""Heartbeats in an ECG, found as the samples come: whole numbers only, one lead, either polarity, 100 to 1000 Hz.

Sums of neighbouring samples bring the rate to 125..250 Hz. Moving sums leave about 4 to 16 Hz, where the QRS complex
stands out of P waves, T waves, baseline and hum; its absolute slope, summed over 80 ms, is the energy. An energy that
is the largest within 200 ms either side is a candidate, and `QrsRules` decides which candidates are beats.
dsp/qrs_block.py does the same with numpy; tests hold the two to equal beats.

Delay: a beat is told 0.3 to 0.4 s after its R wave. One that is found only by searching back is told at most
`SILENT_MS` + 0.4 s after it, those of the first 2 s at their end.

Source: filters and rules follow J. Pan, W. J. Tompkins, "A real-time QRS detection algorithm", IEEE Trans. Biomed.
Eng. 32(3):230-236, 1985, and P. S. Hamilton, W. J. Tompkins, "Quantitative investigation of QRS detection rules using
the MIT/BIH arrhythmia database", IEEE Trans. Biomed. Eng. 33(12):1157-1165, 1986: medians of the last beats, a noise
level, T waves told by their slope, search-back. Lengths and shares are ours, chosen on
DS1 (docs/reference/heartbeats.md).
"""

from array import array

from edge_app.dsp.qrs_rules import QrsPlan, QrsRules, extremes

REBASE = 1 << 27
"""Counts of samples start anew here, so that they never leave 31 bits."""


class QrsDetector:
    """Sample in, beats out; for a device. Nothing is allocated per sample, little per candidate.

    Parameters
    ----------
    rate_mhz : int
        Sampling rate (mHz), 100000 or more.
    """

    def __init__(self, rate_mhz: int) -> None:
        plan = QrsPlan(rate_mhz)
        self.plan = plan
        self.rules = QrsRules(plan)
        self._one = array("i", bytes(4 * plan.low_pass))
        self._two = array("i", bytes(4 * plan.low_pass))
        self._mean = array("i", bytes(4 * plan.high_pass))
        self._filtered = array("i", bytes(4 * (plan.refractory + plan.span + 2)))
        self._slopes = array("i", bytes(4 * plan.energy))
        self._steep = array("i", bytes(4 * (plan.refractory + plan.energy)))
        self._energies = array("i", bytes(4 * (2 * plan.refractory + 1)))
        self._values = array("i", bytes(4 * (plan.span + 1)))
        self.reset()

    def reset(self) -> None:
        """As for a new signal."""
        self.rules.reset()
        self._begun = False
        self._sum = 0
        self._in_sum = 0
        self._now = -1
        self._top = 0
        self._top_at = 0
        for ring in (self._filtered, self._slopes, self._steep, self._energies):
            for i in range(len(ring)):
                ring[i] = 0
        self._energy = 0

    def push(self, sample: int) -> int:
        """Take one int16 count; how many beats are known now: then `take()` tells them."""
        self._sum += sample
        self._in_sum += 1
        if self._in_sum < self.plan.factor:
            return 0
        value = self._sum
        self._sum = 0
        self._in_sum = 0
        self._now += 1
        if self._now >= REBASE:
            self._rebase()
        self._energies[self._now % len(self._energies)] = self._filter(value)
        self._find_candidate()
        self.rules.advance(self._now)
        return len(self.rules.found)

    def take(self) -> list[int]:
        """The beats found since the last time, as ages: so many samples before the last one pushed is the R wave."""
        factor = self.plan.factor
        ages = []
        for place in self.rules.found:
            # Sample k of the summed signal has its middle (factor - 1) / 2 after sample k * factor.
            ages.append(self._now * factor + factor - 1 - (((place * factor + 8 * (factor - 1)) + 8) >> 4))
        self.rules.found = []
        self.rules.told = []
        return ages

    def _rebase(self) -> None:
        by = REBASE - REBASE % (len(self._energies) * len(self._filtered) * len(self._steep))
        self._now -= by
        self._top_at -= by
        self.rules.rebase(by)

    def _filter(self, value: int) -> int:
        """Energy after one more summed sample."""
        plan = self.plan
        now = self._now
        if not self._begun:
            self._begin(value)
        i = now % plan.low_pass
        self._one_sum += value - self._one[i]
        self._one[i] = value
        self._two_sum += self._one_sum - self._two[i]
        self._two[i] = self._one_sum
        value = self._two_sum >> plan.shift
        i = now % plan.high_pass
        self._mean_sum += value - self._mean[i]
        self._mean[i] = value
        middle = self._mean[(now - plan.high_pass // 2) % plan.high_pass]
        kept = len(self._filtered)
        filtered = plan.high_pass * middle - self._mean_sum
        slope = abs(filtered - self._filtered[(now - plan.slope) % kept])
        self._filtered[now % kept] = filtered
        i = now % plan.energy
        self._energy += slope - self._slopes[i]
        self._slopes[i] = slope
        self._steep[now % len(self._steep)] = slope
        return self._energy

    def _begin(self, value: int) -> None:
        """As if the first value had always been there: no step at the start."""
        plan = self.plan
        self._begun = True
        self._one_sum = value * plan.low_pass
        self._two_sum = self._one_sum * plan.low_pass
        self._mean_sum = (self._two_sum >> plan.shift) * plan.high_pass
        for i in range(plan.low_pass):
            self._one[i] = value
            self._two[i] = self._one_sum
        for i in range(plan.high_pass):
            self._mean[i] = self._two_sum >> plan.shift

    def _find_candidate(self) -> None:
        """Tell the rules when the energy in the middle of what is kept is the highest: the first of equal ones."""
        now = self._now
        width = self.plan.refractory
        kept = 2 * width + 1
        energy = self._energies[now % kept]
        if energy > self._top:
            self._top = energy
            self._top_at = now
        elif now - self._top_at >= kept:
            self._top_at = now - kept + 1
            self._top = self._energies[self._top_at % kept]
            for at in range(self._top_at + 1, now + 1):
                if self._energies[at % kept] > self._top:
                    self._top = self._energies[at % kept]
                    self._top_at = at
        if self._top_at == now - width and self._top > 0:
            self._tell(self._top_at)

    def _tell(self, at: int) -> None:
        plan = self.plan
        kept = len(self._filtered)
        for i in range(plan.span + 1):
            self._values[i] = self._filtered[(at - plan.span + 1 + i) % kept]
        steepest = 0
        for i in range(at - plan.energy + 1, at + 1):
            steepest = max(steepest, self._steep[i % len(self._steep)])
        top, top_height, bottom, bottom_depth = extremes(self._values)
        first = 16 * (at - plan.span + 1 - plan.delay)
        self.rules.candidate(at, self._top, steepest, first + top, top_height, first + bottom, bottom_depth)
