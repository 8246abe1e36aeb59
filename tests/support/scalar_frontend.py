# Runs unchanged on MicroPython.
# ruff: noqa: B905, RUF005, RUF007
"""The front end a second time, from docs/reference/front-end.md alone: plain integers, one number at a time, slow.

Section numbers are the page's. Tables of sections 3 and 6 are made in integers; the constants that need a logarithm, a
root or a Bessel function use `math` in double precision, as the page says.
"""

import math

COS_1024 = 1152899801185339687
SIN_1024 = 7074193361797233


def rnd(v, n):
    return (v + (1 << (n - 1))) >> n if n > 0 else v << -n


def bits(v):
    count = 0
    while v:
        v >>= 1
        count += 1
    return count


def const16(r):
    return math.floor(65536 * r + 0.5)


# 1. Band limiting


def lowpass(p, s, q=18):
    h = math.ceil((70 - 8) / (2.285 * 2 * math.pi * (s - p)) / 2)
    beta = 0.1102 * (70 - 8.7)
    c = p + s
    a = []
    for k in range(h + 1):
        sinc = math.sin(math.pi * c * k) / (math.pi * c * k) if k else 1.0
        a.append(c * sinc * bessel(beta * math.sqrt(1 - (k / h) ** 2)))
    whole = a[0] + 2 * sum(a[1:])
    side = [math.floor((1 << q) * v / whole + 0.5) for v in a[1:]]
    return list(reversed(side)) + [(1 << q) - 2 * sum(side)] + side


def bessel(x):
    term = total = 1.0
    for k in range(1, 60):
        term *= (x / (2 * k)) ** 2
        total += term
    return total


def band_limit(x, rate_hz, min_rate_hz, high_hz):
    """(samples in Q8, M)"""
    if rate_hz < 2.25 * high_hz:
        return [v << 8 for v in x], 1
    m = max(1, int(rate_hz / max(min_rate_hz, 2.25 * high_hz) + 1e-9))
    taps = lowpass(high_hz / rate_hz, 1.25 * high_hz / rate_hz)
    outputs = (len(x) - len(taps)) // m + 1
    return [rnd(sum(t * x[i * m + k] for k, t in enumerate(taps)), 10) for i in range(outputs)], m


# 2. Mean and normalisation


def normalised(y, target):
    """(u, g)"""
    n = len(y)
    mean = (2 * sum(y) + n) // (2 * n)
    z = [v - mean for v in y]
    q = max([abs(v) for v in z])
    g = target - bits(q) if q else 0
    return [rnd(v, -g) for v in z], g


def target_bits(pairs):
    b = 25
    while pairs > 8 * 4 ** (25 - b):
        b -= 1
    return b


# 3. Segments, window, transform


def circle(n):
    """cos and sin of 2 pi k / n, k = 0..n-1, in Q60, by turning step by step; n divides 1024."""
    one = 1 << 60
    c, s = one, 0
    out = []
    for k in range(1024):
        if k % (1024 // n) == 0:
            out.append((c, s))
        c, s = rnd(c * COS_1024 - s * SIN_1024, 60), rnd(s * COS_1024 + c * SIN_1024, 60)
    return out


def hann(n):
    return [rnd((1 << 74) - (c << 14), 60) for c, _ in circle(n)]


def twiddles(n):
    return [(rnd(c << 15, 60), rnd(-s << 15, 60)) for c, s in circle(n)]


def turned(number, quarter_turns):
    """(-i)^quarter_turns times a complex number given as (real, imaginary)."""
    re, im = number
    for _ in range(quarter_turns % 4):
        re, im = im, -re
    return re, im


def fft(v, table):
    """`v`: (real, imaginary) pairs; `table`: twiddles of its length."""
    size = len(v)
    y = [[one] for one in v]
    done = 1
    while done < size:
        m = size // (4 * done)
        step = size // (4 * done)
        out = []
        for j in range(m):
            whole = [None] * (4 * done)
            for k in range(done):
                terms = []
                for p in range(4):
                    wr, wi = table[p * k * step]
                    re, im = y[j + m * p][k]
                    terms.append((wr * re - wi * im, wr * im + wi * re))
                for q in range(4):
                    re = im = 1 << 16
                    for p in range(4):
                        dr, di = turned(terms[p], p * q)
                        re += dr
                        im += di
                    whole[k + done * q] = (re >> 17, im >> 17)
            out.append(whole)
        y = out
        done *= 4
    return y[0]


def segments_of(n, half=None):
    """(S, G, hop, P)"""
    size = 1024 if n >= 1024 else 256 if n >= 256 else 64
    count = 1 + -(-(n - size) // (size // 2))
    return size, count, (n - size) // (count - 1) if count > 1 else 0, (count + 1) // 2


# 4. Power


def power(u, top, window=None, size=None):
    """E[0..top-1]"""
    segment, count, hop, pairs = segments_of(len(u))
    window = window or hann(segment)
    table = twiddles(segment)
    e = [0] * top
    for j in range(pairs):
        v = []
        for i in range(segment):
            second = rnd(window[i] * u[(2 * j + 1) * hop + i], 15) if 2 * j + 1 < count else 0
            v.append((rnd(window[i] * u[2 * j * hop + i], 15), second))
        z = fft(v, table)
        for k in range(top):
            for re, im in (z[k], z[-k]):
                e[k] += re * re + im * im
    return e


# 5. Band sums


def position(f_mhz, r_mhz, size):
    return (2 * f_mhz * 256 * size + r_mhz) // (2 * r_mhz)


def shares(lo, hi):
    first, last = (lo + 128) >> 8, (hi + 127) >> 8
    return [(k, min(hi, 256 * k + 128) - max(lo, 256 * k - 128)) for k in range(first, last + 1)]


def weighted_sum(e, entries, shift):
    """(sum, exponent)"""
    exponent = bits(max([e[k] for k, _ in entries])) - 22
    return sum([rnd(weight * rnd(e[k], exponent), shift) for k, weight in entries]), exponent


def velocity_entries(lo, hi):
    out = []
    for k, s in shares(lo, hi):
        if k:
            d = k * k << 24
            out.append((k, (2 * s * lo * lo * (1 << 24) + d) // (2 * d)))
    return out


# 6. Logarithm


def log2_table():
    """floor(65536 log2(1 + i/256) + 1/2) by repeated squaring, 40 binary digits."""
    table = []
    for i in range(256):
        m = (256 + i) << 52
        digits = 0
        for _ in range(40):
            m = (m * m) >> 60
            digits <<= 1
            if m >> 61:
                m >>= 1
                digits |= 1
        table.append(rnd(digits, 24))
    return table + [65536]


LOG2 = log2_table()


def lg(v):
    a = bits(v) - 1
    mu = v >> (a - 16) if a > 16 else v << (16 - a)
    i = (mu >> 8) & 255
    return (a << 16) + LOG2[i] + (((LOG2[i + 1] - LOG2[i]) * (mu & 255) + 128) >> 8)


# 7. Moments


def moments(u, b):
    r = [rnd(v, b - 15) for v in u]
    return max([abs(v) for v in r]), sum([v * v for v in r]), sum([rnd(v * v, 15) ** 2 for v in r])


# 8. Features


def floor_q8(value):
    return math.floor(256 * math.log(value) / math.log(2) + 0.5)


def added(a, b, halves):
    """Sum of two powers (halves 1) or amplitudes (halves 2) from their levels in Q8."""
    d = min(abs(a - b), 2559)
    return max(a, b) + math.floor(256 / halves * math.log(1 + 2 ** (-halves * d / 256)) / math.log(2) + 0.5)


def axis_features(x, rate_hz, scale, low_hz, high_hz, bands, min_rate_hz, noise_ug=300):
    """int16 counts of one axis to its features, not yet clipped."""
    y, m = band_limit(x, rate_hz, min_rate_hz, high_hz)
    n = len(y)
    size, count, _, pairs = segments_of(n)
    b = target_bits(pairs)
    u, g = normalised(y, b)
    r_mhz = math.floor(1000 * rate_hz / m + 0.5)
    edges = [math.floor(1000 * low_hz * (high_hz / low_hz) ** (i / bands) + 0.5) for i in range(bands + 1)]
    at = [position(f, r_mhz, size) for f in edges]
    lists = [(shares(at[0], at[-1]), 8)]
    velocity = low_hz <= 10 and high_hz >= 1000
    if velocity:
        lists.append((velocity_entries(position(10000, r_mhz, size), position(1000000, r_mhz, size)), 17))
    lists += [(shares(lo, hi), 8) for lo, hi in zip(at, at[1:])]
    top = max([k for entries, _ in lists for k, _ in entries]) + 1
    e = power(u, top)
    k0 = math.log(scale) / math.log(2) - 8
    k_power = 2 * k0 - math.log(0.375 * count) / math.log(2)
    levels = []
    for index, (entries, shift) in enumerate(lists):
        total, exponent = weighted_sum(e, entries, shift)
        constant = k_power
        if velocity and index == 1:
            constant += 2 * math.log(9806.65 / (20 * math.pi)) / math.log(2) - 7
        q16 = lg(total) + (exponent << 16) + const16(constant) - (g << 17) if total else None
        amplitude = index == 0 or (velocity and index == 1)
        levels.append(-32768 if q16 is None else rnd(q16, 9 if amplitude else 8))
    f = [edge / 1000 for edge in edges]
    floor = floor_q8(20e-6 * math.sqrt(f[-1] - f[0]))
    levels[0] = max(levels[0], floor)
    d = noise_ug * 1e-6
    first = 1
    if velocity:
        first = 2
        levels[1] = added(levels[1], floor_q8(math.sqrt(d * d * (1 / 10 - 1 / 1000)) * 9806.65 / (2 * math.pi)), 2)
    for i in range(bands):
        levels[first + i] = added(levels[first + i], floor_q8(d * d * (f[i + 1] - f[i])), 1)
    if levels[0] == floor:
        return [floor, floor + 512, 512, 406] + levels[1:]
    peak, m2, m4 = moments(u, b)
    peak_q8 = rnd(lg(peak) - (15 << 16) + const16(k0 + b) - (g << 16), 8)
    crest = (2 * lg(peak) + lg(n) - lg(m2)) >> 1
    kurtosis = lg(n) + lg(m4) + (30 << 16) - 2 * lg(m2)
    return [levels[0], max(peak_q8, floor), rnd(crest, 8), rnd(kurtosis, 8)] + levels[1:]


# 9. Envelope lines


def envelope_lines(x, rate_hz, min_rate_hz, high_hz, envelope_hz, fundamentals_hz):
    """{family: level} of one axis."""
    y, m = band_limit(x, rate_hz, min_rate_hz, high_hz)
    b = target_bits(segments_of(len(y))[3])
    u, _ = normalised(y, b)
    rate = rate_hz / m
    low, high = envelope_hz
    d = 0.15 * (high - low)
    upper, lower = lowpass(high / rate, (high + d) / rate, 15), lowpass((low - d) / rate, low / rate, 15)
    keep = min(len(upper), len(lower))
    upper = upper[(len(upper) - keep) // 2 :][:keep]
    lower = lower[(len(lower) - keep) // 2 :][:keep]
    taps = [v - w for v, w in zip(upper, lower)]
    cut = [rnd(v, b - 14) for v in u]
    filtered = [abs(rnd(sum(t * cut[i + k] for k, t in enumerate(taps)), 14)) for i in range(len(cut) - keep + 1)]
    step = max(1, int(rate / 1000))
    a = [sum(filtered[i * step : (i + 1) * step]) for i in range(len(filtered) // step)]
    window = None
    e_bits = target_bits(segments_of(max(len(a), 1024))[3])
    v, _ = normalised(a, e_bits)
    if len(a) < 1024:
        n = len(a)
        window = [math.floor(16384 - 16384 * math.cos(2 * math.pi * i / n) + 0.5) for i in range(n)] + [0] * (1024 - n)
        v = v + [0] * (1024 - n)
    e = [max(one, 1) for one in power(v, 512, window)]
    levels = {}
    for name, hz in fundamentals_hz.items():
        parts = []
        for harmonic in (1, 2, 3):
            c = harmonic * hz / (rate / step / 1024)
            reach = max(0.02 * c, 1.5)
            first, last = math.ceil(c - reach), math.floor(c + reach)
            if first < 2 or last + 12 >= 512:
                continue
            below = list(range(max(2, first - 12), first))
            around = below + list(range(last + 1, last + 25 - len(below)))
            parts.append(lg(max(e[first : last + 1])) - lg(sorted([e[k] for k in around])[11]))
        if parts:
            levels[name] = rnd(sum(parts) // len(parts), 8)
    return levels
