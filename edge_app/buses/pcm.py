"""Sound inputs through PortAudio: the only importer of sounddevice (extra [audio])."""

from __future__ import annotations

import atexit
import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from edge_app.core.errors import BusError, PluginError, SensorLost, SensorNotFound

Deliver = Callable[[bytes, bool], None]
"""Called by the sound library's own thread with interleaved int16 and whether samples were lost before them."""
Ended = Callable[[], None]
"""Called when a stream stops by itself."""


@dataclass(frozen=True)
class SoundInput:
    """A device one can record from."""

    index: int
    """PortAudio's number of it: changes when devices come and go, so nobody should write it down."""
    name: str
    """As PortAudio shows it: "USB PnP Sound Device: Audio (hw:1,0)"."""
    card: str
    """ALSA card id ("Device"), stable across reboots; empty where there is no ALSA card behind it."""
    channels: int
    rate_hz: float
    """Default rate (Hz)."""

    def __str__(self) -> str:
        return f"{self.name}" + (f" [card {self.card}]" if self.card else "")


class PCM(Protocol):
    """A source of PCM: the sound library, or a fake."""

    def inputs(self) -> list[SoundInput]:
        """Devices one can record from, the default one first."""

    def start(self, device: SoundInput, rate_hz: float, n_channels: int, deliver: Deliver, ended: Ended) -> Any:
        """Begin recording; the result has `close()`. `ended` is called when the stream stops by itself."""


class PortAudio:
    """PortAudio, whatever sound server is behind it (ALSA, PipeWire, JACK)."""

    def inputs(self) -> list[SoundInput]:
        library = _library()
        _check_usable()
        # PortAudio lists devices once; a microphone plugged in since is seen only after a fresh start.
        if not _running:
            library._terminate()
            library._initialize()
        default = library.default.device[0]
        found = [
            SoundInput(
                number, str(each["name"]), _card_id(str(each["name"])), int(each["max_input_channels"]),
                float(each["default_samplerate"]),
            )
            for number, each in enumerate(library.query_devices())
            if each["max_input_channels"] > 0
        ]  # fmt: skip
        return sorted(found, key=lambda each: each.index != default)

    def start(self, device: SoundInput, rate_hz: float, n_channels: int, deliver: Deliver, ended: Ended) -> Any:
        library = _library()

        heard = threading.Event()

        def callback(data: Any, _frames: int, _time: Any, status: Any) -> None:
            heard.set()
            deliver(bytes(data), bool(status.input_overflow))

        try:
            stream = library.RawInputStream(
                samplerate=rate_hz, device=device.index, channels=n_channels, dtype="int16",
                callback=callback, finished_callback=ended, dither_off=True,
            )  # fmt: skip
            stream.start()
        except library.PortAudioError as error:
            raise cannot_record(device, rate_hz, n_channels, str(error)) from error
        host = library.query_hostapis(library.query_devices(device.index)["hostapi"])["name"]
        return _Recording(stream, heard, "JACK" in host)


HEARTBEAT_S = 0.5
"""A live JACK server calls back many times in this time (its longest usual period is 0.1 s)."""
CLOSE_TIMEOUT_S = 2.0
"""How long closing a stream may take."""

_running: set[int] = set()
"""Streams now open, by id: PortAudio must not be restarted under them."""
_left_behind: list[Any] = []
"""Streams PortAudio could not close; it cannot be used in this process any more."""


class _Recording:
    """A running stream; close() may be called from any thread but the library's own, and again.

    When a JACK server is gone, PortAudio 19.6 waits for ever in closing the stream, or aborts the whole process
    (pa_jack.c, CleanUpStream). So a JACK stream without a heartbeat is left behind, never closed.
    """

    def __init__(self, stream: Any, heard: threading.Event, is_jack: bool) -> None:
        self._stream = stream
        self._heard = heard
        self._is_jack = is_jack
        _running.add(id(self))

    def close(self) -> None:
        """Stop, or leave the stream behind when it does not let itself be closed."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        if self._closes(stream):
            _running.discard(id(self))
        else:
            _left_behind.append(stream)
            atexit.unregister(_library()._exit_handler)  # it would try again

    def _closes(self, stream: Any) -> bool:
        self._heard.clear()
        if self._is_jack and not self._heard.wait(HEARTBEAT_S):
            return False
        closing = threading.Thread(target=_stop_and_close, args=(stream,), daemon=True)
        closing.start()
        closing.join(CLOSE_TIMEOUT_S)
        return not closing.is_alive()


def _stop_and_close(stream: Any) -> None:
    stream.abort(ignore_errors=True)
    stream.close(ignore_errors=True)


def _check_usable() -> None:
    if _left_behind:
        raise SensorLost(
            "The sound library cannot be used any more since the sound server died.",
            "Restart edge-app (under systemd: `Restart=always` and the watchdog); recording goes on afterwards.",
        )


def _library() -> Any:
    """sounddevice, or how to get it."""
    try:
        import sounddevice
    except ImportError as error:
        raise PluginError(
            "The microphone needs the package sounddevice, which is not installed.", "`pip install edge-app[audio]`."
        ) from error
    except OSError as error:
        raise PluginError(
            f"The microphone needs the library PortAudio, which is not here ({error}).",
            "`sudo apt install libportaudio2` (and `pip install edge-app[audio]`).",
        ) from error
    return sounddevice


def _card_id(name: str) -> str:
    """ALSA's stable id of the card in "… (hw:1,0)"; empty when there is none."""
    match = re.search(r"\(hw:(\d+),\d+\)", name)
    if not match:
        return ""
    try:
        with open(f"/proc/asound/card{match[1]}/id", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def choose_input(inputs: list[SoundInput], wanted: str) -> SoundInput:
    """The input whose card id is `wanted`, or whose name holds it (case does not matter); "" is the default one.

    Raises SensorNotFound, naming what is there, when none or several fit.
    """
    there = "; ".join(str(each) for each in inputs) or "none"
    if not wanted:
        if inputs:
            return inputs[0]
        raise SensorNotFound("No sound input here.", "Plug a microphone in; `edge-app doctor` lists sound inputs.")
    by_card = [each for each in inputs if each.card.lower() == wanted.lower()]
    fitting = by_card or [each for each in inputs if wanted.lower() in each.name.lower()]
    if not fitting:
        raise SensorNotFound(
            f"No sound input is called {wanted!r}; here are: {there}.",
            "Plug it in, or set `device:` to part of one of these names, or to its card id.",
        )
    if len({each.name for each in fitting}) > 1:
        several = "; ".join(str(each) for each in fitting)
        raise SensorNotFound(
            f"{wanted!r} fits several sound inputs: {several}.", "Write more of the name, or the card id."
        )
    return fitting[0]


def cannot_record(device: SoundInput, rate_hz: float, n_channels: int, why: str) -> BusError:
    """The error of an input that is there and does not open."""
    return BusError(
        f"Cannot record {n_channels} channel(s) at {rate_hz:g} Hz from {device.name} ({why}).",
        f"It prefers {device.rate_hz:g} Hz and has {device.channels} channel(s); another program may be using it.",
    )


class BlockQueue:
    """Bounded queue between the sound library's thread and the reader; what does not fit is counted, never silent."""

    def __init__(self, max_bytes: int) -> None:
        self._blocks: deque[tuple[bytes, int]] = deque()
        self._max_bytes = max_bytes
        self._waiting_bytes = 0
        self._ready = threading.Condition()
        self._lost_bytes = 0
        self._ended = False
        self.overflows = 0
        self.dropped_blocks = 0

    def put(self, block: bytes, overflowed: bool) -> None:
        """From the library's thread: never blocks for long."""
        with self._ready:
            if overflowed:
                self.overflows += 1
                self._lost_bytes = -1
            if self._waiting_bytes + len(block) > self._max_bytes:
                self.dropped_blocks += 1
                self._lost_bytes = -1 if self._lost_bytes < 0 else self._lost_bytes + len(block)
                return
            self._blocks.append((block, self._lost_bytes))
            self._lost_bytes = 0
            self._waiting_bytes += len(block)
            self._ready.notify()

    def end(self) -> None:
        """The stream stopped by itself."""
        with self._ready:
            self._ended = True
            self._ready.notify_all()

    def take(self, wanted_bytes: int, timeout_s: float) -> tuple[bytes, int]:
        """At least `wanted_bytes`, or what came in time, up to the next gap; and the bytes lost before (-1: unknown).

        Nothing at all: empty bytes. Raises SensorLost when the stream has ended and all of it is taken.
        """
        with self._ready:
            self._ready.wait_for(lambda: self._waiting_bytes >= wanted_bytes or self._ended, timeout_s)
            if not self._blocks:
                if self._ended:
                    raise SensorLost("The sound stream ended by itself.", "Plug the microphone in again.")
                return b"", 0
            first, lost_bytes = self._blocks.popleft()
            parts = [first]
            while self._blocks and self._blocks[0][1] == 0 and sum(map(len, parts)) < wanted_bytes:
                parts.append(self._blocks.popleft()[0])
            taken = b"".join(parts)
            self._waiting_bytes -= len(taken)
            return taken, lost_bytes

    @property
    def is_empty(self) -> bool:
        """Whether the reader has caught up."""
        return not self._blocks
