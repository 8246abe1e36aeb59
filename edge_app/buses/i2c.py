"""I2C buses of a Linux machine: the only importer of smbus2."""

from __future__ import annotations

import errno
import glob
import os
import re
import threading
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Union

from smbus2 import SMBus, i2c_msg

from edge_app.core.errors import BusError

WritableBuffer = Union[bytearray, memoryview, "array[int]"]

MESSAGE_BYTES = 8190
"""Longest read in one message. Linux refuses more than 8192 (drivers/i2c/i2c-dev.c, i2cdev_ioctl_rdwr); 8190 is a
multiple of 6 and 7, the sample sizes of our chips, so that a sample is never cut."""
REPEATS_PER_TRANSFER = 20
"""Register reads combined in one ioctl: two messages each, of the 42 of I2C_RDWR_IOCTL_MAX_MSGS (linux/i2c-dev.h)."""
FIRST_ADDRESS, LAST_ADDRESS = 0x08, 0x77
"""Addresses of devices; those outside are reserved (I2C-bus specification UM10204, section 3.1.12)."""

_ENABLE = "Enable I2C (`sudo raspi-config nonint do_i2c 0`, then reboot)"
_KINDS: dict[int, str] = {
    errno.EREMOTEIO: "nack",
    errno.ENXIO: "nack",
    errno.EIO: "nack",
    errno.ETIMEDOUT: "timeout",
    errno.EAGAIN: "timeout",
    errno.EBUSY: "timeout",
    errno.ENODEV: "gone",
    errno.ENOENT: "gone",
    errno.EBADF: "gone",
    errno.ESHUTDOWN: "gone",
    errno.EACCES: "access",
    errno.EPERM: "access",
}
"""What an errno of a transfer means. Source: Linux Documentation/i2c/fault-codes.rst; EIO is what some controllers give
for an unanswered address."""


class I2CBus:
    """One bus, `/dev/i2c-<number>`, shared by its sensors: transfers are atomic, the file opens with the first user.

    Every error of the operating system becomes a BusError whose `kind` is "nack", "timeout", "gone", "access" or
    "failed".
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"bus {number}"
        self._lock = threading.RLock()
        self._users = 0
        self._port: Any = None

    def open(self) -> None:
        """Take a share of the bus; the first one opens the device file."""
        with self._lock:
            if self._port is None:
                try:
                    self._port = self._connect()
                except OSError as error:
                    raise self._cannot_open(error) from error
            self._users += 1

    def close(self) -> None:
        """Give a share back; the last one closes the device file."""
        with self._lock:
            self._users = max(0, self._users - 1)
            if self._users == 0 and self._port is not None:
                port, self._port = self._port, None
                port.close()

    def __enter__(self) -> I2CBus:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read_into(self, address: int, register: int, buffer: WritableBuffer) -> None:
        """Fill `buffer` from `register` on.

        Longer buffers than MESSAGE_BYTES are read in pieces that all start at `register`: right for FIFO registers, and
        nothing else is that long.
        """
        target = memoryview(buffer).cast("B")
        for start in range(0, len(target), MESSAGE_BYTES):
            piece = target[start : start + MESSAGE_BYTES]
            answer = i2c_msg.read(address, len(piece))
            self._transfer(address, register, [i2c_msg.write(address, [register]), answer])
            piece[:] = bytes(answer)

    def read_repeated(self, address: int, register: int, size: int, buffer: WritableBuffer) -> None:
        """Fill `buffer` with reads of `size` bytes, each addressed anew: for FIFOs that give one sample a transfer."""
        target = memoryview(buffer).cast("B")
        step = size * REPEATS_PER_TRANSFER
        for start in range(0, len(target), step):
            piece = target[start : start + step]
            answers = [i2c_msg.read(address, size) for _ in range(len(piece) // size)]
            messages = [m for answer in answers for m in (i2c_msg.write(address, [register]), answer)]
            self._transfer(address, register, messages)
            piece[:] = b"".join(bytes(answer) for answer in answers)

    def write(self, address: int, register: int, data: bytes | bytearray) -> None:
        """Write `data` from `register` on."""
        self._transfer(address, register, [i2c_msg.write(address, bytes([register]) + bytes(data))])

    def scan(self) -> list[int]:
        """Addresses that answer a one-byte read. Not while a sensor is running: it may take a byte of its FIFO."""
        found = []
        for address in range(FIRST_ADDRESS, LAST_ADDRESS + 1):
            try:
                self._transfer(address, None, [i2c_msg.read(address, 1)])
            except BusError as error:
                if error.kind != "nack":
                    raise
            else:
                found.append(address)
        return found

    def clock_hz(self) -> int | None:
        """Clock of the bus from the device tree (Hz); None where the kernel does not tell."""
        try:
            with open(f"/sys/bus/i2c/devices/i2c-{self.number}/of_node/clock-frequency", "rb") as file:
                return int.from_bytes(file.read(4), "big") or None
        except OSError:
            return None

    def _connect(self) -> Any:
        return SMBus(self.number)

    def _transfer(self, address: int, register: int | None, messages: list[Any]) -> None:
        with self._lock:
            if self._port is None:
                raise bus_error("gone", f"I2C {self.name} is closed.", "Open it first: `with bus:` or `bus.open()`.")
            try:
                self._port.i2c_rdwr(*messages)
            except OSError as error:
                raise self._failed(address, register, error) from error

    def _cannot_open(self, error: OSError) -> BusError:
        path = f"/dev/i2c-{self.number}"
        if error.errno in (errno.EACCES, errno.EPERM):
            fix = "Add the user to the group that owns it: `sudo usermod -aG i2c $USER`, then log in again."
            return bus_error("access", f"No permission to open {path} ({_words(error)}).", fix)
        if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
            found = ", ".join(str(number) for number in list_buses()) or "none"
            return bus_error("gone", f"No I2C bus {self.number}: {path} does not exist; buses here: {found}.",
                             f"{_ENABLE}, or set `bus:` to one of those.")  # fmt: skip
        return bus_error("failed", f"Cannot open {path} ({_words(error)}).", "`edge-app doctor` checks the buses.")

    def _failed(self, address: int, register: int | None, error: OSError) -> BusError:
        kind = _KINDS.get(error.errno or 0, "failed")
        place = f"I2C {self.name} address 0x{address:02X}"
        if register is not None:
            place += f" register 0x{register:02X}"
        told = {
            "nack": ("did not answer", "Check wiring, power and address; `edge-app doctor` lists what answers."),
            "timeout": (
                "timed out: a device holds the bus or it has no pull-ups",
                "Check SDA and SCL (pull-ups, shorts, long cables), or switch the sensor off and on.",
            ),
            "gone": ("is gone", "Plug the adapter in again, or check that the bus still exists (`ls /dev/i2c-*`)."),
            "access": ("is not permitted", "Add the user to the group i2c: `sudo usermod -aG i2c $USER`."),
        }
        what, fix = told.get(kind, ("failed", "`edge-app doctor` checks the bus."))
        return bus_error(kind, f"{place} {what} ({_words(error)}).", fix)


def bus_error(kind: str, what: str, fix: str) -> BusError:
    """A BusError of that kind."""
    error = BusError(what, fix)
    error.kind = kind
    return error


def _words(error: OSError) -> str:
    name = errno.errorcode.get(error.errno or 0, str(error.errno))
    return f"{name}: {os.strerror(error.errno)}" if error.errno else str(error)


def list_buses() -> list[int]:
    """Numbers of the buses this machine has."""
    return sorted(int(found[1]) for path in glob.glob("/dev/i2c-*") if (found := re.search(r"-(\d+)$", path)))


_shared: dict[int, I2CBus] = {}


def shared(number: int) -> I2CBus:
    """The bus of that number, one object for all its sensors in this process."""
    return _shared.setdefault(number, I2CBus(number))


@contextmanager
def installed(bus: I2CBus) -> Iterator[I2CBus]:
    """Put `bus` (a fake) in the place of the real one of its number, for tests of whole programs."""
    before = _shared.get(bus.number)
    _shared[bus.number] = bus
    try:
        yield bus
    finally:
        if before is None:
            del _shared[bus.number]
        else:
            _shared[bus.number] = before
