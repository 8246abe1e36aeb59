"""A device in the test's own process, its signal as fast as it goes; every window and every decision kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edge_app.cli.run import summary
from edge_app.config.resolve import load_device
from edge_app.core.clock import SystemClock
from edge_app.runtime.build import RunOptions, build
from edge_app.runtime.lifecycle import Device
from edge_app.sensors.recording import parse_replay


@dataclass
class Outcome:
    """What a device did with a signal."""

    judgements: list = field(default_factory=list)
    decisions: list = field(default_factory=list)
    summary: dict = field(default_factory=dict)

    @property
    def scores(self) -> list[int]:
        """0..10000 of each judged window."""
        return [each.inference.score for each in self.judgements if each.inference is not None]

    @property
    def events(self) -> list[str]:
        return [each.event for each in self.decisions]


def replay(device: Path, state: Path, *replays: str) -> Outcome:
    """Run `device` with these `--replay` arguments to the end of its signals."""
    outcome = Outcome()
    options = RunOptions(
        state,
        paced=False,
        on_decision=lambda _, decision: outcome.decisions.append(decision),
        on_judgement=lambda _, judgement: outcome.judgements.append(judgement),
        control=False,
    )
    parts = build(load_device(device, replays=dict(map(parse_replay, replays))), options, SystemClock())
    with Device(parts) as running:
        running.wait(60)
    outcome.summary = summary(running)
    return outcome
