"""What leaves a device, byte by byte: decisions and condition, never the signal."""

from __future__ import annotations

import json

import numpy as np
import pytest

from edge_app.transport.topics import parse
from tests.support.cli import REPOSITORY, Running, edge_app, objects
from tests.support.listener import SCHEMA_OF, Listener, schema_errors
from tests.support.tools import require

pytestmark = pytest.mark.broker

RIG = REPOSITORY / "configs" / "devices" / "bearing-rig.yaml"
LARGEST = 4096
"""Most bytes of a message."""

PUMP = f"""
device: {{id: pump-1, site: lab}}
apps: [{REPOSITORY / "apps" / "simulated_pump"}]
sensors:
  vibration: {{plugin: simulated, machine: pump, rate_hz: 3332, range: 16, duration_s: %d, profile: steady, seed: 9,
              fault: {{kind: %s, start_s: 20, growth_s: 5, severity: 1.0}}}}
"""


def longest_list_of_numbers(value):
    """Most numbers side by side anywhere in a message: a signal would be a long row of them."""
    if isinstance(value, dict):
        return max(map(longest_list_of_numbers, value.values()), default=0)
    if isinstance(value, list):
        inner = max(map(longest_list_of_numbers, value), default=0)
        return max(inner, sum(isinstance(each, int | float) for each in value))
    return 0


def examine(messages, *, device):
    """Every message follows the schema of its topic, is small, and holds no row of samples; gives the kinds seen."""
    assert messages
    for topic, payload in messages:
        assert schema_errors(topic, payload) == []
        assert parse(topic)[1] == device
        assert len(payload) <= LARGEST
        assert longest_list_of_numbers(json.loads(payload)) < 16
    return {parse(topic)[2] for topic, _ in messages}


def test_the_examination_finds_a_signal_that_leaves():
    """It must fail a device that sends its samples, on whatever topic and under whatever name."""
    samples = np.arange(100).tolist()
    assert schema_errors("edge/1/lab/rig/raw", json.dumps(samples).encode())
    assert schema_errors("signal", b"{}")
    with pytest.raises(AssertionError):
        examine([("edge/1/lab/rig/health", json.dumps({"v": 1, "dev": "rig", "s": samples}).encode())], device="rig")
    whole = {"v": 1, "dev": "rig", "jid": "ab", "boot": 1, "samples": samples}
    with pytest.raises(AssertionError):
        examine([("edge/1/lab/rig/health", json.dumps(whole).encode())], device="rig")


def test_only_decisions_leave_the_demo(mosquitto, monkeypatch):
    monkeypatch.setenv("EDGE_APP_MOSQUITTO", str(require("mosquitto", "mosquitto")))
    broker = mosquitto()
    with Listener(broker.port) as listener:
        with Running("demo", "--json", "--seconds", 8, "--broker", broker.url) as running:
            assert running.process.wait(30) == 0
            summary = running.objects[-1]
        assert examine(listener.messages, device="demo-pump") == set(SCHEMA_OF)
        heard = sum(len(topic) + len(payload) for topic, payload in listener.messages)
    # Every byte counted as sent was heard, and the will besides: the last word of a session that ends well.
    assert heard == pytest.approx(summary["sent_bytes"], abs=400)


@pytest.mark.data
def test_only_decisions_leave_a_replayed_recording(mosquitto, shared_data, tmp_path):
    broker = mosquitto()
    recording = shared_data / "data" / "cwru" / "12k_Drive_End_IR007_0_105.mat"
    with Listener(broker.port) as listener:
        result = edge_app(
            "run", RIG, "--replay", f"vibration={recording},rate_hz=12000,channel=DE_time", "--speed", "max",
            "--broker", broker.url, "--json", EDGE_APP_STATE=tmp_path,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        *decisions, _ = objects(result.stdout)
        assert examine(listener.messages, device="bearing-rig") >= {"d", "state", "now"}
    by_seq = sorted(listener.decisions, key=lambda each: each["seq"])  # an alarm overtakes what waits
    assert [each | {"hist": False} for each in by_seq] == decisions
    assert "raised" in [each["event"] for each in decisions]


@pytest.mark.parametrize("fault", ["none", "inner"])
def test_a_minute_of_signal_is_a_hundred_times_what_leaves(mosquitto, tmp_path, fault):
    """At full speed; health and condition are counted too. The healthy pump says two things in a minute."""
    broker = mosquitto()
    device = tmp_path / "pump.yaml"
    device.write_text(PUMP % (60, fault))
    with Listener(broker.port) as listener:
        result = edge_app(
            "run", device, "--speed", "max", "--broker", broker.url, "--json", EDGE_APP_STATE=tmp_path / "state"
        )
        assert result.returncode == 0, result.stderr
        examine(listener.messages, device="pump-1")
        heard = sum(len(topic) + len(payload) for topic, payload in listener.messages)
    summary = objects(result.stdout)[-1]
    print(
        f"fault {fault}: sensed {summary['sensed_bytes']:,} B, sent {summary['sent_bytes']:,} B, heard {heard:,} B: "
        f"{summary['sensed_bytes'] / heard:.0f} : 1"
    )
    assert summary["alarms"] == (fault != "none")
    assert summary["sensed_bytes"] == 60 * 3332 * 2
    assert summary["sensed_bytes"] > 100 * max(heard, summary["sent_bytes"])
