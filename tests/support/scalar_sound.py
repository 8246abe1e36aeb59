# Runs unchanged on MicroPython.
# ruff: noqa: B905, RUF007
"""Log-mel features a second time, from docs/reference/front-end.md, section 10, alone: plain integers, slow."""

import math

from scalar_frontend import (
    added,
    band_limit,
    const16,
    fft,
    lg,
    normalised,
    position,
    rnd,
    shares,
    twiddles,
    weighted_sum,
)


def mel_edges(low_hz, high_hz, bands):
    """Millihertz."""
    low, high = math.log(1 + low_hz / 700) / math.log(10), math.log(1 + high_hz / 700) / math.log(10)
    return [math.floor(700000 * (10 ** (low + (high - low) * b / bands) - 1) + 0.5) for b in range(bands + 1)]


def frame_energies(u, frame, hop, size, top):
    """E[t][0..top-1] of every frame."""
    count = (len(u) - frame) // hop + 1
    window = [math.floor(16384 - 16384 * math.cos(2 * math.pi * i / frame) + 0.5) for i in range(frame)]
    table = twiddles(size) if size <= 1024 else twiddles_4096()
    out = []
    for t in range(0, count, 2):
        v = [(0, 0)] * size
        for i in range(frame):
            second = rnd(window[i] * u[(t + 1) * hop + i], 15) if t + 1 < count else 0
            v[i] = (rnd(window[i] * u[t * hop + i], 15), second)
        z = fft(v, table)
        both = ([], [])
        for k in range(top):
            (a, b), (c, d) = z[k], z[-k]
            both[0].append((a + c) ** 2 + (b - d) ** 2)
            both[1].append((b + d) ** 2 + (a - c) ** 2)
        out += both
    return out[:count]


def twiddles_4096():
    angles = [2 * math.pi * k / 4096 for k in range(4096)]
    return [(math.floor(32768 * math.cos(a) + 0.5), math.floor(-32768 * math.sin(a) + 0.5)) for a in angles]


def log_mel_statistics(levels):
    """[band …, spread …, flux …] of L[t][b]."""
    g, n = len(levels), len(levels[0])
    sums = [sum([frame[b] for frame in levels]) for b in range(n)]
    means = [(2 * s + g) // (2 * g) for s in sums]
    mean = (2 * sum(sums) + n * g) // (2 * n * g)
    spread, flux = [], []
    for b in range(n):
        squares = sum([(frame[b] - means[b]) ** 2 for frame in levels])
        spread.append(rnd(lg(squares + g) - lg(g), 9))
        steps = sum([abs(levels[t + 1][b] - levels[t][b]) for t in range(g - 1)])
        flux.append(rnd(lg(steps + g - 1) - lg(g - 1), 8))
    return [m - mean for m in means] + spread + flux


def sound_features(x, rate_hz, scale, low_hz, high_hz, bands, min_rate_hz, frame_ms, hop_ms, floor_db):
    """int16 counts of one channel to (features, rms_fs)."""
    y, m = band_limit(x, rate_hz, min_rate_hz, high_hz)
    if m == 1:
        y = [v << 8 for v in x]
    u, shift = normalised(y, 25)
    r_mhz = math.floor(1000 * rate_hz / m + 0.5)
    frame, hop = math.floor(frame_ms * r_mhz / 1000000 + 0.5), math.floor(hop_ms * r_mhz / 1000000 + 0.5)
    size = 256 if frame <= 256 else 1024 if frame <= 1024 else 4096
    edges = mel_edges(low_hz, high_hz, bands)
    at = [position(f, r_mhz, size) for f in edges]
    lists = [shares(at[0], at[-1])] + [shares(lo, hi) for lo, hi in zip(at, at[1:])]
    top = max([k for entries in lists for k, _ in entries]) + 1
    frames = [[weighted_sum(e, entries, 8) for entries in lists] for e in frame_energies(u, frame, hop, size, top)]
    if max([one[0][0] for one in frames]) == 0:
        return [0] * (3 * bands), -32768
    high = max([one[0][1] for one in frames])
    level = lg(sum([rnd(one[0][0], high - one[0][1]) for one in frames])) + (high << 16) - lg(len(frames))
    floors = []
    for b in range(bands):
        share = math.log((edges[b + 1] - edges[b]) / (edges[-1] - edges[0])) / math.log(2)
        floors.append(rnd(level, 8) + math.floor(256 * (share - floor_db / 3.010299956639812) + 0.5))
    levels = []
    for one in frames:
        raw = [rnd(lg(total) + (e << 16), 8) if total else -32768 for total, e in one[1:]]
        levels.append([added(v, floor, 1) for v, floor in zip(raw, floors)])
    constant = 2 * math.log(scale) / math.log(2) - 16 + math.log(size / (0.75 * frame)) / math.log(2)
    return log_mel_statistics(levels), rnd(level + const16(constant) - (shift << 17), 9)
