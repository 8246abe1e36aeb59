# Runs unchanged on MicroPython.
"""LSM6DSO accelerometer through its FIFO, whose words carry a tag.

Sources: ST LSM6DSO data sheet DS12140 Rev 2, whose sections of "Register description" are titled as cited below
("FIFO_CTRL3 (09h)"); 6.5 "FIFO"; application note AN5192.
"""

from edge_app.buses.registers import Bits, Field
from edge_app.sensors.driver import Driver

CONTINUOUS = 6
"""FIFO_MODE: a full FIFO drops its oldest data (FIFO_CTRL4 (0Ah))."""
BYPASS = 0
WORD_BYTES = 7
"""One tag byte and three axes (6.5.7 "FIFO reading procedure")."""
TAG_ACCELEROMETER = 2
"""FIFO_DATA_OUT_TAG.TAG_SENSOR of an uncompressed accelerometer word."""
BATCH_WORDS = 64
"""Words read at once into the driver's own buffer."""


class LSM6DSO(Driver):
    """Accelerometer half of the LSM6DSO, ±2..±16 g, up to 3.33 kHz; the gyroscope stays off."""

    name = "LSM6DSO"
    addresses = (0x6A, 0x6B)
    address_hint = "the SDO/SA0 pin is the other way round"
    identity = ("who_am_i", 0x6C)
    relatives = {0x69: "LSM6DS3", 0x6A: "LSM6DSL or LSM6DS3TR-C", 0x6B: "LSM6DSR"}

    batch_rate = Bits(0x09, lowest=0, width=4)  # FIFO_CTRL3 (09h) BDR_XL
    batch_rate_gyro = Bits(0x09, lowest=4, width=4)  # FIFO_CTRL3 (09h) BDR_GY, 0: not in FIFO
    fifo_mode = Bits(0x0A, lowest=0, width=3)  # FIFO_CTRL4 (0Ah) FIFO_MODE
    who_am_i = Field(0x0F, "B")  # WHO_AM_I (0Fh)
    rate_code = Bits(0x10, lowest=4, width=4)  # CTRL1_XL (10h) ODR_XL
    range_code = Bits(0x10, lowest=2, width=2)  # CTRL1_XL (10h) FS_XL
    block_update = Bits(0x12, lowest=6, width=1)  # CTRL3_C (12h) BDU
    auto_increment = Bits(0x12, lowest=2, width=1)  # CTRL3_C (12h) IF_INC
    software_reset = Bits(0x12, lowest=0, width=1)  # CTRL3_C (12h) SW_RESET, clears itself
    new_full_scale = Bits(0x17, lowest=1, width=1)  # CTRL8_XL (17h) XL_FS_MODE, 0: up to ±16 g
    i3c_off = Bits(0x18, lowest=1, width=1)  # CTRL9_XL (18h) I3C_disable
    fifo_status = Field(0x3A, "<H")  # FIFO_STATUS1, 2 (3Ah, 3Bh): words and flags
    fifo_word = Field(0x78, "<Bhhh")  # FIFO_DATA_OUT_TAG (78h) .. Z_H (7Eh); bursts roll over (AN5192)

    rates = (
        (12.5, 1), (26, 2), (52, 3), (104, 4), (208, 5), (416, 6), (833, 7), (1666, 8), (3332, 9),
    )  # fmt: skip
    """CTRL1_XL (10h) ODR_XL (12.5 Hz · 2ⁿ, printed there up to 3.33 kHz); the same codes serve BDR_XL."""
    ranges = ((2, 0), (4, 2), (8, 3), (16, 1))
    """CTRL1_XL (10h) FS_XL with XL_FS_MODE = 0; note the order of the codes."""
    micro_g_per_count = {2: 61, 4: 122, 8: 244, 16: 488}
    """"Mechanical characteristics", LA_So (µg per count)."""
    fifo_samples = 512
    """3 kbyte of words without compression (6.5)."""
    sample_bits = 9 * WORD_BYTES

    def __init__(self, bus, address, rate_hz, range_g, sleep_ms):
        Driver.__init__(self, bus, address, rate_hz, range_g, sleep_ms)
        self.scale = self.micro_g_per_count[self.range_g] / 1000000
        self._status = bytearray(2)
        self._words = bytearray(WORD_BYTES * BATCH_WORDS)

    def restart(self):
        self.fifo_mode = BYPASS
        self.fifo_mode = CONTINUOUS

    def settings(self):
        return (
            ("ODR_XL", self._rate_code, self.rate_code),
            ("FS_XL", self._range_code, self.range_code),
            ("BDR_XL", self._rate_code, self.batch_rate),
        )

    def read_into(self, out):
        status = self._status
        self.bus.read_into(self.address, 0x3A, status)
        if status[1] & 0x48:  # FIFO_OVR_IA or FIFO_OVR_LATCHED (3Bh); words stay whole, so what is left is good
            self.overruns += 1
        words = min(status[0] | (status[1] & 0x03) << 8, len(out) // 3)
        n_samples = 0
        while words:
            batch = min(words, BATCH_WORDS)
            self.bus.read_into(self.address, 0x78, self._view(self._words, WORD_BYTES * batch))
            n_samples = self._unpack(batch, out, n_samples)
            words -= batch
        return n_samples

    def _unpack(self, batch, out, n_samples):
        """Accelerometer words to interleaved counts; `range` with a step would make garbage on MicroPython."""
        words = self._words
        position = 3 * n_samples
        start = 0
        for _ in range(batch):
            if words[start] >> 3 == TAG_ACCELEROMETER:
                for low in range(start + 1, start + 7, 2):
                    value = words[low] | words[low + 1] << 8
                    out[position] = value - 65536 if value > 32767 else value
                    position += 1
            start += WORD_BYTES
        return position // 3

    def _configure(self):
        self.software_reset = 1
        self._await("software_reset", 0, 50, "reset")
        self.i3c_off = 1
        self.block_update = 1
        self.auto_increment = 1
        self.new_full_scale = 0
        self.batch_rate_gyro = 0
        self.batch_rate = self._rate_code
        self.range_code = self._range_code
        self.rate_code = self._rate_code
        # AN5192 "Accelerometer turn-on time": the first samples after a start are wrong; let them pass.
        self.sleep_ms(5 + int(5000 // self.rate_hz))

    def _stop(self):
        self.fifo_mode = BYPASS
        self.rate_code = 0
