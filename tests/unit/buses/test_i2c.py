from __future__ import annotations

import errno
import os
import threading
from array import array

import pytest

from edge_app.buses import i2c
from edge_app.buses.i2c import I2CBus, installed, list_buses, shared
from edge_app.core.errors import BusError
from edge_app.testing.fake_i2c import FakeChip, FakeI2CBus

TRANSFER_ERRORS = {
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
    errno.EINVAL: "failed",
    errno.EOPNOTSUPP: "failed",
}


class Counter(FakeChip):
    """A FIFO register: every byte read tells how many came before it."""

    def __init__(self):
        super().__init__()
        self.given = 0

    def read(self, register, length):
        self.given += length
        return bytes(n & 0xFF for n in range(self.given - length, self.given))


def test_a_buffer_of_any_kind_is_filled_in_place_from_a_register():
    bus = FakeI2CBus({0x6A: {0x28: b"\x01\x00\xfe\xff"}})
    counts, data = array("h", [0, 0]), bytearray(2)
    with bus:
        bus.read_into(0x6A, 0x28, counts)
        bus.read_into(0x6A, 0x28, data)
        bus.read_into(0x6A, 0x29, memoryview(counts)[:1])
    assert counts.tolist() == [-512, -2]  # 00 fe
    assert data == b"\x01\x00"


def test_a_fifo_longer_than_linux_takes_in_one_message_is_read_in_pieces_of_whole_samples():
    bus = FakeI2CBus({0x6A: Counter()})
    buffer = bytearray(20000)
    with bus:
        bus.read_into(0x6A, 0x3E, buffer)
    assert buffer == bytes(n & 0xFF for n in range(20000))
    assert [length for _, _, length in bus.reads] == [8190, 8190, 3620]
    assert {register for _, register, _ in bus.reads} == {0x3E}
    assert 8190 % 6 == 0  # both sizes of samples are never cut
    assert 8190 % 7 == 0


def test_repeated_reads_address_the_register_anew_and_stay_below_the_kernels_limit_of_42_messages():
    bus = FakeI2CBus({0x53: Counter()})
    counts = array("h", bytes(6 * 33))
    with bus:
        bus.read_repeated(0x53, 0x32, 6, counts)
    assert bus.reads == [(0x53, 0x32, 6)] * 33  # the fake refuses more than 42 messages in a transfer, as Linux does
    assert counts.tobytes() == bytes(range(6 * 33))


@pytest.mark.parametrize(("number", "kind"), TRANSFER_ERRORS.items(), ids=lambda value: str(value))
def test_every_errno_of_a_transfer_becomes_a_bus_error_that_says_what_where_and_how_to_fix_it(number, kind):
    bus = FakeI2CBus({0x6A: {}})
    bus.fail(number)
    with bus, pytest.raises(BusError) as caught:
        bus.read_into(0x6A, 0x0F, bytearray(1))
    assert caught.value.kind == kind
    assert "I2C bus 1 address 0x6A register 0x0F" in caught.value.what
    assert errno.errorcode[number] in caught.value.what
    assert caught.value.fix
    assert isinstance(caught.value.__cause__, OSError)


def test_a_bus_that_does_not_exist_is_named_with_those_that_do(monkeypatch):
    monkeypatch.setattr(i2c, "list_buses", lambda: [0, 20])
    bus = FakeI2CBus({}, number=7, open_errno=errno.ENOENT)
    with pytest.raises(BusError) as caught:
        bus.open()
    assert caught.value.what == "No I2C bus 7: /dev/i2c-7 does not exist; buses here: 0, 20."
    assert "raspi-config" in caught.value.fix
    assert caught.value.kind == "gone"


def test_a_real_bus_that_does_not_exist_gives_the_same_error():
    if os.path.exists("/dev/i2c-250"):
        pytest.skip("this machine has a bus 250")
    with pytest.raises(BusError, match="No I2C bus 250"):
        I2CBus(250).open()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_bus_without_permission_says_which_group_to_join(number):
    with pytest.raises(BusError) as caught:
        FakeI2CBus({}, open_errno=number).open()
    assert "No permission to open /dev/i2c-1" in caught.value.what
    assert "usermod -aG i2c" in caught.value.fix
    assert caught.value.kind == "access"


def test_any_other_failure_to_open_names_the_device_file():
    with pytest.raises(BusError, match="Cannot open /dev/i2c-1"):
        FakeI2CBus({}, open_errno=errno.EMFILE).open()


def test_a_closed_bus_is_a_clear_error():
    bus = FakeI2CBus({0x6A: {}})
    with bus:
        pass
    with pytest.raises(BusError, match="I2C bus 1 is closed"):
        bus.write(0x6A, 0x10, b"\x00")


def test_sensors_share_the_bus_and_the_last_one_closes_it():
    bus = FakeI2CBus({0x6A: {}})
    bus.open()
    bus.open()
    bus.close()
    assert bus.is_open
    bus.close()
    bus.close()
    assert not bus.is_open


def test_transfers_of_two_threads_never_mix():
    class Guard(FakeChip):
        inside = False

        def read(self, register, length):
            assert not Guard.inside
            Guard.inside = True
            data = super().read(register, length)
            Guard.inside = False
            return data

    bus = FakeI2CBus({0x6A: Guard({0x0F: b"\x69"})})
    failures = []

    def work():
        try:
            for _ in range(300):
                bus.read_into(0x6A, 0x0F, bytearray(64))
        except AssertionError as error:
            failures.append(error)

    with bus:
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures


def test_a_scan_finds_the_addresses_that_answer():
    with FakeI2CBus({0x53: {}, 0x6A: {}}) as bus:
        assert bus.scan() == [0x53, 0x6A]


def test_a_scan_of_a_locked_up_bus_says_so_instead_of_finding_nothing():
    bus = FakeI2CBus({0x53: {}})
    bus.lock_up()
    with bus, pytest.raises(BusError, match="holds the bus") as caught:
        bus.scan()
    assert caught.value.kind == "timeout"


def test_one_object_stands_for_each_bus_number_and_a_fake_can_take_its_place():
    real = shared(77)
    assert shared(77) is real
    fake = FakeI2CBus({}, number=77)
    with installed(fake):
        assert shared(77) is fake
    assert shared(77) is real


def test_the_bus_clock_is_unknown_where_there_is_no_device_tree():
    assert I2CBus(250).clock_hz() is None


def test_buses_are_listed_by_number(monkeypatch):
    monkeypatch.setattr(i2c.glob, "glob", lambda pattern: ["/dev/i2c-20", "/dev/i2c-1"])
    assert list_buses() == [1, 20]
