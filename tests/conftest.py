"""Fixtures shared by all tests."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.append(str(REPOSITORY / "tests" / "support"))  # `from broker import Broker` in any test

from broker import Broker  # noqa: E402
from sound import SoundServer  # noqa: E402
from tools import MicroPythonBuild, micropython_builds_here, require  # noqa: E402

MakeBroker = Callable[..., Broker]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background by a shell: the programs under test must be able to get Ctrl-C all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with `data/` and `models/`: EDGE_APP_DATA, or `../shared` beside the checkout; a missing one fails."""
    folder = Path(os.environ.get("EDGE_APP_DATA", REPOSITORY.parent / "shared")).resolve()
    if not (folder / "data").is_dir() or not (folder / "models").is_dir():
        pytest.fail(f"no data/ and models/ in {folder}; set EDGE_APP_DATA to the folder that holds them", pytrace=False)
    return folder


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[MakeBroker]:
    """Makes running brokers: `mosquitto(lines="", port=0, anonymous=True)`; `Broker` says what they can do.

    Each has a folder of its own below `tmp_path` and is ended with the test.
    """
    program = require("mosquitto", "mosquitto")
    brokers: list[Broker] = []
    number = itertools.count()

    def make(lines: str = "", port: int = 0, anonymous: bool = True) -> Broker:
        broker = Broker(program, tmp_path / f"mosquitto-{next(number)}", lines, port, anonymous)
        brokers.append(broker)
        return broker.start()

    yield make
    for broker in brokers:
        broker.kill()


@pytest.fixture(scope="session")
def micropython_builds() -> list[MicroPythonBuild]:
    """The MicroPython builds this machine runs: `.name` ("amd64", "i386", "armhf" …) and `.run(*arguments)`."""
    return micropython_builds_here()


@pytest.fixture
def sound_server(tmp_path: Path) -> Iterator[SoundServer]:
    """A running JACK server PortAudio can find; `SoundServer` says how to plug microphones in and out."""
    server = SoundServer(tmp_path / "sound")
    try:
        yield server.start()
    finally:
        server.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves slow and hardware tests out of a plain `pytest`; `-m slow` and EDGE_APP_HARDWARE=1 bring them back."""
    hardware = bool(os.environ.get("EDGE_APP_HARDWARE"))
    slow = bool(config.option.markexpr)  # whoever wrote -m has chosen

    def left_out(item: pytest.Item) -> bool:
        marks = {mark.name for mark in item.iter_markers()}
        return ("slow" in marks and not slow) or ("hardware" in marks and not hardware)

    dropped = [item for item in items if left_out(item)]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if not left_out(item)]
