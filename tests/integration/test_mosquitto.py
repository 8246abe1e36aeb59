"""The broker the other tests stand on behaves as they assume."""

from __future__ import annotations

import socket

import pytest

pytestmark = pytest.mark.broker


def test_a_broker_answers_at_its_url_and_again_after_being_killed_and_restarted(mosquitto):
    broker = mosquitto()
    assert broker.url == f"mqtt://127.0.0.1:{broker.port}"
    socket.create_connection((broker.host, broker.port), timeout=1).close()

    broker.kill()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((broker.host, broker.port), timeout=1)

    broker.restart()
    socket.create_connection((broker.host, broker.port), timeout=1).close()


def test_lines_of_the_test_reach_the_configuration_and_a_wrong_one_is_reported_with_mosquittos_own_words(mosquitto):
    broker = mosquitto("persistence true\npersistence_location {folder}/\nautosave_interval 1\n")
    broker.stop()
    assert (broker.folder / "mosquitto.db").exists()  # written on SIGTERM because persistence is on

    with pytest.raises(RuntimeError, match="Unknown configuration variable"):
        mosquitto("no_such_option true\n")
