"""The local socket: who may talk, what it answers, what it refuses."""

import json
import socket
import stat
import threading

import pytest

from edge_app.core.errors import ControlError
from edge_app.runtime.control import SOCKET_NAME, ControlServer, ask


@pytest.fixture
def server(tmp_path):
    def handle(request):
        if request.get("verb") == "refuse":
            raise ControlError("no alarm to acknowledge", "Wait for one.")
        if request.get("verb") == "break":
            raise ZeroDivisionError("oh")
        return {"echo": request}

    server = ControlServer(tmp_path, handle)
    server.start()
    yield server
    server.close()


def test_a_request_is_answered_with_the_handlers_result(server, tmp_path):
    assert ask(tmp_path, {"verb": "why", "pipe": "bearing"}) == {"echo": {"verb": "why", "pipe": "bearing"}}


def test_the_socket_belongs_to_its_user_alone(server):
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600


def test_a_refusal_reaches_the_asker_with_its_remedy(server, tmp_path):
    with pytest.raises(ControlError, match="no alarm to acknowledge\n  Wait for one"):
        ask(tmp_path, {"verb": "refuse"})


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b"{\n", b"\xff\n", b"[" * 3000 + b"\n"])
def test_what_is_no_request_gets_an_answer_and_the_next_one_is_served(server, tmp_path, line):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(server.path))
        client.sendall(line)
        answer = json.loads(client.recv(4096))
    assert answer["ok"] is False
    assert ask(tmp_path, {"verb": "why"}) == {"echo": {"verb": "why"}}


def test_a_fault_of_ours_is_answered_and_logged_and_the_next_request_is_served(server, tmp_path, caplog):
    with pytest.raises(ControlError, match=r"ZeroDivisionError: oh\n.*fault of edge-app"):
        ask(tmp_path, {"verb": "break"})
    assert "a control request failed" in caplog.text
    assert ask(tmp_path, {"verb": "why"}) == {"echo": {"verb": "why"}}


def test_where_nothing_runs_the_error_says_how_to_start_it(tmp_path):
    with pytest.raises(ControlError, match=r"no running process answers.*\n.*edge-app run"):
        ask(tmp_path, {"verb": "why"})


def test_a_socket_left_by_a_killed_process_is_replaced(tmp_path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET_NAME))
    server = ControlServer(tmp_path, lambda request: "alive")
    server.start()
    try:
        assert ask(tmp_path, {}) == "alive"
    finally:
        server.close()
    assert not server.path.exists()


def test_closing_waits_for_the_request_that_is_being_answered(tmp_path):
    # Given a request whose answer is on its way: it has reached the handler
    began, may_end, ended = threading.Event(), threading.Event(), []

    def handle(request):
        began.set()
        assert may_end.wait(5.0)
        ended.append(request)

    server = ControlServer(tmp_path, handle)
    server.start()
    asker = threading.Thread(target=ask, args=(tmp_path, {"verb": "ack"}))
    asker.start()
    assert began.wait(5.0)

    # When the server is closed meanwhile
    closer = threading.Thread(target=server.close)
    closer.start()
    closer.join(0.05)

    # Then closing lasts until it has ended: what it submits is submitted before anything else is closed
    assert closer.is_alive()
    assert ended == []
    may_end.set()
    closer.join(5.0)
    asker.join(5.0)
    assert ended == [{"verb": "ack"}]


def test_closing_twice_is_allowed(server):
    server.close()
    server.close()
