"""The framework beside a hand-written loop, in the same run: CPU per window, memory, start-up, eight pipelines.

    python benchmarks/framework.py [--windows 4000] [--runs 5] [--seconds 30] [--quick]

CPU per window flat out is the difference of two whole-process CPU times divided by the difference of their window
counts, so that start-up does not count; bare loop and framework take turns. Paced, it is the CPU time between two
moments of a running process. Journal on, a real mosquitto, QoS 1; every 20th window changes the alarm and publishes.

Each ratio is printed twice. As it comes, glibc gives memory back and takes it again in every window of the bare loop;
`edge-app run` has it keep the heap (core/heap.py). "heap kept" has it do so for both (MALLOC_TRIM_THRESHOLD_,
MALLOC_MMAP_THRESHOLD_): the harder comparison, and the one that shows what the framework itself costs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from edge_app.runtime.pipeline import Judgement, Pipeline

REPOSITORY = Path(__file__).resolve().parent.parent
RATE_HZ = 3332.0
AXES = 3
SCALE_G = 16 / 32768
BARS = {"flat out": 1.10, "paced": 1.15, "memory_mb": 20.0, "version_ms": 150.0, "first_sample_s": 1.0}
CHANGE_EVERY = 20
"""Windows between two changes of the alarm: 5 % of the windows publish."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=4000, help="windows of a flat-out run")
    parser.add_argument("--runs", type=int, default=5, help="pairs of runs; the median ratio counts")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the paced and the eight-pipeline run")
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that it works")
    parser.add_argument("--drive", nargs=3, metavar=("DEVICE", "REPLAY", "WINDOWS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.drive:
        return drive(Path(options.drive[0]), options.drive[1], int(options.drive[2]))
    if options.quick:
        options.windows, options.runs, options.seconds = 600, 1, 5.0
    sys.path.insert(0, str(REPOSITORY))
    from edge_app.transport.broker import DemoBroker

    with tempfile.TemporaryDirectory(prefix="edge-app-bench-") as name, DemoBroker() as broker:
        bench = Bench(Path(name), broker.port)
        for kept in (False, True):
            bench.flat_out(options.windows, options.runs, kept)
        bench.memory()
        for kept in (False, True):
            bench.paced(options.seconds / 2, max(1, options.runs * 3 // 5), kept)
        bench.start_up()
        bench.eight_pipelines(options.seconds)
    return 0


class Bench:
    """One temporary folder with an app of three axes trained for the occasion, recordings and device files.

    Three axes at 3.3 kHz in windows of one second are what the reference sensor delivers.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.app = folder / "three_axes"
        write_app(self.app, "three_axes", "vibration", hits=1)
        subprocess.run(
            [program(), "train", str(self.app), "--data", str(folder)], check=True, stdout=subprocess.DEVNULL
        )

    def set_hop(self, hop_s: float) -> None:
        """The app with another hop."""
        path = self.app / "app.yaml"
        path.write_text(re.sub(r"hop_s: [0-9.]+", f"hop_s: {hop_s}", path.read_text()))

    def recording(self, name: str, windows: int, hop_s: float) -> Path:
        """A simulated pump whose signal becomes four times as strong for every other stretch of windows."""
        from edge_app.core.clock import SystemClock
        from edge_app.sensors.simulated import Simulated

        seconds = round(windows * hop_s) + 2
        sensor = Simulated(
            "pump", clock=SystemClock(), seed=3, rate_hz=RATE_HZ, n_axes=AXES, paced=False, duration_s=float(seconds)
        )
        sensor.open()
        frames = []
        while (frame := sensor.read(1.0)) is not None:
            frames.append(frame.samples)
        sensor.close()
        signal = np.concatenate(frames, axis=1).astype(np.float32)
        hop = round(hop_s * RATE_HZ)
        stretch = np.arange(signal.shape[1]) // (hop * CHANGE_EVERY) % 2
        signal[:, stretch == 1] *= 4.0
        path = self.folder / f"{name}.npz"
        # Counts, as a sensor would deliver them: reading the file costs both sides next to nothing.
        counts = np.clip(signal, -32767, 32767).astype(np.int16)
        np.savez(path, z=counts, rate_hz=RATE_HZ, scale=SCALE_G)
        return path

    def device(self, name: str, sensor: str) -> Path:
        """A device with one sensor."""
        path = self.folder / f"{name}.yaml"
        path.write_text(
            f"device: {{id: {name}, site: lab}}\napps: [{self.app}]\nsensors: {{vibration: {{{sensor}}}}}\n"
            f"publish: {{broker: 'mqtt://127.0.0.1:{self.port}'}}\n"
        )
        return path

    def bare_command(self, recording: Path, windows: int, hop_s: float, pace: float = 0.0) -> list[str]:
        return [
            sys.executable, str(REPOSITORY / "benchmarks" / "peers" / "bare_loop.py"),
            "--recording", str(recording), "--model", str(self.app / "models" / "bench_int8.tflite"),
            "--rate-hz", str(RATE_HZ), "--hop", str(round(hop_s * RATE_HZ)), "--port", str(self.port),
            "--windows", str(windows), "--pace", str(pace),
        ]  # fmt: skip

    def framework_command(self, recording: Path, speed: str, frame: str = "") -> list[str]:
        device = self.device("bench", f"plugin: recording, unit: g, axes: {AXES}{frame}")
        return [
            program(), "run", str(device), "--json", "--speed", speed,
            "--replay", f"vibration={recording}",
        ]  # fmt: skip

    def endless_command(self, recording: Path, windows: int) -> list[str]:
        """The runtime as `edge-app run --speed max` starts it, over a recording in a loop, for so many windows."""
        device = self.device("bench", f"plugin: recording, unit: g, axes: {AXES}")
        replay = f"vibration={recording},loop=true"
        return [sys.executable, str(Path(__file__)), "--drive", str(device), replay, str(windows)]

    def flat_out(self, windows: int, runs: int, kept: bool) -> None:
        """CPU per window, as fast as it goes."""
        hop_s = 1.0
        self.set_hop(hop_s)
        recording = self.recording("flat", 2 * CHANGE_EVERY, hop_s)
        ratios, bare_us, framework_us = [], [], []
        shares: dict[str, float] = {}
        for _ in range(runs):
            cost = {}
            for name in ("bare", "framework"):
                used = []
                for count in (windows // 4, windows):
                    bare = self.bare_command(recording, count, hop_s)
                    command = bare if name == "bare" else self.endless_command(recording, count)
                    used.append(whole_process(command, kept))
                cost[name] = 1e6 * (used[1].cpu_s - used[0].cpu_s) / (used[1].windows - used[0].windows)
                shares[name] = used[1].events / used[1].windows
            ratios.append(cost["framework"] / cost["bare"])
            bare_us.append(cost["bare"])
            framework_us.append(cost["framework"])
        print(
            f"flat out{', heap kept' if kept else ''}: bare loop {statistics.median(bare_us):.0f} us, "
            f"framework {statistics.median(framework_us):.0f} us CPU a window; "
            f"ratio {statistics.median(ratios):.3f} (runs: {', '.join(f'{r:.3f}' for r in ratios)}; "
            f"bar {BARS['flat out']:.2f}); "
            f"publishing {100 * shares['bare']:.1f} % and {100 * shares['framework']:.1f} %"
        )

    def memory(self) -> None:
        """Peak resident memory over the same short recording, the framework in real time."""
        hop_s = 0.5
        self.set_hop(hop_s)
        recording = self.recording("short", 16, hop_s)
        bare = whole_process(self.bare_command(recording, 40, hop_s)).memory_mb
        framework = whole_process(self.framework_command(recording, "1")).memory_mb
        print(
            f"memory:   bare loop {bare:.1f} MB, framework {framework:.1f} MB peak resident; "
            f"{framework - bare:+.1f} MB (bar +{BARS['memory_mb']:.0f})"
        )

    def paced(self, seconds: float, runs: int, kept: bool) -> None:
        """CPU per window at ten windows a second; the two take turns."""
        hop_s, pace = 0.1, 10.0
        self.set_hop(hop_s)
        count = round((seconds + 15) * pace)
        recording = self.recording("paced", count, hop_s)
        pairs = []
        for _ in range(runs):
            bare = cpu_while_running(self.bare_command(recording, count, hop_s, pace), seconds, kept)
            framework = cpu_while_running(self.framework_command(recording, "1", f", frame_s: {hop_s}"), seconds, kept)
            pairs.append((1e6 * bare / (seconds * pace), 1e6 * framework / (seconds * pace)))
        ratios = [framework_us / bare_us for bare_us, framework_us in pairs]
        bare_us, framework_us = (statistics.median(each) for each in zip(*pairs, strict=True))
        print(
            f"paced{', heap kept' if kept else ''}: bare loop {bare_us:.0f} us, "
            f"framework {framework_us:.0f} us CPU a window at {pace:g} windows/s; "
            f"ratio {statistics.median(ratios):.3f} (runs: {', '.join(f'{r:.3f}' for r in ratios)}; "
            f"bar {BARS['paced']:.2f})"
        )

    def start_up(self) -> None:
        """`--version`, and the time to the first sample."""
        times = []
        for _ in range(10):
            start = time.perf_counter()
            subprocess.run([program(), "--version"], check=True, capture_output=True)
            times.append(1e3 * (time.perf_counter() - start))
        print(f"start-up: `edge-app --version` {statistics.median(times):.0f} ms (bar {BARS['version_ms']:.0f})")
        device = self.device("live", f"plugin: simulated, machine: pump, axes: {AXES}, frame_s: 0.05")
        firsts = [time_to_line([program(), "run", str(device), "--verbose"], "first sample") for _ in range(5)]
        print(
            f"          first sample {statistics.median(firsts):.2f} s after the command "
            f"(frame of 0.05 s included; bar {BARS['first_sample_s']:.1f})"
        )

    def eight_pipelines(self, seconds: float) -> None:
        """Eight slots of three axes at 3332 Hz in real time, one pipeline each."""
        apps, sensors = [], []
        for number in range(8):
            app = self.folder / f"eight_{number}"
            write_app(app, f"eight_{number}", f"axes{number}", hits=3)
            shutil.copytree(self.app / "models", app / "models", dirs_exist_ok=True)
            apps.append(str(app))
            keys = f"plugin: simulated, machine: pump, axes: 3, rate_hz: 3332, seed: {number}, frame_s: 0.1"
            sensors.append(f"  axes{number}: {{{keys}}}")
        device = self.folder / "eight.yaml"
        device.write_text(
            f"device: {{id: eight, site: lab}}\napps: [{', '.join(apps)}]\nsensors:\n" + "\n".join(sensors) + "\n"
            f"publish: {{broker: 'mqtt://127.0.0.1:{self.port}'}}\n"
        )
        used = whole_process([program(), "run", str(device), "--json", "--seconds", str(seconds)])
        print(
            f"8 pipelines x 3 axes x 3332 Hz, simulated sensors included: "
            f"{used.windows} windows in {used.wall_s:.0f} s, {used.dropped} dropped, "
            f"{100 * used.cpu_s / used.wall_s:.0f} % of one core "
            f"({100 * used.cpu_s / used.wall_s / (os.cpu_count() or 1):.0f} % of {os.cpu_count()})"
        )


def drive(path: Path, replay: str, windows: int) -> int:
    """Run a device flat out until it has judged so many windows; prints its summary."""
    from edge_app.cli.run import state_folder, summary
    from edge_app.config.resolve import load_device
    from edge_app.core.clock import SystemClock
    from edge_app.core.heap import keep_heap
    from edge_app.runtime.build import RunOptions, build
    from edge_app.runtime.lifecycle import Device
    from edge_app.sensors.recording import parse_replay

    def stop_when_done(pipeline: Pipeline, judgement: Judgement) -> None:
        if pipeline.counts.windows >= windows:
            device.stop()

    keep_heap()  # as `edge-app run` does
    resolved = load_device(path, replays=dict([parse_replay(replay)]))
    with state_folder(None, temporary=True) as root:
        options = RunOptions(state_root=root, paced=False, on_judgement=stop_when_done)
        device = Device(build(resolved, options, SystemClock()))
        with device:
            device.wait()
    print(json.dumps(summary(device)))
    return 0


class Used:
    """What a whole process used, and what it said it did."""

    def __init__(self, cpu_s: float, wall_s: float, memory_mb: float, said: dict[str, int]) -> None:
        self.cpu_s, self.wall_s, self.memory_mb = cpu_s, wall_s, memory_mb
        self.windows = int(said["windows"])
        self.events = int(said.get("sent", said.get("decisions", 0)))
        self.dropped = int(said.get("dropped", 0))


def whole_process(command: list[str], kept: bool = False) -> Used:
    """Run to the end; user and system time of the process and its threads, and its peak of resident memory."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=quiet_environment(kept))
    assert process.stdout is not None
    watch = PeakMemory(process.pid)
    lines = process.stdout.read().splitlines()
    memory_mb = watch.stop()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Used(used.ru_utime + used.ru_stime, time.perf_counter() - start, memory_mb, json.loads(lines[-1]))


class PeakMemory:
    """Reads VmHWM of a process while it runs (proc_pid_status(5)); getrusage would show our own peak from the fork."""

    def __init__(self, pid: int) -> None:
        self._path = Path(f"/proc/{pid}/status")
        self._mb = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            try:
                found = re.search(r"VmHWM:\s+(\d+) kB", self._path.read_text())
            except OSError:
                return
            if found:
                self._mb = int(found[1]) / 1024

    def stop(self) -> float:
        """Peak so far (MB)."""
        self._over.set()
        self._thread.join()
        return self._mb


def cpu_while_running(command: list[str], seconds: float, kept: bool) -> float:
    """CPU time (s) a process uses between its fifth second and `seconds` later."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=quiet_environment(kept))
    try:
        time.sleep(5.0)
        before = process_cpu_s(process.pid)
        time.sleep(seconds)
        return process_cpu_s(process.pid) - before
    finally:
        process.kill()
        process.wait()


def process_cpu_s(pid: int) -> float:
    """Time on a processor so far, all threads: ticks of 10 ms would be a fortieth of what is measured.

    Source: Documentation/scheduler/sched-stats.rst of Linux, /proc/PID/task/TID/schedstat, first field (ns).
    """
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def time_to_line(command: list[str], wanted: str) -> float:
    """Seconds from the start of a command to a line of its stderr."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=quiet_environment()
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if wanted in line:
                return time.perf_counter() - start
        raise SystemExit(f"{' '.join(command)} never said {wanted!r}")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def quiet_environment(kept: bool = False) -> dict[str, str]:
    """One BLAS thread for both sides; state in a temporary place; the heap kept or as it comes."""
    threshold = {name: str(1 << 30) for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")} if kept else {}
    state = tempfile.mkdtemp(prefix="edge-app-bench-")
    return {**os.environ, "OPENBLAS_NUM_THREADS": "1", "EDGE_APP_STATE": state, **threshold}


def program() -> str:
    """The installed `edge-app` of this interpreter."""
    return str(Path(sys.executable).with_name("edge-app"))


def write_app(folder: Path, name: str, slot: str, hits: int) -> None:
    """An app of three axes and the recipe of its model; messages are not limited."""
    (folder / "models").mkdir(parents=True)
    (folder / "app.yaml").write_text(
        f"app: {name}\nversion: 1.0.0\n"
        f"sensors: {{{slot}: {{quantity: acceleration, unit: g, min_rate_hz: 3200, axes: {AXES}}}}}\n"
        f"pipelines:\n  all:\n    sensor: {slot}\n    window: {{seconds: 1.0, hop_s: 0.5}}\n"
        "    features: {plugin: vibration, band_hz: [10, 1500], bands: 32}\n"
        "    model: {plugin: tflite, file: models/bench_int8.tflite}\n"
        "    decision: {plugin: anomaly, raise_above: 0.80, clear_below: 0.80, "
        f"hits: {hits}, of: {hits}, max_per_hour: 0}}\n"
    )
    (folder / "train.yaml").write_text(
        "pipeline: all\nname: bench_int8\nhop_s: 0.5\n"
        "train:\n  - {simulated: pump, rate_hz: 3332, seed: 101, seconds: 300}\n"
        "model: {hidden: [64, 16, 64], epochs: 5}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
