"""A device whose broker is away: it starts, judges, keeps what it has to say, and delivers it later."""

from __future__ import annotations

import json
import time

import pytest

from tests.support.acker import wait_until
from tests.support.broker import free_port
from tests.support.cli import REPOSITORY, Running, edge_app, objects
from tests.support.listener import Listener, schema_errors

pytestmark = pytest.mark.broker

LEVEL_WATCH = REPOSITORY / "tests" / "support" / "apps" / "level_watch"

DEVICE = f"""
device: {{id: pump, site: lab}}
apps: [{LEVEL_WATCH}]
sensors:
  vibration: {{plugin: simulated, machine: pump, rate_hz: 833, range: 16, frame_s: 0.1}}
override: {{pipelines.level.decision.raise_above: 0.02, pipelines.level.decision.clear_below: 0.01}}
publish: {{broker: "mqtt://127.0.0.1:PORT"}}
"""


@pytest.fixture
def device(tmp_path):
    def write(port):
        path = tmp_path / "pump.yaml"
        path.write_text(DEVICE.replace("PORT", str(port)))
        return path

    return write


def identities(messages):
    return [(each["jid"], each["boot"], each["seq"]) for each in messages]


def test_a_broker_that_is_down_at_the_start_gets_everything_later(mosquitto, device, tmp_path):
    port = free_port()
    with Running("run", device(port), "--json", "--state-dir", tmp_path / "state") as running:
        running.wait_for(lambda each: each["event"] == "raised")
        warning = [running.process.stderr.readline() for _ in range(3)]
        assert warning[0].startswith(f"edge-app: warning: no broker: broker mqtt://127.0.0.1:{port}: ")
        assert "Decisions wait in the journal; the device goes on and tries again." in warning[2]
        said = list(running.objects)
        assert [each["hist"] for each in said] == [False] * len(said)

        broker = mosquitto(port=port)
        with Listener(broker.port) as listener:
            assert wait_until(lambda: len(listener.decisions) >= len(said), 40), "back-off ends within 30 s"
            heard = listener.decisions
            assert identities(heard)[: len(said)] == identities(said)
            assert all(each["hist"] for each in heard[: len(said)]), "they were not live any more"
            state = json.loads(next(payload for topic, payload in listener.messages if topic.endswith("/state")))
            assert state["on"] is True
            assert [error for each in listener.messages for error in schema_errors(*each)] == []

            acked = edge_app("ack", "pump", "--state-dir", tmp_path / "state")
            assert acked.returncode == 0, acked.stderr
            assert wait_until(lambda: listener.decisions[-1]["event"] == "acked")
            assert listener.decisions[-1]["hist"] is False, "from now on it is live"
        status, errors = running.stop()
    assert status == 0
    assert errors == "", "told once"


def test_what_was_said_while_the_broker_was_away_survives_the_end_of_the_process(mosquitto, device, tmp_path):
    port = free_port()
    path, state = device(port), tmp_path / "state"
    with Running("run", path, "--json", "--state-dir", state) as running:
        running.wait_for(lambda each: each["event"] == "raised")
        said = list(running.objects)
        running.process.kill()
        running.process.wait()

    broker = mosquitto(port=port)
    with Listener(broker.port) as listener:
        with Running("run", path, "--json", "--state-dir", state) as running:
            running.wait_for(lambda each: each["event"] == "started")
            assert wait_until(lambda: set(identities(said)) <= set(identities(listener.decisions)))
            running.stop()
        old = [each for each in listener.decisions if each["boot"] == 1]
        assert identities(old) == identities(said), "in order, each once"
        assert all(each["hist"] for each in old)
        assert {each["boot"] for each in listener.decisions} == {1, 2}


def test_a_broker_that_never_comes_does_not_hold_up_the_end(device, tmp_path):
    with Running("run", device(free_port()), "--json", "--state-dir", tmp_path / "state") as running:
        running.wait_for(lambda each: each["event"] == "raised")
        begun_s = time.monotonic()
        status, errors = running.stop()
        took_s = time.monotonic() - begun_s
        assert running.objects[-1]["event"] == "summary"
    assert status == 0
    assert took_s < 7, "five seconds for the broker to come back"
    assert "Traceback" not in errors


def test_a_replay_with_a_broker_that_is_down_judges_all_the_same(device, tmp_path):
    result = edge_app(
        "run", device(free_port()), "--json", "--seconds", "3", "--state-dir", tmp_path / "state", timeout_s=30
    )
    *decisions, summary = objects(result.stdout)
    assert result.returncode == 0
    assert [each["event"] for each in decisions][:1] == ["started"]
    assert summary["judged"] >= 3
    assert summary["sent_bytes"] == 0


def test_a_broker_that_dies_and_comes_back_is_found_again(mosquitto, device, tmp_path):
    broker = mosquitto()
    with Running("run", device(broker.port), "--json", "--state-dir", tmp_path / "state") as running:
        with Listener(broker.port) as listener:
            running.wait_for(lambda each: each["event"] == "raised")
            assert wait_until(lambda: any(each["event"] == "raised" for each in listener.decisions))
        broker.kill()
        edge_app("ack", "pump", "--state-dir", tmp_path / "state")
        running.wait_for(lambda each: each["event"] == "acked")
        broker.start()
        with Listener(broker.port) as listener:
            assert wait_until(lambda: any(each["event"] == "acked" for each in listener.decisions), 40)
            acked = next(each for each in listener.decisions if each["event"] == "acked")
            assert acked["hist"] is True
        status, errors = running.stop()
        assert status == 0, errors
