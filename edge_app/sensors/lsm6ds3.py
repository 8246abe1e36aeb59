# Runs unchanged on MicroPython.
"""LSM6DS3 accelerometer through its FIFO.

Sources: ST LSM6DS3 data sheet DocID026899 Rev 8, whose sections of "Registers description" are titled as cited below
("FIFO_CTRL5 (0Ah)"); 5.5 "FIFO"; application note AN4650.
"""

from edge_app.buses.registers import Bits, Field
from edge_app.sensors.driver import Driver

CONTINUOUS = 6
"""FIFO_MODE: a full FIFO drops its oldest data (FIFO_CTRL5 (0Ah))."""
BYPASS = 0


class LSM6DS3(Driver):
    """Accelerometer half of the LSM6DS3, ±2..±16 g, up to 3.33 kHz; the gyroscope stays off."""

    name = "LSM6DS3"
    addresses = (0x6A, 0x6B)
    address_hint = "the SDO/SA0 pin is the other way round"
    identity = ("who_am_i", 0x69)
    relatives = {0x6A: "LSM6DSL or LSM6DS3TR-C", 0x6B: "LSM6DSR", 0x6C: "LSM6DSO"}

    fifo_odr = Bits(0x0A, lowest=3, width=4)  # FIFO_CTRL5 (0Ah) ODR_FIFO
    fifo_mode = Bits(0x0A, lowest=0, width=3)  # FIFO_CTRL5 (0Ah) FIFO_MODE
    fifo_gyro_decimation = Bits(0x08, lowest=3, width=3)  # FIFO_CTRL3 (08h) DEC_FIFO_GYRO, 0: not in FIFO
    fifo_decimation = Bits(0x08, lowest=0, width=3)  # FIFO_CTRL3 (08h) DEC_FIFO_XL, 1: every sample
    who_am_i = Field(0x0F, "B")  # WHO_AM_I (0Fh)
    rate_code = Bits(0x10, lowest=4, width=4)  # CTRL1_XL (10h) ODR_XL
    range_code = Bits(0x10, lowest=2, width=2)  # CTRL1_XL (10h) FS_XL
    block_update = Bits(0x12, lowest=6, width=1)  # CTRL3_C (12h) BDU
    auto_increment = Bits(0x12, lowest=2, width=1)  # CTRL3_C (12h) IF_INC
    software_reset = Bits(0x12, lowest=0, width=1)  # CTRL3_C (12h) SW_RESET, clears itself
    fifo_status = Field(0x3A, "<HH")  # FIFO_STATUS1..4 (3Ah..3Dh): words and flags; pattern
    fifo_data = Field(0x3E, "<h")  # FIFO_DATA_OUT_L, H (3Eh, 3Fh); bursts stay on them (AN4650)

    rates = (
        (12.5, 1), (26, 2), (52, 3), (104, 4), (208, 5), (416, 6), (833, 7), (1666, 8), (3332, 9),
    )  # fmt: skip
    """CTRL1_XL (10h) ODR_XL (12.5 Hz · 2ⁿ, printed there as 13 Hz .. 3.33 kHz); the same codes serve ODR_FIFO."""
    ranges = ((2, 0), (4, 2), (8, 3), (16, 1))
    """CTRL1_XL (10h) FS_XL; note the order of the codes."""
    micro_g_per_count = {2: 61, 4: 122, 8: 244, 16: 488}
    """"Mechanical characteristics", LA_So (µg per count)."""
    fifo_samples = 1365
    """4095 words of 16 bits, three a sample: DIFF_FIFO (3Ah, 3Bh) has 12 bits of the 8 kbyte (5.5)."""

    def __init__(self, bus, address, rate_hz, range_g, sleep_ms):
        Driver.__init__(self, bus, address, rate_hz, range_g, sleep_ms)
        self.scale = self.micro_g_per_count[self.range_g] / 1000000
        self._status = bytearray(4)
        self._word = bytearray(2)

    def restart(self):
        self.fifo_mode = BYPASS
        self.fifo_mode = CONTINUOUS

    def settings(self):
        return (
            ("ODR_XL", self._rate_code, self.rate_code),
            ("FS_XL", self._range_code, self.range_code),
            ("ODR_FIFO", self._rate_code, self.fifo_odr),
            ("DEC_FIFO_XL", 1, self.fifo_decimation),
        )

    def read_into(self, out):
        status = self._status
        self.bus.read_into(self.address, 0x3A, status)
        if status[1] & 0x40:  # FIFO_STATUS2 (3Bh) OVER_RUN: what is left begins anywhere, so begin anew
            self.overruns += 1
            self.restart()
            return 0
        words = status[0] | (status[1] & 0x0F) << 8
        pattern = status[2] | (status[3] & 0x03) << 8  # FIFO_PATTERN: which word comes next; 0 is X
        while pattern and words:
            self.bus.read_into(self.address, 0x3E, self._word)
            pattern = (pattern + 1) % 3
            words -= 1
        n_samples = min(words // 3, len(out) // 3)
        if n_samples:
            self.bus.read_into(self.address, 0x3E, self._view(out, 3 * n_samples))
        return n_samples

    def _configure(self):
        self.software_reset = 1
        self._await("software_reset", 0, 50, "reset")
        self.block_update = 1
        self.auto_increment = 1
        self.fifo_gyro_decimation = 0
        self.fifo_decimation = 1
        self.fifo_odr = self._rate_code
        self.range_code = self._range_code
        self.rate_code = self._rate_code
        # AN4650 "Accelerometer turn-on time": the first samples after a start are wrong; let them pass.
        self.sleep_ms(5 + int(5000 // self.rate_hz))

    def _stop(self):
        self.fifo_mode = BYPASS
        self.rate_code = 0
