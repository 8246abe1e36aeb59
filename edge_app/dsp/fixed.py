# Runs unchanged on MicroPython.
"""Integer logarithm and roundings that both runtimes share; the arithmetic is docs/reference/front-end.md, "Logarithm".

Formats: Qn is an integer that stands for value / 2**n. All divisions are shifts that round towards minus infinity.
"""

from array import array

# fmt: off
LOG2_TABLE = array(
    "i",
    (
        # floor(2**16 * log2(1 + i/256) + 1/2) for i = 0..256; 256 steps and the closing 65536.
        0, 369, 736, 1102, 1466, 1829, 2190, 2551, 2909, 3267, 3623, 3978, 4331, 4683, 5034, 5384, 5732, 6079, 6425,
        6769, 7112, 7454, 7795, 8134, 8473, 8810, 9146, 9480, 9814, 10146, 10477, 10807, 11136, 11464, 11791, 12116,
        12440, 12764, 13086, 13407, 13727, 14046, 14363, 14680, 14996, 15310, 15624, 15937, 16248, 16559, 16868, 17177,
        17484, 17791, 18096, 18401, 18704, 19007, 19308, 19609, 19909, 20207, 20505, 20802, 21098, 21393, 21687, 21980,
        22272, 22564, 22854, 23144, 23433, 23720, 24007, 24293, 24579, 24863, 25146, 25429, 25711, 25992, 26272, 26551,
        26830, 27108, 27384, 27660, 27936, 28210, 28484, 28757, 29029, 29300, 29571, 29840, 30109, 30378, 30645, 30912,
        31178, 31443, 31707, 31971, 32234, 32496, 32758, 33019, 33279, 33538, 33797, 34055, 34312, 34569, 34825, 35080,
        35334, 35588, 35841, 36094, 36346, 36597, 36847, 37097, 37346, 37595, 37842, 38090, 38336, 38582, 38827, 39072,
        39316, 39559, 39802, 40044, 40286, 40527, 40767, 41006, 41246, 41484, 41722, 41959, 42196, 42432, 42667, 42902,
        43137, 43370, 43603, 43836, 44068, 44300, 44530, 44761, 44990, 45220, 45448, 45676, 45904, 46131, 46357, 46583,
        46809, 47034, 47258, 47482, 47705, 47928, 48150, 48372, 48593, 48813, 49034, 49253, 49472, 49691, 49909, 50127,
        50344, 50560, 50776, 50992, 51207, 51422, 51636, 51850, 52063, 52276, 52488, 52700, 52911, 53122, 53332, 53542,
        53751, 53960, 54169, 54377, 54584, 54791, 54998, 55204, 55410, 55615, 55820, 56025, 56229, 56432, 56635, 56838,
        57040, 57242, 57443, 57644, 57845, 58045, 58245, 58444, 58643, 58841, 59039, 59237, 59434, 59631, 59827, 60023,
        60219, 60414, 60609, 60803, 60997, 61190, 61384, 61576, 61769, 61961, 62152, 62343, 62534, 62725, 62915, 63104,
        63294, 63483, 63671, 63859, 64047, 64234, 64421, 64608, 64794, 64980, 65166, 65351,
        65536,
    ),
)
# fmt: on


def log2_q16(value: int) -> int:
    """log2 of a whole number >= 1 in Q16: 16 bits below the leading one, table of 256 steps, linear in between.

    Error against log2 below 4e-5 (2.5 counts). Raises ValueError below 1.
    """
    if value < 1:
        raise ValueError("log2 of %d: needs a whole number of 1 or more" % value)
    exponent = 0
    mantissa = value
    while mantissa >= 1 << 48:
        mantissa >>= 32
        exponent += 32
    while mantissa >= 1 << 17:
        mantissa >>= 1
        exponent += 1
    while mantissa < 1 << 16:
        mantissa <<= 1
        exponent -= 1
    step = (mantissa >> 8) & 255
    low = LOG2_TABLE[step]
    return ((exponent + 16) << 16) + low + (((LOG2_TABLE[step + 1] - low) * (mantissa & 255) + 128) >> 8)


def log2_q8(value: int) -> int:
    """log2 of a whole number >= 1 in Q8, from `log2_q16` rounded once."""
    return (log2_q16(value) + 128) >> 8


def clamp_int16(value: int) -> int:
    """`value` within -32768..32767."""
    return -32768 if value < -32768 else 32767 if value > 32767 else value


# fmt: off
_EXP2_STEPS_Q30 = (
    # floor(2**30 * 2**(-1/2**k) + 1/2) for k = 1..8
    759250125, 902905651, 984625594, 1028218693, 1050733751, 1062175491, 1067942999, 1070838486,
)
# fmt: on


def exp2_q16(below_q8: int) -> int:
    """2**(-below/256) in Q16 for `below` >= 0: the fraction of what lies `below` (log2 in Q8) the whole."""
    fraction = 1 << 30
    for place, step in enumerate(_EXP2_STEPS_Q30):
        if below_q8 & (128 >> place):
            fraction = (fraction * step + (1 << 29)) >> 30
    return fraction >> 14 >> (below_q8 >> 8)
