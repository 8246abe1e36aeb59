"""A sound library without sound cards: PCM behind a stream, delivered when the test says so."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.buses.pcm import Deliver, Ended, SoundInput, cannot_record

USB = SoundInput(3, "USB PnP Sound Device: Audio (hw:1,0)", "Device", 1, 48000.0)


class FakePCM:
    """Stands where PortAudio stands.

    Parameters
    ----------
    inputs : list of SoundInput
        Devices that are plugged in, the default one first.
    """

    def __init__(self, inputs: list[SoundInput] | None = None) -> None:
        self.devices = [USB] if inputs is None else inputs
        self.refuse = ""
        """Why streams cannot be started; empty: they can."""
        self.streams: list[FakeStream] = []

    def inputs(self) -> list[SoundInput]:
        return list(self.devices)

    def start(self, device: SoundInput, rate_hz: float, n_channels: int, deliver: Deliver, ended: Ended) -> Any:
        if self.refuse or n_channels > device.channels:
            raise cannot_record(device, rate_hz, n_channels, self.refuse or "Invalid number of channels")
        self.streams.append(FakeStream(device, rate_hz, n_channels, deliver, ended))
        return self.streams[-1]

    def play(self, samples: NDArray[np.int16], *, overflowed: bool = False) -> None:
        """Deliver samples of shape (n_channels, n), or (n,) for one channel, as the sound card would."""
        stream = self.streams[-1]
        if stream.is_open:
            stream.deliver(np.ascontiguousarray(np.atleast_2d(samples).T, np.int16).tobytes(), overflowed)

    def unplug(self) -> None:
        """All microphones are pulled out; the running stream ends."""
        self.devices = []
        for stream in self.streams:
            if stream.is_open:
                stream.ended()

    def plug(self, *devices: SoundInput) -> None:
        """Microphones are plugged in."""
        self.devices = list(devices or [USB])


class FakeStream:
    """One recording."""

    def __init__(self, device: SoundInput, rate_hz: float, n_channels: int, deliver: Deliver, ended: Ended) -> None:
        self.device = device
        self.rate_hz = rate_hz
        self.n_channels = n_channels
        self.deliver = deliver
        self.ended = ended
        self.is_open = True

    def close(self) -> None:
        self.is_open = False
