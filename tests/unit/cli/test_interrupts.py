"""Ctrl-C is never lost, and never reported as something else."""

from __future__ import annotations

import signal
import sys
import types

import pytest

from edge_app.cli import interrupts, run
from edge_app.cli import main as cli


@pytest.fixture(autouse=True)
def handlers():
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)
    interrupts._seen.clear()


class Panic(BaseException):
    """Like pydantic_core's when its import is interrupted: no Exception."""


@pytest.mark.parametrize("misleading", [ImportError("you should not try to import numpy"), Panic("no datetime")])
def test_an_interruption_that_a_library_made_another_error_of_is_an_interruption(misleading, monkeypatch, capsys):
    def interrupted_import(_):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise misleading from None

    module = types.ModuleType("edge_app.cli.probe")
    module.add_arguments, module.run = lambda parser: None, interrupted_import
    monkeypatch.setitem(sys.modules, "edge_app.cli.probe", module)
    monkeypatch.setitem(cli.VERBS, "probe", ("probe", "probes"))

    assert cli.main(["probe"]) == 130
    assert capsys.readouterr().err == ""


def test_an_interruption_that_was_swallowed_ends_the_device_as_soon_as_it_runs():
    class Device:
        stopped = False

        def stop(self):
            self.stopped = True

    interrupts.remember()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    device = Device()
    with run.stop_on_signals(device):
        assert device.stopped


def test_who_is_started_with_interruptions_ignored_goes_on_ignoring_them():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupts.remember()
    signal.raise_signal(signal.SIGINT)
    assert not interrupts.came()
