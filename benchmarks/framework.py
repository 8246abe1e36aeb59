"""The framework beside a hand-written loop, in the same run: CPU per window, memory, start-up, eight pipelines.

    python benchmarks/framework.py [--windows 4000] [--runs 5] [--seconds 30] [--quick]

CPU per window flat out is the difference of two whole-process CPU times divided by the difference of their window
counts, so that start-up does not count; bare loop and framework take turns. Paced, it is the CPU time between two
moments of a running process. Journal on, a real mosquitto, QoS 1; every 20th window changes the alarm and publishes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
RATE_HZ = 3332.0
BARS = {"flat out": 1.10, "paced": 1.15, "memory_mb": 20.0, "version_ms": 150.0, "first_sample_s": 1.0}
CHANGE_EVERY = 20
"""Windows between two changes of the alarm: 5 % of the windows publish."""
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=4000, help="windows of a flat-out run")
    parser.add_argument("--runs", type=int, default=5, help="pairs of runs; the median ratio counts")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the paced and the eight-pipeline run")
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that it works")
    options = parser.parse_args()
    if options.quick:
        options.windows, options.runs, options.seconds = 600, 1, 5.0
    sys.path.insert(0, str(REPOSITORY))
    from edge_app.transport.broker import DemoBroker

    with tempfile.TemporaryDirectory(prefix="edge-app-bench-") as name, DemoBroker() as broker:
        bench = Bench(Path(name), broker.port)
        bench.flat_out(options.windows, options.runs)
        bench.paced(options.seconds)
        bench.start_up()
        bench.eight_pipelines(options.seconds)
    return 0


class Bench:
    """One temporary folder with recordings, an app with its rate limit off, and device files."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.app = folder / "simulated_pump"
        shutil.copytree(REPOSITORY / "apps" / "simulated_pump", self.app)
        # As a demanding user would set it: every window counts at once, no limit on messages.
        text = (self.app / "app.yaml").read_text()
        decision = "decision: {plugin: anomaly, raise_above: 0.80, clear_below: 0.80, hits: 1, of: 1, max_per_hour: 0}"
        lines = [line if "decision:" not in line else "    " + decision for line in text.splitlines()]
        (self.app / "app.yaml").write_text("\n".join(lines) + "\n")

    def write_app(self, hop_s: float) -> None:
        """The app with another hop."""
        import re

        path = self.app / "app.yaml"
        path.write_text(re.sub(r"hop_s: [0-9.]+", f"hop_s: {hop_s}", path.read_text()))

    def recording(self, name: str, windows: int, hop_s: float) -> Path:
        """A simulated pump whose signal becomes four times as strong for every other stretch of windows."""
        from edge_app.core.clock import SystemClock
        from edge_app.sensors.simulated import Simulated

        seconds = round(windows * hop_s) + 2
        sensor = Simulated("pump", clock=SystemClock(), seed=3, rate_hz=RATE_HZ, paced=False, duration_s=float(seconds))
        sensor.open()
        frames = []
        while (frame := sensor.read(1.0)) is not None:
            frames.append(frame.samples[0].astype(np.float32) * frame.scale)
        sensor.close()
        signal = np.concatenate(frames)
        hop = round(hop_s * RATE_HZ)
        stretch = np.arange(signal.size) // (hop * CHANGE_EVERY) % 2
        signal[stretch == 1] *= 4.0
        path = self.folder / f"{name}.npz"
        np.savez(path, z=signal)
        return path

    def device(self, name: str) -> Path:
        """A device that replays."""
        path = self.folder / f"{name}.yaml"
        path.write_text(
            f"device: {{id: {name}, site: lab}}\napps: [{self.app}]\nsensors:\n"
            f"  vibration: {{plugin: recording, unit: g, range: 16, rate_hz: {RATE_HZ:g}, frame_s: 0.1}}\n"
            f"publish: {{broker: 'mqtt://127.0.0.1:{self.port}'}}\n"
        )
        return path

    def bare_command(self, recording: Path, windows: int, hop_s: float, pace: float = 0.0) -> list[str]:
        return [
            sys.executable, str(REPOSITORY / "benchmarks" / "peers" / "bare_loop.py"),
            "--recording", str(recording), "--model", str(self.app / "models" / "pump_int8.tflite"),
            "--rate-hz", str(RATE_HZ), "--hop", str(round(hop_s * RATE_HZ)), "--port", str(self.port),
            "--windows", str(windows), "--pace", str(pace),
        ]  # fmt: skip

    def framework_command(self, recording: Path, speed: str) -> list[str]:
        return [
            sys.executable, "-m", "edge_app.cli.main", "run", str(self.device("bench")), "--json", "--speed", speed,
            "--replay", f"vibration={recording},rate_hz={RATE_HZ:g}",
        ]  # fmt: skip

    def flat_out(self, windows: int, runs: int) -> None:
        """CPU per window, as fast as it goes."""
        hop_s = 1.0
        self.write_app(hop_s)
        short, long = (self.recording(f"flat{count}", count, hop_s) for count in (windows // 4, windows))
        ratios, bare_us, framework_us, memory = [], [], [], []
        for _ in range(runs):
            cost = {}
            for name in ("bare", "framework"):
                used = []
                for count, recording in ((windows // 4, short), (windows, long)):
                    command = (
                        self.bare_command(recording, count, hop_s)
                        if name == "bare"
                        else self.framework_command(recording, "max")
                    )
                    used.append(whole_process(command))
                counted = used[1].windows - used[0].windows
                cost[name] = 1e6 * (used[1].cpu_s - used[0].cpu_s) / counted
                memory.append((name, used[0].memory_mb, used[1].events / used[1].windows))
            ratios.append(cost["framework"] / cost["bare"])
            bare_us.append(cost["bare"])
            framework_us.append(cost["framework"])
        shares = {name: share for name, _, share in memory}
        print(
            f"flat out: bare loop {statistics.median(bare_us):.0f} us, "
            f"framework {statistics.median(framework_us):.0f} us CPU a window; "
            f"ratio {statistics.median(ratios):.3f} (runs: {', '.join(f'{r:.3f}' for r in ratios)}; "
            f"bar {BARS['flat out']:.2f}); "
            f"publishing {100 * shares['bare']:.1f} % and {100 * shares['framework']:.1f} %"
        )
        peak = {name: max(mb for other, mb, _ in memory if other == name) for name in ("bare", "framework")}
        print(
            f"memory:   bare loop {peak['bare']:.1f} MB, framework {peak['framework']:.1f} MB peak resident; "
            f"{peak['framework'] - peak['bare']:+.1f} MB (bar +{BARS['memory_mb']:.0f})"
        )

    def paced(self, seconds: float) -> None:
        """CPU per window at ten windows a second."""
        hop_s, pace = 0.1, 10.0
        self.write_app(hop_s)
        count = round((seconds + 15) * pace)
        recording = self.recording("paced", count, hop_s)
        bare = cpu_while_running(self.bare_command(recording, count, hop_s, pace), seconds)
        framework = cpu_while_running(self.framework_command(recording, "1"), seconds)
        bare_us, framework_us = (1e6 * cpu_s / (seconds * pace) for cpu_s in (bare, framework))
        print(
            f"paced:    bare loop {bare_us:.0f} us, framework {framework_us:.0f} us CPU a window "
            f"at {pace:g} windows/s; ratio {framework_us / bare_us:.3f} (bar {BARS['paced']:.2f})"
        )

    def start_up(self) -> None:
        """`--version`, and the time to the first sample."""
        times = []
        for _ in range(10):
            start = time.perf_counter()
            subprocess.run([program(), "--version"], check=True, capture_output=True)
            times.append(1e3 * (time.perf_counter() - start))
        print(f"start-up: `edge-app --version` {statistics.median(times):.0f} ms (bar {BARS['version_ms']:.0f})")
        device = self.folder / "live.yaml"
        device.write_text(
            f"device: {{id: live, site: lab}}\napps: [{self.app}]\n"
            "sensors: {vibration: {plugin: simulated, machine: pump, frame_s: 0.05}}\n"
            f"publish: {{broker: 'mqtt://127.0.0.1:{self.port}'}}\n"
        )
        firsts = [time_to_line([program(), "run", str(device), "--verbose"], "first sample") for _ in range(5)]
        print(
            f"          first sample {statistics.median(firsts):.2f} s after the command "
            f"(frame of 0.05 s included; bar {BARS['first_sample_s']:.1f})"
        )

    def eight_pipelines(self, seconds: float) -> None:
        """Eight slots of three axes at 3332 Hz in real time, one pipeline each."""
        apps, sensors = [], []
        for number in range(8):
            app = self.folder / f"three_axes_{number}"
            make_three_axis_app(app, number)
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
            f"{used.windows} windows in {used.wall_s:.0f} s, {used.dropped} dropped, {100 * used.cpu_s / used.wall_s:.0f} % of one core "
            f"({100 * used.cpu_s / used.wall_s / (os.cpu_count() or 1):.0f} % of {os.cpu_count()})"
        )


class Used:
    """What a whole process used, and what it said it did."""

    def __init__(self, cpu_s: float, wall_s: float, memory_mb: float, said: dict[str, int]) -> None:
        self.cpu_s, self.wall_s, self.memory_mb = cpu_s, wall_s, memory_mb
        self.windows = int(said["windows"])
        self.events = int(said.get("sent", said.get("decisions", 0)))
        self.dropped = int(said.get("dropped", 0))


def whole_process(command: list[str]) -> Used:
    """Run to the end; user and system time of the process and its threads."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=quiet_environment())
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Used(
        used.ru_utime + used.ru_stime, time.perf_counter() - start, used.ru_maxrss / 1024, json.loads(lines[-1])
    )


def cpu_while_running(command: list[str], seconds: float) -> float:
    """CPU time (s) a process uses between its fifth second and `seconds` later."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=quiet_environment())
    try:
        time.sleep(5.0)
        before = process_cpu_s(process.pid)
        time.sleep(seconds)
        return process_cpu_s(process.pid) - before
    finally:
        process.kill()
        process.wait()


def process_cpu_s(pid: int) -> float:
    """User and system time so far. Source: proc_pid_stat(5), fields 14 and 15."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


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


def quiet_environment() -> dict[str, str]:
    """One BLAS thread for both sides; state in a temporary place."""
    return {**os.environ, "OPENBLAS_NUM_THREADS": "1", "EDGE_APP_STATE": tempfile.mkdtemp(prefix="edge-app-bench-")}


def program() -> str:
    """The installed `edge-app` of this interpreter."""
    return str(Path(sys.executable).with_name("edge-app"))


def make_three_axis_app(folder: Path, number: int) -> None:
    """An app of three axes with a gaussian model over all of them (unit covariance: speed is that of a trained one)."""
    from edge_app.features.schema import VibrationSettings, vibration_schema

    schema = vibration_schema(VibrationSettings((10.0, 1500.0), 32, 3, 3200.0, 1.0))
    count = len(schema.names)
    manifest = {
        "format": "edge-app-model/1",
        "name": "all",
        "kind": "gaussian",
        "features": {
            "plugin": schema.plugin,
            "hash": schema.hash,
            "names": schema.names,
            "settings": dict(schema.settings),
        },
        "standardize": {"offset": [0] * count, "multiplier": [16] * count, "shift": 8},
        "gaussian": {"whitening": [[256 * (i == j) for j in range(count)] for i in range(count)], "shift": 8},
        "score": {"kind": "log2_knots", "knots": [[0, 0], [8192, 5000]]},
        "score_set_by": "for the benchmark only",
    }
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "all.json").write_text(json.dumps(manifest))
    (folder / "app.yaml").write_text(
        f"app: three_axes_{number}\nversion: 1.0.0\n"
        f"sensors: {{axes{number}: {{quantity: acceleration, unit: g, min_rate_hz: 3200, axes: 3}}}}\n"
        f"pipelines:\n  all:\n    sensor: axes{number}\n    window: {{seconds: 1.0, hop_s: 0.5}}\n"
        "    features: {plugin: vibration, band_hz: [10, 1500], bands: 32}\n"
        "    model: {plugin: gaussian, file: models/all.json}\n"
        "    decision: {plugin: anomaly, raise_above: 0.80, clear_below: 0.60, hits: 3, of: 5}\n"
    )


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
