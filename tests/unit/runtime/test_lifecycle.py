"""A device's threads at their end: who waits for whom, and what happens when one of them dies."""

import threading
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from edge_app.core.clock import SystemClock
from edge_app.runtime.lane import MAILBOX_WINDOWS, Lane
from edge_app.runtime.lifecycle import Device, Parts
from edge_app.runtime.reader import Reader
from edge_app.runtime.watchdog import Watchdog
from edge_app.testing.clock import FakeClock
from edge_app.windowing import Windower
from tests.support.runtime_fakes import Emitted, ScriptedSensor, make_pipeline

SECOND = [100, 1000, 3, -3]


class Outbox:
    """Nothing to commit, no broker."""

    link, failure, sent_bytes = ("up", ""), None, 0

    def start(self):
        pass

    def set_health(self, fields):
        self.health = fields

    def drain(self, timeout_s):
        return True

    def close(self):
        pass


def make_device(readers, *, inline=False, learnings=(), outbox=None):
    journal = nullcontext()
    journal.notes = []
    health = SimpleNamespace(fields=dict)
    pipelines = [lane.pipeline for reader in readers for lane in reader.lanes]
    watchdog = Watchdog(SystemClock(), [])
    return Device(
        Parts(
            readers, pipelines, [], journal, outbox or Outbox(), None, watchdog, health, SystemClock(),
            inline=inline, keep_trying=False, restore=lambda: None, learnings=learnings,
        )
    )  # fmt: skip


def make_reader(sensor, clock):
    lane = Lane(Windower(4.0, 1.0, 1.0), make_pipeline(clock, Emitted()), 1.0, clock, quick_s=0.0, inline=False)
    return Reader("s", sensor, [lane], clock, Watchdog(clock, []), on_signal=lambda *_: None)


def test_a_worker_that_dies_with_a_full_mailbox_ends_the_device_and_says_why():
    # Given a worker that hangs until the signal is over, while its mailbox fills, and then dies
    clock, closed = FakeClock(), threading.Event()
    sensor = ScriptedSensor(clock, [SECOND] * (MAILBOX_WINDOWS + 3))
    sensor.close = closed.set
    reader = make_reader(sensor, clock)

    def die(window):
        assert closed.wait(5.0)
        raise ZeroDivisionError("in the model")

    reader.lanes[0].pipeline.judge = die
    raised = []

    def run():
        try:
            with make_device([reader]) as device:
                device.wait()
        except ZeroDivisionError as error:
            raised.append(str(error))

    # When the device runs
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(10.0)

    # Then it ends, with the worker's error, and what nobody judged is counted
    assert not thread.is_alive()
    assert raised == ["in the model"]
    assert reader.lanes[0].pipeline.counts.dropped >= MAILBOX_WINDOWS


@pytest.mark.parametrize("inline", [True, False])
def test_waiting_goes_on_with_the_signals_that_are_left_when_one_has_ended(inline):
    waited = []
    ended = SimpleNamespace(is_alive=lambda: False, join=lambda timeout_s: pytest.fail("it has ended already"))
    living = SimpleNamespace(is_alive=lambda: True, join=waited.append)
    device = make_device([], inline=inline)
    device._threads = [ended, living]

    device._wait_for_an_end(0.25)

    assert waited == [0.25]


def test_stopping_takes_no_lock_the_waiting_thread_may_hold():
    # A signal handler runs in the waiting thread itself: inside `stopping.wait()` it could never set the event.
    device = make_device([make_reader(ScriptedSensor(FakeClock(), []), FakeClock())])
    device.stopping.wait = lambda *_: pytest.fail("waits on the event a signal handler sets")
    with device:
        assert device.wait()


def test_what_a_learning_has_to_tell_at_the_end_is_told_before_the_outbox_drains():
    order, outbox = [], Outbox()
    outbox.drain = lambda timeout_s: order.append("outbox drained")
    learning = SimpleNamespace(load=lambda: order.append("loaded"), close=lambda: order.append("learning ended"))
    with make_device([], learnings=[learning], outbox=outbox) as device:
        device.wait()
    assert order == ["loaded", "learning ended", "outbox drained"]
