# Runs unchanged on MicroPython.
"""LIS3DH accelerometer through its FIFO, high resolution.

Sources: ST LIS3DH data sheet DocID17530 Rev 2, whose sections of "Registers description" are titled as cited below
("CTRL_REG1 (20h)"); 5.1 "FIFO"; application note AN3308.
"""

from edge_app.buses.registers import Bits, Field
from edge_app.sensors.driver import Driver

STREAM = 2
"""FIFO_CTRL_REG.FM: a full FIFO drops its oldest sample (5.1.3)."""
BYPASS = 0
INCREMENT = 0x80
"""Bit of the register address that lets it advance in a burst ("I2C operation")."""


class LIS3DH(Driver):
    """LIS3DH three-axis accelerometer, ±2..±16 g, 12 bits left-justified, up to 1344 Hz."""

    name = "LIS3DH"
    addresses = (0x18, 0x19)
    address_hint = "the SDO/SA0 pin is high"
    identity = ("who_am_i", 0x33)
    relatives = {0x32: "LIS331DLH", 0x3B: "LIS302DL", 0x3F: "LIS3DSH", 0x44: "LIS2DW12"}

    who_am_i = Field(0x0F, "B")  # WHO_AM_I (0Fh) (the register-compatible LIS2DH12 has the same)
    rate_code = Bits(0x20, lowest=4, width=4)  # CTRL_REG1 (20h) ODR
    low_power = Bits(0x20, lowest=3, width=1)  # CTRL_REG1 (20h) LPen
    axes_enable = Bits(0x20, lowest=0, width=3)  # CTRL_REG1 (20h) Zen Yen Xen
    block_update = Bits(0x23, lowest=7, width=1)  # CTRL_REG4 (23h) BDU
    range_code = Bits(0x23, lowest=4, width=2)  # CTRL_REG4 (23h) FS
    high_resolution = Bits(0x23, lowest=3, width=1)  # CTRL_REG4 (23h) HR
    fifo_enable = Bits(0x24, lowest=6, width=1)  # CTRL_REG5 (24h) FIFO_EN
    raw_xyz = Field(0x28 | INCREMENT, "<hhh")  # OUT_X_L..OUT_Z_H (28h..2Dh); with the FIFO, bursts roll over (AN3308)
    fifo_mode = Bits(0x2E, lowest=6, width=2)  # FIFO_CTRL_REG (2Eh) FM
    fifo_source = Field(0x2F, "B")  # FIFO_SRC_REG (2Fh)

    rates = ((10, 2), (25, 3), (50, 4), (100, 5), (200, 6), (400, 7), (1344, 9))
    """CTRL_REG1 (20h) ODR, high-resolution and normal mode."""
    ranges = ((2, 0), (4, 1), (8, 2), (16, 3))
    """CTRL_REG4 (23h) FS."""
    milli_g_per_digit = {2: 1, 4: 2, 8: 4, 16: 12}
    """"Mechanical characteristics", So in high-resolution mode; 16 g is the odd one."""
    fifo_samples = 32
    """5.1."""

    def __init__(self, bus, address, rate_hz, range_g, sleep_ms):
        Driver.__init__(self, bus, address, rate_hz, range_g, sleep_ms)
        self.scale = self.milli_g_per_digit[self.range_g] / 16000  # 12 bits stand in the upper bits of 16
        self.full_scale = 2047 * 16
        self._source = bytearray(1)

    def restart(self):
        self.fifo_mode = BYPASS  # 5.1.1: bypass empties the FIFO
        self.fifo_mode = STREAM

    def settings(self):
        return (
            ("ODR", self._rate_code, self.rate_code),
            ("FS", self._range_code, self.range_code),
            ("HR", 1, self.high_resolution),
            ("FIFO_EN", 1, self.fifo_enable),
        )

    def read_into(self, out):
        self.bus.read_into(self.address, 0x2F, self._source)
        source = self._source[0]
        n_samples = source & 0x1F  # FSS
        if source & 0x40:  # OVRN_FIFO: the FIFO is full, data behind it may be lost
            self.overruns += 1
            n_samples = 32
        n_samples = min(n_samples, len(out) // 3)
        if n_samples:
            self.bus.read_into(self.address, 0x28 | INCREMENT, self._view(out, 3 * n_samples))
        return n_samples

    def _configure(self):
        self.fifo_mode = BYPASS
        self.rate_code = 0
        self.low_power = 0
        self.axes_enable = 7
        self.block_update = 1
        self.high_resolution = 1
        self.range_code = self._range_code
        self.fifo_enable = 1
        self.rate_code = self._rate_code
        # "Mechanical characteristics" and AN3308, turn-on time in high-resolution mode: 7 periods of the rate.
        self.sleep_ms(2 + int(7000 // self.rate_hz))

    def _stop(self):
        self.fifo_mode = BYPASS
        self.rate_code = 0
