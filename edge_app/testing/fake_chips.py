"""Behaving models of the chips we drive: registers, and a FIFO that fills with the clock.

Written from the data sheets, not from the drivers: a FIFO read out of step, too late or before its configuration gives
what the real chip gives. Sample `index` counts from power-up, so that a lost sample shows as a jump.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable

from edge_app.core.clock import Clock
from edge_app.testing.fake_i2c import FakeChip

Signal = Callable[[int], tuple[int, int, int]]
"""Counts of the three axes of sample `index`."""


def counting(index: int) -> tuple[int, int, int]:
    """A signal in which every sample tells its number: x = index mod 1000, y = -x, z = 1000."""
    return index % 1000, -(index % 1000), 1000


class FifoChip(FakeChip):
    """A chip with a FIFO of samples.

    Parameters
    ----------
    clock : Clock
        Fills the FIFO: a FakeClock, or the machine's.
    signal : callable
        Counts of each sample.
    rate_error : float
        How much faster the chip's oscillator runs than the data sheet says: 0.02 is 2 %.
    """

    depth = 32
    identity: tuple[int, int] = (0, 0)

    def __init__(self, clock: Clock, signal: Signal = counting, *, rate_error: float = 0.0) -> None:
        self._clock = clock
        self.signal = signal
        self.rate_error = rate_error
        self.samples_made = 0
        self.fifo: deque[tuple[int, int, int]] = deque()
        self.overrun = False
        self._since_s = 0.0
        self._made_since = 0
        super().__init__({self.identity[0]: bytes([self.identity[1]])})

    def sampling_hz(self) -> float:
        """Rate by the registers; 0 when the chip sleeps."""
        raise NotImplementedError

    def collecting(self) -> bool:
        """Whether samples go to the FIFO."""
        raise NotImplementedError

    def power_on(self) -> None:
        super().power_on()
        self.fifo.clear()
        self.overrun = False
        self._since_s = self._clock.monotonic_s()
        self._made_since = 0

    def advance(self) -> None:
        """Make the samples that are due by now."""
        due = int((self._clock.monotonic_s() - self._since_s) * self.sampling_hz() * (1 + self.rate_error) + 1e-6)
        for _ in range(due - self._made_since):
            if self.collecting():
                self.put(self.signal(self.samples_made))
            self.samples_made += 1
        self._made_since = due

    def put(self, sample: tuple[int, int, int]) -> None:
        """One sample into the FIFO; a full one drops the oldest."""
        self.fifo.append(sample)
        if len(self.fifo) > self.depth:
            self.fifo.popleft()
            self.overrun = True

    def take(self) -> tuple[int, int, int]:
        """The oldest sample."""
        return self.fifo.popleft() if self.fifo else (0, 0, 0)

    def read(self, register: int, length: int) -> bytes:
        self.advance()
        return self.answer(register, length)

    def answer(self, register: int, length: int) -> bytes:
        """What a read gives at this moment."""
        return super().read(register, length)

    def write(self, register: int, data: bytes) -> None:
        self.advance()
        before = self.sampling_hz(), self.collecting()
        super().write(register, data)
        self.written(register)
        if not self.collecting():
            self.fifo.clear()
            self.overrun = False
        if (self.sampling_hz(), self.collecting()) != before:
            self._since_s = self._clock.monotonic_s()
            self._made_since = 0

    def written(self, register: int) -> None:
        """What a write to `register` sets off beside storing it."""


_ST_HZ = (0.0, 12.5, 26.0, 52.0, 104.0, 208.0, 416.0, 833.0, 1666.0, 3332.0, 6664.0)


class FakeLSM6DS3(FifoChip):
    """LSM6DS3: a FIFO of 16-bit words without tags, and a pattern counter that tells which axis comes next."""

    depth = 1365
    identity = (0x0F, 0x69)

    def power_on(self) -> None:
        super().power_on()
        self._words: deque[int] = deque()
        self._pattern = 0

    def sampling_hz(self) -> float:
        code = self.memory[0x10] >> 4
        return _ST_HZ[code] if code < len(_ST_HZ) else 0.0

    def collecting(self) -> bool:
        mode, fifo_rate = self.memory[0x0A] & 7, self.memory[0x0A] >> 3 & 15
        return mode == 6 and fifo_rate == self.memory[0x10] >> 4 and self.memory[0x08] & 7 == 1

    def written(self, register: int) -> None:
        if register == 0x12 and self.memory[0x12] & 1:
            self.power_on()
        if self.memory[0x0A] & 7 == 0:
            self._words.clear()
            self._pattern = 0

    def answer(self, register: int, length: int) -> bytes:
        if register == 0x3A:
            words = 3 * len(self.fifo) + len(self._words)
            empty = 0x10 if words == 0 else 0
            flags = (words >> 8 & 0x0F) | (0x40 if self.overrun else 0) | empty
            return bytes([words & 0xFF, flags, self._pattern & 0xFF, self._pattern >> 8])[:length]
        if register == 0x3E:
            return b"".join(struct.pack("<h", self._word()) for _ in range(length // 2))
        return super().answer(register, length)

    def _word(self) -> int:
        if not self._words and self.fifo:
            self._words.extend(self.take())
        self._pattern = (self._pattern + 1) % 3
        return self._words.popleft() if self._words else 0


class FakeLSM6DSO(FifoChip):
    """LSM6DSO: a FIFO of seven-byte words with a tag."""

    depth = 512
    identity = (0x0F, 0x6C)

    def power_on(self) -> None:
        super().power_on()
        self.foreign_words = 0

    def sampling_hz(self) -> float:
        code = self.memory[0x10] >> 4
        return _ST_HZ[code] if code < len(_ST_HZ) else 0.0

    def collecting(self) -> bool:
        return self.memory[0x0A] & 7 == 6 and self.memory[0x09] & 15 == self.memory[0x10] >> 4

    def written(self, register: int) -> None:
        if register == 0x12 and self.memory[0x12] & 1:
            self.power_on()

    def answer(self, register: int, length: int) -> bytes:
        if register == 0x3A:
            words = len(self.fifo) + self.foreign_words
            flags = (words >> 8 & 0x03) | (0x48 if self.overrun else 0)
            self.overrun = False
            return bytes([words & 0xFF, flags])[:length]
        if register == 0x78:
            return b"".join(self._tagged() for _ in range(length // 7))
        return super().answer(register, length)

    def _tagged(self) -> bytes:
        if self.foreign_words:  # a temperature word: tag 3
            self.foreign_words -= 1
            return struct.pack("<Bhhh", 3 << 3, 77, 0, 0)
        return struct.pack("<Bhhh", 2 << 3, *self.take())


class FakeADXL345(FifoChip):
    """ADXL345: 32 levels and the data registers; each read of the data registers takes one sample."""

    depth = 33
    identity = (0x00, 0xE5)

    def sampling_hz(self) -> float:
        return 3200 / 2 ** (15 - (self.memory[0x2C] & 15)) if self.memory[0x2D] & 8 else 0.0

    def collecting(self) -> bool:
        return self.memory[0x38] >> 6 == 2

    def answer(self, register: int, length: int) -> bytes:
        if register == 0x30:
            return bytes([0x01 if self.overrun else 0x00])
        if register == 0x39:
            return bytes([len(self.fifo)])
        if register == 0x32:
            self.overrun = False
            return struct.pack("<hhh", *self.take())[:length]
        return super().answer(register, length)


class FakeMAX30102(FifoChip):
    """MAX30102: 32 samples of three bytes a light; when it is full, further samples are lost and counted.

    `signal` gives counts of 15 bits in its first value; the chip holds 18.
    """

    depth = 32
    identity = (0xFF, 0x15)

    def power_on(self) -> None:
        super().power_on()
        self._written = self._read = self._lost = 0

    def sampling_hz(self) -> float:
        chip_hz = (50, 100, 200, 400, 800, 1000, 1600, 3200)[self.memory[0x0A] >> 2 & 7]
        return chip_hz / 2 ** min(5, self.memory[0x08] >> 5) if self.collecting() else 0.0

    def collecting(self) -> bool:
        slot = self.memory[0x11] & 7
        lit = {1: 0x0C, 2: 0x0D}.get(slot)
        on = self.memory[0x09] & 0x87 == 7
        return bool(on and lit and self.memory[lit] and self.memory[0x0A] & 3 == 3)

    def put(self, sample: tuple[int, int, int]) -> None:
        if len(self.fifo) == self.depth:
            self._lost = min(31, self._lost + 1)
            return
        self.fifo.append(sample)
        self._written = (self._written + 1) & 31

    def written(self, register: int) -> None:
        if self.memory[0x09] & 0x40:
            self.power_on()
        if register == 0x04:  # pointers set by hand: an empty FIFO
            self.fifo.clear()
            self._written = self._read = self.memory[0x04] & 31
            self._lost = 0

    def answer(self, register: int, length: int) -> bytes:
        if register == 0x04:
            return bytes([self._written, self._lost, self._read])[:length]
        if register == 0x07:
            return b"".join(self._pop() for _ in range(length // 3))
        return super().answer(register, length)

    def _pop(self) -> bytes:
        if not self.fifo:
            return bytes(3)
        self._read = (self._read + 1) & 31
        self._lost = 0
        return (self.take()[0] << 3).to_bytes(3, "big")


class FakeMPU6050(FifoChip):
    """MPU-6050: 1024 bytes, big endian; on overflow the oldest bytes go, whatever they belong to."""

    identity = (0x75, 0x68)

    def power_on(self) -> None:
        super().power_on()
        self.memory[0x6B] = 0x40
        self._bytes: deque[int] = deque()

    def sampling_hz(self) -> float:
        if self.memory[0x6B] & 0x40:
            return 0.0
        return (8000 if self.memory[0x1A] & 7 in (0, 7) else 1000) / (1 + self.memory[0x19])

    def collecting(self) -> bool:
        return bool(self.memory[0x6A] & 0x40 and self.memory[0x23] & 0x08)

    def put(self, sample: tuple[int, int, int]) -> None:
        self._bytes.extend(struct.pack(">hhh", *sample))
        while len(self._bytes) > 1024:
            self._bytes.popleft()
            self.overrun = True

    def written(self, register: int) -> None:
        if register == 0x6B and self.memory[0x6B] & 0x80:
            self.power_on()
        if register == 0x6A and self.memory[0x6A] & 0x04:
            self._bytes.clear()
            self.memory[0x6A] &= ~0x04 & 0xFF

    def answer(self, register: int, length: int) -> bytes:
        if register == 0x3A:
            flag, self.overrun = 0x10 if self.overrun else 0x00, False
            return bytes([flag])
        if register == 0x72:
            return struct.pack(">H", len(self._bytes))
        if register == 0x74:
            return bytes(self._bytes.popleft() if self._bytes else 0xFF for _ in range(length))
        return super().answer(register, length)


class FakeLIS3DH(FifoChip):
    """LIS3DH: 32 levels; a burst over the output registers with the FIFO on goes from sample to sample."""

    depth = 32
    identity = (0x0F, 0x33)

    def sampling_hz(self) -> float:
        if self.memory[0x20] & 7 != 7:
            return 0.0
        return (0.0, 1.0, 10.0, 25.0, 50.0, 100.0, 200.0, 400.0, 1600.0, 1344.0)[min(self.memory[0x20] >> 4, 9)]

    def collecting(self) -> bool:
        return bool(self.memory[0x2E] >> 6 == 2 and self.memory[0x24] & 0x40)

    def put(self, sample: tuple[int, int, int]) -> None:
        super().put(sample)
        self.overrun = len(self.fifo) >= self.depth

    def answer(self, register: int, length: int) -> bytes:
        if register == 0x2F:
            level = len(self.fifo)
            return bytes([min(level, 31) | (0x40 if self.overrun else 0) | (0x20 if level == 0 else 0)])
        if register == 0xA8:
            self.overrun = False
            return b"".join(struct.pack("<hhh", *self.take()) for _ in range(length // 6))
        if register in (0x28, 0x29, 0x2A, 0x2B, 0x2C, 0x2D) and length > 1:
            return (
                bytes(self.memory[register : register + 1]) * length
            )  # without the increment bit it stays where it is
        return super().answer(register & 0x7F, length)
