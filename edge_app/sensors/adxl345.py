# Runs unchanged on MicroPython.
"""ADXL345 accelerometer through its FIFO. Source: Analog Devices ADXL345 data sheet, Rev. E (headings below)."""

from edge_app.buses.registers import Bits, Field
from edge_app.sensors.driver import Driver

STREAM = 2
"""FIFO_CTL.FIFO_MODE: a full FIFO drops its oldest sample ("FIFO", Table 22)."""
BYPASS = 0
SAMPLE_BYTES = 6


class ADXL345(Driver):
    """ADXL345 three-axis accelerometer in full resolution, ±2..±16 g, 3.9 mg per count in every range."""

    name = "ADXL345"
    addresses = (0x53, 0x1D)
    address_hint = "the SDO pin is high"
    identity = ("devid", 0xE5)
    relatives = {}

    devid = Field(0x00, "B")  # "Register Map", DEVID, always 0xE5
    rate_code = Bits(0x2C, lowest=0, width=4)  # BW_RATE.Rate
    low_power = Bits(0x2C, lowest=4, width=1)  # BW_RATE.LOW_POWER
    measure = Bits(0x2D, lowest=3, width=1)  # POWER_CTL.Measure
    interrupt_source = Field(0x30, "B")  # INT_SOURCE: bit 0 is Overrun, cleared by reading data
    range_code = Bits(0x31, lowest=0, width=2)  # DATA_FORMAT.Range
    justify = Bits(0x31, lowest=2, width=1)  # DATA_FORMAT.Justify, 0: right
    full_resolution = Bits(0x31, lowest=3, width=1)  # DATA_FORMAT.FULL_RES
    raw_xyz = Field(0x32, "<hhh")  # DATAX0..DATAZ1, one burst: same instant
    fifo_mode = Bits(0x38, lowest=6, width=2)  # FIFO_CTL.FIFO_MODE
    fifo_entries = Bits(0x39, lowest=0, width=6)  # FIFO_STATUS.Entries

    rates = (
        (6.25, 6), (12.5, 7), (25, 8), (50, 9), (100, 10), (200, 11), (400, 12), (800, 13),
    )  # fmt: skip
    """Table 7. 1600 and 3200 Hz are left out: I2C is too slow for them, see `max_rate_hz`."""
    ranges = ((2, 0), (4, 1), (8, 2), (16, 3))
    """"Register 0x31—DATA_FORMAT", Table 21."""
    fifo_samples = 32
    """"FIFO": 32 levels; one more waits in the data registers."""

    def __init__(self, bus, address, rate_hz, range_g, sleep_ms):
        Driver.__init__(self, bus, address, rate_hz, range_g, sleep_ms)
        self.scale = 0.0039  # "Specifications", scale factor, all g-ranges, full resolution: 3.9 mg/LSB
        self.full_scale = 256 * self.range_g - 1  # same table, 256 LSB/g: 10 bits at ±2 g, 13 at ±16 g
        self._byte = bytearray(1)

    @classmethod
    def max_rate_hz(cls, bus_hz: int) -> float:
        """ "I2C": 800 Hz at 400 kHz, scaling with the bus clock (200 Hz at 100 kHz)."""
        fastest = 0.0
        for rate_hz, _ in cls.rates:
            if rate_hz * 500 <= bus_hz:
                fastest = rate_hz
        return fastest

    def restart(self):
        self.fifo_mode = BYPASS
        self.fifo_mode = STREAM

    def settings(self):
        return (
            ("Rate", self._rate_code, self.rate_code),
            ("Range", self._range_code, self.range_code),
            ("FULL_RES", 1, self.full_resolution),
        )

    def read_into(self, out):
        byte = self._byte
        self.bus.read_into(self.address, 0x30, byte)
        if byte[0] & 0x01:  # "Overrun": set when the FIFO is full; data behind it may be lost
            self.overruns += 1
        self.bus.read_into(self.address, 0x39, byte)
        n_samples = min(byte[0] & 0x3F, len(out) // 3)
        if n_samples:
            # "FIFO": each burst over DATAX0..DATAZ1 takes one sample; 5 µs must pass before the next, which the
            # addressing of an I2C transfer takes in any case (two bytes: 45 µs at 400 kHz).
            self.bus.read_repeated(self.address, 0x32, SAMPLE_BYTES, self._view(out, 3 * n_samples))
        return n_samples

    def _configure(self):
        self.measure = 0  # "Theory of Operation": configure in standby
        self.fifo_mode = BYPASS
        self.low_power = 0
        self.rate_code = self._rate_code
        self.justify = 0
        self.full_resolution = 1
        self.range_code = self._range_code
        self.measure = 1
        # "Turn-On Time": 1.1 ms and one period until the first sample is right.
        self.sleep_ms(2 + int(1000 // self.rate_hz))

    def _stop(self):
        self.measure = 0
        self.fifo_mode = BYPASS
