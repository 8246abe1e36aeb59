"""A day of the simulated pump through the real program: quiet while it is well, an alarm when it falls ill."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_app.config.resolve import load_device
from edge_app.core.clock import SystemClock
from edge_app.runtime.build import RunOptions, build
from edge_app.runtime.lifecycle import Device
from tests.support.cli import COMMAND, REPOSITORY, environment, objects

pytestmark = pytest.mark.slow

HOUR_S = 3600
DAY_S = 24 * HOUR_S
ILL_FROM_S = 20 * HOUR_S
CPU_S = 360.0
"""Most CPU time a day may cost."""

DEVICE = """\
device: {{id: {name}, site: lab}}
apps: [{app}]
sensors:
  vibration: {{plugin: simulated, machine: pump, rate_hz: 3332, range: 16, seed: {seed}, profile: {profile},
              duration_s: {seconds}, fault: {fault}}}
machine: {{shaft_hz: 29.5, bearing: {{balls: 9, ball_mm: 7.94, pitch_mm: 39.04, angle_deg: 0}}}}
"""


@dataclass
class Past:
    """What a run said, and what it cost."""

    decisions: list
    summary: dict
    cpu_s: float

    @property
    def raised_s(self):
        """When alarms were raised, on the signal's own time (s)."""
        return [each["mono"] / 1000 for each in self.decisions if each["event"] == "raised"]


class Pump:
    """The program at `--speed max` over a simulated pump, in a process of its own."""

    def __init__(self, folder: Path, name: str, *, seed: int, profile: str, seconds: int, fault: str = "{kind: none}"):
        device = folder / f"{name}.yaml"
        app = REPOSITORY / "apps" / "simulated_pump"
        device.write_text(
            DEVICE.format(name=name, app=app, seed=seed, profile=profile, seconds=seconds, fault=fault), "utf-8"
        )
        self._said = folder / f"{name}.jsonl"
        arguments = ["run", device, "--speed", "max", "--broker", "none", "--json", "--state-dir", folder / "state"]
        with self._said.open("wb") as output:
            self._process = subprocess.Popen(
                [*COMMAND, *map(str, arguments)], stdout=output, env=environment(), cwd=REPOSITORY
            )

    def past(self) -> Past:
        """Wait for the end."""
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        assert self._process.returncode == 0
        *decisions, summary = objects(self._said.read_text())
        return Past(decisions, summary, usage.ru_utime + usage.ru_stime)


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """Two days side by side, one a core: a healthy one, and one whose bearing falls ill in the evening."""
    folder = tmp_path_factory.mktemp("days")
    well = Pump(folder, "well", seed=21, profile="varying", seconds=DAY_S)
    fault = f"{{kind: inner, start_s: {ILL_FROM_S}, growth_s: {HOUR_S}, severity: 0.5}}"
    ill = Pump(folder, "ill", seed=31, profile="cycling", seconds=DAY_S, fault=fault)
    return {"well": well.past(), "ill": ill.past()}


def test_a_healthy_day_of_changing_speed_and_load_has_no_alarm(days):
    day = days["well"]
    assert (day.raised_s, day.summary["alarms"]) == ([], 0)
    # a window of 1 s every 0.5 s: 2 a second but for the last
    assert day.summary["judged"] == day.summary["windows"] == 2 * DAY_S - 1
    assert [each["event"] for each in day.decisions].count("summary") == 24
    assert [each for each in day.decisions if "notice" in each["why"]] == []  # nor drift


def test_a_bearing_that_falls_ill_at_eight_in_the_evening_is_told_then_and_not_before(days):
    """With stops of some minutes all day: the machine stands, starts and is judged anew, without an alarm."""
    day = days["ill"]
    assert day.raised_s, "no alarm"
    assert ILL_FROM_S < day.raised_s[0] < ILL_FROM_S + HOUR_S, "while the fault still grows"
    assert day.summary["idle"] > 0.05 * day.summary["windows"]
    assert day.summary["unknown"] == 0


def test_a_day_costs_minutes(days):
    for name, day in days.items():
        print(f"{name}: {day.cpu_s:.0f} s CPU for a day, {DAY_S / day.cpu_s:.0f} × real time")
        assert day.cpu_s < CPU_S


@pytest.mark.parametrize("kind", ["outer", "unbalance"])
def test_other_faults_are_told_too_when_they_are_small(tmp_path, kind):
    """Two healthy hours, then a fault that grows to a fifth of the demo's."""
    fault = f"{{kind: {kind}, start_s: {2 * HOUR_S}, growth_s: 600, severity: 0.2}}"
    past = Pump(tmp_path, kind, seed=51, profile="varying", seconds=3 * HOUR_S, fault=fault).past()
    assert past.raised_s, "no alarm"
    assert past.raised_s[0] > 2 * HOUR_S


def test_a_normal_learnt_in_an_hour_keeps_quiet_for_the_rest_of_the_day_and_hears_a_fault_after_it(tmp_path):
    """Learnt at one false alarm a week in the process that judges, while speed and load change; ill at 14 hours.

    In 13 h one a week are 0.08 alarms: two or more would come in one of 300 such days.
    """
    ill_s = 14 * HOUR_S
    device = tmp_path / "pump.yaml"
    fault = f"{{kind: inner, start_s: {ill_s}, growth_s: 600, severity: 0.3}}"
    app = REPOSITORY / "apps" / "simulated_pump"
    device.write_text(
        DEVICE.format(name="learnt", app=app, seed=61, profile="varying", seconds=ill_s + 900, fault=fault), "utf-8"
    )
    told = []
    options = RunOptions(tmp_path / "state", paced=False, on_decision=lambda _, decision: told.append(decision))
    parts = build(load_device(device), options, SystemClock())
    with Device(parts) as running:
        parts.learnings[0].start(60.0, 1.0, despite_alarm=False)
        running.wait()
    learnt = next(each for each in told if each.why.get("notice") == "learnt")
    assert HOUR_S <= learnt.mono_ms / 1000 < 2 * HOUR_S  # fitted beside the signal, which runs on at full speed
    raised_s = [each.mono_ms / 1000 for each in told if each.event == "raised"]
    assert len([at_s for at_s in raised_s if at_s < ill_s]) <= 1
    assert any(ill_s < at_s < ill_s + 600 for at_s in raised_s), "told while the fault still grows"
    assert all(each.model.normal for each in told if each.event == "raised" and each.mono_ms > learnt.mono_ms)
