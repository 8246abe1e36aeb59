# Runs unchanged on MicroPython.
"""What every chip driver shares: the contract, the choice of a setting from a table, identity, bounded waits.

A driver is used by one thread. It is given a bus (`read_into`, `read_repeated`, `write`, `name`), an address, what is
asked of it, and `sleep_ms`; it opens nothing before `open()`. Afterwards `read_into(out)` moves samples from the chip's
FIFO into an `array('h')`, axes interleaved, and returns how many; times `scale` they are in `unit`.
"""

from edge_app.core.errors import BusError, ConfigError, SensorNotFound


class Driver:
    """Base of the chip drivers; a subclass declares its registers and the constants below."""

    name = ""
    """As printed on the chip."""
    unit = "g"
    n_axes = 3
    addresses: tuple = ()
    """Where it may sit, the usual one first."""
    address_hint = ""
    """Which pin chooses the address."""
    identity: tuple = ()
    """(register name, value that identifies the chip)."""
    relatives: dict = {}
    """Other values seen there: {value: name of the chip that gives it}."""
    rates: tuple = ()
    """(Hz, code) pairs, rising."""
    ranges: tuple = ()
    """(g, code) pairs, rising."""
    fifo_samples = 0
    """Samples the FIFO holds."""
    sample_bits = 54
    """Bus clocks a sample takes: bytes times nine."""

    def __init__(self, bus, address, rate_hz, range_g, sleep_ms):
        self.bus = bus
        self.address = address
        self.sleep_ms = sleep_ms
        self.rate_hz, self._rate_code = choose(self.rates, rate_hz, self.name, "rate_hz", "Hz")
        self.range_g, self._range_code = choose(self.ranges, range_g, self.name, "range_g", "g")
        self.scale = 0.0
        self.full_scale = 32767
        self.overruns = 0
        self._views = {}
        self._viewed = None

    @classmethod
    def max_rate_hz(cls, bus_hz: int) -> float:
        """Fastest rate a bus of that clock carries, with a quarter of its time left for others (Hz)."""
        fastest = 0.0
        for rate_hz, _ in cls.rates:
            if rate_hz * cls.sample_bits * 4 <= bus_hz * 3:
                fastest = rate_hz
        return fastest

    def place(self):
        """Where the chip should be, for messages."""
        return "%s address 0x%02X" % (self.bus.name, self.address)

    def open(self):
        """Check the identity, configure, read the configuration back, start the FIFO."""
        self._check_identity()
        self._configure()
        self._check_configuration()
        self.restart()

    def close(self):
        """Stop sampling; quiet when the chip is gone."""
        try:  # noqa: SIM105 MicroPython has no contextlib
            self._stop()
        except BusError:
            pass

    def restart(self):
        """Empty the FIFO and start it anew."""
        raise NotImplementedError

    def read_into(self, out):
        """Move samples from the FIFO to `out` (array('h'), interleaved x y z); the count of samples is returned.

        Never more than fit `out`, never more than the FIFO had at the beginning. Counts in `overruns` each time samples
        were lost before the ones it returns.
        """
        raise NotImplementedError

    def settings(self):
        """What was configured, as (name, value expected, value the chip holds)."""
        return ()

    def _configure(self):
        raise NotImplementedError

    def _stop(self):
        raise NotImplementedError

    def _check_identity(self):
        register, expected = self.identity
        try:
            found = getattr(self, register)
        except BusError as error:
            if error.kind != "nack":
                raise
            raise SensorNotFound(
                "%s expected at %s, but nothing answers there." % (self.name, self.place()), self._fix()
            ) from error
        if found != expected:
            relative = self.relatives.get(found)
            raise SensorNotFound(
                "%s expected at %s, but %s read 0x%02X%s instead of 0x%02X."
                % (
                    self.name, self.place(), register.upper(), found,
                    " (%s)" % relative if relative else "", expected,
                ),
                self._fix(),
            )  # fmt: skip

    def _check_configuration(self):
        for name, wanted, held in self.settings():
            if held != wanted:
                raise SensorNotFound(
                    "%s at %s does not keep its settings: %s is %d instead of %d."
                    % (self.name, self.place(), name, held, wanted),
                    "Check its supply voltage and wiring; a counterfeit chip may do the same.",
                )

    def _fix(self):
        others = ["0x%02X" % address for address in self.addresses if address != self.address]
        return "Check the wiring, or set `address: %s` if %s. `edge-app doctor` lists what answers." % (
            others[0] if others else "…",
            self.address_hint,
        )

    def _await(self, register, value, timeout_ms, what):
        """Wait until a register reads `value`."""
        for _ in range(timeout_ms):
            if getattr(self, register) == value:
                return
            self.sleep_ms(1)
        error = BusError(
            "%s at %s did not finish its %s within %d ms." % (self.name, self.place(), what, timeout_ms),
            "Switch the sensor off and on.",
        )
        error.kind = "timeout"
        raise error

    def _view(self, out, n_counts):
        """The first `n_counts` of `out`; slices are kept, so that steady reading allocates nothing."""
        if self._viewed is not out:
            self._viewed = out
            self._views = {}
        view = self._views.get(n_counts)
        if view is None:
            view = memoryview(out)[:n_counts]
            self._views[n_counts] = view
        return view


def choose(table: tuple, wanted: float, chip: str, key: str, unit: str) -> tuple:
    """The (value, code) row of a table that a configuration asks for, within one percent.

    Returns the row's value and code. Raises ConfigError naming what is allowed.
    """
    for value, code in table:
        if abs(value - wanted) * 100 <= value:
            return value, code
    allowed = ", ".join([str(value) for value, _ in table])
    raise ConfigError(
        "%s: %s (%s) is not one of the %s's." % (key, wanted, unit, chip), "Choose one of %s %s." % (allowed, unit)
    )
