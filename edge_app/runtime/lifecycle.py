"""A device's threads: started in the order opposite to the data, stopped in the order of the data, nothing lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from edge_app.core.clock import Clock
from edge_app.core.errors import ControlError
from edge_app.journal.journal import Journal
from edge_app.runtime.control import ControlServer
from edge_app.runtime.health import Health
from edge_app.runtime.learn_command import learn
from edge_app.runtime.learning import Learning
from edge_app.runtime.outbox import Outbox
from edge_app.runtime.pipeline import Pipeline
from edge_app.runtime.presence import HEALTH_S
from edge_app.runtime.reader import Reader
from edge_app.runtime.sensor_alarm import SensorAlarm
from edge_app.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

DRAIN_S = 5.0
"""How long a stopping device waits for the broker; what is not confirmed by then stays in the journal."""
SLICE_S = 2.0
"""How often a running device looks whether the outbox still works (s)."""


@dataclass(frozen=True)
class Parts:
    """Everything a device is made of, in the order of the data; made by runtime/build.py."""

    readers: list[Reader]
    pipelines: list[Pipeline]
    sensor_alarms: list[SensorAlarm]
    journal: Journal
    outbox: Outbox
    control: ControlServer | None
    watchdog: Watchdog
    health: Health
    clock: Clock
    inline: bool
    keep_trying: bool
    """Whether a sensor that cannot be opened at the start is tried again for ever instead of refusing to start."""
    restore: Callable[[], None]
    """Brings back the alarm states of the last run, once the journal is open."""
    learnings: Sequence[Learning] = ()
    """What learns normal, for each pipeline that can."""


class Device:
    """A running device: `with Device(parts) as device: device.wait()`.

    `stop()` may be called from a signal handler or any thread. Leaving the `with` block drains: readers end,
    workers finish what they have, the journal commits, the publisher gets `DRAIN_S` for what is left.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._workers: list[threading.Thread] = []
        self._failure: BaseException | None = None
        self._link = ("connecting", "")
        self._stack = ExitStack()

    def __enter__(self) -> Device:
        with ExitStack() as stack:
            parts = self.parts
            stack.enter_context(parts.journal)
            for note in parts.journal.notes:
                log.warning(note)
            parts.restore()
            for learning in parts.learnings:
                learning.load()
            self._open_sensors(stack)
            stack.callback(parts.outbox.close)
            parts.outbox.start()
            if parts.control is not None:
                stack.callback(parts.control.close)
                parts.control.start()
            for pipeline in parts.pipelines:
                pipeline.start()
            self._stack = stack.pop_all()
        self._start_threads()
        parts.watchdog.notify("READY=1")
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.parts.watchdog.notify("STOPPING=1")
        self._join_readers_and_workers()
        for learning in self.parts.learnings:
            learning.close()  # a fit may yet have something to tell
        self.parts.outbox.drain(DRAIN_S)
        self._stack.close()

    def _open_sensors(self, stack: ExitStack) -> None:
        """Reach every sensor before anything is published: who cannot be reached now was never right.

        After the journal, whose lock keeps a second process from configuring a chip that the first one reads.
        """
        if self.parts.keep_trying:
            return
        for reader in self.parts.readers:
            stack.callback(reader.close)
            reader.open()

    def stop(self) -> None:
        """Ask all threads to end."""
        self.stopping.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until every signal has ended, `stop()` was called, or the time is over; true when it ended.

        Raises what ended a thread that should not have ended.
        """
        clock = self.parts.clock
        until_s = None if timeout_s is None else clock.monotonic_s() + timeout_s
        next_health_s = clock.monotonic_s()
        while not self.stopping.is_set() and any(thread.is_alive() for thread in self._threads):
            now_s = clock.monotonic_s()
            if until_s is not None and now_s >= until_s:
                return False
            if now_s >= next_health_s:
                next_health_s = now_s + HEALTH_S
                self.parts.outbox.set_health(self.health_fields())
            self._check_outbox()
            self._wait_for_an_end(SLICE_S if until_s is None else min(SLICE_S, until_s - now_s))
        self._join_readers_and_workers()
        if self._failure is not None:
            raise self._failure
        return True

    def counts(self) -> dict[str, int]:
        """Sums over all pipelines and readers."""
        pipelines = [pipeline.counts for pipeline in self.parts.pipelines]
        names = ("windows", "judged", "unknown", "idle", "dropped", "alarms", "decisions", "clipped_inputs")
        totals = {name: sum(getattr(counts, name) for counts in pipelines) for name in names}
        totals["alarms"] += sum(alarm.alarms for alarm in self.parts.sensor_alarms)
        totals["sensed_bytes"] = sum(reader.counts.bytes for reader in self.parts.readers)
        totals["sent_bytes"] = self.parts.outbox.sent_bytes
        return totals

    def health_fields(self) -> dict[str, Any]:
        """What the health message says beside the outbox's own counters."""
        counts = self.counts()
        faults = sum(reader.counts.faults for reader in self.parts.readers)
        lost = sum(reader.counts.lost for reader in self.parts.readers)
        kept = ("windows", "judged", "unknown", "idle", "dropped", "clipped_inputs")
        return self.parts.health.fields() | {name: counts[name] for name in kept} | {"faults": faults, "lost": lost}

    def _check_outbox(self) -> None:
        """A device that cannot journal must not go on deciding; one without its broker may, but says so."""
        link = self.parts.outbox.link
        if link != self._link:
            self._link = link
            if link[0] == "down" and link[1]:
                log.warning(
                    "no broker: %s\n  Decisions wait in the journal; the device goes on and tries again.", link[1]
                )
            elif link[0] == "up":
                log.info("connected to the broker")
        if self.parts.outbox.failure is not None:
            self._fail(self.parts.outbox.failure)

    def _wait_for_an_end(self, timeout_s: float) -> None:
        """Until one of the signals has ended, at most this long.

        Never `stopping.wait()`: a signal handler that sets the event while this thread holds its lock waits for ever.
        """
        living = next((thread for thread in self._threads if thread.is_alive()), None)
        if living is not None:
            living.join(timeout_s)

    def _start_threads(self) -> None:
        for reader in self.parts.readers:
            if not self.parts.inline:
                for lane in reader.lanes:
                    name = f"worker-{lane.pipeline.identity.pipeline}"
                    self._workers.append(threading.Thread(target=lane.work, args=(self._fail,), name=name, daemon=True))
            self._threads.append(
                threading.Thread(target=self._run_reader, args=(reader,), name=f"reader-{reader.slot}", daemon=True)
            )
        for thread in [*self._workers, *self._threads]:
            thread.start()

    def _run_reader(self, reader: Reader) -> None:
        try:
            reader.run(self.stopping)
        except BaseException as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """A thread met an error nobody expected: keep the first, stop the device, let `wait` raise it."""
        if self._failure is None:
            self._failure = error
        self.stopping.set()

    def _join_readers_and_workers(self) -> None:
        for thread in self._threads:
            thread.join()
        workers, self._workers = self._workers, []
        if workers:
            for reader in self.parts.readers:
                for lane in reader.lanes:
                    lane.end()
        for thread in workers:
            thread.join()


class Commands:
    """Carries out what arrives at the control socket."""

    def __init__(
        self, pipelines: list[Pipeline], sensor_alarms: list[SensorAlarm], learnings: Sequence[Learning] = ()
    ) -> None:
        self._pipelines = pipelines
        self._sensor_alarms = sensor_alarms
        self._learnings = list(learnings)

    def __call__(self, request: Mapping[str, Any]) -> Any:
        """`{"verb": "why"|"ack"|"shelve"|"unshelve"|"reset", "pipe": name or absent, "minutes": int}`, or "learn"."""
        verb, wanted = request.get("verb"), request.get("pipe")
        if verb == "why":
            return [pipeline.why() for pipeline in self._matching(self._pipelines, wanted)]
        if verb == "learn":
            return learn(request, self._learning_of(wanted))
        if verb not in ("ack", "shelve", "unshelve", "reset"):
            raise ControlError(f"unknown verb {verb!r}", "Known verbs: why, ack, shelve, unshelve, reset, learn.")
        minutes = request.get("minutes")
        if minutes is not None and (type(minutes) is not int or not 1 <= minutes <= 7 * 24 * 60):
            raise ControlError(f"minutes is {minutes!r}", "Write a whole number from 1 to 10080 (a week).")
        every: list[Pipeline | SensorAlarm] = [*self._pipelines, *self._sensor_alarms]
        return self._command(self._matching(every, wanted), str(verb), minutes, wanted is None)

    def _command(self, targets: list[Any], verb: str, minutes: int | None, to_all: bool) -> list[dict[str, Any]]:
        """To one pipeline a refusal is an error; to all of them it matters only when every one refuses."""
        done, refusal = [], None
        for target in targets:
            try:
                events = target.command(verb, minutes)
            except ControlError as error:
                if not to_all:
                    raise
                refusal = error
                continue
            done.append({"app": target.identity.app, "pipe": target.identity.pipeline, "events": list(events)})
        if not done and refusal is not None:
            raise refusal
        return done

    def _learning_of(self, wanted: Any) -> Learning:
        """The one pipeline that is meant: learning changes how a machine is judged, so none is guessed."""
        every = self._learnings
        found = [
            each for each in every if wanted in (None, each.pipeline.identity.pipeline, each.pipeline.identity.key)
        ]
        names = ", ".join(each.pipeline.identity.key for each in every) or "none"
        if not found:
            raise ControlError(f"no pipeline {wanted or 'here'!r} has a normal to learn", f"Those that have: {names}.")
        if len(found) > 1:
            raise ControlError("several pipelines have a normal to learn", f"Name one: --pipeline {names}.")
        return found[0]

    def _matching(self, items: list[Any], wanted: Any) -> list[Any]:
        if wanted is None:
            return items
        found = [item for item in items if wanted in (item.identity.pipeline, item.identity.key)]
        if not found:
            names = ", ".join(item.identity.pipeline for item in items)
            raise ControlError(f"no pipeline {wanted!r} runs here", f"Running: {names}.")
        return found
