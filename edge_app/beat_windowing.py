"""Frames of an ECG in, one window a heartbeat out: `window: {each: beat, seconds: S}`.

The rules, beside those of windowing.py:

* A window is emitted `AFTER_S` after its beat: by then the next beats are known. It ends there, begins `window_s`
  before, and holds in `marks` all beats known at its end; `focus` is the one it is about. A beat found only by
  searching back gets its window when it is found.
* Behind the start of the signal and behind a gap windows are shorter: they begin with the first sample. No sample is
  invented, and a person is not left unjudged for `window_s`.
* **No heartbeat is no silence.** When the signal flows and no beat was found for `SILENT_S`, a window says so that
  cannot be judged, and again every `HOP_S`.
* Quality is judged on the last `JUDGED_S` of the window: what was clipped a minute ago does not matter to this beat.

Where windows lie depends on the samples alone, not on how they come in frames.
"""

from __future__ import annotations

import numpy as np

from edge_app.core.frames import Counts, Frame, Quality, Window
from edge_app.dsp.qrs_block import QrsBlocks
from edge_app.windowing import DEFAULT_LIMITS, MOST_EMPTY_WINDOWS, QualityLimits, Windower

AFTER_S = 2.0
"""Signal behind its beat that a window holds (s)."""
SILENT_S = 4.0
"""Without a beat for this time the pipeline says so (s)."""
HOP_S = 1.0
"""Time between two windows that say that there is no beat, or no signal (s)."""
LEAST_S = 8.0
"""Shortest window: a beat found late must lie in it (s)."""
LEAST_RATE_HZ = 100.0
"""Slower sampling does not show a QRS complex (Hz)."""
JUDGED_S = 6.0
"""End of a window that quality is judged on (s)."""


class BeatWindower(Windower):
    """Cuts one window for every heartbeat; see windowing.Windower for the parameters and the contract.

    The signal of the first axis is searched for beats; its rate must be 100 Hz or more.
    """

    def __init__(
        self,
        rate_hz: float,
        window_s: float,
        n_axes: int = 1,
        limits: QualityLimits = DEFAULT_LIMITS,
        min_rate_hz: float = 0.0,
    ) -> None:
        self._after = round(AFTER_S * rate_hz)
        self._silent = round(SILENT_S * rate_hz)
        self._judged = round(JUDGED_S * rate_hz)
        if window_s < LEAST_S:
            raise ValueError(f"window_s {window_s}: windows about heartbeats need {LEAST_S:g} s")
        # Too slow a signal is windowed all the same: its windows say so and are not judged.
        self._detector = QrsBlocks(max(rate_hz, LEAST_RATE_HZ))
        super().__init__(rate_hz, window_s, HOP_S, n_axes, limits, min_rate_hz)

    def _drop_samples(self) -> None:
        super()._drop_samples()
        self._detector.reset()
        self._dropped = 0  # samples since the last gap that have left the buffer
        self._searched = 0  # samples since the last gap that the detector knows
        self._beats: list[tuple[int, int]] = []  # (place, known from), by place
        self._waiting: list[tuple[int, int]] = []  # (due, place) of beats without a window, by due
        self._silent_from = 0

    def _renew(self) -> None:
        """Keep the samples a window that is still to come may hold."""
        self._start = max(0, self._fill - self.length)
        self._dropped += self._start
        super()._renew()

    def _cut(self, frame: Frame, done: int, windows: list[Window]) -> None:
        """Emit what is due by now; `done` samples of `frame` are in the buffer."""
        heard = self._dropped + self._fill
        self._search(heard)
        end_s = frame.start_s + done / self.rate_hz
        while True:
            due, place = self._waiting[0] if self._waiting else (heard + 1, -1)
            quiet_at = self._silent_from + self._silent
            if min(due, quiet_at) > heard:
                break
            at = min(due, quiet_at)
            at_s = end_s - (heard - at) / self.rate_hz
            last = max((beat for beat, known in self._beats if known <= at), default=0)
            if due <= quiet_at:
                self._waiting.pop(0)
                windows.append(self._about(place, at, at_s, frame))
            elif last > self._silent_from:
                self._silent_from = last
                continue
            else:
                windows.append(self._without_beat(at, at_s, (at - last) / self.rate_hz, frame))
                self._silent_from += self.hop
            self._due_s = at_s + self._hop_s
        if self._fill + frame.length > self._capacity:
            self._renew()

    def _search(self, heard: int) -> None:
        new = self._buffer[0, self._searched - self._dropped : self._fill]
        self._searched = heard
        found = self._detector.push_told(new)
        if not found:
            return
        self._beats = sorted([*self._beats, *found])
        self._waiting += [(max(place + self._after, known), place) for place, known in found]
        self._waiting.sort()

    def _about(self, place: int, at: int, at_s: float, frame: Frame) -> Window:
        """The window about one beat, ending with sample `at`."""
        first = max(0, at - self.length)
        self._beats = [beat for beat in self._beats if beat[0] >= first]
        samples = self._samples(first, at)
        marks = tuple(beat - first for beat, known in self._beats if known <= at and first <= beat < at)
        quality = self._quality(samples[:, -self._judged :], frame.full_scale)
        return self._beat_window(samples, frame, at_s, quality, marks, marks.index(place - first))

    def _without_beat(self, at: int, at_s: float, quiet_s: float, frame: Frame) -> Window:
        samples = self._samples(max(0, at - self.length), at)
        quality = self._quality(samples[:, -self._judged :], frame.full_scale)
        reasons = (f"no heartbeat found for {quiet_s:.1f} s", *quality.reasons)
        return self._beat_window(samples, frame, at_s, Quality(0, reasons, judgeable=False), (), -1)

    def _samples(self, first: int, end: int) -> Counts:
        return np.ascontiguousarray(self._buffer[:, first - self._dropped : end - self._dropped])

    def _beat_window(
        self, samples: Counts, frame: Frame, end_s: float, quality: Quality, marks: tuple[int, ...], focus: int
    ) -> Window:
        start_s = end_s - samples.shape[1] / self.rate_hz
        window = Window(
            samples, frame.scale, frame.unit, self.rate_hz, start_s, end_s, self.index, quality, marks, focus
        )
        self.index += 1
        return window

    def _emit_missing(self, frame: Frame, windows: list[Window]) -> None:
        """One window without samples for every hop of the gap, and one at least: beats were not heard."""
        if windows:
            return  # timestamps went back: told already
        last_s = frame.start_s
        missing = max(1, int((last_s - self._due_s) / self._hop_s + 1e-6) + 1)
        extra = max(0, missing - MOST_EMPTY_WINDOWS)
        self.index += extra
        self.skipped += extra
        for left in range(missing - extra - 1, -1, -1):
            windows.append(self._empty(frame, last_s - left * self._hop_s))
        self._due_s = last_s + self._hop_s
        self._gap_reasons = []
        self._gap_lost = 0
