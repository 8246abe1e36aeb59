# Runs unchanged on MicroPython.
"""Heartbeats in a pulse wave (PPG): causal, in whole numbers, a few additions a sample, from 25 to 400 Hz.

samples → slope over two boxes of 100 ms → local maxima of the slope → those high enough and far enough apart are beats.

The beat is placed where the pulse rises fastest, to 1/256 of a sample by a parabola through three slopes: steeper and
better defined than foot or peak, so that 26 to 30 Hz suffice for heart rate variability. Pulses that fall when blood
comes (a camera's red, most reflective chips) are turned round: see `falls_on_beat`.

Source
------
W. Zong, T. Heldt, G. B. Moody, R. G. Mark, "An open-source algorithm to detect onset of arterial blood pressure
pulses", Computers in Cardiology 30:259-262, 2003 (slope sum, adaptive threshold, refractory period); E. Peralta,
J. Lazaro, R. Bailon, V. Marozas, E. Gil, "Optimal fiducial points for pulse rate variability analysis from forehead
and finger photoplethysmographic signals", Physiol. Meas. 40(2):025007, 2019 (steepest rise as the beat's place).
The threshold that falls while a beat is due, and all constants, are ours; chosen on recordings 01-11 of ppg-welltory.
"""

from array import array

BOX_MS = 100
"""Each of the two boxes whose difference is the slope: passes to about 4 Hz, so a dicrotic wave shows little of it."""
REFRACTORY_MS = 300
"""No two beats are nearer: 200 bpm."""
LEARN_MS = 1500
"""The first threshold comes of the highest slope in each of three such stretches; each holds a beat at 40 bpm."""
LONGEST_MS = 1500
"""Interval at which a beat is due at the latest (40 bpm); the threshold falls further beyond it."""
FIRST_INTERVAL_MS = 800
"""Mean interval assumed before any was seen."""
_LEARN_MOST = 128
"""Candidates kept while learning."""


def samples_of(ms: int, rate_mhz: int) -> int:
    """Samples in a time, rounded, at least 1."""
    return max(1, (ms * rate_mhz + 500000) // 1000000)


def box_length(rate_mhz: int) -> int:
    """Samples of one box."""
    return max(2, samples_of(BOX_MS, rate_mhz))


class Slope:
    """Sum of the last `box` samples minus the sum of the `box` before: a causal slope, delayed by `box` samples.

    Values stay below 2^22 for int16 samples and the 40 samples of 400 Hz.
    """

    def __init__(self, box: int) -> None:
        self.box = box
        self._ring = array("h", bytes(4 * box))
        self._at = 0
        self._seen = 0
        self._slope = 0

    def push(self, sample: int) -> int:
        """The slope after this sample; 0 until both boxes are full."""
        box, ring, at = self.box, self._ring, self._at
        middle = at + box
        if middle >= 2 * box:
            middle -= 2 * box
        self._slope += sample - 2 * ring[middle] + ring[at]
        ring[at] = sample
        at += 1
        self._at = 0 if at == 2 * box else at
        self._seen += 1
        return self._slope if self._seen >= 2 * box else 0


def vertex_q8(before: int, top: int, after: int) -> int:
    """Where a parabola through three values has its top, from the middle one, in 1/256 of a sample: -128..128."""
    curve = 2 * top - before - after
    return ((after - before) * 128 + (curve >> 1)) // curve if curve > 0 else 0


class BeatPicker:
    """Chooses the beats among the local maxima of the slope.

    A maximum is a beat when it is the highest within the refractory period to both sides and above a threshold. The
    threshold is a share of the usual height that falls with the time since the last beat: 12/16 right after it, where
    the dicrotic wave comes; 5/16 from 3/4 of the mean interval on, where the next, perhaps weak, beat is due; it goes
    on falling when none comes, so that a sudden loss of amplitude does not blind it.

    Parameters
    ----------
    rate_mhz : int
        Sampling rate (mHz).
    """

    def __init__(self, rate_mhz: int) -> None:
        self.refractory_q8 = samples_of(REFRACTORY_MS, rate_mhz) << 8
        self.longest_q8 = samples_of(LONGEST_MS, rate_mhz) << 8
        self._learn_q8 = samples_of(LEARN_MS, rate_mhz) << 8
        self._learnt = array("i", (0, 0, 0))
        self._early: list = []
        self.level = 0
        """Usual slope of a beat."""
        self.mean_q8 = samples_of(FIRST_INTERVAL_MS, rate_mhz) << 8
        """Running mean of the intervals (1/256 samples)."""
        self._last_q8 = -1
        self._pending_q8 = -1
        self._height = 0
        self.beats_q8 = array("i")
        """Places of the beats found so far (1/256 samples), rising."""

    def offer(self, place_q8: int, height: int) -> None:
        """Take the next local maximum of the slope."""
        if self.level == 0:
            if place_q8 < 3 * self._learn_q8 and len(self._early) < _LEARN_MOST:
                stretch = place_q8 // self._learn_q8
                self._learnt[stretch] = max(self._learnt[stretch], height)
                self._early.append((place_q8, height))
                return
            self._begin()
        self._take(place_q8, height)

    def finish(self) -> None:
        """No more maxima come: the one pending is decided."""
        if self.level == 0:
            self._begin()
        self._confirm()

    def _begin(self) -> None:
        """The middle one of three heights is the first level; then what was kept is gone through."""
        self.level = max(1, sorted(self._learnt)[1])
        early, self._early = self._early, []
        for place_q8, height in early:
            self._take(place_q8, height)

    def _take(self, place_q8: int, height: int) -> None:
        if self._pending_q8 >= 0:
            if place_q8 - self._pending_q8 < self.refractory_q8:
                if height > self._height:
                    self._pending_q8, self._height = place_q8, height
                return
            self._confirm()
        if self._last_q8 >= 0 and place_q8 - self._last_q8 < self.refractory_q8:
            return
        if height >= self.threshold(place_q8):
            self._pending_q8, self._height = place_q8, height

    def threshold(self, place_q8: int) -> int:
        """Height a maximum at this place must have."""
        if self._last_q8 < 0:
            return (self.level * 6) >> 4
        since, mean = place_q8 - self._last_q8, self.mean_q8
        early = (3 * mean) >> 2
        if since < early:
            return (self.level * (12 - 7 * since // early)) >> 4
        late = max(self.longest_q8, mean + (mean >> 1))
        return (self.level * 5) >> (4 + min(4, since // late))

    def _confirm(self) -> None:
        if self._pending_q8 < 0:
            return
        place_q8, height = self._pending_q8, self._height
        self._pending_q8 = -1
        if self._last_q8 >= 0:
            interval = min(place_q8 - self._last_q8, self.longest_q8)
            self.mean_q8 += (interval - self.mean_q8) >> 3
        self.level = max(1, self.level + ((min(height, 2 * self.level) - self.level) >> 3))
        self._last_q8 = place_q8
        self.beats_q8.append(place_q8)


class PulseDetector:
    """Takes samples one by one and knows the beats so far: `beats_q8`, a refractory period behind at most.

    For windows: all beats are kept, and places in 1/256 samples fit 32 bits for 2^23 samples (23 hours at 100 Hz).

    Parameters
    ----------
    rate_mhz : int
        Sampling rate (mHz), 25 to 400 Hz.
    falls : bool
        The signal falls when blood comes.
    """

    def __init__(self, rate_mhz: int, falls: bool = False) -> None:
        self._slope = Slope(box_length(rate_mhz))
        self._picker = BeatPicker(rate_mhz)
        self._sign = -1 if falls else 1
        self._before = 0
        self._top = 0
        self._count = 0

    @property
    def beats_q8(self):
        """Places of the beats found so far (1/256 samples), rising."""
        return self._picker.beats_q8

    def push(self, sample: int) -> None:
        """Take one int16 sample."""
        slope = self._sign * self._slope.push(sample)
        before, top = self._before, self._top
        if top > before and top >= slope and top > 0:
            # The top lies one sample back, and the slope is that of the moment `box` samples before.
            place = ((self._count - 1 - self._slope.box) << 8) + 128 + vertex_q8(before, top, slope)
            if place >= 0:
                self._picker.offer(place, top)
        self._before, self._top = top, slope
        self._count += 1

    def finish(self) -> None:
        """The signal has ended: decide what is pending."""
        self._picker.finish()


def falls_on_beat(samples, rate_mhz: int) -> bool:
    """Whether the signal falls when blood comes: the wave goes up or down steeper than it comes back.

    Compares the steepest rises with the steepest falls of stretches of 1.5 s, each by its median, so that a few
    artefacts do not decide.
    """
    slope = Slope(box_length(rate_mhz))
    length = samples_of(LEARN_MS, rate_mhz)
    rises, falls = [], []
    highest = lowest = 0
    for index, sample in enumerate(samples):
        value = slope.push(sample)
        highest, lowest = max(highest, value), min(lowest, value)
        if (index + 1) % length == 0:
            rises.append(highest)
            falls.append(-lowest)
            highest = lowest = 0
    rises.sort()
    falls.sort()
    return bool(rises) and falls[len(falls) // 2] > rises[len(rises) // 2]
