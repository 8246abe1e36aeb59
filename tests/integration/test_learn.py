"""`edge-app learn` against a real running device: learnt, judged, restarted, killed."""

import json

import pytest

from edge_app.config.resolve import load_device
from edge_app.core.clock import SystemClock
from edge_app.runtime.build import RunOptions, build
from edge_app.runtime.lifecycle import Device
from tests.support.cli import REPOSITORY, Running, edge_app

pytestmark = pytest.mark.slow

APP = REPOSITORY / "tests" / "support" / "apps" / "learn_watch"

DEVICE = """
device: {id: learn-rig, site: lab}
apps: [%s]
sensors:
  vibration: {plugin: simulated, machine: pump, rate_hz: 3332, range: 16, seed: 5, frame_s: 0.05%s}
"""


@pytest.fixture
def rig(tmp_path):
    """Starts the device; `rig.learn(…)` talks to it."""

    class Rig:
        state = tmp_path / "state"
        device = tmp_path / "learn-rig.yaml"
        running = None

        def start(self, more=""):
            self.device.write_text(DEVICE % (APP, more))
            self.running = Running("run", self.device, "--broker", "none", "--json", "--state-dir", self.state)
            self.running.wait_for(lambda each: each["event"] == "started")
            return self.running

        def kill(self):
            """End the device as a power cut would."""
            if self.running is not None:
                self.running.__exit__()
                self.running = None

        def learn(self, *options, code=0):
            result = edge_app("learn", self.device, "--state-dir", self.state, *options)
            assert result.returncode == code, result.stderr
            return result.stdout if code == 0 else result.stderr

        def ask(self, *options):
            return json.loads(self.learn(*options, "--json"))

    made = Rig()
    yield made
    made.kill()


def test_a_device_learns_judges_and_remembers(rig):
    process = rig.start()
    assert "shipped normal serves: normal is not learnt" in rig.learn("--status")
    # 100 windows of 0.05 s are 5 s: 0.12 minutes are enough.
    assert "normal 1 serves" in rig.learn("--minutes", "0.12")
    learnt = process.wait_for(lambda each: each["why"].get("notice") == "learnt")
    process.wait_for(lambda each: each["event"] == "known" and each["model"].get("l") == learnt["model"]["l"])
    assert "*    1 " in rig.learn("--history")

    rig.kill()
    again = rig.start(", fault: {kind: outer, start_s: 3, growth_s: 0, severity: 4}")
    assert rig.ask("--status")["normal"] == 1
    raised = again.wait_for(lambda each: each["event"] == "raised")
    assert raised["model"]["l"] == learnt["model"]["l"]

    assert "an alarm stands" in rig.learn("--minutes", "0.12", code=2)
    assert rig.ask("--rollback")["normal"] is None


def test_a_device_killed_while_learning_says_so_and_keeps_nothing(rig):
    rig.start()
    rig.learn("--minutes", "5", "--detach")
    assert rig.ask("--status")["learning"] == "collecting"
    rig.kill()
    rig.start()
    status = rig.ask("--status")
    assert (status["learning"], status["normal"], status["last"]["result"]) == ("off", None, "aborted")
    assert "cut short by a restart" in status["last"]["what"]
    assert rig.ask("--history")["normals"] == []


def test_without_a_running_device_it_says_how_to_start_one(rig):
    rig.device.write_text(DEVICE % (APP, ""))
    told = rig.learn("--minutes", "10", code=2)
    assert f"start it with `edge-app run {rig.device}`" in told
    assert "Traceback" not in told


def test_a_machine_that_stands_still_teaches_nothing(rig):
    rig.start(", schedule: [[0, 0, 0]]")
    assert "stood still" in rig.learn("--minutes", "0.12", code=2)


def test_a_pump_whose_load_and_speed_sink_slowly_is_told_as_drift_before_any_alarm(tmp_path):
    """Learnt for 20 minutes; from 1.5 h to 3.5 h speed and load sink by 3.5 % and 14 %, and stay there."""
    steps = [[5400 + 600 * index, 1 - 0.035 * index / 12, 1 - 0.14 * index / 12] for index in range(13)]
    device = tmp_path / "pump.yaml"
    device.write_text(
        f"device: {{id: drifting, site: lab}}\napps: [{REPOSITORY / 'apps' / 'simulated_pump'}]\nsensors:\n"
        f"  vibration: {{plugin: simulated, machine: pump, rate_hz: 3332, range: 16, seed: 5, schedule: {steps},"
        " duration_s: 25200}\n"
    )
    told = []
    options = RunOptions(tmp_path / "state", paced=False, on_decision=lambda _, decision: told.append(decision))
    parts = build(load_device(device), options, SystemClock())
    with Device(parts) as running:
        parts.learnings[0].start(20.0, 1.0, despite_alarm=False)
        running.wait()
    drift = [each for each in told if each.why.get("notice") == "drift"]
    assert len(drift) == 1
    assert 1.5 < drift[0].mono_ms / 3_600_000 < 7
    assert [each for each in told if each.event == "raised"] == []
    assert "wandered" in [each for each in told if each.event == "summary"][-1].why["text"]
