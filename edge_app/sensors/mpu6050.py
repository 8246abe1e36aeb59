# Runs unchanged on MicroPython.
"""MPU-6050 accelerometer through its FIFO.

Source: InvenSense MPU-6000/MPU-6050 Register Map and Descriptions RM-MPU-6000A, Rev 4.2, chapter 4, whose sections are
titled by register number ("Register 26 – Configuration"); product specification PS-MPU-6000A.
"""

from edge_app.buses.registers import Bits, Field
from edge_app.sensors.driver import Driver

SAMPLE_BYTES = 6
PLL_X_GYRO = 1
"""Register 107 CLKSEL: the gyroscope's oscillator is the stable one."""


class MPU6050(Driver):
    """Accelerometer half of the MPU-6050, ±2..±16 g, 1 kHz at most; the gyroscope's values are not read."""

    name = "MPU-6050"
    addresses = (0x68, 0x69)
    address_hint = "the AD0 pin is high"
    identity = ("who_am_i", 0x68)
    relatives = {0x70: "MPU-6500", 0x71: "MPU-9250", 0x73: "MPU-9255", 0x19: "MPU-6886", 0x98: "ICM-20689"}

    rate_divider = Field(0x19, "B")  # Register 25 SMPLRT_DIV
    filter_code = Bits(0x1A, lowest=0, width=3)  # Register 26 CONFIG DLPF_CFG
    range_code = Bits(0x1C, lowest=3, width=2)  # Register 28 ACCEL_CONFIG AFS_SEL
    fifo_sources = Field(0x23, "B")  # Register 35 FIFO_EN: bit 3 is ACCEL_FIFO_EN
    overflow_interrupt = Bits(0x38, lowest=4, width=1)  # Register 56 INT_ENABLE FIFO_OFLOW_EN
    interrupt_status = Field(0x3A, "B")  # Register 58 INT_STATUS: bit 4 is FIFO_OFLOW_INT, cleared by reading
    fifo_enable = Bits(0x6A, lowest=6, width=1)  # Register 106 USER_CTRL FIFO_EN
    fifo_reset = Bits(0x6A, lowest=2, width=1)  # Register 106 USER_CTRL FIFO_RESET, while FIFO_EN is 0
    device_reset = Bits(0x6B, lowest=7, width=1)  # Register 107 PWR_MGMT_1 DEVICE_RESET, clears itself
    sleep = Bits(0x6B, lowest=6, width=1)  # Register 107 PWR_MGMT_1 SLEEP, 1 after a reset
    clock_source = Bits(0x6B, lowest=0, width=3)  # Register 107 PWR_MGMT_1 CLKSEL
    fifo_count = Field(0x72, ">H")  # Registers 114, 115 FIFO_COUNT_H, L (bytes), both in one read
    fifo_data = Field(0x74, "B")  # Register 116 FIFO_R_W; bursts stay on it
    who_am_i = Field(0x75, "B")  # Register 117 WHO_AM_I

    rates = ((50, (4, 19)), (100, (3, 9)), (125, (3, 7)), (200, (2, 4)), (250, (2, 3)), (500, (1, 1)), (1000, (0, 7)))
    """Codes are (DLPF_CFG, SMPLRT_DIV): the widest filter below half the rate (Register 26: 260, 184, 94, 44, 21 Hz for
    0..4); rate = 1 kHz / (1 + divider), or 8 kHz with DLPF_CFG 0 (Register 25). At 1 kHz the filter is 260 Hz wide."""
    ranges = ((2, 0), (4, 1), (8, 2), (16, 3))
    """Register 28 AFS_SEL."""
    counts_per_g = {2: 16384, 4: 8192, 8: 4096, 16: 2048}
    """Registers 59 to 64, "LSB Sensitivity"."""
    fifo_samples = 170
    """1024 bytes, six a sample (product specification, "FIFO")."""

    def __init__(self, bus, address, rate_hz, range_g, sleep_ms):
        Driver.__init__(self, bus, address, rate_hz, range_g, sleep_ms)
        self.scale = 1 / self.counts_per_g[self.range_g]
        self._status = bytearray(1)
        self._count = bytearray(2)

    def restart(self):
        self.fifo_sources = 0
        self.fifo_enable = 0
        self.fifo_reset = 1
        self._await("fifo_reset", 0, 10, "FIFO reset")
        self.interrupt_status  # noqa: B018 reading clears what the old FIFO left
        self.fifo_enable = 1
        self.fifo_sources = 0x08

    def settings(self):
        filter_code, divider = self._rate_code
        return (
            ("SMPLRT_DIV", divider, self.rate_divider),
            ("DLPF_CFG", filter_code, self.filter_code),
            ("AFS_SEL", self._range_code, self.range_code),
            ("SLEEP", 0, self.sleep),
        )

    def read_into(self, out):
        self.bus.read_into(self.address, 0x3A, self._status)
        if self._status[0] & 0x10:  # FIFO_OFLOW_INT: 1024 is no multiple of 6, what is left begins anywhere
            self.overruns += 1
            self.restart()
            return 0
        self.bus.read_into(self.address, 0x72, self._count)
        n_samples = min((self._count[0] << 8 | self._count[1]) // SAMPLE_BYTES, len(out) // 3)
        if n_samples:
            self.bus.read_into(self.address, 0x74, self._view(out, 3 * n_samples))
            self._swap(out, 3 * n_samples)
        return n_samples

    def _swap(self, out, n_counts):
        """Big endian (Registers 59 to 64) to the machine's order; MicroPython's array has no byteswap."""
        for position in range(n_counts):
            value = out[position]
            value = (value & 0xFF) << 8 | (value >> 8) & 0xFF
            out[position] = value - 65536 if value > 32767 else value

    def _configure(self):
        self.device_reset = 1
        self.sleep_ms(100)  # the reset takes up to 100 ms
        self._await("device_reset", 0, 100, "reset")
        self.sleep = 0
        self.clock_source = PLL_X_GYRO
        self.filter_code, self.rate_divider = self._rate_code
        self.range_code = self._range_code
        self.overflow_interrupt = 1
        self.sleep_ms(30)  # product specification, gyroscope start-up time: its oscillator is the clock

    def _stop(self):
        self.fifo_sources = 0
        self.fifo_enable = 0
        self.sleep = 1
