"""A made-up pulse at 30 Hz in whole numbers, for every runtime: intervals, heights and noise of a small generator."""

WAVE = (
    0, 40, 260, 620, 900, 1000, 960, 850, 720, 620, 570, 560, 545, 490, 420, 350, 285, 225, 170, 125, 85, 55, 30, 10,
)  # fmt: skip
EXPECTED = [1566, 1446, 1483, -32768, -629]
"""Features of the first 900 samples, half a minute: 69 bpm, SDNN 50 ms, RMSSD 55 ms, nothing uneven, 0.18."""
EXPECTED_REPEAT = (99, 3785)
"""How alike the pulses are (percent), and how high (counts)."""


def samples(count):
    """So many int16 samples."""
    found, seed = [], 12345
    while len(found) < count:
        seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
        height, pause = 12 + (seed >> 8) % 9, (seed >> 16) % 5
        for value in WAVE + (0,) * pause:
            seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
            found.append(-8000 - value * height // 4 + (seed >> 20) % 64)
    return found[:count]
