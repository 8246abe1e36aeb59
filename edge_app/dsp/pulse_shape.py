# Runs unchanged on MicroPython.
"""Do the pulses of a window look alike? Each beat against the mean of all, in whole numbers.

Source: C. Orphanidou, T. Bonnici, P. Charlton, D. Clifton, D. Vallance, L. Tarassenko, "Signal-quality indices for the
electrocardiogram and photoplethysmogram: derivation and applications to wireless monitoring", IEEE J. Biomed. Health
Inform. 19(3):832-838, 2015 (adaptive template matching, accepted at a mean correlation of 0.86 for PPG). Here every
beat is scaled to the same size before the mean is taken, so that one artefact is not the whole template.
"""

from edge_app.dsp.rhythm import isqrt, median

POINTS = 24
"""Points a beat is looked at."""
LEAD = 8
"""Of these, how many lie before the beat's place."""
_SIZE_BITS = 11
"""Every beat is scaled to values below 2^11."""


def smoothed(samples, place: int, box: int) -> int:
    """Mean of the `box` samples around a place, rounded down."""
    first = place - (box >> 1)
    return sum([int(each) for each in samples[first : first + box]]) // box


def outline(samples, beat_q8: int, step_q16: int, box: int):
    """A beat at POINTS places, `step_q16` (1/65536 samples) apart, its mean taken away; None when it is cut off."""
    first = (beat_q8 << 8) - LEAD * step_q16
    last = first + (POINTS - 1) * step_q16
    if (first >> 16) < box or (last >> 16) + box > len(samples):
        return None
    values = [smoothed(samples, (first + k * step_q16) >> 16, box) for k in range(POINTS)]
    total = sum(values)
    return [POINTS * value - total for value in values]


def scaled(values: list[int]):
    """The same outline brought below 2^_SIZE_BITS; None when it is flat."""
    largest = max([abs(each) for each in values])
    if largest == 0:
        return None
    return [(each << _SIZE_BITS) // largest for each in values]


def correlation_percent(first: list[int], second: list[int]) -> int:
    """Correlation of two outlines, -100..100, towards zero rounded."""
    both = sum([first[k] * second[k] for k in range(len(first))])
    power = sum([a * a for a in first]) * sum([b * b for b in second])
    if power == 0:
        return 0
    size = isqrt(10000 * both * both // power)
    return size if both >= 0 else -size


def repeat_percent(samples, beats_q8, box: int) -> tuple[int, int]:
    """How alike the beats are: mean correlation of each with the mean beat (percent), and the usual height (counts).

    Parameters
    ----------
    samples : sequence of int16
    beats_q8 : sequence of int
        Places of the beats, rising (1/256 samples).
    box : int
        Samples a point is smoothed over.

    Returns
    -------
    (percent, counts), (0, 0) with fewer than three whole beats.
    """
    steps = [int(beats_q8[k + 1]) - int(beats_q8[k]) for k in range(len(beats_q8) - 1)]
    if not steps:
        return 0, 0
    step_q16 = (median(steps) << 8) // POINTS
    shapes, heights = [], []
    for beat in beats_q8:
        values = outline(samples, int(beat), step_q16, box)
        shape = scaled(values) if values else None
        if shape:
            shapes.append(shape)
            heights.append((max(values) - min(values)) // POINTS)
    if len(shapes) < 3:
        return 0, 0
    mean = [sum([shape[k] for shape in shapes]) for k in range(POINTS)]
    total = sum([correlation_percent(shape, mean) for shape in shapes])
    return total // len(shapes), median(heights)
