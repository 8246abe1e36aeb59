"""The contracts between rooms: what each stage takes and gives. Concrete classes meet only in runtime/build.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from edge_app.core.frames import Frame, Window
from edge_app.core.messages import Outgoing, PublisherEvent
from edge_app.core.results import FeatureSchema, FeatureVector, Inference, ModelIdentity


class Sensor(Protocol):
    """A source of frames. Not opened by its constructor; `close()` is idempotent."""

    name: str
    """What a person calls it, with its place: "lsm6ds3 on bus 1 address 0x6A"."""
    unit: str
    scale: float
    rate_hz: float
    n_axes: int

    def open(self) -> None:
        """Reach the hardware, check its identity, start sampling. Raises SensorError."""

    def read(self, timeout_s: float) -> Frame | None:
        """Next frame; None when the signal has ended (recordings only).

        Blocks at most `timeout_s`. Raises SensorLost when nothing came in time, BusError when a transfer failed.
        """

    def close(self) -> None:
        """Stop sampling and let go of the hardware."""

    def counters(self) -> Mapping[str, int]:
        """What went wrong so far, by name: overruns, nacks, reopens …"""


class FeatureExtractor(Protocol):
    """Turns a window into named integers. A pure function of the window: no state.

    Optional: `describe(vector) -> str`, a sentence about a window in words of its own instead of the most unusual
    features; `gate_names`, levels beside the schema that a gate may read.
    """

    schema: FeatureSchema

    def extract(self, window: Window) -> FeatureVector:
        """Features of one window."""

    def level(self, feature: str, value: float) -> int:
        """A physical value as that feature's integer (0.01 g → log2 in Q8), for gates and rules."""

    def physical(self, feature: str, level: int) -> float:
        """The inverse of `level`, for people."""


class Model(Protocol):
    """Scores a feature vector.

    Optional: `labels`, the classes it tells apart (then its inferences carry `label` and `shares`); `unready`, why it
    cannot judge any window yet; `with_normal(LearntNormal)`, the same model around a machine's own normal.
    """

    identity: ModelIdentity

    def infer(self, features: FeatureVector) -> Inference:
        """One run. Raises ModelError when the vector is not of the schema the model was made for."""


class Publisher(Protocol):
    """Sends messages; reports through `sink`, from its own thread, what became of them: the sink only takes note."""

    def start(
        self, sink: Callable[[PublisherEvent], None], will: Outgoing | None, subscribe: Sequence[str] = ()
    ) -> None:
        """Begin to connect, for ever, with back-off. Returns at once; the outcome comes as events."""

    def publish(self, token: int, message: Outgoing) -> bool:
        """Hand one message over; false when there is no session now. A QoS 1 message is answered by `Acknowledged`."""

    def reconnect(self) -> None:
        """End the session, if there is one, and begin another; the old one is answered by `Disconnected`."""

    def close(self, farewell: Outgoing | None = None) -> None:
        """Say farewell when connected, disconnect, stop. Idempotent."""
