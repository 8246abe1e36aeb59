# Runs unchanged on MicroPython.
"""MAX30102 pulse sensor through its FIFO. Source: Maxim MAX30102 data sheet 19-7740 Rev 1 (headings below).

One of its two lights is used: infrared reaches deeper, red shows more of the skin. The chip averages samples taken at
400 Hz with pulses of 411 µs (18 bit); of the 18 bits the upper 15 become counts, since int16 holds no more.
"""

from edge_app.buses.registers import Bits, Field
from edge_app.sensors.driver import Driver, choose

MULTI_LED = 7
"""MODE[2:0]: the slots of Multi-LED Mode Control say which light is on ("Mode Configuration")."""
CHIP_RATE_CODE = 3
"""SPO2_SR[2:0]: 400 samples a second ("SpO2 Configuration")."""
PULSE_WIDTH_CODE = 3
"""LED_PW[1:0]: 411 µs, 18 bit."""
LED_STEP_MA = 0.2
"""LEDx_PA: 0.2 mA a step, 51 mA at most ("LED Pulse Amplitude")."""
SAMPLE_BYTES = 3
SHIFT = 3
"""Of the 18 bits the lowest three are dropped."""


class MAX30102(Driver):
    """MAX30102 with one light: photocurrent in counts, nanoamperes by `scale`."""

    name = "MAX30102"
    unit = "au"
    n_axes = 1
    addresses = (0x57,)
    address_hint = "it is another chip"
    identity = ("part_id", 0x15)
    relatives = {0x11: "MAX30100"}

    fifo_pointers = Field(0x04, "BBB")  # FIFO_WR_PTR, OVF_COUNTER, FIFO_RD_PTR, one burst: same instant
    averaging = Bits(0x08, lowest=5, width=3)  # FIFO Configuration, SMP_AVE
    rollover = Bits(0x08, lowest=4, width=1)  # FIFO_ROLLOVER_EN, 0: a full FIFO takes no more
    mode = Bits(0x09, lowest=0, width=3)  # Mode Configuration, MODE
    reset = Bits(0x09, lowest=6, width=1)  # RESET, clears itself
    shutdown = Bits(0x09, lowest=7, width=1)  # SHDN
    pulse_width = Bits(0x0A, lowest=0, width=2)  # SpO2 Configuration, LED_PW
    chip_rate = Bits(0x0A, lowest=2, width=3)  # SPO2_SR
    range_code = Bits(0x0A, lowest=5, width=2)  # SPO2_ADC_RGE
    red_current = Field(0x0C, "B")  # LED1_PA
    infrared_current = Field(0x0D, "B")  # LED2_PA
    first_slot = Bits(0x11, lowest=0, width=3)  # Multi-LED Mode Control, SLOT1: 1 is LED1, 2 is LED2
    second_slot = Bits(0x11, lowest=4, width=3)  # SLOT2: 0 is nothing
    part_id = Field(0xFF, "B")  # Part ID, always 0x15

    rates = ((25, 4), (50, 3), (100, 2), (200, 1), (400, 0))
    """Rate after averaging 16, 8, 4, 2 or 1 samples of 400 Hz ("FIFO Configuration", SMP_AVE)."""
    ranges = ((2048, 0), (4096, 1), (8192, 2), (16384, 3))
    """(nA, code): "SpO2 Configuration", SPO2_ADC_RGE."""
    lights = {"red": 1, "ir": 2}
    fifo_samples = 32
    """ "FIFO": 32 samples."""
    sample_bits = 27

    def __init__(self, bus, address, rate_hz, range_na, light, led_ma, sleep_ms):
        self.bus = bus
        self.address = address
        self.sleep_ms = sleep_ms
        self.rate_hz, self._rate_code = choose(self.rates, rate_hz, self.name, "rate_hz", "Hz")
        self.range_na, self._range_code = choose(self.ranges, range_na, self.name, "range_na", "nA")
        self._slot = self.lights[light]
        self._current = int(led_ma / LED_STEP_MA + 0.5)
        self.scale = self.range_na / 32768
        self.full_scale = 32767  # all 18 bits set
        self.overruns = 0
        self._bytes = bytearray(SAMPLE_BYTES * self.fifo_samples)
        self._pointers = bytearray(3)
        self._views = {}

    def restart(self):
        self.fifo_pointers = (0, 0, 0)

    def settings(self):
        return (
            ("SMP_AVE", self._rate_code, self.averaging),
            ("SPO2_ADC_RGE", self._range_code, self.range_code),
            ("SPO2_SR", CHIP_RATE_CODE, self.chip_rate),
            ("MODE", MULTI_LED, self.mode),
            ("SLOT1", self._slot, self.first_slot),
        )

    def read_into(self, out):
        pointers = self._pointers
        self.bus.read_into(self.address, 0x04, pointers)
        if pointers[1] & 0x1F:  # OVF_COUNTER: the FIFO was full and samples after those in it are lost
            self.overruns += 1
            self.restart()
            return 0
        n_samples = min((pointers[0] - pointers[2]) & 0x1F, len(out))
        if n_samples:
            raw = self._raw(SAMPLE_BYTES * n_samples)
            self.bus.read_into(self.address, 0x07, raw)  # "FIFO Data": the address does not go on
            for index in range(n_samples):
                at = SAMPLE_BYTES * index
                out[index] = ((raw[at] & 0x03) << 16 | raw[at + 1] << 8 | raw[at + 2]) >> SHIFT
        return n_samples

    def _raw(self, length):
        """The first bytes of the buffer; slices are kept, so that steady reading allocates nothing."""
        view = self._views.get(length)
        if view is None:
            view = memoryview(self._bytes)[:length]
            self._views[length] = view
        return view

    def _configure(self):
        self.reset = 1
        self._await("reset", 0, 100, "reset")
        self.averaging = self._rate_code
        self.rollover = 0
        self.range_code = self._range_code
        self.chip_rate = CHIP_RATE_CODE
        self.pulse_width = PULSE_WIDTH_CODE
        self.red_current = self._current if self._slot == 1 else 0
        self.infrared_current = self._current if self._slot == 2 else 0
        self.first_slot = self._slot
        self.second_slot = 0
        self.mode = MULTI_LED

    def _stop(self):
        self.shutdown = 1
