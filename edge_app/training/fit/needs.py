"""Does an app fit a board? RAM, flash, time and energy, counted and measured here, scaled to there.

Every figure says how it was found: `measured` (on this very machine, for itself), `counted` (from the graph, the files,
the sizes of buffers) or `estimated` (scaled, or with an estimated factor), and why.
"""

from __future__ import annotations

import math
import platform
import resource
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge_app.config.resolved import ResolvedApp, ResolvedPipeline, Stage
from edge_app.config.targets import TargetConfig
from edge_app.core.clock import Clock, SystemClock
from edge_app.core.errors import ModelError
from edge_app.core.frames import Window
from edge_app.core.plugin import FeatureContext, ModelContext
from edge_app.core.stages import FeatureExtractor, Model
from edge_app.core.wording import counted
from edge_app.inference.graph import Graph, read_graph, read_model_file
from edge_app.training.evaluation.footprint import arena_bytes
from edge_app.training.fit.counts import RUNS, calibrate, code_bytes, macs_of, simulated_window, times

REFERENCE_MIPS = 4000.0
"""7-zip rating of one core of the machine on which REFERENCE_S was measured (`7zr b -mmt1`, mean of its rows)."""
REFERENCE_S = 260e-6
"""What `calibrate` took there (s)."""
DUTY_MOST = 0.5
"""More of a core than this is too much: estimates may be off by two, and sampling and publishing need time as well."""
RAM_MOST = 0.5
"""More of the memory than this is too much: the framework itself, the network and fragments need the rest."""
BEATS_PER_S = 3.0
"""Windows that come with a fast heart (180 a minute), for `window: {each: beat}`."""
FFT_LENGTH = 1024
SPECTRAL = ("vibration", "log_mel", "bearing_lines")
"""Features whose work is FFTs."""
ORDINARY_MACHINE = {
    "shaft_hz": 29.5,
    "bearing": {"balls": 9, "ball_mm": 7.94, "pitch_mm": 39.04, "angle_deg": 0.0},
}
"""With these facts the features of a diagnosis look for the lines of a bearing: what costs most."""
CYCLES_PER_SAMPLE = 400.0
"""Other features: a few filters a sample, each about as long as a butterfly."""


@dataclass(frozen=True)
class Cost:
    """One figure."""

    value: float
    how: str
    """measured, counted or estimated."""
    why: str

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"value": float(f"{self.value:.4g}"), "how": self.how, "why": self.why}


@dataclass
class PipelineCost:
    """What one pipeline needs."""

    name: str
    window_buffer_bytes: Cost
    feature_buffer_bytes: Cost
    model_ram_bytes: Cost
    flash_bytes: Cost
    macs: Cost
    latency_s: Cost
    windows_per_s: float

    @property
    def duty(self) -> float:
        """Share of a core."""
        return self.latency_s.value * self.windows_per_s

    @property
    def ram(self) -> float:
        """All of it together (bytes)."""
        return self.window_buffer_bytes.value + self.feature_buffer_bytes.value + self.model_ram_bytes.value


@dataclass
class Fit:
    """The answer."""

    target: TargetConfig
    pipelines: list[PipelineCost]
    ram_bytes: Cost
    flash_bytes: Cost
    duty: Cost
    energy_mj: dict[str, Cost]
    """Per decision (window), by pipeline."""
    power_mw: Cost
    problems: list[tuple[str, str]] = field(default_factory=list)
    """(why it does not fit, what would make it fit)"""
    remarks: list[str] = field(default_factory=list)

    @property
    def fits(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.problems


def fit(app: ResolvedApp, target: TargetConfig, clock: Clock | None = None) -> Fit:
    """An app on a board. Raises ConfigError, ModelError when the app itself is wrong."""
    clock = clock or SystemClock()
    speed = _Speed(target, clock)
    costs, problems = [], []
    for spec in app.pipelines:
        try:
            costs.append(_pipeline(app, spec, target, speed, clock))
        except ModelError as error:
            problems.append((f"pipeline {spec.name}: {error.what}", error.fix))
    found = _whole(app, target, costs, problems)
    if target.runs == "micropython":
        missing = sorted({stage.plugin.name for stage in _stages(app) if not stage.plugin.micropython})
        waits = f" Plugins that wait for it: {', '.join(missing)}." if missing else ""
        found.remarks.append(
            "The MicroPython port of the pipeline is planned: what stands here is counted and estimated for it, and"
            f" runs there only once it exists.{waits}"
        )
    return found


class _Speed:
    """From seconds here to seconds there."""

    def __init__(self, target: TargetConfig, clock: Clock) -> None:
        self.here = _is_here(target)
        mips = target.seven_zip_mips
        self.factor = 1.0
        self.why = f"median of {RUNS} runs on this machine, {platform.machine()}"
        self.how = "measured"
        if not self.here and mips is not None:
            mine = REFERENCE_MIPS * REFERENCE_S / calibrate(clock)
            self.factor = mine / mips.value
            self.how = "estimated"
            self.why = (
                f"measured on this {platform.machine()} machine, times {self.factor:.1f}: 7-zip rating of a core there"
                f" {mips.value:.0f} ({mips.source}), here about {mine:.0f}; interpreted code may take twice as long"
            )


def _is_here(target: TargetConfig) -> bool:
    """Whether this machine is the board."""
    try:
        model = Path("/proc/device-tree/model").read_text(errors="replace")
    except OSError:
        return False
    return model.startswith(target.title.partition(",")[0])


def _stages(app: ResolvedApp) -> list[Stage]:
    """Every stage of the app."""
    found = []
    for spec in app.pipelines:
        found += [spec.features, spec.model, spec.decision]
        if spec.diagnose is not None:
            found += [stage for stage in (spec.diagnose.features, spec.diagnose.model) if stage is not None]
    return found


def _pipeline(
    app: ResolvedApp, spec: ResolvedPipeline, target: TargetConfig, speed: _Speed, clock: Clock
) -> PipelineCost:
    window = simulated_window(spec)
    rate_hz, samples = window.rate_hz, round(spec.window_s * window.rate_hz)
    works = _works(app, spec, window)
    features = len(works[0].extractor.schema.names)
    on_board = target.runs == "micropython"
    buffered = samples + round(spec.hop_s * rate_hz)
    blocks = 1 if on_board else 8
    counted_windows = f"{buffered} int16 samples of {counted(spec.slot.axes, 'axis', 'axes')} at {rate_hz:g} Hz"
    macs = sum(work.macs for work in works)
    if on_board:
        latency = _cycles(spec, [work.features for work in works], target, samples, macs)
    else:
        spent = sum(float(np.median(times(partial(work.run, window), RUNS, clock))) for work in works)
        latency = Cost(spent * speed.factor, speed.how, f"features and model{_also(works)}, {speed.why}")
    return PipelineCost(
        name=spec.name,
        window_buffer_bytes=Cost(
            2.0 * buffered * spec.slot.axes * blocks,
            "counted",
            counted_windows + ("" if on_board else ", 8 windows long"),
        ),
        feature_buffer_bytes=_feature_buffers(spec, samples, features, on_board),
        model_ram_bytes=_model_ram(works, on_board),
        flash_bytes=Cost(float(sum(_model_bytes(work.file) for work in works)), "counted", "model files and manifests"),
        macs=Cost(float(macs), "counted", f"from graphs and tables{_also(works)}"),
        latency_s=latency,
        windows_per_s=BEATS_PER_S if spec.each == "beat" else 1.0 / spec.hop_s,
    )


@dataclass(frozen=True)
class _Work:
    """Features and a model that judge a window: the pipeline's own, or those of its `diagnose`."""

    features: str
    """Plugin; "" where the pipeline's own features serve again."""
    extractor: FeatureExtractor
    model: Model
    file: Path | None
    graph: Graph | None
    macs: int

    def run(self, window: Window) -> object:
        """One window, the whole way; windows whose features doubt are not judged, on a device neither."""
        vector = self.extractor.extract(window)
        return None if vector.doubts else self.model.infer(vector)


def _works(app: ResolvedApp, spec: ResolvedPipeline, window: Window) -> list[_Work]:
    """What judges a window at most: a diagnosis runs while an alarm is due or stands."""
    parts = [(spec.features, spec.model, spec.features.plugin.name)]
    if spec.diagnose is not None:
        own = spec.diagnose.features
        parts.append((own or spec.features, spec.diagnose.model, own.plugin.name if own else ""))
    works = []
    for features, stage, name in parts:
        extractor = features.plugin.create(features.config, _context(spec, window))
        model = stage.plugin.create(stage.config, ModelContext(app.folder, extractor.schema))
        named = getattr(stage.config, "file", None)
        file = app.folder / named if named else None
        graph = read_graph(read_model_file(file), str(file)) if file is not None and file.suffix == ".tflite" else None
        squared = len(extractor.schema.names) ** 2 if stage.plugin.name in ("gaussian", "gmm") else 0
        works.append(_Work(name, extractor, model, file, graph, macs_of(graph) if graph else squared))
    return works


def _also(works: list[_Work]) -> str:
    return ", with the diagnosis of an alarm" if len(works) > 1 else ""


def _context(spec: ResolvedPipeline, window: Window) -> FeatureContext:
    slot = spec.slot
    return FeatureContext(
        rate_hz=window.rate_hz,
        scale=window.scale,
        unit=slot.unit,
        n_axes=slot.axes,
        window_s=spec.window_s,
        min_rate_hz=slot.min_rate_hz,
        machine=ORDINARY_MACHINE,
    )


def _model_bytes(file: Path | None) -> int:
    if file is None:
        return 0
    files = {file, file.with_suffix(".json")}
    return sum(each.stat().st_size for each in files if each.is_file())


def _model_ram(works: list[_Work], on_board: bool) -> Cost:
    """Models of several works share the memory of activations no further than their interpreters do: all is added."""
    files = sum(work.file.stat().st_size for work in works if work.file is not None)
    arenas = sum(arena_bytes(work.graph) for work in works if work.graph is not None)
    if not files:
        return Cost(0.0, "counted", "limits only")
    how = "counted" if all(work.graph is not None for work in works if work.file is not None) else "estimated"
    where = "files read into memory" if on_board else "files"
    return Cost(float(arenas + files), how, f"activations alive at once {arenas} B, {where} {files} B")


def _feature_buffers(spec: ResolvedPipeline, samples: int, features: int, on_board: bool) -> Cost:
    length = min(FFT_LENGTH, 1 << max(1, samples.bit_length() - 1))
    if on_board:
        if spec.features.plugin.name not in SPECTRAL:
            return Cost(
                2.0 * samples + 2.0 * features, "estimated", f"a filtered copy of a window, {features} features"
            )
        size = 10.0 * length + 2.0 * features
        what = f"complex 32-bit data and 16-bit twiddles of {length} points, {features} features"
        return Cost(size, "estimated", what)
    return Cost(8.0 * 6 * samples * spec.slot.axes, "estimated", "six float64 copies of a window in numpy")


def _cycles(spec: ResolvedPipeline, plugins: list[str], target: TargetConfig, samples: int, macs: float) -> Cost:
    """Time of a window on a board of which only cycles are known."""
    assert target.cycles_per_mac is not None
    assert target.cycles_per_butterfly is not None
    length = min(FFT_LENGTH, 1 << max(1, samples.bit_length() - 1))
    frames = max(1, 2 * samples // length - 1)
    spectral = sum(plugin in SPECTRAL for plugin in plugins)
    filtered = sum(plugin != "" and plugin not in SPECTRAL for plugin in plugins) * samples * spec.slot.axes
    butterflies = spectral * frames * length / 2 * math.log2(length) * spec.slot.axes
    cycles = butterflies * target.cycles_per_butterfly.value + filtered * CYCLES_PER_SAMPLE
    cycles += macs * target.cycles_per_mac.value
    seconds = cycles / (1e6 * target.clock_mhz.value)
    what = f"{butterflies:.0f} butterflies, {filtered} samples filtered, {macs:.0f} MACs counted"
    return Cost(seconds, "estimated", f"{what}; cycles of each estimated ({target.cycles_per_mac.source})")


def _whole(app: ResolvedApp, target: TargetConfig, costs: list[PipelineCost], problems: list[tuple[str, str]]) -> Fit:
    """All pipelines together, and what speaks against them."""
    on_board = target.runs == "micropython"
    base = 0.0 if on_board else _resident_bytes()
    ram = Cost(
        base + sum(cost.ram for cost in costs),
        "estimated",
        "all pipelines; the port's own code is not counted, half of the memory is left for it"
        if on_board
        else "all pipelines, and this process as large as it is here",
    )
    code = code_bytes(on_board)
    flash = Cost(
        code + sum(cost.flash_bytes.value for cost in costs) + _size(app.folder / "app.yaml"),
        "counted",
        "models, configuration and source of the files MicroPython takes unchanged"
        if on_board
        else "models, configuration and the package's own files, without Python and its libraries",
    )
    duty = Cost(sum(cost.duty for cost in costs), _worst(costs), "time of a window by windows a second, one core")
    power = target.volts.value * target.active_ma.value
    how = f"{target.active_ma.value:g} mA at {target.volts.value:g} V ({target.active_ma.source})"
    energy = {
        cost.name: Cost(power * cost.latency_s.value, "estimated", f"its time at {how}; sensor and radio come on top")
        for cost in costs
    }
    found = Fit(target, costs, ram, flash, duty, energy, Cost(power, "estimated", f"always awake, {how}"), problems)
    _judge(found)
    return found


def _judge(found: Fit) -> None:
    target = found.target
    largest = max(found.pipelines, key=lambda cost: cost.ram, default=None)
    slowest = max(found.pipelines, key=lambda cost: cost.duty, default=None)
    if largest is not None and found.ram_bytes.value > RAM_MOST * target.ram_bytes.value:
        found.problems.append(
            (
                f"memory: {_kib(found.ram_bytes.value)} are more than half of {_kib(target.ram_bytes.value)}",
                f"Pipeline {largest.name} needs most: a shorter window, fewer axes, or a pruned model.",
            )
        )
    if found.flash_bytes.value > target.flash_bytes.value:
        found.problems.append(
            (
                f"flash: {_kib(found.flash_bytes.value)} are more than {_kib(target.flash_bytes.value)}",
                "A pruned model, or fewer models.",
            )
        )
    if slowest is not None and found.duty.value > DUTY_MOST:
        found.problems.append(
            (
                f"time: {100 * found.duty.value:.0f} % of a core, {100 * DUTY_MOST:.0f} % are the most",
                f"Pipeline {slowest.name} takes {100 * slowest.duty:.0f} %: a longer hop (×"
                f"{math.ceil(found.duty.value / DUTY_MOST * 10) / 10:g}), fewer bands or axes, or a pruned model.",
            )
        )


def _worst(costs: list[PipelineCost]) -> str:
    """How a sum was found: as its least certain part."""
    hows = [cost.latency_s.how for cost in costs]
    return next((how for how in ("estimated", "counted") if how in hows), "measured")


def _kib(size: float) -> str:
    return f"{size / 2**20:.0f} MiB" if size >= 2**22 else f"{size / 1024:.1f} KiB"


def _resident_bytes() -> float:
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
