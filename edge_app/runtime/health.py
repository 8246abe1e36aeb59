"""Figures about the process and the board, for the health message."""

from __future__ import annotations

import os
from pathlib import Path

from edge_app.core.clock import Clock, process_cpu_s

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_TEMPERATURE = Path("/sys/class/thermal/thermal_zone0/temp")


class Health:
    """Samples up time, memory, CPU share, temperature and free disk."""

    def __init__(self, clock: Clock, folder: Path) -> None:
        self._clock = clock
        self._folder = folder
        self._start_s = clock.monotonic_s()
        self._last = (self._start_s, process_cpu_s())

    def up_s(self) -> float:
        """Seconds since this process began to run the device."""
        return self._clock.monotonic_s() - self._start_s

    def fields(self) -> dict[str, int]:
        """Integers of the health message: rss_kb, cpu_permille and, where known, disk_free_kb and temp_c."""
        now_s, cpu_s = self._clock.monotonic_s(), process_cpu_s()
        (then_s, then_cpu_s), self._last = self._last, (now_s, cpu_s)
        fields = {
            "rss_kb": resident_kb(),
            "cpu_permille": round(1000 * (cpu_s - then_cpu_s) / max(now_s - then_s, 1e-3)),
        }
        known = {"disk_free_kb": free_kb(self._folder), "temp_c": temperature_c()}
        return fields | {name: value for name, value in known.items() if value is not None}


def resident_kb() -> int:
    """Resident memory of this process (kB); 0 where /proc does not tell. Source: proc_pid_statm(5)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES // 1024
    except (OSError, ValueError, IndexError):
        return 0


def free_kb(folder: Path) -> int | None:
    """Free space for us on the folder's file system (kB); None where that cannot be asked (a card that was pulled)."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return None
    return status.f_bavail * status.f_frsize // 1024


def temperature_c() -> int | None:
    """Temperature of the first thermal zone (°C), the processor's on a Raspberry Pi; None where there is none."""
    try:
        return round(int(_TEMPERATURE.read_text()) / 1000)
    except (OSError, ValueError):
        return None
