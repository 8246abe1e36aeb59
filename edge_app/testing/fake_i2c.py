"""An I2C bus without wires: chips behind addresses, and everything that goes wrong on a real one.

The fake stands where smbus2 stands, so the code under test is the real bus, driver and adapter:

    clock = FakeClock()
    bus = FakeI2CBus({0x6A: FakeLSM6DS3(clock)})
    bus.fail(errno.EREMOTEIO, times=2)      # the next two transfers are not acknowledged
    bus.lock_up(); bus.release()            # every transfer times out meanwhile
    bus.unplug(0x6A); bus.plug(0x6A)        # no answer; then the chip is back, freshly powered
    with installed(bus): ...                # `bus: 1` of a configuration is this one
"""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Mapping
from typing import Any

from edge_app.buses.i2c import I2CBus, installed

__all__ = ["FakeChip", "FakeI2CBus", "installed"]

_READ = 0x0001
"""I2C_M_RD of linux/i2c.h."""


class FakeChip:
    """Bytes behind register addresses, as a real chip shows them; reads go on to the next register.

    Parameters
    ----------
    memory : mapping of int to bytes
        What stands from each register on; everything else reads 0.
    """

    def __init__(self, memory: Mapping[int, bytes] | None = None) -> None:
        self.initial = dict(memory or {})
        self.memory = bytearray(256)
        self.power_on()

    def power_on(self) -> None:
        """Registers as after power-up."""
        self.memory[:] = bytes(256)
        for register, data in self.initial.items():
            self.memory[register : register + len(data)] = data

    def read(self, register: int, length: int) -> bytes:
        """Bytes from `register` on."""
        return bytes(self.memory[(register + offset) & 0xFF] for offset in range(length))

    def write(self, register: int, data: bytes) -> None:
        """Bytes written from `register` on."""
        for offset, value in enumerate(data):
            self.memory[(register + offset) & 0xFF] = value


class FakeI2CBus(I2CBus):
    """A bus whose wires are `chips`; everything above them is the real thing.

    Parameters
    ----------
    chips : mapping of address to FakeChip, or to a mapping of register to bytes
    number : int
        Number of the bus.
    bus_hz : int or None
        What the device tree says of its clock.
    open_errno : int
        errno with which opening the device file fails; 0: it does not.

    Attributes
    ----------
    reads, writes : list
        Transfers so far: (address, register, length) and (address, register, bytes).
    """

    def __init__(
        self,
        chips: Mapping[int, FakeChip | Mapping[int, bytes]],
        *,
        number: int = 1,
        bus_hz: int | None = 400_000,
        open_errno: int = 0,
    ) -> None:
        super().__init__(number)
        self.chips = {a: chip if isinstance(chip, FakeChip) else FakeChip(chip) for a, chip in chips.items()}
        self.open_errno = open_errno
        self.reads: list[tuple[int, int, int]] = []
        self.writes: list[tuple[int, int, bytes]] = []
        self._bus_hz = bus_hz
        self._unplugged: set[int] = set()
        self._locked_up = False
        self._failures: list[tuple[int, int]] = []

    @property
    def is_open(self) -> bool:
        """Whether anybody holds the bus."""
        return self._port is not None

    def clock_hz(self) -> int | None:
        return self._bus_hz

    def fail(self, number: int, *, times: int = 1, after: int = 0) -> None:
        """Let `times` transfers fail with that errno, after `after` good ones."""
        self._failures = [(0, 0)] * after + [(number, 0)] * times

    def lock_up(self) -> None:
        """A device holds SDA low: every transfer times out until `release()`."""
        self._locked_up = True

    def release(self) -> None:
        """The bus is free again."""
        self._locked_up = False

    def unplug(self, address: int) -> None:
        """Nobody answers at `address` any more."""
        self._unplugged.add(address)

    def plug(self, address: int, chip: FakeChip | None = None) -> None:
        """The chip (or another one) is connected, freshly powered."""
        if chip is not None:
            self.chips[address] = chip
        self._unplugged.discard(address)
        self.chips[address].power_on()

    def _connect(self) -> Any:
        if self.open_errno:
            raise OSError(self.open_errno, "fake")
        return _Port(self)

    def transfer(self, *messages: Any) -> None:
        """What the kernel does with the messages of one I2C_RDWR ioctl."""
        if self._failures and (failure := self._failures.pop(0)[0]):
            raise OSError(failure, "fake")
        if self._locked_up:
            raise OSError(errno.ETIMEDOUT, "fake")
        if len(messages) > 42 or any(message.len > 8192 for message in messages):
            raise OSError(errno.EINVAL, "more than I2C_RDWR takes")
        register = 0
        for message in messages:
            chip = self.chips.get(message.addr)
            if chip is None or message.addr in self._unplugged:
                raise OSError(errno.EREMOTEIO, "fake")
            if message.flags & _READ:
                self.reads.append((message.addr, register, message.len))
                ctypes.memmove(message.buf, chip.read(register, message.len), message.len)
                continue
            register, *data = bytes(message)
            if data:
                self.writes.append((message.addr, register, bytes(data)))
                chip.write(register, bytes(data))


class _Port:
    """What smbus2.SMBus offers, as far as edge_app uses it."""

    def __init__(self, bus: FakeI2CBus) -> None:
        self.i2c_rdwr = bus.transfer

    def close(self) -> None:
        pass
