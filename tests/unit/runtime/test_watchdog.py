"""systemd's watchdog is fed while every sampling loop is alive, and only then."""

import socket

import pytest

from edge_app.runtime.watchdog import Watchdog
from edge_app.testing.clock import FakeClock


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "8000000")
        yield receiver


def received(systemd):
    messages = []
    while True:
        try:
            messages.append(systemd.recv(100))
        except BlockingIOError:
            return messages


def test_it_is_fed_every_quarter_of_its_period_while_all_loops_are_heard(systemd):
    clock = FakeClock()
    watchdog = Watchdog(clock, ["a", "b"])
    for _ in range(9):  # feeds at 1, 2 … 9 s; sent at 1 s, then whenever more than 8 s / 4 have passed: 4 and 7 s
        clock.sleep_s(1.0)
        watchdog.feed("a")
        watchdog.feed("b")
    assert received(systemd) == [b"WATCHDOG=1"] * 3


def test_it_starves_when_one_loop_hangs(systemd):
    clock = FakeClock()
    watchdog = Watchdog(clock, ["a", "b"])
    for _ in range(20):
        clock.sleep_s(1.0)
        watchdog.feed("a")
    # b was last heard at 0 s: sent at 1, 4 and 7 s, and never once 8 s have passed
    assert received(systemd) == [b"WATCHDOG=1"] * 3


def test_a_recording_that_is_over_no_longer_counts(systemd):
    clock = FakeClock()
    watchdog = Watchdog(clock, ["a", "b"])
    watchdog.forget("b")
    clock.sleep_s(20)
    watchdog.feed("a")
    assert received(systemd) == [b"WATCHDOG=1"]


def test_without_systemd_nothing_happens(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    watchdog = Watchdog(FakeClock(), ["a"])
    watchdog.notify("READY=1")
    watchdog.feed("a")
