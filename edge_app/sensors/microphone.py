"""A microphone as a sensor: int16 PCM, chosen by a stable name, lost samples counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edge_app.buses.pcm import PCM, BlockQueue, PortAudio, choose_input
from edge_app.core.clock import Clock
from edge_app.core.errors import SensorError, SensorLost
from edge_app.core.frames import FULL_SCALE, Frame
from edge_app.sensors.chip import SampleClock

QUEUE_S = 2.0
"""Sound that may wait for the reader before blocks are dropped and counted (s)."""
FRAME_S = 0.05
"""Blocks are gathered to frames of about this length (s)."""
SAMPLE_BYTES = 2


class Microphone:
    """Sensor (core/stages.py) on a sound input; `unit` is "fs": 32768 counts are full scale.

    Parameters
    ----------
    device : str
        ALSA card id, or part of the device's name; "" is the default input.
    rate_hz : float
    clock : Clock
        Dates the frames.
    n_channels : int
    pcm : PCM
        Where sound comes from; the machine's sound system unless a test gives a fake.
    """

    unit = "fs"
    scale = 1 / 32768
    full_scale = FULL_SCALE

    def __init__(
        self, device: str, rate_hz: float, clock: Clock, *, n_channels: int = 1, pcm: PCM | None = None
    ) -> None:
        self.name = f"microphone {device or '(default)'}"
        self.rate_hz = float(rate_hz)
        self.n_axes = n_channels
        self._wanted = device
        self._clock = clock
        self._pcm: PCM = pcm if pcm is not None else PortAudio()
        self._stream: Any = None
        self._queue = BlockQueue(0)
        self._times = SampleClock(rate_hz)
        self._sample_bytes = SAMPLE_BYTES * n_channels
        self._counts = {"overruns": 0, "dropped_blocks": 0, "reopens": 0}
        self._opened = 0

    def open(self) -> None:
        """Find the device by name and start recording. Raises SensorNotFound, BusError, PluginError."""
        if self._stream is not None:
            return
        device = choose_input(self._pcm.inputs(), self._wanted)
        self._queue = BlockQueue(int(QUEUE_S * self.rate_hz) * self._sample_bytes)
        self._times.reset()
        self._stream = self._pcm.start(device, self.rate_hz, self.n_axes, self._queue.put, self._queue.end)
        self._opened += 1
        self._counts["reopens"] = self._opened - 1

    def close(self) -> None:
        """Stop recording; may be called again."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
            self._keep_counts()

    def __enter__(self) -> Microphone:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, timeout_s: float) -> Frame:
        """The next sound, at least a block and about FRAME_S. Raises SensorLost when none came in time."""
        if self._stream is None:
            raise SensorError(f"{self.name} is not open.", "Call open() before read().")
        block, lost_bytes = self._queue.take(int(FRAME_S * self.rate_hz) * self._sample_bytes, timeout_s)
        if not block:
            raise SensorLost(
                f"{self.name} delivered no sound for {timeout_s:g} s.",
                "Check that it is plugged in and that no other program holds it.",
            )
        return self._frame(block, lost_bytes)

    def counters(self) -> Mapping[str, int]:
        """overruns (the sound system lost samples), dropped_blocks (our reader was too slow), reopens."""
        return {
            "overruns": self._counts["overruns"] + self._queue.overflows,
            "dropped_blocks": self._counts["dropped_blocks"] + self._queue.dropped_blocks,
            "reopens": self._counts["reopens"],
        }

    def _keep_counts(self) -> None:
        """Carry the queue's counts over to the next one."""
        self._counts["overruns"] += self._queue.overflows
        self._counts["dropped_blocks"] += self._queue.dropped_blocks
        self._queue = BlockQueue(0)

    def _frame(self, block: bytes, lost_bytes: int) -> Frame:
        interleaved = np.frombuffer(block, np.int16).reshape(-1, self.n_axes)
        n_samples = interleaved.shape[0]
        if lost_bytes:
            self._times.reset()
        start_s, missed = self._times.date(n_samples, self._clock.monotonic_s(), drained=self._queue.is_empty)
        lost = lost_bytes // self._sample_bytes if lost_bytes > 0 else lost_bytes
        samples = np.array(interleaved.T, np.int16, order="C")
        return Frame(samples, self.scale, self.unit, self.rate_hz, start_s, self.full_scale, lost or missed)
