# Runs unchanged on MicroPython.
"""Registers as declarations: a driver opens with its register map and then reads like the data sheet.

The owner of a declaration has `bus` (read_into, write), `address` and nothing else to offer. MicroPython has no
`__set_name__`, so a declaration does not know its own name; tests/unit/buses/test_registers.py checks that no driver
declares a name or a bit twice.
"""

import struct


class Field:
    """One or more whole registers, read or written in one transfer.

    Parameters
    ----------
    register : int
        Address of the first register.
    form : str
        struct format of the bytes from there on; one value reads as a number, several as a tuple.
    """

    def __init__(self, register, form):
        self.register = register
        self.form = form
        self.length = struct.calcsize(form)

    def __get__(self, chip, owner=None):
        if chip is None:
            return self
        buffer = bytearray(self.length)
        chip.bus.read_into(chip.address, self.register, buffer)
        values = struct.unpack(self.form, buffer)
        return values[0] if len(values) == 1 else values

    def __set__(self, chip, value):
        values = value if isinstance(value, tuple) else (value,)
        chip.bus.write(chip.address, self.register, struct.pack(self.form, *values))

    def bits(self):
        """The (register, mask) pairs this declaration covers."""
        return [(self.register + offset, 0xFF) for offset in range(self.length)]


class Bits:
    """Some neighbouring bits of one register; writing leaves the others as they are.

    Parameters
    ----------
    register : int
        Address of the register.
    lowest : int
        Number of the lowest bit, 0..7.
    width : int
        How many bits.
    """

    def __init__(self, register, lowest, width):
        self.register = register
        self.lowest = lowest
        self.mask = ((1 << width) - 1) << lowest

    def __get__(self, chip, owner=None):
        if chip is None:
            return self
        buffer = bytearray(1)
        chip.bus.read_into(chip.address, self.register, buffer)
        return (buffer[0] & self.mask) >> self.lowest

    def __set__(self, chip, value):
        if value < 0 or (value << self.lowest) & ~self.mask:
            raise ValueError("%d does not fit the bits 0x%02X of register 0x%02X" % (value, self.mask, self.register))
        buffer = bytearray(1)
        chip.bus.read_into(chip.address, self.register, buffer)
        buffer[0] = (buffer[0] & ~self.mask & 0xFF) | (value << self.lowest)
        chip.bus.write(chip.address, self.register, buffer)

    def bits(self):
        """The (register, mask) pair this declaration covers."""
        return [(self.register, self.mask)]


def declared(chip_class):
    """All declarations of a class and its bases, as (name, declaration) pairs."""
    found = []
    for name in dir(chip_class):
        declaration = getattr(chip_class, name)
        if isinstance(declaration, (Field, Bits)):
            found.append((name, declaration))
    return found
