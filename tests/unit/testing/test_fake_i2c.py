from __future__ import annotations

import errno

import pytest

from edge_app.core.errors import BusError
from edge_app.testing.clock import FakeClock
from edge_app.testing.fake_chips import FakeLSM6DS3, counting
from edge_app.testing.fake_i2c import FakeChip, FakeI2CBus


def test_bytes_behind_an_address_read_back_and_can_be_written():
    with FakeI2CBus({0x53: {0x00: b"\xe5"}}) as bus:
        data = bytearray(2)
        bus.write(0x53, 0x01, b"\x07")
        bus.read_into(0x53, 0x00, data)
    assert data == b"\xe5\x07"
    assert bus.reads == [(0x53, 0x00, 2)]
    assert bus.writes == [(0x53, 0x01, b"\x07")]


def test_failures_come_when_and_as_often_as_ordered():
    told = []
    with FakeI2CBus({0x53: {}}) as bus:
        bus.fail(errno.EREMOTEIO, times=2, after=1)
        for _ in range(4):
            try:
                bus.read_into(0x53, 0x00, bytearray(1))
                told.append("ok")
            except BusError as error:
                told.append(error.kind)
    assert told == ["ok", "nack", "nack", "ok"]


def test_a_locked_bus_times_out_for_everybody_until_it_is_released():
    with FakeI2CBus({0x53: {}, 0x6A: {}}) as bus:
        bus.lock_up()
        for address in (0x53, 0x6A):
            with pytest.raises(BusError, match="timed out"):
                bus.read_into(address, 0x00, bytearray(1))
        bus.release()
        bus.read_into(0x53, 0x00, bytearray(1))


def test_a_chip_plugged_in_again_has_forgotten_everything_but_its_identity():
    chip = FakeChip({0x0F: b"\x69"})
    with FakeI2CBus({0x6A: chip}) as bus:
        bus.write(0x6A, 0x10, b"\x99")
        bus.unplug(0x6A)
        with pytest.raises(BusError):
            bus.read_into(0x6A, 0x0F, bytearray(1))
        bus.plug(0x6A)
        data = bytearray(2)
        bus.read_into(0x6A, 0x0F, data)
    assert data == b"\x69\x00"


def test_another_chip_can_be_plugged_in_at_an_address():
    with FakeI2CBus({0x6A: {0x0F: b"\x69"}}) as bus:
        bus.plug(0x6A, FakeChip({0x0F: b"\x6c"}))
        data = bytearray(1)
        bus.read_into(0x6A, 0x0F, data)
    assert data == b"\x6c"


def test_a_fifo_fills_with_the_clock_and_drops_the_oldest_when_full():
    clock = FakeClock()
    chip = FakeLSM6DS3(clock)
    chip.write(0x08, b"\x01")
    chip.write(0x10, b"\x90")  # 3332 Hz
    chip.write(0x0A, b"\x4e")  # the same in the FIFO, continuous
    clock.advance(10 / 3332)
    assert list(chip.read(0x3A, 4)) == [30, 0, 0, 0]  # ten samples of three words
    assert chip.read(0x3E, 2) == b"\x00\x00"  # x of the first: number 0
    assert list(chip.read(0x3A, 4)) == [29, 0, 1, 0]  # y is next
    clock.advance(1.0)
    assert chip.read(0x3A, 2)[1] & 0x40  # overrun


def test_the_counting_signal_tells_the_number_of_each_sample():
    assert counting(0) == (0, 0, 1000)
    assert counting(1234) == (234, -234, 1000)
