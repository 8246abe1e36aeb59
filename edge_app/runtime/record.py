"""`edge-app record`: a sensor's samples to this machine's own disk, nothing lost silently, nothing glued.

One thread reads the sensor, so that a slow disk never lets its FIFO run over; this one writes. What was lost on the way
(an overrun, an unplugged sensor, a full queue) becomes the beginning of a new stretch with its time and its reason.
"""

from __future__ import annotations

import contextlib
import errno
import math
import queue
import random
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edge_app import __version__
from edge_app.core.clock import Clock, clock_quality, utc_text
from edge_app.core.errors import JournalLocked, RecordingError, SensorError
from edge_app.core.frames import Frame, Quality
from edge_app.core.stages import Sensor
from edge_app.journal.files import Lock
from edge_app.runtime.reader import BACKOFF_FIRST_S, BACKOFF_LAST_S, READ_TIMEOUT_S
from edge_app.runtime.record_files import RecordingFiles, resumed, unfinished
from edge_app.runtime.record_quality import Judged, levels
from edge_app.sensors.sidecar import Sidecar
from edge_app.windowing import QualityLimits, Windower

QUEUE_FRAMES = 2048
"""Frames that may wait for the disk: minutes of a chip's FIFO reads."""
GIVE_UP_S = 600.0
"""A sensor that cannot be reopened for so long ends the recording (s)."""
PROGRESS_S = 0.5
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_GAP = QualityLimits().gap_s


@dataclass(frozen=True)
class RecordPlan:
    """What is asked for."""

    to: Path
    """Folder that holds one folder a recording."""
    label: str
    """The first one."""
    seconds: float
    """Of signal; inf: until told to stop."""
    chunk_s: float = 60.0
    max_bytes: int = 1 << 62
    """Of the whole recording."""
    resume: bool = False
    """Also go on with a recording that a person or the disk ended."""


@dataclass(frozen=True)
class Progress:
    """What a person sees twice a second."""

    seconds: float
    label: str
    rms: tuple[float, ...]
    """Of each axis over the last half second, its mean taken out (unit)."""
    peak: tuple[float, ...]
    quality: Quality
    gaps: int
    bytes: int
    trouble: str
    """What the sensor says is wrong just now, "" when nothing is."""


@dataclass(frozen=True)
class Recorded:
    """How a recording ended."""

    folder: Path
    sidecar: Sidecar
    state: str
    """As in sidecar.STATES."""
    why: str
    """Why it ended before its time, "" when it did not."""
    dropped: int
    """Samples that were taken and could not be kept at the end."""
    resumed_at_s: float
    """How much was there already (s)."""


class Recorder:
    """Records one sensor.

    Parameters
    ----------
    sensor : Sensor
        Not opened yet.
    facts : mapping
        device, site, slot and plugin, for the sidecar.
    plan : RecordPlan
        What is asked for.
    """

    def __init__(self, sensor: Sensor, facts: Mapping[str, str], plan: RecordPlan, clock: Clock) -> None:
        self.sensor = sensor
        self.plan = plan
        self.files: RecordingFiles | None = None
        self.trouble = ""
        """What the sensor says is wrong just now."""
        self._facts = dict(facts)
        self._clock = clock
        self._queue: queue.Queue[Frame | SensorError | None] = queue.Queue(QUEUE_FRAMES)
        self._stopping = threading.Event()
        self._label = plan.label
        self._origin_s = 0.0
        self._expected_s: float | None = None
        self._why_gap = ""
        self._failing_since_s = 0.0
        self._windower: Windower | None = None
        self._judged = Judged()
        self._recent: list[Frame] = []
        self._resumed_at_s = 0.0

    def set_label(self, label: str) -> None:
        """From the next frame on. From any thread."""
        self._label = label

    def run(self, stop: threading.Event, on_progress: Callable[[Progress], None]) -> Recorded:
        """Record until the time is up, the sensor ends, the disk is full, or `stop` is set.

        Raises
        ------
        SensorError
            The sensor was never there.
        RecordingError
            The folder cannot be written, or there is nothing to resume.
        """
        self.sensor.open()
        reader = threading.Thread(target=self._read, name="record", daemon=True)
        reader.start()
        try:
            state, why = self._write_until_end(stop, on_progress)
        finally:
            self._stopping.set()
            reader.join(2 * READ_TIMEOUT_S)
            self.sensor.close()
        if self.files is None:
            raise RecordingError(
                f"{self.sensor.name} gave no sample: {why or 'it ended at once'}.", "Look at its wiring."
            )
        return self._end(self.files, state, why)

    # reading, in its own thread

    def _read(self) -> None:
        """Frames into the queue; a failing sensor is reopened with back-off and jitter."""
        jitter = random.Random(self._facts.get("slot", ""))
        backoff_s, is_open, lost = BACKOFF_FIRST_S, True, 0
        while not self._stopping.is_set():
            try:
                if not is_open:
                    self.sensor.open()
                    is_open = True
                frame = self.sensor.read(READ_TIMEOUT_S)
            except SensorError as error:
                self._put(error)
                self.sensor.close()
                is_open = False
                self._clock.wait(self._stopping, backoff_s * jitter.uniform(0.75, 1.25))
                backoff_s = min(2 * backoff_s, BACKOFF_LAST_S)
                continue
            backoff_s = BACKOFF_FIRST_S
            if frame is None:
                self._put(None)
                return
            if lost:
                frame = replace(frame, lost=-1 if frame.lost < 0 else frame.lost + lost)
            lost = 0 if self._put(frame) else lost + frame.length

    def _put(self, item: Frame | SensorError | None) -> bool:
        """False when the disk is so slow that the queue is full: the frame is lost, and counted by the caller."""
        try:
            self._queue.put(item, timeout=0.0 if isinstance(item, Frame) else READ_TIMEOUT_S)
        except queue.Full:
            return False
        return True

    # writing

    def _write_until_end(self, stop: threading.Event, on_progress: Callable[[Progress], None]) -> tuple[str, str]:
        """State and reason of the end."""
        told_s = self._clock.monotonic_s()
        while not stop.is_set():
            with contextlib.suppress(queue.Empty):
                end = self._handle(self._queue.get(timeout=0.1))
                if end is not None:
                    return end
            now_s = self._clock.monotonic_s()
            if now_s - told_s >= PROGRESS_S:
                told_s = now_s
                on_progress(self.progress())
        return self._drain() or ("stopped", "")

    def _drain(self) -> tuple[str, str] | None:
        """What was sampled before the word to stop is kept, too."""
        self._stopping.set()
        end = None
        with contextlib.suppress(queue.Empty):
            while end is None:
                end = self._handle(self._queue.get_nowait())
        return end

    def _handle(self, item: Frame | SensorError | None) -> tuple[str, str] | None:
        """State and reason when this was the end."""
        if item is None:
            return "finished", "the signal has ended"
        now_s = self._clock.monotonic_s()
        if isinstance(item, SensorError):
            self._failing_since_s = self._failing_since_s if self.trouble else now_s
            self.trouble = self._why_gap = item.what
            return ("failed", item.what) if now_s - self._failing_since_s > GIVE_UP_S else None
        self.trouble = ""
        return self._take(item)

    def _take(self, frame: Frame) -> tuple[str, str] | None:
        """Write a frame; state and reason when that was the end."""
        files = self.files
        if files is None:
            files = self.files = self._begin(frame)
        self._follow_time(files, frame)
        files.set_label(self._label)
        left = self._wanted(frame.rate_hz) - files.samples
        samples = frame.samples[:, : max(0, left)]
        if files.bytes + samples.nbytes > self.plan.max_bytes:
            return "full", f"the recording may take no more than {self.plan.max_bytes / 1e6:.1f} MB"
        self._judge(frame)
        files.sidecar = replace(files.sidecar, quality=self._judged.summary())
        try:
            files.take(samples)
        except OSError as error:
            if error.errno in _DISK_FULL:
                return "full", f"the disk is full ({error.strerror})"
            return "failed", f"the disk failed: {error.strerror or error}"
        return ("finished", "") if frame.length >= left else None

    def _wanted(self, rate_hz: float) -> int:
        """Samples asked for."""
        return round(self.plan.seconds * rate_hz) if math.isfinite(self.plan.seconds) else sys.maxsize

    def _begin(self, first: Frame) -> RecordingFiles:
        """The recording to go on with, or a new one."""
        wall_ms = self._clock.wall_ms()
        started = utc_text(wall_ms)
        sidecar = Sidecar(
            name="",
            device=self._facts["device"],
            site=self._facts["site"],
            slot=self._facts["slot"],
            plugin=self._facts["plugin"],
            sensor=self.sensor.name,
            unit=first.unit,
            scale=first.scale,
            full_scale=first.full_scale,
            rate_hz=first.rate_hz,
            axes=int(first.samples.shape[0]),
            started=started,
            started_ms=wall_ms,
            clock=clock_quality(wall_ms),
            edge_app=__version__,
        )
        self._windower = Windower(first.rate_hz, 1.0, 1.0, sidecar.axes)
        self._origin_s = first.start_s
        states = ("recording", "stopped", "full", "failed") if self.plan.resume else ("recording",)
        earlier = unfinished(self.plan.to, sidecar, states)
        if earlier is not None:
            return self._go_on(earlier, first, sidecar)
        if self.plan.resume:
            raise RecordingError(
                f"{self.plan.to} holds no recording of {sidecar.device}/{sidecar.slot} to go on with.",
                "Leave --resume out to begin one.",
            )
        folder = _free_name(self.plan.to, f"{sidecar.device}_{sidecar.slot}_{_compact(started)}")
        files = RecordingFiles(folder, replace(sidecar, name=folder.name), self.plan.chunk_s)
        try:
            files.begin()
        except OSError as error:
            raise RecordingError(
                f"{folder}: cannot be made: {error.strerror}.", "Choose another folder with --to."
            ) from error
        files.begin_stretch(0.0)
        return files

    def _go_on(self, folder: Path, first: Frame, now: Sidecar) -> RecordingFiles:
        """Continue after what was kept; the time between is a gap."""
        files = resumed(folder, self.plan.chunk_s)
        self._resumed_at_s = files.sidecar.seconds
        self._judged = Judged.of(files.sidecar.quality)
        offset_s = files.end_s
        if "none" not in (files.sidecar.clock, now.clock):
            offset_s = max(offset_s, (now.started_ms - files.sidecar.started_ms) / 1000)
        self._origin_s = first.start_s - offset_s
        files.begin_stretch(offset_s, -1, "recording interrupted")
        return files

    def _follow_time(self, files: RecordingFiles, frame: Frame) -> None:
        """A gap in time or a loss the sensor reports begins a new stretch."""
        expected_s, self._expected_s = self._expected_s, frame.end_s
        if expected_s is None:
            return
        jump_s = frame.start_s - expected_s
        if frame.lost == 0 and abs(jump_s) <= max(_GAP, 1.5 / frame.rate_hz) and not self._why_gap:
            return
        why = self._why_gap or (f"{frame.lost} samples lost" if frame.lost > 0 else "samples lost")
        files.begin_stretch(frame.start_s - self._origin_s, frame.lost or -1, why)
        self._why_gap = ""

    def _judge(self, frame: Frame) -> None:
        self._recent = [*(each for each in self._recent if each.end_s > frame.end_s - PROGRESS_S), frame]
        if self._windower is not None:
            for window in self._windower.push(frame):
                self._judged.add(window.quality)

    def progress(self) -> Progress:
        """Where the recording stands."""
        rms, peak = levels(self._recent)
        files = self.files
        return Progress(
            seconds=files.samples / files.sidecar.rate_hz if files else 0.0,
            label=self._label,
            rms=rms,
            peak=peak,
            quality=self._judged.last,
            gaps=max(0, len(files.stretches) - 1) if files else 0,
            bytes=files.bytes if files else 0,
            trouble=self.trouble,
        )

    def _end(self, files: RecordingFiles, state: str, why: str) -> Recorded:
        """Finish what can be finished; where the disk refuses even that, give the unfinished chunk up."""
        dropped = 0
        try:
            files.finish_chunk(state, self._judged.summary())
        except OSError as error:
            state, why = ("full" if error.errno in _DISK_FULL else "failed"), why or str(error.strerror or error)
            dropped = files.give_up_chunk()
            with contextlib.suppress(OSError):  # the sidecar written last stays: it lists every finished chunk
                files.finish_chunk(state, self._judged.summary())
        return Recorded(files.folder, files.sidecar, state, why, dropped, self._resumed_at_s)


def _compact(utc: str) -> str:
    """ "2026-01-31 23:59:58 UTC" as part of a file's name."""
    return utc.removesuffix(" UTC").replace("-", "").replace(":", "").replace(" ", "T") + "Z"


def _free_name(to: Path, name: str) -> Path:
    """A folder that is not there yet."""
    number, folder = 1, to / name
    while folder.exists():
        number += 1
        folder = to / f"{name}-{number}"
    return folder


def lock_device(folder: Path, device: str) -> Lock:
    """The lock a running device holds: two processes must not read one sensor. Raises JournalLocked."""
    lock = Lock(folder / "journal.lock")
    try:
        lock.acquire()
    except JournalLocked as error:
        raise JournalLocked(
            f"{device} is in use: {error.what}",
            "Stop the running device while recording (systemctl stop edge-app), then start it again.",
        ) from error
    return lock
