"""Frames in, overlapping windows out; gaps, clipping, flat line, stuck values, jitter and rate error become a quality.

The rules, in one place:

* **No sample is invented.** A window never spans a gap. After a gap the next window starts with the first sample behind
  it. For every hop at which a window was due and could not be formed, one empty window (`samples` of shape
  (n_axes, 0)) is emitted whose quality says why and is not judgeable: time without data is `unknown`, not silence.
* **Badness.** Each finding is a number: measured value / its limit in `QualityLimits`. `Quality.percent` is
  100 - 50 x the worst badness, not below 0; a window is judgeable while every badness is below 1, that is above 50 %.
* A sensor at rest shows its offset (gravity) and noise: that is not a flat line. A flat line has no noise at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_app.core.frames import Counts, Frame, Quality, Window

Finding = tuple[float, str]
"""(badness, reason): badness 1 is the limit."""

GOOD = Quality(100)
_BUFFER_WINDOWS = 4
MOST_EMPTY_WINDOWS = 120
"""Empty windows of one gap; beyond, only `index` and `skipped` advance (the sensor's own alarm speaks by then)."""
_CHANCE_OF_RUN = 1e-9
"""A run of equal values means a stuck sensor when noise would show it in fewer than this share of the windows."""


@dataclass(frozen=True)
class QualityLimits:
    """Where a window stops being judgeable. Every limit has a unit test in tests/unit/test_windowing.py."""

    clipped_share: float = 0.05
    """Share of samples at full scale. A violent fault clips a few peaks and is still to be judged."""
    stuck_share: float = 0.05
    """Share of the window in one run of the same value (at least 16 samples), longer than quantisation explains."""
    rate_error: float = 0.10
    """Relative difference of measured and nominal rate; band edges in Hz are off by as much."""
    rate_after_s: float = 10.0
    """Span of timestamps needed before the rate is believed (s)."""
    gap_s: float = 0.1
    """Jump of timestamps between two frames that counts as a gap even when the driver reports no loss (s)."""


DEFAULT_LIMITS = QualityLimits()


def make_windower(
    each: str,
    rate_hz: float,
    window_s: float,
    hop_s: float,
    n_axes: int = 1,
    limits: QualityLimits = DEFAULT_LIMITS,
    min_rate_hz: float = 0.0,
) -> Windower:
    """The windower a pipeline's `window:` asks for: one window a hop, or `each: beat`."""
    if each == "beat":
        from edge_app.beat_windowing import BeatWindower  # with the search for beats, which only an ECG needs

        return BeatWindower(rate_hz, window_s, n_axes, limits, min_rate_hz)
    return Windower(rate_hz, window_s, hop_s, n_axes, limits, min_rate_hz)


class Windower:
    """Cuts windows of a fixed length from frames of any length.

    Parameters
    ----------
    rate_hz : float
        Nominal rate of the frames; the window's length is round(window_s x rate_hz) samples, the hop's likewise.
    window_s, hop_s : float
        Length of a window and distance of two starts (s).
    n_axes : int
        Axes of every frame.
    limits : QualityLimits
        When a window is judgeable.
    min_rate_hz : float
        What the app needs; below it every window is whole but not judgeable.

    `push` costs about a microsecond per frame and 20 us per window of 3332 x 1 (see tests/unit/test_windowing.py).
    Windows of one axis are views of a buffer that is never written again; windows of more axes are copies.
    """

    def __init__(
        self,
        rate_hz: float,
        window_s: float,
        hop_s: float,
        n_axes: int = 1,
        limits: QualityLimits = DEFAULT_LIMITS,
        min_rate_hz: float = 0.0,
    ) -> None:
        if not (rate_hz > 0 and window_s > 0 and hop_s > 0 and n_axes > 0):
            raise ValueError(f"rate_hz {rate_hz}, window_s {window_s}, hop_s {hop_s}, n_axes {n_axes}: all must be > 0")
        self.rate_hz = rate_hz
        self.length = max(2, round(window_s * rate_hz))
        self.hop = max(1, round(hop_s * rate_hz))
        self.n_axes = n_axes
        self.limits = limits
        self.index = 0
        """Index the next window gets."""
        self.skipped = 0
        """Windows of very long gaps that were counted and not emitted."""
        self._length_s = self.length / rate_hz
        self._hop_s = self.hop / rate_hz
        self._gap_limit_s = max(limits.gap_s, 1.5 / rate_hz)
        self._too_slow: Finding | None = None
        if rate_hz < min_rate_hz:
            self._too_slow = (2.0, f"{rate_hz:g} Hz is below the {min_rate_hz:g} Hz this app needs")
        self._capacity = _BUFFER_WINDOWS * max(self.length, self.hop)
        self._buffer: Counts
        self._fill = 0
        self._start = 0
        self.reset()

    def reset(self) -> None:
        """Forget all samples and times, as for a new signal. Not needed after a sensor was reopened: that is a gap."""
        self._drop_samples()
        self._expected_s: float | None = None
        self._due_s = 0.0
        self._gap_reasons: list[str] = []
        self._gap_lost = 0
        self._jitter_s = 0.0
        self._earlier_jitter_s = 0.0
        self._meter = RateMeter(self.limits.rate_after_s)

    def push(self, frame: Frame) -> list[Window]:
        """Windows that end within this frame, oldest first, empty ones included."""
        if frame.samples.shape[0] != self.n_axes:
            raise ValueError(f"frame has {frame.samples.shape[0]} axes, the windower was made for {self.n_axes}")
        windows: list[Window] = []
        length = frame.length
        if length == 0 and frame.lost == 0:
            return windows
        self._follow_time(frame, windows)
        if self._gap_reasons:
            self._emit_missing(frame, windows)
        if length <= self._capacity - self._fill:
            self._append(frame.samples)
            self._cut(frame, length, windows)
        else:
            self._push_in_pieces(frame, windows)
        self._expected_s = frame.end_s
        return windows

    def _push_in_pieces(self, frame: Frame, windows: list[Window]) -> None:
        done = 0
        while done < frame.length:
            if self._capacity - self._fill < 1 or self._start >= self._fill:
                self._renew()
            piece = min(frame.length - done, self._capacity - self._fill)
            self._append(frame.samples[:, done : done + piece])
            done += piece
            self._cut(frame, done, windows)
            if self._fill == self._capacity:
                self._renew()

    def _append(self, samples: Counts) -> None:
        end = self._fill + samples.shape[1]
        self._buffer[:, self._fill : end] = samples
        self._fill = end

    def _renew(self) -> None:
        """Go on in a fresh buffer: windows already given away keep the old one."""
        kept = self._buffer[:, self._start : self._fill]
        skip = max(0, self._start - self._fill)  # a hop longer than the window: samples still to be passed over
        self._buffer = np.empty((self.n_axes, self._capacity), dtype=np.int16)
        self._buffer[:, : kept.shape[1]] = kept
        self._fill = kept.shape[1]
        self._start = skip

    def _cut(self, frame: Frame, done: int, windows: list[Window]) -> None:
        """Emit every whole window; `done` samples of `frame` are in the buffer."""
        while self._fill - self._start >= self.length:
            stop = self._start + self.length
            end_s = frame.start_s + (done - (self._fill - stop)) / self.rate_hz
            samples = np.ascontiguousarray(self._buffer[:, self._start : stop])
            windows.append(self._window(samples, frame, end_s, self._quality(samples, frame.full_scale)))
            self._start += self.hop
            self._due_s = end_s + self._hop_s
            self._gap_reasons = []
            self._gap_lost = 0
        if self._fill + frame.length > self._capacity:
            self._renew()

    def _window(self, samples: Counts, frame: Frame, end_s: float, quality: Quality) -> Window:
        window = Window(
            samples, frame.scale, frame.unit, self.rate_hz, end_s - self._length_s, end_s, self.index, quality
        )
        self.index += 1
        return window

    def _follow_time(self, frame: Frame, windows: list[Window]) -> None:
        """Notice gaps, jitter and the true rate from the frame's timestamps."""
        if self._expected_s is None:
            self._due_s = frame.start_s + self._length_s
            if frame.lost == 0:
                self._meter.add(frame.start_s, frame.length)
                return
            self._expected_s = frame.start_s
        jump_s = frame.start_s - self._expected_s
        if frame.lost == 0 and abs(jump_s) <= self._gap_limit_s:
            self._jitter_s = max(self._jitter_s, abs(jump_s))
            self._meter.add(frame.start_s, frame.length)
            return
        self._gap_reasons = [self._describe_gap(frame.lost, jump_s)]
        self._drop_samples()
        self._meter = RateMeter(self.limits.rate_after_s)
        self._meter.add(frame.start_s, frame.length)
        if jump_s < -self._gap_limit_s:  # no time to fill: say so once and start a new grid
            windows.append(self._empty(frame, frame.start_s))
            self._due_s = frame.start_s + self._length_s

    def _drop_samples(self) -> None:
        """Go on with the next sample: those before a gap are in no window with those behind it."""
        self._fill = self._start = 0
        self._buffer = np.empty((self.n_axes, self._capacity), dtype=np.int16)

    def _describe_gap(self, lost: int, jump_s: float) -> str:
        if lost > 0:
            self._gap_lost += lost
            return f"{self._gap_lost} samples lost"
        if jump_s < -self._gap_limit_s:
            return f"timestamps went back {-jump_s:.2f} s"
        if jump_s > self._gap_limit_s:
            return f"no samples for {jump_s:.2f} s"
        return "samples lost, number unknown"

    def _emit_missing(self, frame: Frame, windows: list[Window]) -> None:
        """One empty window per hop that is due by the end of this frame and cannot be formed."""
        whole_at_s = frame.start_s + (self.length - (self._fill - self._start)) / self.rate_hz
        last_s = min(frame.end_s, whole_at_s - 0.5 * self._hop_s)
        missing = int((last_s - self._due_s) / self._hop_s + 1e-6) + 1 if last_s >= self._due_s - 1e-9 else 0
        if missing > MOST_EMPTY_WINDOWS:
            extra = missing - MOST_EMPTY_WINDOWS
            self.index += extra
            self.skipped += extra
            self._due_s += extra * self._hop_s
            missing = MOST_EMPTY_WINDOWS
        for _ in range(missing):
            windows.append(self._empty(frame, self._due_s))
            self._due_s += self._hop_s

    def _empty(self, frame: Frame, end_s: float) -> Window:
        quality = Quality(0, tuple(self._gap_reasons), judgeable=False)
        return self._window(np.empty((self.n_axes, 0), dtype=np.int16), frame, end_s, quality)

    def _quality(self, samples: Counts, full_scale: int) -> Quality:
        findings = judge_samples(samples, full_scale, self.limits)
        if self._too_slow is not None:
            findings.append(self._too_slow)
        jitter_s = max(self._jitter_s, self._earlier_jitter_s)
        self._earlier_jitter_s, self._jitter_s = self._jitter_s, 0.0
        if jitter_s > 0.2 * self._gap_limit_s:
            findings.append((0.99 * jitter_s / self._gap_limit_s, f"jitter {1e3 * jitter_s:.0f} ms"))
        error = self._meter.error(self.rate_hz)
        if abs(error) > 0.1 * self.limits.rate_error:
            findings.append((abs(error) / self.limits.rate_error, f"rate {100 * error:+.1f} % off"))
        return quality_of(findings)


def quality_of(findings: list[Finding]) -> Quality:
    """The quality that says these findings, worst first."""
    if not findings:
        return GOOD
    findings = sorted(findings, key=lambda finding: -finding[0])
    worst = findings[0][0]
    return Quality(
        percent=max(0, min(99, round(100 - 50 * worst))),
        reasons=tuple(reason for _, reason in findings),
        judgeable=worst < 1.0,
    )


def judge_samples(samples: Counts, full_scale: int, limits: QualityLimits) -> list[Finding]:
    """What is wrong with the counts of one window, each axis on its own: flat line, saturation, clipping, stuck value.

    Parameters
    ----------
    samples : int16 of shape (n_axes, length)
    full_scale : int
        Counts at which the sensor saturates; the sensor's lowest count is -full_scale or -full_scale - 1.
    """
    findings: list[Finding] = []
    n_axes, length = samples.shape
    highest, lowest = samples.max(axis=1).tolist(), samples.min(axis=1).tolist()
    least_run = max(16, math.ceil(limits.stuck_share * length))
    step = max(1, least_run // 4)
    sieve = samples[:, ::step]  # a run of `least_run` shows as three equal neighbours here
    same = sieve[:, 1:] == sieve[:, :-1]
    runs = same[:, 1:] & same[:, :-1]
    suspect = np.count_nonzero(runs) > 0
    for axis, (top, bottom) in enumerate(zip(highest, lowest, strict=True)):
        saturated = top >= full_scale or bottom <= -full_scale
        if not (saturated or suspect or top == bottom):
            continue  # as a rule nothing is wrong
        where = f" (axis {axis + 1})" if n_axes > 1 else ""
        if top == bottom:
            findings.append((2.0, f"saturated, flat at full scale{where}" if saturated else f"flat line{where}"))
            continue
        if saturated:
            clipped = int(np.count_nonzero((samples[axis] >= full_scale) | (samples[axis] <= -full_scale)))
            share = clipped / length
            findings.append((share / limits.clipped_share, f"clipped {100 * share:.1f} %{where}"))
        if suspect and runs[axis].any():
            run = stuck_run(samples[axis], full_scale)
            if run >= least_run:
                findings.append((run / least_run, f"stuck at one value for {run} samples{where}"))
    return findings


def stuck_run(samples: NDArray[np.int16], full_scale: int) -> int:
    """Length of the longest run of one value if noise and quantisation do not explain it, else 0.

    A repeat of the last value has the probability p, measured on the rest of the window. In n samples a run longer
    than r then occurs with the probability n(1-p)p^r: runs beyond the r at which this is 1e-9 are not chance. Runs at
    full scale are clipping, not a stuck value.

    Source: M. F. Schilling, "The longest run of heads", College Math. J. 21(3):196-207, 1990.
    """
    edges = np.flatnonzero(samples[1:] != samples[:-1]) + 1
    bounds = np.concatenate(([0], edges, [samples.size]))
    runs = np.diff(bounds)
    values = samples[bounds[:-1]]
    inside = (values < full_scale) & (values > -full_scale)
    if not inside.any():
        return 0
    longest = int(runs[inside].max())
    others = samples.size - longest
    repeats = samples.size - runs.size - (longest - 1)
    p = (repeats + 1) / (others + 2)  # Laplace's rule: never 0 or 1
    explained = math.log(samples.size * (1 - p) / _CHANCE_OF_RUN) / -math.log(p)
    return longest if longest > explained else 0


class RateMeter:
    """Measures the true rate from frame timestamps over the last one to two minutes."""

    SPAN_S = 60.0

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._count = 0
        self._anchor: tuple[float, int] | None = None
        self._next_anchor: tuple[float, int] | None = None
        self._now: tuple[float, int] | None = None

    def add(self, start_s: float, length: int) -> None:
        """A frame of `length` samples began at `start_s`."""
        now = (start_s, self._count)
        if self._anchor is None:
            self._anchor = self._next_anchor = now
        elif self._next_anchor is not None and start_s - self._next_anchor[0] >= self.SPAN_S:
            self._anchor, self._next_anchor = self._next_anchor, now
        self._now = now
        self._count += length

    def error(self, nominal_hz: float) -> float:
        """Measured / nominal - 1; 0.0 while too little time has passed to say."""
        if self._anchor is None or self._now is None:
            return 0.0
        span_s = self._now[0] - self._anchor[0]
        if span_s < self._after_s:
            return 0.0
        return (self._now[1] - self._anchor[1]) / span_s / nominal_hz - 1.0
