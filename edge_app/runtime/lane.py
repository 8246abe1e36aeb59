"""From a sensor's reader to a pipeline: judged on the spot when that is quick, by a worker when it is not."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable

from edge_app.core.clock import Clock
from edge_app.core.frames import Window
from edge_app.runtime.pipeline import Pipeline
from edge_app.windowing import Windower

MAILBOX_WINDOWS = 8
"""Windows that may wait for a worker before whole ones are dropped and counted."""
QUICK_S = 0.005
"""Judging for no longer than this cannot hold up a reader: a sensor's FIFO is read every 50 ms or less often."""


class Lane:
    """One pipeline's place behind a sensor: its windower, and in real time a worker with a mailbox.

    Handing a window to another thread costs more than judging it with a small model. So the worker judges the first
    windows, and as long as it takes longer than `quick_s`; otherwise, and while the worker has nothing to do, the
    reader judges on the spot. Windows are judged in their order either way.

    Parameters
    ----------
    quick_s : float
        The reader's share of patience for this lane (s); 0 leaves all to the worker.
    inline : bool
        A replay at full speed: everything is judged on the spot, nothing is ever dropped.
    """

    def __init__(
        self, windower: Windower, pipeline: Pipeline, hop_s: float, clock: Clock, *, quick_s: float, inline: bool
    ) -> None:
        self.windower = windower
        self.pipeline = pipeline
        self.hop_s = hop_s
        self.mailbox: queue.Queue[Window | None] = queue.Queue(MAILBOX_WINDOWS)
        self._clock = clock
        self._quick_s = quick_s
        self._inline = inline
        self._cost_s = float("inf")
        self._given = 0  # written by the reader only
        self._done = 0  # written by the worker only

    def deliver(self, windows: Iterable[Window]) -> None:
        """Have windows judged, now or soon. Called by the reader only."""
        for window in windows:
            if self._inline:
                self.pipeline.judge(window)
            elif self._cost_s <= self._quick_s and self._given == self._done:
                self._judge(window)
            else:
                self._post(window)

    def work(self, fail: Callable[[BaseException], None]) -> None:
        """The worker's loop: judge what arrives until the mailbox says None."""
        try:
            while (window := self.mailbox.get()) is not None:
                self._judge(window)
                self._done += 1
        except BaseException as error:
            fail(error)
            # Whoever says the end must find room for it.
            while self.mailbox.get() is not None:
                self.pipeline.counts.dropped += 1

    def end(self) -> None:
        """Tell the worker that nothing more comes; waits until there is room to say so."""
        self.mailbox.put(None)

    def _judge(self, window: Window) -> None:
        begun_s = self._clock.monotonic_s()
        self.pipeline.judge(window)
        took_s = self._clock.monotonic_s() - begun_s
        slower = took_s > self._cost_s or self._cost_s == float("inf")
        # Up at once, down slowly: one slow window sends the next ones to the worker.
        self._cost_s = took_s if slower else 0.9 * self._cost_s + 0.1 * took_s

    def _post(self, window: Window) -> None:
        try:
            self.mailbox.put_nowait(window)
            self._given += 1
        except queue.Full:
            self.pipeline.counts.dropped += 1
