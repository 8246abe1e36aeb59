# Runs unchanged on MicroPython.
"""Every error a person may meet: what happened, where, and how to fix it.

EdgeAppError
├── ConfigError            a file a person wrote is wrong (file, line, key, value, what is allowed)
├── PluginError            a plugin is unknown, or its extra is not installed
├── SensorError            a sensor cannot deliver
│   ├── SensorNotFound     nothing, or the wrong chip, answers where the sensor should be
│   ├── SensorLost         it answered before and does not now (unplugged, bus locked, silent)
│   └── BusError           the bus itself cannot be used (no such bus, no permission, NACK, time-out)
├── RecordingError         a recording is missing, cut short, or not a signal
├── BaselineError          a machine's own normal cannot be learnt from what was seen, or a learnt one cannot be used
├── ModelError             a model or its manifest is missing, damaged, hostile or does not fit
├── JournalError           the journal cannot be used
│   └── JournalLocked      another process holds this device's journal
├── TransportError         the broker cannot be reached or refuses us
└── ControlError           a command to the running process is refused
    └── NotRunning         nobody listens: the device does not run
"""


class EdgeAppError(Exception):
    """Base of all errors raised on purpose; `str()` is the whole message a person reads.

    Parameters
    ----------
    what : str
        What happened and where, one line, with the value found and the values allowed.
    fix : str
        What to do about it, one or two lines; empty only when nothing can be done.
    """

    exit_code = 2

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what, fix)
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return self.what + ("\n  " + self.fix if self.fix else "")


class ConfigError(EdgeAppError):
    """A file a person wrote is wrong."""


class PluginError(EdgeAppError):
    """A plugin is unknown, or its extra is not installed."""


class SensorError(EdgeAppError):
    """A sensor cannot deliver."""


class SensorNotFound(SensorError):
    """Nothing, or the wrong chip, answers where the sensor should be."""


class SensorLost(SensorError):
    """The sensor answered before and does not now."""


class BusError(SensorError):
    """The bus itself cannot be used, or a transfer on it failed."""

    kind = "failed"
    """nack, timeout, gone, access or failed: what drivers and counters tell apart."""


class RecordingError(EdgeAppError):
    """A recording is missing, cut short, or not a signal."""


class BaselineError(EdgeAppError):
    """A machine's own normal cannot be learnt from what was seen, or a learnt one cannot be used."""


class ModelError(EdgeAppError):
    """A model or its manifest is missing, damaged, hostile or does not fit."""


class JournalError(EdgeAppError):
    """The journal cannot be used."""


class JournalLocked(JournalError):
    """Another process holds this device's journal."""


class TransportError(EdgeAppError):
    """The broker cannot be reached or refuses us."""


class ControlError(EdgeAppError):
    """A command to the running process is refused."""


class NotRunning(ControlError):
    """Nobody listens: the device does not run."""
