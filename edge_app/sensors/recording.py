"""A recorded signal in a sensor's place. Its configuration is sensors/plugins.py, RecordingConfig."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_app.core.clock import Clock
from edge_app.core.errors import ConfigError, RecordingError, SensorError, SensorLost
from edge_app.core.frames import FULL_SCALE, Counts, Frame
from edge_app.core.names import closest, is_id
from edge_app.sensors.recording_formats import Table, read_table

log = logging.getLogger(__name__)

_DEFAULT_RANGE = {"g": 16.0, "fs": 1.0}


@dataclass(frozen=True)
class RecordedSignal:
    """A recording as a sensor would have delivered it."""

    counts: Counts
    """int16 of shape (n_axes, n); times `scale` gives `unit`."""
    scale: float
    """Units per count."""
    unit: str
    """As in Frame."""
    rate_hz: float
    """Sampling rate (Hz)."""
    full_scale: int
    """Counts at which values were clipped."""
    source: str
    """File and channels, for people."""

    @property
    def duration_s(self) -> float:
        """Length of the recording (s)."""
        return self.counts.shape[1] / self.rate_hz


def load_recording(
    path: str | Path,
    *,
    rate_hz: float | None = None,
    channel: str | None = None,
    unit: str = "g",
    range_units: float | None = None,
    n_axes: int = 1,
    scale: float | None = None,
) -> RecordedSignal:
    """Read a recording and quantise it to int16 as a sensor of this range would.

    Parameters
    ----------
    path : Path
        WAV, CSV/TXT/TSV, NPZ/NPY or MAT (MATLAB 5 to 7.2).
    rate_hz : float, optional
        Sampling rate (Hz); needed where the file does not say it, overrules the file.
    channel : str, optional
        Name, ending of a name, or number from 1; several axes joined by "+".
    unit : str
        "g", "fs" or "au".
    range_units : float, optional
        What 32768 counts stand for, in the unit; values beyond clip, as a sensor's do. Default: 16 for "g", 1 for "fs",
        the largest value of the recording for "au".
    n_axes : int
        Channels wanted when `channel` does not say.
    scale : float, optional
        Units per value of the file, for files that hold raw counts.

    Raises
    ------
    RecordingError
        Missing, damaged, NaN, no such channel, no rate. The message says where and how to fix it.
    """
    path = Path(path)
    table = read_table(path)
    chosen = choose_channels(path, table, channel, n_axes)
    rate = rate_hz if rate_hz is not None else table.rate_hz
    if rate is None:
        raise RecordingError(
            f"{path}: the file does not say its sampling rate.", "Give it: rate_hz=12000 behind the file's name."
        )
    if not (np.isfinite(rate) and 0 < rate <= 10e6):
        raise RecordingError(f"{path}: a sampling rate of {rate:g} Hz.", "rate_hz lies between 0 and 10 million.")
    if table.rate_hz is not None and abs(rate - table.rate_hz) > 1e-3 * table.rate_hz:
        log.warning("%s: says %g Hz itself; rate_hz=%g is taken instead.", path, table.rate_hz, rate)
    if table.unit is not None and table.unit != unit:
        raise RecordingError(
            f"{path}: holds values in {table.unit!r}, {unit!r} is asked for.", "Choose another recording or unit."
        )
    columns = [table.column(k) for k in chosen]
    names = [table.names[k] for k in chosen]
    _check_values(path, columns, names, float(rate))
    factor = scale if scale is not None else table.scale
    if factor is not None and not 0 < factor < 1e30:  # also false for NaN
        raise RecordingError(
            f"{path}: a scale of {factor:g} {unit} a count.", "It lies above 0: correct it in the file, or give scale=."
        )
    counts, units_per_count = _quantise(columns, table, unit, range_units, factor)
    source = f"{path} [{'+'.join(names)}]"
    as_recorded = table.clips_at is not None and range_units is None and scale is None
    full_scale = table.clips_at if as_recorded and table.clips_at else FULL_SCALE
    return RecordedSignal(counts, units_per_count, unit, float(rate), full_scale, source)


def choose_channels(path: Path, table: Table, channel: str | None, n_axes: int) -> list[int]:
    """Positions of the wanted columns: those `channel` names, else the first ones; taking some of many is told."""
    if channel is not None:
        return [_find_channel(path, table, part.strip()) for part in channel.split("+")]
    found = table.chosen_by_default
    if not found:
        why = table.why_none.removeprefix(f"{path}: ").rstrip(".") or _list(table.names)
        what = f"{path}: holds no signal: {why or 'nothing in it is a row of numbers'}."
        raise RecordingError(what, "Record it with at least one column of samples, or name another file.")
    taken, names = found[:n_axes], [table.names[k] for k in found]
    if len(found) < n_axes:
        what = f"{path}: has {len(found)} channels ({_list(names)}), {n_axes} wanted."
        raise RecordingError(what, "Record all axes, or use an app that needs fewer.")
    if len(found) > n_axes and not table.alike:
        log.warning(
            "%s: has %d channels (%s); took %s. Name others with channel=.",
            path,
            len(found),
            _list(names),
            "+".join(names[:n_axes]),
        )
    return list(taken)


def _find_channel(path: Path, table: Table, wanted: str) -> int:
    names = table.names
    for matches in (
        [k for k, name in enumerate(names) if name == wanted],
        [k for k, name in enumerate(names) if wanted and name.endswith(wanted)],
        [k for k, name in enumerate(names) if wanted and name.lower().endswith(wanted.lower())],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches and not wanted.isdigit():
            raise RecordingError(
                f"{path}: channel {wanted!r} matches {_list([names[k] for k in matches])}.", "Write more of the name."
            )
    if wanted.isdigit() and 1 <= int(wanted) <= len(names):
        return int(wanted) - 1
    if wanted.isdigit():
        raise RecordingError(f"{path}: no channel {wanted}.", f"Channels count from 1 to {len(names)}.")
    near = closest(wanted, names, cutoff=0.3)
    raise RecordingError(
        f"{path}: no channel ends in {wanted!r}; there are {_list(names) or 'none'}.",
        f"Did you mean {near!r}?" if near else "Choose one of them, or a number from 1.",
    )


def _list(names: list[str] | tuple[str, ...], most: int = 12) -> str:
    shown = ", ".join(names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def _check_values(path: Path, columns: list[np.ndarray], names: list[str], rate_hz: float) -> None:  # type: ignore[type-arg]
    lengths = {column.size for column in columns}
    if len(lengths) > 1:
        raise RecordingError(
            f"{path}: channels {_list(names)} differ in length: {sorted(lengths)}.", "Choose channels of one length."
        )
    if lengths.pop() < 2:
        raise RecordingError(f"{path}: {_list(names)} holds fewer than 2 samples.", "Record it again.")
    for column, name in zip(columns, names, strict=True):
        if column.dtype.kind != "f":
            continue
        bad = np.flatnonzero(~np.isfinite(column))
        if bad.size:
            first = int(bad[0])
            raise RecordingError(
                f"{path}: sample {first + 1} ({first / rate_hz:.3f} s) of channel {name} is {column[first]};"
                f" {bad.size} of {column.size} samples are not numbers.",
                "Cut that part out, or record it again: values are never filled in.",
            )


def _quantise(
    columns: list[np.ndarray],  # type: ignore[type-arg]
    table: Table,
    unit: str,
    range_units: float | None,
    factor: float | None,
) -> tuple[Counts, float]:
    """Counts (n_axes, n) and units per count. Values beyond the range clip at ±32767, as in a real sensor."""
    limit = range_units if range_units is not None else _DEFAULT_RANGE.get(unit)
    whole = all(column.dtype == np.int16 for column in columns)
    if whole and table.full_scale == 32768.0 and factor is None:  # 16-bit PCM: as it is
        return np.ascontiguousarray(np.stack(columns)), (limit or 1.0) / 32768.0
    if whole and factor is not None and range_units is None:  # counts with their scale: as they are
        return np.ascontiguousarray(np.stack(columns)), factor
    values = np.stack([column.astype(np.float64) for column in columns])
    if factor is None and table.full_scale is not None:
        factor = (limit or 1.0) / table.full_scale
    with np.errstate(over="ignore"):  # what overflows clips
        values *= 1.0 if factor is None else factor
        if limit is None:
            limit = max(float(np.abs(values).max()) * 32768.0 / 32767.0, 1e-30)
        values = np.clip(values, -limit, limit) * (32768.0 / limit)
    counts = np.clip(np.rint(values), -FULL_SCALE, FULL_SCALE).astype(np.int16)
    return counts, limit / 32768.0


class Recording:
    """Sensor that plays a recording, in real time (`paced`) or as fast as it is read.

    The file is read by `open()`, or by the first look at `rate_hz`, `scale` or `n_axes`. Times of frames follow the
    sample count from the moment of opening: no jitter, whatever the pace.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        clock: Clock,
        rate_hz: float | None = None,
        channel: str | None = None,
        unit: str = "g",
        range_units: float | None = None,
        n_axes: int = 1,
        scale: float | None = None,
        loop: bool = False,
        paced: bool = True,
        frame_s: float | None = None,
    ) -> None:
        self.name = f"recording {Path(path).name}" + (f" [{channel}]" if channel else "")
        self.unit = unit
        self._path = Path(path)
        self._clock = clock
        self._wanted = (rate_hz, channel, range_units, n_axes, scale)
        self._loop = loop
        self._paced = paced
        self._frame_s = frame_s if frame_s is not None else (0.064 if paced else 0.5)
        self._signal: RecordedSignal | None = None
        self._open = False
        self._epoch_s = 0.0
        self._sent = 0
        self._loops = 0

    @property
    def signal(self) -> RecordedSignal:
        """The recording; read at the first look. Raises RecordingError."""
        if self._signal is None:
            rate_hz, channel, range_units, n_axes, scale = self._wanted
            self._signal = load_recording(
                self._path,
                rate_hz=rate_hz,
                channel=channel,
                unit=self.unit,
                range_units=range_units,
                n_axes=n_axes,
                scale=scale,
            )
        return self._signal

    @property
    def rate_hz(self) -> float:
        """Sampling rate (Hz)."""
        return self.signal.rate_hz

    @property
    def scale(self) -> float:
        """Units per count."""
        return self.signal.scale

    @property
    def n_axes(self) -> int:
        """Channels."""
        return int(self.signal.counts.shape[0])

    def open(self) -> None:
        """Read the file and start at its beginning."""
        _ = self.signal
        self._epoch_s = self._clock.monotonic_s()
        self._sent = 0
        self._open = True

    def read(self, timeout_s: float) -> Frame | None:
        """Next frame, at its time when paced; None at the end."""
        if not self._open:
            raise SensorError(f"{self.name} is not open.", "Call open() before read().")
        signal = self.signal
        total = signal.counts.shape[1]
        at = self._sent % total if self._loop else self._sent
        if at >= total:
            return None
        length = min(max(1, round(self._frame_s * signal.rate_hz)), total - at)
        if self._paced:
            wait_until(self._clock, self._epoch_s + (self._sent + length) / signal.rate_hz, timeout_s, self.name)
        start_s = self._epoch_s + self._sent / signal.rate_hz
        self._sent += length
        self._loops = self._sent // total
        samples = np.ascontiguousarray(signal.counts[:, at : at + length])
        return Frame(samples, signal.scale, signal.unit, signal.rate_hz, start_s, signal.full_scale)

    def close(self) -> None:
        """Stop; may be called again."""
        self._open = False

    def counters(self) -> Mapping[str, int]:
        """How often the recording was played to its end."""
        return {"loops": self._loops}


def wait_until(clock: Clock, due_s: float, timeout_s: float, name: str) -> None:
    """Sleep until a frame is due. Raises SensorLost when that is later than the reader waits."""
    wait_s = due_s - clock.monotonic_s()
    if wait_s > timeout_s:
        clock.sleep_s(timeout_s)
        raise SensorLost(
            f"{name} delivered nothing for {timeout_s:g} s.",
            "Set a shorter `frame_s`; a simulation may owe it to `sensor_faults`.",
        )
    clock.sleep_s(wait_s)


@dataclass(frozen=True)
class ReplaySpec:
    """What `--replay` says about a recording; None where it says nothing."""

    path: Path
    rate_hz: float | None = None
    channel: str | None = None
    range_units: float | None = None
    scale: float | None = None
    loop: bool = False


_OPTIONS = ("rate_hz", "channel", "range", "scale", "loop")
_EXAMPLE = "vibration=FILE.mat,rate_hz=12000,channel=DE_time"


def parse_replay(text: str) -> tuple[str, ReplaySpec]:
    """Slot and recording of a `--replay` argument: SLOT=FILE[,rate_hz=…][,channel=…][,range=…][,scale=…][,loop=true].

    The file's name may hold "=" and ","; only `,key=value` at the end is taken for an option.
    """
    slot, equals, rest = text.partition("=")
    if not equals or not is_id(slot):
        raise ConfigError(f"--replay {text}: should begin with a slot and '='.", f"For example: --replay {_EXAMPLE}")
    options: dict[str, str] = {}
    while match := re.search(r",\s*([A-Za-z_]+)=([^,]*)$", rest):
        key = match.group(1)
        if key not in _OPTIONS:
            near = closest(key, _OPTIONS)
            hint = f"Did you mean {near!r}? " if near else ""
            raise ConfigError(f"--replay {text}: unknown option {key!r}.", f"{hint}Known are {', '.join(_OPTIONS)}.")
        if key in options:
            raise ConfigError(f"--replay {text}: {key} is given twice.", "Leave one out.")
        options[key] = match.group(2).strip()
        rest = rest[: match.start()]
    if not rest.strip():
        raise ConfigError(f"--replay {text}: names no file.", f"For example: --replay {_EXAMPLE}")
    return slot, ReplaySpec(
        path=Path(rest.strip()).expanduser(),
        rate_hz=_positive(text, options, "rate_hz"),
        channel=options.get("channel") or None,
        range_units=_positive(text, options, "range"),
        scale=_positive(text, options, "scale"),
        loop=_yes(text, options.get("loop", "false")),
    )


def _positive(text: str, options: dict[str, str], key: str) -> float | None:
    if key not in options:
        return None
    try:
        value = float(options[key])
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise ConfigError(
            f"--replay {text}: {key}={options[key]} is not a number above 0.", f"For example: {key}=12000"
        )
    return value


def _yes(text: str, value: str) -> bool:
    if value.lower() in ("true", "yes", "1"):
        return True
    if value.lower() in ("false", "no", "0"):
        return False
    raise ConfigError(f"--replay {text}: loop={value} is neither true nor false.", "Write loop=true, or leave it out.")
