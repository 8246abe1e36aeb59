"""How often a learnt normal cries wolf, and what it hears: simulated machines through the deployed pipeline.

    python benchmarks/false_alarms.py [--pump-days 1] [--sound-days 0] [--app NAME] [--on-delay-s N] [--keep DIR]

Healthy machines are simulated a shift of 12 hours at a time: windows, quality, features and gate as on a device. At the
beginning of each shift a normal is learnt for 10 minutes, an hour and 4 hours by `fit_normal`, at one false alarm a
week, a day and an hour; from the fifth hour to the end of the shift the app's model and decider judge. So the normals
of a row saw different signals, and judged different ones. The frequent rates can be checked in the time simulated, the
rare one only bounded. Then the same normals judge machines with faults, ten minutes each. Noise never repeats. `--keep`
leaves the features in a folder, for another look at them. One process, one thread.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from numpy.typing import NDArray

from edge_app.config.apps import load_app
from edge_app.core.errors import BaselineError
from edge_app.core.frames import Window
from edge_app.core.results import FeatureVector, LearntNormal
from edge_app.features.vibration import Vibration
from edge_app.inference.normal import fit_normal
from edge_app.inference.score import ScoreMap
from edge_app.inference.tail import WEEK_S
from edge_app.runtime.backtest import VERDICTS
from edge_app.runtime.build import make_model
from edge_app.runtime.collection import BREAK_WINDOWS
from edge_app.runtime.normal_settings import normal_settings
from edge_app.sensors.sim_machine import Fault
from edge_app.sensors.simulated import Simulated
from edge_app.testing.clock import FakeClock
from edge_app.training.protocols.bootstrap import events_interval
from edge_app.training.windows.front import Front, app_document, load_front
from edge_app.windowing import make_windower

SHIFT_S, JUDGED_FROM_S = 12 * 3600, 4 * 3600
LEARNT_S = {"10 min": 600, "1 h": 3600, "4 h": 14400}
WANTED = {"week": 1.0, "day": 7.0, "hour": 168.0}
"""False alarms a week asked for, as one in so long."""
PROFILES = ("varying", "steady", "varying", "cycling")
"""How the machines are run, in turn (sensors/sim_operation.py)."""
KINDS = ("inner", "outer", "ball", "unbalance", "misalignment", "cavitation")
SEVERITIES = (0.1, 0.3, 1.0)
FAULT_S = 600.0
SETUPS = {"predictive_maintenance": "pump", "simulated_pump": "pump", "machine_sound": "sound"}
"""App and what it watches. Only the model of simulated_pump has seen such a machine before."""
APPS = Path(__file__).resolve().parents[1] / "apps"
TOGETHER = 4
"""Windows of vibration computed at a time."""


HEALTHY = Fault()


@dataclass(frozen=True)
class Machine:
    """A simulated machine: what its sensor sees."""

    kind: str
    """pump or sound."""
    profile: str
    seed: int
    seconds: float
    fault: Fault = HEALTHY

    @property
    def name(self) -> str:
        """Of its file."""
        fault = "" if self.fault.kind == "none" else f"-{self.fault.kind}-{self.fault.severity:g}"
        return f"{self.kind}-{self.profile}-{self.seed}-{self.seconds:g}{fault}"


@dataclass(frozen=True)
class Seen:
    """What the pipeline has before its model: features in time."""

    values: NDArray[np.int16]
    """(n_judged, n_features)."""
    verdicts: NDArray[np.uint8]
    """Index in VERDICTS of each window."""

    def part(self, first: int, last: int) -> Seen:
        """Windows first to last - 1."""
        judged = self.verdicts == VERDICTS.index("judged")
        before = int(np.count_nonzero(judged[:first]))
        return Seen(self.values[before : before + int(np.count_nonzero(judged[first:last]))], self.verdicts[first:last])

    def breaks(self) -> tuple[int, ...]:
        """Rows before which BREAK_WINDOWS and more windows in a row were not judged."""
        at = np.flatnonzero(self.verdicts == VERDICTS.index("judged"))
        return tuple(int(each) + 1 for each in np.flatnonzero(np.diff(at) > BREAK_WINDOWS))


def watch(machine: Machine, front: Front, keep: Path | None) -> Seen:
    """A machine's signal through windows, quality, features and gate."""
    file = keep / f"{machine.name}.npz" if keep else None
    if file is not None and file.exists():
        with np.load(file, allow_pickle=False) as found:
            return Seen(found["values"], found["verdicts"])
    rows, verdicts = [], bytearray()
    for verdict, values in _windows(machine, front):
        verdicts.append(VERDICTS.index(verdict))
        if verdict == "judged":
            rows.append(values)
    seen = Seen(np.array(rows, np.int16), np.frombuffer(verdicts, np.uint8))
    if file is not None:
        np.savez(file, values=seen.values, verdicts=seen.verdicts)
    return seen


def _windows(machine: Machine, front: Front) -> Iterator[tuple[str, NDArray[np.int16]]]:
    """Verdict and features of each window; those of windows that cannot be judged are empty."""
    sensor = Simulated(
        machine.kind,
        clock=FakeClock(),
        seed=machine.seed,
        profile=machine.profile,
        fault=machine.fault,
        duration_s=machine.seconds,
        paced=False,
    )
    extractor = front.extractor(sensor.rate_hz, sensor.scale)
    is_idle = front.idle_test(extractor, sensor.rate_hz, sensor.scale)
    none = np.empty(0, np.int16)
    for window, vector in _extracted(_cut(sensor, front), extractor):
        if vector is None:
            yield "unknown", none
        elif is_idle is not None and is_idle(window, vector):
            yield "idle", vector.values
        else:
            yield "judged", vector.values


def _cut(sensor: Simulated, front: Front) -> Iterator[Window]:
    wanted = front.pipeline.window
    windower = make_windower(wanted.each, sensor.rate_hz, wanted.seconds, wanted.hop_s)
    sensor.open()
    while (frame := sensor.read(1.0)) is not None:
        yield from windower.push(frame)
    sensor.close()


def _extracted(windows: Iterator[Window], extractor: Any) -> Iterator[tuple[Window, FeatureVector | None]]:
    """Windows with their features; those that cannot be judged have none.

    Vibration of TOGETHER windows is computed as that of as many axes, in half of the time: each axis is worked out by
    itself, so the numbers are the same. The first ones are computed both ways to be sure.
    """
    together = TOGETHER if isinstance(extractor, Vibration) else 1
    many: Any = None
    while some := list(islice(windows, together)):
        if together == 1 or len(some) < together or not all(each.quality.judgeable for each in some):
            yield from ((each, extractor.extract(each) if each.quality.judgeable else None) for each in some)
            continue
        first, many = many is None, many or _for_many(extractor, some[0])
        joined = replace(some[0], samples=np.concatenate([each.samples for each in some]))
        for window, values in zip(some, many.extract(joined).values.reshape(together, -1), strict=True):
            if first and not np.array_equal(values, extractor.extract(window).values):
                raise SystemExit("several windows at a time give other features than one by one")
            yield window, FeatureVector(values, extractor.schema)


def _for_many(extractor: Vibration, window: Window) -> Vibration:
    return Vibration(replace(extractor.settings, axes=TOGETHER), window.rate_hz, window.scale)


def machines(kind: str, days: float) -> list[Machine]:
    """Healthy ones: pumps for a day each, sound for a shift."""
    shifts = 2 if kind == "pump" else 1
    count = max(1, round(days * 2 / shifts))
    profiles = PROFILES if kind == "pump" else PROFILES[:1]
    return [
        Machine(kind, profiles[index % len(profiles)], 300 + index, float(shifts * SHIFT_S)) for index in range(count)
    ]


def faulty(kind: str, profile: str) -> list[Machine]:
    """Every kind of fault at every severity, from the first second on, on a machine run as the one that was learnt."""
    return [
        Machine(kind, profile, 900 + index, FAULT_S, Fault(fault, 0.0, 0.0, severity))
        for index, fault in enumerate(KINDS)
        for severity in SEVERITIES
    ]


@dataclass
class Row:
    """What normals learnt alike did."""

    alarms: int = 0
    judged_s: float = 0.0
    learnt: int = 0
    refused: int = 0
    noisy: int = 0
    """Normals with more alarms than were asked for, and one."""
    standing_s: float = 0.0
    flagged: dict[float, list[float | None]] = field(default_factory=dict)
    """By severity: when each fault was flagged (s), None when it was not."""


class Watcher:
    """One app's pipeline behind its features."""

    def __init__(self, name: str, on_delay_s: float | None = None) -> None:
        self.app = load_app(APPS / name)
        self.spec = self.app.pipelines[0]
        self.settings = normal_settings(self.spec)
        changes = {}
        if on_delay_s is not None:
            changes[f"pipelines.{self.spec.name}.decision.on_delay_s"] = on_delay_s
            self.settings = replace(self.settings, on_delay_s=on_delay_s)
        self.front = load_front(app_document(APPS / name, changes), self.spec.name)
        sensor = Simulated(SETUPS[name], clock=FakeClock(), paced=False)
        self.schema = self.front.extractor(sensor.rate_hz, sensor.scale).schema
        self.model: Any = make_model(self.app, self.spec, self.schema)

    def learn(self, seen: Seen, seconds: float) -> dict[str, LearntNormal]:
        """From the beginning, a normal for each rate. Raises BaselineError."""
        span = seen.part(0, round(seconds / self.settings.hop_s) - 1)
        counts = np.bincount(span.verdicts, minlength=3)
        settings = replace(
            self.settings, breaks=span.breaks(), windows_min=100, unknown=int(counts[0]), idle=int(counts[1])
        )
        return {
            name: fit_normal(span.values, self.model, replace(settings, false_alarms_per_week=rate))
            for name, rate in WANTED.items()
        }

    def judge(self, normals: dict[str, LearntNormal], seen: Seen) -> dict[str, tuple[list[float], float]]:
        """By rate: when alarms were raised, and for how long they stood (s). The normals differ in their score maps."""
        model = self.model.with_normal(next(iter(normals.values())))
        raws = [model.infer(FeatureVector(values, self.schema)).raw for values in seen.values]
        return {name: self._decide(ScoreMap(normal.knots), raws, seen.verdicts) for name, normal in normals.items()}

    def _decide(self, scores: ScoreMap, raws: Sequence[int], verdicts: NDArray[np.uint8]) -> tuple[list[float], float]:
        decider, left = self.front.decider(), iter(raws)
        raised, standing, hop_s = [], 0, self.settings.hop_s
        for index, verdict in enumerate(verdicts):
            judged = VERDICTS[verdict] == "judged"
            at_s = index * hop_s + self.settings.window_s
            told = decider.step(VERDICTS[verdict], scores.score(next(left)) if judged else -1, round(at_s * 1000))
            raised += [at_s for event in told if event == "raised"]
            standing += decider.standing
        return raised, standing * hop_s


Rows = dict[tuple[str, ...], Row]
"""(profile, learnt for, wanted) → what came of it."""


def measure(watcher: Watcher, healthy: list[Machine], keep: Path | None) -> Rows:
    """Every healthy machine, shift by shift."""
    rows: Rows = {}
    faults = {
        profile: [(each.fault.severity, watch(each, watcher.front, keep)) for each in faulty(healthy[0].kind, profile)]
        for profile in sorted({each.profile for each in healthy})
    }
    hop_s = watcher.settings.hop_s
    for machine in healthy:
        day = watch(machine, watcher.front, keep)
        for shift_s in range(0, int(machine.seconds), SHIFT_S):
            shift = day.part(round(shift_s / hop_s), round((shift_s + SHIFT_S) / hop_s))
            for learnt in LEARNT_S:
                mine = {name: rows.setdefault((machine.profile, learnt, name), Row()) for name in WANTED}
                _learn_and_judge(watcher, shift, learnt, faults[machine.profile], mine)
    return rows


def _learn_and_judge(
    watcher: Watcher, shift: Seen, learnt: str, faults: Sequence[tuple[float, Seen]], rows: dict[str, Row]
) -> None:
    hop_s = watcher.settings.hop_s
    try:
        normals = watcher.learn(shift, LEARNT_S[learnt])
    except BaselineError:
        for row in rows.values():
            row.refused += 1
        return
    later = shift.part(round(JUDGED_FROM_S / hop_s), len(shift.verdicts))
    for name, (raised, standing_s) in watcher.judge(normals, later).items():
        _count(rows[name], raised, standing_s, len(later.values) * hop_s, WANTED[name])
    for severity, fault in faults:
        for name, (raised, _) in watcher.judge(normals, fault).items():
            rows[name].flagged.setdefault(severity, []).append(raised[0] if raised else None)


def _count(row: Row, raised: list[float], standing_s: float, judged_s: float, wanted: float) -> None:
    row.alarms += len(raised)
    row.judged_s += judged_s
    row.standing_s += standing_s
    row.learnt += 1
    row.noisy += len(raised) > 1 + wanted * judged_s / WEEK_S


def table(rows: Rows) -> str:
    """Markdown: a line for each (profile, learnt for)."""
    heads = ["machine", "learnt for", "normals", "refused", "judged"]
    heads += [f"{WANTED[name]:g} a week asked for: alarms, a week (95 %)" for name in WANTED]
    severities = " / ".join(f"{severity:g}" for severity in SEVERITIES)
    heads += [f"faults of severity {severities} flagged, at {WANTED[name]:g} a week" for name in WANTED]
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for profile, learnt in sorted({(profile, learnt) for profile, learnt, _ in rows}, key=_place):
        found = [rows[profile, learnt, name] for name in WANTED]
        cells = [profile, learnt, str(found[0].learnt), str(found[0].refused), f"{found[0].judged_s / 3600:.0f} h"]
        cells += [_rate(row) for row in found] + [_flagged(row) for row in found]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _place(key: tuple[str, str]) -> tuple[int, int]:
    return PROFILES.index(key[0]), list(LEARNT_S).index(key[1])


def _rate(row: Row) -> str:
    if not row.judged_s:
        return "-"
    weeks = row.judged_s / WEEK_S
    interval = events_interval(row.alarms)
    low, high = (_plain((each or 0.0) / weeks) for each in (interval.low, interval.high))
    more = f"; too many in {row.noisy} of {row.learnt}" if row.noisy else ""
    return f"{row.alarms}: {_plain(row.alarms / weeks)} ({low} to {high}){more}"


def _plain(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _flagged(row: Row) -> str:
    """Share of the faults, and the median time to the alarm over all severities."""
    every = [each for severity in SEVERITIES for each in row.flagged.get(severity, [])]
    told = [each for each in every if each is not None]
    shares = []
    for severity in SEVERITIES:
        after = row.flagged.get(severity, [])
        shares.append(f"{100 * sum(each is not None for each in after) / max(1, len(after)):.0f}")
    return " / ".join(shares) + " %" + (f", {statistics.median(told):.0f} s" if told else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pump-days", type=float, default=1.0)
    parser.add_argument("--sound-days", type=float, default=0.0)
    parser.add_argument("--app", choices=tuple(SETUPS), action="append", help="only this one")
    parser.add_argument(
        "--on-delay-s", type=float, metavar="N", help="how long evidence must last, instead of the app's"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave features here, and take those that are")
    options = parser.parse_args()
    for name in options.app or SETUPS:
        kind = SETUPS[name]
        begun = time.process_time()
        wanted_days = options.pump_days if kind == "pump" else options.sound_days
        if wanted_days <= 0:
            continue
        healthy = machines(kind, wanted_days)
        rows = measure(Watcher(name, options.on_delay_s), healthy, options.keep)
        days = sum(each.seconds for each in healthy) / 86400
        print(f"\n{name}: {days:g} days of a simulated {kind}, {time.process_time() - begun:.0f} s of CPU\n")
        print(table(rows), flush=True)


if __name__ == "__main__":
    main()
