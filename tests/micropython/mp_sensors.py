"""Register declarations and chip drivers on a tiny bus: the same under CPython and MicroPython."""

import gc
from array import array

from edge_app.buses.registers import Bits, Field, declared
from edge_app.core.errors import BusError, ConfigError, SensorNotFound
from edge_app.sensors.adxl345 import ADXL345
from edge_app.sensors.lis3dh import LIS3DH
from edge_app.sensors.lsm6ds3 import LSM6DS3
from edge_app.sensors.lsm6dso import LSM6DSO
from edge_app.sensors.max30102 import MAX30102
from edge_app.sensors.mpu6050 import MPU6050


def fill(buffer, data):
    """Bytes into a bytearray, or little-endian int16 into a memoryview of array('h')."""
    if isinstance(buffer, bytearray):
        buffer[:] = data
        return
    if len(buffer) == len(data):  # a view of bytes
        for position in range(len(data)):
            buffer[position] = data[position]
        return
    for position in range(len(buffer)):
        value = data[2 * position] | data[2 * position + 1] << 8
        buffer[position] = value - 65536 if value > 32767 else value


class TinyBus:
    """Registers as bytes, and FIFO registers as a function of the length asked."""

    name = "bus 1"

    def __init__(self, memory, fifo=None):
        self.memory = bytearray(256)
        for register in memory:
            data = memory[register]
            self.memory[register : register + len(data)] = data
        self.fifo = fifo or {}
        self.silent = False

    def _data(self, register, length):
        if self.silent:
            error = BusError("no answer", "check the wiring")
            error.kind = "nack"
            raise error
        if register in self.fifo:
            return self.fifo[register](length)
        return self.memory[register : register + length]

    def read_into(self, address, register, buffer):
        length = len(buffer)
        if not isinstance(buffer, bytearray) and register in self.fifo and register not in (0x78, 0x07):
            length = 2 * length
        fill(buffer, self._data(register, length))

    def read_repeated(self, address, register, size, buffer):
        fill(buffer, self._data(register, 2 * len(buffer)))

    def write(self, address, register, data):
        for position in range(len(data)):
            self.memory[register + position] = data[position]


class Clearing(TinyBus):
    """As a chip whose reset bits clear themselves."""

    def __init__(self, memory, resets, fifo=None):
        TinyBus.__init__(self, memory, fifo)
        self.resets = resets

    def write(self, address, register, data):
        TinyBus.write(self, address, register, data)
        if register in self.resets:
            self.memory[register] &= ~self.resets[register] & 0xFF


def repeated(sample):
    def give(length):
        return bytes(sample[position % len(sample)] for position in range(length))

    return give


def no_sleep(ms):
    pass


def told(kind, action, *arguments):
    """What an error of that kind says when `action` fails; empty when it does not."""
    try:
        action(*arguments)
    except kind as error:
        return str(error)
    return ""


class Chip:
    identity = Field(0x00, "B")
    xyz = Field(0x32, "<hhh")
    mode = Bits(0x38, lowest=6, width=2)

    def __init__(self, bus):
        self.bus = bus
        self.address = 0x53


def test_fields_and_bits_read_and_write():
    chip = Chip(TinyBus({0x00: b"\xe5", 0x32: b"\x01\x00\xff\xff\x00\x80", 0x38: b"\x1f"}))
    assert chip.identity == 0xE5
    assert chip.xyz == (1, -1, -32768)
    chip.mode = 2
    assert chip.bus.memory[0x38] == 0x9F
    assert chip.mode == 2


def test_a_value_too_wide_for_its_bits_is_refused():
    chip = Chip(TinyBus({}))
    assert "does not fit" in told(ValueError, setattr, chip, "mode", 4)


def test_declarations_can_be_listed():
    names = sorted([name for name, _ in declared(Chip)])
    assert names == ["identity", "mode", "xyz"]


def test_lsm6ds3_reads_a_batch_of_samples_in_place():
    # 9 words waiting, nothing overrun, pattern 0: three samples
    bus = Clearing(
        {0x0F: b"\x69", 0x3A: b"\x09\x00\x00\x00"}, {0x12: 0x01}, {0x3E: repeated(b"\x01\x00\xff\xff\x00\x80")}
    )
    driver = LSM6DS3(bus, 0x6A, 3332, 16, no_sleep)
    driver.open()
    out = array("h", [0] * 12)
    assert driver.read_into(out) == 3
    assert list(out) == [1, -1, -32768] * 3 + [0] * 3
    assert bus.memory[0x0A] == 9 << 3 | 6
    assert abs(driver.scale * 1000000 - 488) < 0.01


def test_lsm6ds3_counts_an_overrun_and_starts_the_fifo_anew():
    bus = Clearing({0x0F: b"\x69", 0x3A: b"\x09\x40\x00\x00"}, {0x12: 0x01})
    driver = LSM6DS3(bus, 0x6A, 833, 2, no_sleep)
    driver.open()
    assert driver.read_into(array("h", [0] * 12)) == 0
    assert driver.overruns == 1
    assert driver.read_into(array("h", [0] * 12)) == 0
    assert driver.overruns == 2


def test_lsm6dso_unpacks_tagged_words():
    bus = Clearing({0x0F: b"\x6c", 0x3A: b"\x03\x00"}, {0x12: 0x01}, {0x78: repeated(b"\x10\x02\x00\xfe\xff\x00\x40")})
    driver = LSM6DSO(bus, 0x6A, 3332, 16, no_sleep)
    driver.open()
    out = array("h", [0] * 9)
    assert driver.read_into(out) == 3
    assert list(out) == [2, -2, 16384] * 3


def test_adxl345_reads_its_entries():
    bus = TinyBus({0x00: b"\xe5", 0x39: b"\x02"}, {0x32: repeated(b"\x00\x00\x00\x00\x00\x01")})
    driver = ADXL345(bus, 0x53, 800, 16, no_sleep)
    driver.open()
    out = array("h", [9] * 9)
    assert driver.read_into(out) == 2
    assert list(out) == [0, 0, 256, 0, 0, 256, 9, 9, 9]
    assert driver.full_scale == 4095
    assert ADXL345.max_rate_hz(100000) == 200


def test_max30102_takes_the_upper_15_of_18_bits():
    bus = Clearing({0xFF: b"\x15"}, {0x09: 0x40}, {0x07: repeated(b"\x01\x00\x08")})
    driver = MAX30102(bus, 0x57, 100, 4096, "ir", 6.4, no_sleep)
    driver.open()
    bus.memory[0x04] = 2  # FIFO_WR_PTR: two samples wait
    out = array("h", [9] * 4)
    assert driver.read_into(out) == 2
    assert list(out) == [0x2001, 0x2001, 9, 9]  # 0x10008 >> 3
    bus.memory[0x05] = 1  # OVF_COUNTER
    assert driver.read_into(out) == 0
    assert driver.overruns == 1
    assert driver.rate_hz == 100


def test_mpu6050_swaps_bytes():
    bus = Clearing(
        {0x75: b"\x68", 0x72: b"\x00\x0c"}, {0x6B: 0x80, 0x6A: 0x04}, {0x74: repeated(b"\x01\x02\xff\xfe\x40\x00")}
    )
    driver = MPU6050(bus, 0x68, 1000, 2, no_sleep)
    driver.open()
    out = array("h", [0] * 9)
    assert driver.read_into(out) == 2
    assert list(out) == [258, -2, 16384] * 2 + [0] * 3


def test_lis3dh_reads_a_full_fifo():
    bus = TinyBus({0x0F: b"\x33", 0x2F: b"\x5f"}, {0xA8: repeated(b"\x10\x00\x00\x00\xf0\xff")})
    driver = LIS3DH(bus, 0x18, 1344, 2, no_sleep)
    driver.open()
    out = array("h", [0] * 96)
    assert driver.read_into(out) == 32
    assert driver.overruns == 1
    assert list(out) == [16, 0, -16] * 32


def test_a_wrong_chip_a_silent_one_and_a_wrong_rate_are_told():
    bus = TinyBus({0x0F: b"\x6c"})
    driver = LSM6DS3(bus, 0x6A, 3332, 16, no_sleep)
    assert "WHO_AM_I read 0x6C (LSM6DSO) instead of 0x69" in told(SensorNotFound, driver.open)
    bus.silent = True
    assert "nothing answers there" in told(SensorNotFound, driver.open)
    driver.close()
    assert "Choose one of 12.5, 26" in told(ConfigError, LSM6DS3, bus, 0x6A, 1000, 16, no_sleep)


class QuietBus:
    """Answers status registers with two set bytes, leaves FIFO buffers as they are, and makes no garbage."""

    name = "bus 1"

    def __init__(self, low, high):
        self.low = low
        self.high = high

    def read_into(self, address, register, buffer):
        if len(buffer) <= 4:
            buffer[0] = self.low
            if len(buffer) > 1:
                buffer[1] = self.high

    def read_repeated(self, address, register, size, buffer):
        pass


def garbage_of(driver_class, address, rate_hz, low, high):
    """Bytes the heap grows by in a hundred reads of eight samples; None where it cannot be told."""
    if not hasattr(gc, "mem_alloc"):
        return None
    driver = driver_class(QuietBus(low, high), address, rate_hz, 16, no_sleep)
    out = array("h", [0] * 64)
    read_into = driver.read_into
    read_into(out)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(100):
        read_into(out)
    grown = gc.mem_alloc() - before
    gc.enable()
    return grown


def test_steady_reading_makes_no_garbage():
    assert not garbage_of(LSM6DS3, 0x6A, 3332, 24, 0)  # 24 words are 8 samples
    assert not garbage_of(LSM6DSO, 0x6A, 3332, 8, 0)
    assert not garbage_of(ADXL345, 0x53, 800, 8, 0)  # overrun bit 0 is clear in 8
    assert not garbage_of(MPU6050, 0x68, 1000, 0, 48)  # big endian: 48 bytes are 8 samples
    assert not garbage_of(LIS3DH, 0x18, 1344, 8, 0)
