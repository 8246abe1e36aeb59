"""A chip on the machine's own clock and a thread of its own, as the runtime reads it."""

from __future__ import annotations

import threading

import numpy as np

from edge_app.core.clock import SystemClock
from edge_app.sensors.chip import ChipSensor
from edge_app.sensors.lsm6ds3 import LSM6DS3
from edge_app.testing.fake_chips import FakeLSM6DS3
from edge_app.testing.fake_i2c import FakeI2CBus


def test_two_sensors_on_one_bus_lose_nothing_for_a_second_of_real_time():
    clock = SystemClock()
    bus = FakeI2CBus({0x6A: FakeLSM6DS3(clock), 0x6B: FakeLSM6DS3(clock)})
    heard: dict[int, list[int]] = {}
    ends_s: dict[int, float] = {}

    def read(address: int) -> None:
        driver = LSM6DS3(bus, address, 1666, 16, lambda ms: clock.sleep_s(ms / 1000))
        with ChipSensor(driver, bus, clock, axis="x") as sensor:
            numbers: list[int] = []
            while len(numbers) < 1666:
                frame = sensor.read(2.0)
                numbers += frame.samples[0].tolist()
                assert frame.lost == 0
            heard[address] = numbers
            ends_s[address] = clock.monotonic_s() - frame.end_s

    threads = [threading.Thread(target=read, args=(address,)) for address in bus.chips]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    for address in (0x6A, 0x6B):
        assert set(np.diff(heard[address]) % 1000) == {1}
        assert abs(ends_s[address]) < 0.05  # the newest sample is dated now, to a poll
    assert not bus.is_open
