from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from edge_app.buses.registers import Bits, Field, declared
from edge_app.sensors.adxl345 import ADXL345
from edge_app.sensors.lis3dh import LIS3DH
from edge_app.sensors.lsm6ds3 import LSM6DS3
from edge_app.sensors.lsm6dso import LSM6DSO
from edge_app.sensors.mpu6050 import MPU6050
from edge_app.testing.fake_i2c import FakeI2CBus

DRIVERS = [ADXL345, LIS3DH, LSM6DS3, LSM6DSO, MPU6050]


class Chip:
    """A chip with one register of each kind."""

    identity = Field(0x00, "B")
    xyz = Field(0x32, "<hhh")
    word = Field(0x72, ">H")
    mode = Bits(0x38, lowest=6, width=2)
    level = Bits(0x38, lowest=0, width=5)

    def __init__(self, bus):
        self.bus = bus
        self.address = 0x53


@pytest.fixture
def bus():
    bus = FakeI2CBus({0x53: {0x00: b"\xe5", 0x32: b"\x01\x00\xff\xff\x00\x80", 0x38: b"\x9f", 0x72: b"\x01\x02"}})
    with bus:
        yield bus


def test_a_field_of_one_value_reads_as_a_number_and_of_several_as_a_tuple_in_one_burst(bus):
    chip = Chip(bus)
    assert chip.identity == 0xE5
    assert chip.xyz == (1, -1, -32768)
    assert bus.reads == [(0x53, 0x00, 1), (0x53, 0x32, 6)]


def test_a_field_keeps_the_byte_order_of_its_format(bus):
    assert Chip(bus).word == 0x0102


def test_a_field_is_written_in_one_transfer(bus):
    chip = Chip(bus)
    chip.xyz = (1, 2, -2)
    assert bus.writes == [(0x53, 0x32, b"\x01\x00\x02\x00\xfe\xff")]


def test_bits_read_and_write_their_own_bits_and_leave_the_others(bus):
    chip = Chip(bus)
    assert (chip.mode, chip.level) == (2, 31)  # 0x9f is 10 0 11111
    chip.level = 4
    assert bus.writes == [(0x53, 0x38, b"\x84")]  # 10 0 00100
    assert (chip.mode, chip.level) == (2, 4)


@pytest.mark.parametrize("value", [-1, 4])
def test_a_value_that_does_not_fit_its_bits_is_refused_before_it_reaches_the_bus(bus, value):
    chip = Chip(bus)
    with pytest.raises(ValueError, match="does not fit the bits 0xC0 of register 0x38"):
        chip.mode = value
    assert bus.writes == []


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
def test_no_driver_declares_a_bit_twice(driver):
    seen: dict[tuple[int, int], str] = {}
    for name, declaration in declared(driver):
        for register, mask in declaration.bits():
            for bit in (1 << n for n in range(8) if mask >> n & 1):
                other = seen.setdefault((register, bit), name)
                assert other == name, f"{name} and {other} share bit 0x{bit:02X} of register 0x{register:02X}"
    assert seen


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
def test_no_driver_declares_a_name_twice(driver):
    # the second declaration would silently win: only the source shows both
    tree = ast.parse(Path(inspect.getfile(driver)).read_text())
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == driver.__name__).body
    names = [target.id for node in body if isinstance(node, ast.Assign) for target in node.targets]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
def test_every_declared_register_carries_its_place_in_the_data_sheet(driver):
    lines = inspect.getsource(driver).splitlines()
    declarations = [line for line in lines if " = Field(" in line or " = Bits(" in line]
    assert len(declarations) == len(declared(driver))
    assert all("#" in line for line in declarations)
