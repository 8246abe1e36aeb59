"""`edge-app run` as a user calls it: recordings and simulations in real processes."""

import json
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.cli import REPOSITORY, Running, edge_app, objects

LEVEL_WATCH = REPOSITORY / "tests" / "support" / "apps" / "level_watch"


def loud_between(start_s, end_s, *, seconds, rate_hz, seed=1):
    """A 50 Hz tone of 0.07 g rms, 0.85 g rms between two times, with a little noise (g)."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    amplitude = np.where((t >= start_s) & (t < end_s), 1.2, 0.1)
    return amplitude * np.sin(2 * np.pi * 50 * t) + np.random.RandomState(seed).normal(0, 0.01, t.size)


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "loud.npz"
    np.savez(path, z=loud_between(6, 12, seconds=20, rate_hz=3200))
    return path


@pytest.fixture
def device(tmp_path):
    def write(text, name="device.yaml"):
        path = tmp_path / name
        path.write_text(text.replace("LEVEL_WATCH", str(LEVEL_WATCH)))
        return path

    return write


RIG = """
device: {id: test-rig, site: lab}
apps: [LEVEL_WATCH]
sensors:
  vibration: {plugin: recording, unit: g, range: 16}
"""

LIVE = """
device: {id: live-pump, site: lab}
apps: [LEVEL_WATCH]
sensors:
  vibration: {plugin: simulated, machine: pump, rate_hz: 833, range: 16, frame_s: 0.1}
override: {pipelines.level.decision.raise_above: %s, pipelines.level.decision.clear_below: 0.01}
"""


def test_a_replay_prints_each_decision_and_a_summary(device, recording):
    replay = f"vibration={recording},rate_hz=3200"
    result = edge_app("run", device(RIG), "--replay", replay, "--speed", "max", "--broker", "none", "--json")
    assert result.returncode == 0, result.stderr
    *decisions, summary = objects(result.stdout)
    assert [each["event"] for each in decisions] == ["started", "known", "raised", "cleared"]
    raised, cleared = decisions[2:]
    # Windows of 1 s every 0.5 s: the loud part fills half of the window that ends at 6.5 s and all of the one at
    # 7.0 s; 0.85 g scores 0.85. With 2 of 3 the alarm stands at 7.0 s, and 12.5 to 13.5 s take it down.
    assert raised["mono"] - decisions[0]["mono"] == pytest.approx(7000, abs=20)
    assert cleared["mono"] - decisions[0]["mono"] == pytest.approx(13_500, abs=20)
    assert raised["score"] == pytest.approx(8480, abs=60)
    assert (raised["threshold"], raised["level"]) == (5000, "alarm")
    assert summary["event"] == "summary"
    expected = {"windows": 39, "judged": 39, "unknown": 0, "idle": 0, "alarms": 1, "sent_bytes": 0}
    assert {name: summary[name] for name in expected} == expected
    assert summary["sensed_bytes"] == 20 * 3200 * 2
    assert summary["score_median"] == pytest.approx(0.071, abs=0.002)


def test_the_same_recording_always_gives_the_same_decisions(device, recording):
    replay = f"vibration={recording},rate_hz=3200"
    runs = [
        objects(edge_app("run", device(RIG), "--replay", replay, "--speed", "max", "--broker", "none", "--json").stdout)
        for _ in range(2)
    ]
    for run in runs:
        for each in run:
            for name in ("jid", "t", "mono"):
                each.pop(name, None)
    assert runs[0] == runs[1]


def test_people_get_a_line_a_decision_and_a_line_at_the_end(device, recording):
    result = edge_app(
        "run", device(RIG), "--replay", f"vibration={recording},rate_hz=3200", "--speed", "max", "--broker", "none"
    )
    lines = result.stdout.splitlines()
    assert len(lines) == 5
    assert "raised" in lines[2]
    assert "overall vibration" in lines[2]
    assert lines[4].startswith("39 windows: 39 judged, 0 unknown, 0 idle; 1 alarms; median score 0.07")


def test_once_judges_one_window_of_each_pipeline_and_stops(device, tmp_path):
    result = edge_app("run", device(LIVE % 0.5), "--once", "--json", "--broker", "none", EDGE_APP_STATE=tmp_path)
    assert result.returncode == 0, result.stderr
    verdicts = [each for each in objects(result.stdout) if each["event"] == "verdict"]
    assert [(each["pipe"], each["verdict"]) for each in verdicts] == [("level", "judged")]


def test_two_apps_and_sensors_of_different_rates_run_in_one_process(device, tmp_path):
    """Two slots, 3200 Hz and 12 kHz; only the faster one falls ill."""
    second = tmp_path / "second_app"
    second.mkdir()
    text = (LEVEL_WATCH / "app.yaml").read_text()
    (second / "app.yaml").write_text(
        text.replace("level_watch", "second")
        .replace("vibration:", "casing:", 1)
        .replace("sensor: vibration", "sensor: casing")
    )
    (second / "plugin.py").write_text((LEVEL_WATCH / "plugin.py").read_text())
    np.savez(tmp_path / "a.npz", z=loud_between(99, 99, seconds=10, rate_hz=3200))
    np.savez(tmp_path / "b.npz", z=loud_between(4, 99, seconds=10, rate_hz=12000))
    path = device(
        f"device: {{id: two, site: lab}}\napps: [LEVEL_WATCH, {second}]\nsensors:\n"
        "  vibration: {plugin: recording}\n  casing: {plugin: recording}\n"
    )
    result = edge_app(
        "run", path, "--speed", "max", "--broker", "none", "--json",
        "--replay", f"vibration={tmp_path / 'a.npz'},rate_hz=3200",
        "--replay", f"casing={tmp_path / 'b.npz'},rate_hz=12000",
    )  # fmt: skip
    *decisions, summary = objects(result.stdout)
    assert [each["app"] for each in decisions if each["event"] == "raised"] == ["second"]
    assert {key: each["windows"] for key, each in summary["pipelines"].items()} == {
        "level_watch/level": 19,
        "second/level": 19,
    }
    seqs = [each["seq"] for each in decisions]
    assert sorted(seqs) == list(range(len(seqs)))


def test_a_recording_too_slow_for_the_app_is_unknown_and_no_crash(device, tmp_path):
    np.savez(tmp_path / "slow.npz", z=loud_between(0, 9, seconds=10, rate_hz=200))
    result = edge_app(
        "run", device(RIG), "--replay", f"vibration={tmp_path / 'slow.npz'},rate_hz=200", "--speed", "max",
        "--broker", "none", "--json",
    )  # fmt: skip
    *decisions, summary = objects(result.stdout)
    assert result.returncode == 0, result.stderr
    assert (summary["judged"], summary["unknown"]) == (0, 19)
    assert "200 Hz is below the 800 Hz this app needs" in json.dumps(decisions)


def test_a_recording_shorter_than_a_window_says_so(device, tmp_path):
    np.savez(tmp_path / "short.npz", z=loud_between(0, 9, seconds=0.5, rate_hz=3200))
    result = edge_app(
        "run",
        device(RIG),
        "--replay",
        f"vibration={tmp_path / 'short.npz'},rate_hz=3200",
        "--speed",
        "max",
        "--broker",
        "none",
    )
    assert result.returncode == 0
    assert "no window was formed from slot vibration: 1600 samples arrived, a window takes 3200" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_live_run_with_its_summary(device, tmp_path, number):
    with Running("run", device(LIVE % 0.5), "--json", "--broker", "none", "--state-dir", tmp_path / "state") as running:
        running.wait_for(lambda each: each["event"] == "known")
        status, errors = running.stop(number)
        assert (status, errors) == (0, "")
        assert running.objects[-1]["event"] == "summary"


def test_a_live_device_explains_and_obeys_through_its_local_socket(device, tmp_path):
    path, state = device(LIVE % 0.02), tmp_path / "state"
    with Running("run", path, "--json", "--broker", "none", "--state-dir", state) as running:
        running.wait_for(lambda each: each["event"] == "raised")
        assert stat.S_IMODE((state / "live-pump" / "control.sock").stat().st_mode) == 0o600
        why = edge_app("why", path, "--state-dir", state)
        assert "level_watch/level: state active, level alarm" in why.stdout
        assert "rms_g" in why.stdout
        assert "last decision: raised at 20" in why.stdout
        ack = edge_app("ack", "live-pump", "level", "--state-dir", state)
        assert ack.stdout.strip() == "level_watch/level: acked"
        acked = running.wait_for(lambda each: each["event"] == "acked")
        assert acked["flags"] == ["acked"]
        again = edge_app("ack", "live-pump", "level", "--state-dir", state)
        assert again.returncode == 2
        assert "acknowledged already" in again.stderr
        shelved = edge_app("shelve", "live-pump", "level", "--minutes", 5, "--state-dir", state)
        assert "shelved" in shelved.stdout
        wrong = edge_app("ack", "live-pump", "nothing", "--state-dir", state)
        assert wrong.returncode == 2
        assert "no pipeline 'nothing' runs here" in wrong.stderr


def test_an_alarm_and_its_acknowledgement_survive_a_restart(device, tmp_path):
    path, state = device(LIVE % 0.02), tmp_path / "state"
    with Running("run", path, "--json", "--broker", "none", "--state-dir", state) as running:
        running.wait_for(lambda each: each["event"] == "raised")
        edge_app("ack", path, "--state-dir", state)
        running.wait_for(lambda each: each["event"] == "acked")
        running.process.kill()
    with Running("run", path, "--json", "--broker", "none", "--state-dir", state) as running:
        started = running.wait_for(lambda each: each["event"] == "started")
        assert (started["state"], started["flags"], started["boot"]) == ("active", ["acked"], 2)
        running.stop()
        assert "raised" not in [each["event"] for each in running.objects]


def test_a_second_process_for_the_same_device_is_refused(device, tmp_path):
    path, state = device(LIVE % 0.5), tmp_path / "state"
    with Running("run", path, "--json", "--broker", "none", "--state-dir", state) as running:
        running.wait_for(lambda each: each["event"] == "started")
        second = edge_app("run", path, "--broker", "none", "--state-dir", state)
        assert second.returncode == 2
        assert str(running.process.pid) in second.stderr
        assert "Traceback" not in second.stderr


def test_of_a_device_that_was_killed_the_last_decision_can_still_be_explained(device, tmp_path):
    path, state = device(LIVE % 0.02), tmp_path / "state"
    with Running("run", path, "--json", "--broker", "none", "--state-dir", state) as running:
        raised = running.wait_for(lambda each: each["event"] == "raised")
        running.process.kill()
    why = edge_app("why", path, "--state-dir", state)
    assert (why.returncode, "does not run" in why.stderr) == (0, True)
    assert why.stdout.startswith("level_watch/level: state active, level alarm")
    assert raised["why"]["text"] in why.stdout
    (kept,) = json.loads(edge_app("why", "live-pump", "level", "--json", "--state-dir", state).stdout)
    assert (kept["event"], kept["seq"], kept["why"]["top"]) == ("raised", raised["seq"], raised["why"]["top"])
    wrong = edge_app("why", "live-pump", "nothing", "--state-dir", state)
    assert (wrong.returncode, "It has those of: level" in wrong.stderr) == (2, True)
    assert edge_app("ack", "live-pump", "--state-dir", state).returncode == 2


def test_without_a_running_device_commands_say_how_to_start_one(tmp_path):
    result = edge_app("why", "nobody", "--state-dir", tmp_path)
    assert result.returncode == 2
    assert "edge-app run" in result.stderr


def test_decisions_that_no_broker_took_are_counted_at_the_end(device, recording):
    replay = f"vibration={recording},rate_hz=3200"
    nowhere = "mqtt://127.0.0.1:1"
    result = edge_app("run", device(RIG), "--replay", replay, "--speed", "max", "--broker", nowhere)
    assert result.returncode == 0
    assert "4 decisions wait in " in result.stderr
    assert "nothing listens on this port" in result.stderr
    assert "keep it with --state-dir" in result.stderr


def test_a_clock_in_1970_is_told_and_hinders_nothing(device, recording, tmp_path):
    replay = f"vibration={recording},rate_hz=3200"
    arguments = ["run", str(device(RIG)), "--replay", replay, "--json", "--speed", "max", "--broker", "none"]
    arguments += ["--state-dir", str(tmp_path)]
    code = (  # a board without a clock chip, five seconds after power-up
        "import time\nreal = time.time_ns\nbegan = real()\n"
        "time.time_ns = lambda: real() - began + 5 * 10**9\n"
        "from edge_app.cli.main import main\n"
        f"raise SystemExit(main({arguments!r}))"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60) for _ in range(2)]
    assert [(run.returncode, run.stderr) for run in runs] == [(0, "")] * 2
    first, second = (objects(run.stdout)[:-1] for run in runs)
    assert {each["ts"] for each in first + second} == {"none"}
    assert all(0 < each["t"] < 60_000 for each in first)
    assert [each["event"] for each in first] == ["started", "known", "raised", "cleared"]
    names = {(each["jid"], each["boot"], each["seq"]) for each in first + second}
    assert len(names) == len(first) + len(second)  # the same wall time twice, and still nothing taken for a duplicate


def test_live_sensors_refuse_to_run_faster_than_time(device):
    path = device(RIG.replace("plugin: recording, unit: g, range: 16", "plugin: lsm6ds3"))
    result = edge_app("run", path, "--speed", "max", "--broker", "none")
    assert result.returncode == 2
    assert "cannot run at --speed max" in result.stderr


def test_the_device_path_loads_no_scipy_no_rich_and_no_pandas(device, recording):
    arguments = ["run", str(device(RIG)), "--replay", f"vibration={recording},rate_hz=3200"]
    code = (
        "import sys\nfrom edge_app.cli.main import main\n"
        f"main([*{arguments!r}, '--speed', 'max', '--broker', 'none'])\n"
        "print([name for name in ('scipy', 'rich', 'pandas', 'flatbuffers', 'amqtt') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_paths_in_messages_are_those_the_user_gave(device):
    result = edge_app("run", Path("configs/devices/nothing.yaml"))
    assert result.returncode == 2
    assert "configs/devices/nothing.yaml" in result.stderr
