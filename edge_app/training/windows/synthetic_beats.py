"""ECG recordings that never were, made of real ones: early beats, fibrillation, another person's beats, noise.

Few persons have many supraventricular beats, so a model learns these persons. Here a normal beat of anybody is moved
forward by cutting the rest between two beats (the T wave before it and the P wave and complex of its own are real), and
its P wave is often changed. Stretches of fibrillation, whose beats stay normal, teach that uneven is not early.
The signals go through the device's own detector, windower and features. Only training ever sees them.

All that is random comes from one seed; the same recordings give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_app.config.synthetic import Synthetic
from edge_app.training.importers.base import Reference, Signal
from edge_app.training.windows.sources import Item

Floats = NDArray[np.float64]
NORMAL = frozenset("NLRej")
EARLY, VENTRICULAR = "A", "V"
"""Annotation codes of beats made here."""
SHORTEST_S, LONGEST_S = 0.33, 1.8
"""Intervals stay within (s)."""
KEPT_S = 0.22
"""So much before an R wave is moved with it: the P wave and the beginning of the complex (s)."""
JOIN_S = 0.04
"""Over which two cut ends are joined (s)."""
STEADY = 0.12
"""An early beat is made where its interval is so near to the median of those around it."""
RUNS = ((0.55, 1, 1), (0.20, 2, 2), (0.10, -6, -2), (0.10, 3, 11), (0.05, 12, 59))
"""Share of the events, fewest and most early beats in a row; below zero: pairs of an early and a usual one."""
TOO_FEW_BEATS = 100
"""Of so many beats or fewer nothing is made."""
FEWEST_DONATED = 30
"""A recording lends its ventricular beats when it has so many."""


@dataclass(frozen=True)
class Beats:
    """A recording with its beats."""

    title: str
    x: Floats
    """(n,): counts of the first axis."""
    at: NDArray[np.int64]
    """Samples."""
    symbols: tuple[str, ...]
    rate_hz: float

    @property
    def height(self) -> float:
        """What is between the lowest and the highest point of its usual beat (counts)."""
        wide = round(0.083 * self.rate_hz)
        return float(np.median([np.ptp(self.x[max(0, k - wide) : k + wide]) for k in self.at[2:200]])) or 1.0


@dataclass
class Plan:
    """What becomes of each beat."""

    intervals: Floats
    """To each beat from the one before (samples)."""
    symbols: list[str]
    other_p: NDArray[np.bool_]
    no_p: NDArray[np.bool_]
    donated: dict[int, int]
    """Beat → place of the complex it gets in the donor."""


def synthetic_items(items: Sequence[Item], settings: Synthetic) -> Iterator[tuple[int, Item]]:
    """Index of the recording each comes from, and the recording made of it: `copies` of each one with beats."""
    loaded = [(index, item, item.load()) for index, item in enumerate(items)]
    known = [
        (index, item, signal, beats) for index, item, signal in loaded if (beats := beats_of(item, signal)) is not None
    ]
    donors = [beats for _, _, _, beats in known if beats.symbols.count(VENTRICULAR) >= FEWEST_DONATED]
    for copy in range(settings.copies):
        for place, (index, item, signal, beats) in enumerate(known):
            random = np.random.RandomState((settings.seed + 7919 * copy + 104729 * index) % 2**32)
            others = [each for each in donors if each.title != item.title]
            lends = 2 * copy >= settings.copies and bool(others) and settings.transplanted > 0.0
            donor = others[(place + 4 * copy) % len(others)] if lends else None
            x, reference = made_of(beats, settings, random, donor, wanders=copy % 2 == 1)
            counts = np.clip(np.rint(x), -signal.full_scale, signal.full_scale - 1).astype(np.int16)[None]
            made = replace(signal, title=f"{item.title} synthetic {copy}", counts=counts, starts=((0, 0.0),))
            source = item.source.model_copy(update={"span_s": None})
            yield index, replace(item, source=source, load=lambda made=made: made, reference=lambda r=reference: r)  # type: ignore[misc]


def beats_of(item: Item, signal: Signal) -> Beats | None:
    """The beats within the span of a recording; None where it has no reference, or too few."""
    reference = item.reference() if item.reference is not None else None
    if reference is None or reference.beats is None:
        return None
    first = round((item.source.span_s or (0.0, 0.0))[0] * signal.rate_hz)
    edge = round(signal.rate_hz)
    inside = (reference.beats >= first + edge) & (reference.beats < first + signal.counts.shape[1] - edge)
    at = reference.beats[inside] - first
    symbols = tuple(each for each, is_in in zip(reference.symbols, inside.tolist(), strict=True) if is_in)
    if len(at) <= TOO_FEW_BEATS:
        return None
    return Beats(item.title, signal.counts[0].astype(np.float64), at, symbols, signal.rate_hz)


def made_of(
    beats: Beats, settings: Synthetic, random: np.random.RandomState, donor: Beats | None, *, wanders: bool
) -> tuple[Floats, Reference]:
    """A recording and its reference; with a `donor` also its ventricular beats, and bursts of noise."""
    planned = _rhythm(beats, random, wanders=wanders)
    stretch = _fibrillation(planned, beats, settings, random)
    if donor is not None:
        _plan_donated(planned, beats, settings, random, donor, stretch)
    _plan_early(planned, beats, settings, random, stretch)
    x, at = _built(planned, beats, random)
    if donor is not None:
        _transplant(x, at, planned, beats, donor, random)
    if len(stretch):
        _waves(x[at[stretch[0]] : at[stretch[-1]]], beats, random)
    if random.rand() < 0.2:
        x = -x
    x = _noisy(x, beats, settings.noise, random, bursts=donor is not None)
    return x, Reference(beats=at, symbols=tuple(planned.symbols))


def _rhythm(beats: Beats, random: np.random.RandomState, *, wanders: bool) -> Plan:
    """The beats as they came, or at another rate that wanders slowly."""
    intervals = np.diff(beats.at, prepend=beats.at[:1]).astype(np.float64)
    count = len(intervals)
    if wanders:
        steps = np.cumsum(random.normal(0.0, 0.006, count))
        wander = np.clip(steps - np.linspace(0.0, steps[-1], count), -0.15, 0.15)
        intervals = np.maximum(intervals * random.uniform(0.8, 1.25) * np.exp(wander), SHORTEST_S * beats.rate_hz)
    return Plan(intervals, list(beats.symbols), np.zeros(count, bool), np.zeros(count, bool), {})


def _fibrillation(plan: Plan, beats: Beats, settings: Synthetic, random: np.random.RandomState) -> range:
    """Beats that come as in atrial fibrillation; they stay what they are. An empty range for none."""
    count = len(plan.symbols)
    if random.rand() >= settings.fibrillation or count < 500:
        return range(0)
    first = random.randint(5, count - 400)
    stretch = range(first, min(count - 2, first + random.randint(150, 900)))
    usual = float(np.median(np.diff(beats.at))) * random.uniform(0.6, 1.0)
    spread = random.uniform(0.13, 0.28)
    for k in stretch:
        if beats.symbols[k] in NORMAL and beats.symbols[k - 1] in NORMAL:
            interval = usual * np.exp(random.normal(0.0, spread))
            plan.intervals[k] = np.clip(interval, SHORTEST_S * beats.rate_hz, LONGEST_S * beats.rate_hz)
            plan.no_p[k] = True
    return stretch


def _free(plan: Plan, beats: Beats, k: int, stretch: range) -> bool:
    """Whether something may be made of a beat: normal among normal ones, in a steady rhythm, not yet used."""
    if k in stretch or not 2 < k < len(plan.symbols) - 2:
        return False
    if any(each not in NORMAL for each in (beats.symbols[k - 1], beats.symbols[k], plan.symbols[k])):
        return False
    original = np.diff(beats.at[max(0, k - 9) : k + 4])
    return abs(float(beats.at[k] - beats.at[k - 1]) / float(np.median(original)) - 1.0) < STEADY


def _plan_donated(
    plan: Plan, beats: Beats, settings: Synthetic, random: np.random.RandomState, donor: Beats, stretch: range
) -> None:
    edge = round(1.2 * donor.rate_hz)
    places = [
        int(at)
        for at, symbol in zip(donor.at, donor.symbols, strict=True)
        if symbol == VENTRICULAR and edge < at < len(donor.x) - edge
    ]
    for k in np.flatnonzero(random.rand(len(plan.symbols)) < settings.transplanted).tolist():
        if not _free(plan, beats, k, stretch) or plan.symbols[k + 1] not in NORMAL:
            continue
        early = random.uniform(0.12, 0.45) if random.rand() < 0.8 else random.uniform(-0.05, 0.12)
        early = min(early, 1.0 - 0.36 * beats.rate_hz / plan.intervals[k])
        both = plan.intervals[k] + plan.intervals[k + 1]
        plan.intervals[k] *= 1.0 - early
        rest = max(both - plan.intervals[k], 0.5 * both)
        plan.intervals[k + 1] = rest if random.rand() < 0.7 else plan.intervals[k + 1] * random.uniform(0.95, 1.2)
        plan.symbols[k] = VENTRICULAR
        plan.donated[k] = places[random.randint(len(places))]


def _plan_early(plan: Plan, beats: Beats, settings: Synthetic, random: np.random.RandomState, stretch: range) -> None:
    share = settings.early[random.randint(len(settings.early))]
    k = 3
    while k < len(plan.symbols) - 2:
        if random.rand() >= share or not _free(plan, beats, k, stretch):
            k += 1
            continue
        early = min(random.uniform(0.15, 0.42), 1.0 - 0.36 * beats.rate_hz / plan.intervals[k])
        if early < 0.1:
            k += 1
            continue
        k = _run_of_early(plan, beats, random, stretch, k, early)


def _run_of_early(plan: Plan, beats: Beats, random: np.random.RandomState, stretch: range, k: int, early: float) -> int:
    """Make beats from `k` on early; the beat to go on with."""
    _, fewest, most = RUNS[int(random.choice(len(RUNS), p=[each[0] for each in RUNS]))]
    length = random.randint(fewest, most + 1)
    pattern = [1] * length if length > 0 else [1, 0] * -length
    changed, was = random.rand() < 0.6, 0
    for is_early in pattern:
        if not _free(plan, beats, k, stretch):
            break
        if is_early:
            plan.intervals[k] *= 1.0 - np.clip(early + random.normal(0.0, 0.02), 0.1, 0.5)
            plan.symbols[k], plan.other_p[k] = EARLY, changed
        elif was:
            plan.intervals[k] *= random.uniform(0.95, 1.3)
        was = is_early
        k += 1
    if was and plan.symbols[k] in NORMAL:
        plan.intervals[k] *= random.uniform(0.95, 1.35)
        k += 1
    return k


def _built(plan: Plan, beats: Beats, random: np.random.RandomState) -> tuple[Floats, NDArray[np.int64]]:
    """The signal with the planned intervals, and where its beats are."""
    parts, at = [beats.x[: beats.at[0]]], [int(beats.at[0])]
    height = beats.height
    for k in range(1, len(beats.at)):
        old = beats.x[beats.at[k - 1] : beats.at[k]]
        length = max(4, round(float(plan.intervals[k])))
        moved = int(min(KEPT_S * beats.rate_hz, 0.4 * min(length, len(old))))
        head, tail = _rest(old, length - moved, moved), old[len(old) - moved :].copy()
        if length != len(old):
            _join(head, tail, round(JOIN_S * beats.rate_hz))
        if plan.other_p[k] or plan.no_p[k]:
            _change_p(tail, height, beats.rate_hz, random, other=bool(plan.other_p[k]))
        parts += [head, tail]
        at.append(at[-1] + length)
    parts.append(beats.x[beats.at[-1] :])
    return np.concatenate(parts), np.array(at, np.int64)


def _rest(old: Floats, length: int, moved: int) -> Floats:
    """What lies between two beats, cut off or stretched to a length; a T wave is never stretched."""
    if length <= len(old) - moved:
        return old[:length].copy()
    kept = max(1, min(int(0.55 * len(old)), len(old) - moved - 2))
    places = np.linspace(kept, len(old) - moved, length - kept, endpoint=False)
    return np.concatenate((old[:kept], np.interp(places, np.arange(len(old)), old)))


def _join(head: Floats, tail: Floats, wide: int) -> None:
    """Make two ends meet half way, in place."""
    wide = min(wide, len(head), len(tail) // 2)
    if wide < 1:
        return
    step = float(tail[:3].mean() - head[-3:].mean())
    ramp = np.linspace(0.0, 1.0, wide)
    head[-wide:] += step * ramp * 0.5
    tail[:wide] -= step * (1.0 - ramp) * 0.5


def _change_p(tail: Floats, height: float, rate_hz: float, random: np.random.RandomState, *, other: bool) -> None:
    """Take the P wave away, or turn it over and add a bump elsewhere, in place."""
    n = len(tail) - round(0.05 * rate_hz)
    if n <= 8:
        return
    window = np.sqrt(np.hanning(n))
    line = np.linspace(tail[:4].mean(), tail[n - 4 : n].mean(), n)
    gain = random.uniform(0.7, 2.0) if other else 1.0
    tail[:n] -= 0.9 * gain * (tail[:n] - line) * window
    if other:
        off = (np.arange(n) - random.uniform(0.2, 0.8) * n) / (0.02 * rate_hz)
        tail[:n] += random.normal(0.0, 0.06) * height * np.exp(-0.5 * off * off) * window


def _transplant(
    x: Floats, at: NDArray[np.int64], plan: Plan, beats: Beats, donor: Beats, random: np.random.RandomState
) -> None:
    """Lay ventricular complexes of a donor over the beats planned for them, in place."""
    gain = random.uniform(0.6, 1.5) * random.choice([1.0, 1.0, -1.0]) * beats.height / donor.height
    slower = random.uniform(0.9, 1.15) * beats.rate_hz / donor.rate_hz
    before, edge = round(0.16 * beats.rate_hz), (0.05 * beats.rate_hz, 0.083 * beats.rate_hz)
    for k, place in plan.donated.items():
        after = int(min(0.42 * beats.rate_hz, 0.75 * (at[k + 1] - at[k])))
        times = np.arange(-before, after)
        complex_ = gain * np.interp(place + times / slower, np.arange(len(donor.x)), donor.x)
        old = x[at[k] - before : at[k] + after]
        index = np.arange(len(old))
        share = np.clip(np.minimum(index / edge[0], (len(old) - 1 - index) / edge[1]), 0.0, 1.0)
        complex_ -= np.linspace(complex_[:5].mean(), complex_[-5:].mean(), len(old))
        level = np.linspace(old[:5].mean(), old[-5:].mean(), len(old))
        old[:] = (1.0 - share) * old + share * (complex_ + level)


def _waves(part: Floats, beats: Beats, random: np.random.RandomState) -> None:
    """Add fibrillation's waves of 4 to 7 Hz, in place."""
    times = np.arange(len(part)) / beats.rate_hz
    rate = 5.5 + 1.5 * np.sin(2 * np.pi * 0.15 * times + random.uniform(0.0, 6.0))
    phase = 2 * np.pi * np.cumsum(rate) / beats.rate_hz
    part += beats.height * random.uniform(0.01, 0.05) * (np.sin(phase) + 0.4 * np.sin(2 * phase))


def _noisy(x: Floats, beats: Beats, most: float, random: np.random.RandomState, *, bursts: bool) -> Floats:
    """With muscle noise that comes and goes, up to `most` of the complex; in bursts also twice that, and wander."""
    count, height = len(x), beats.height * most / 0.06
    muscle = np.convolve(random.normal(size=count), np.full(3, 1 / 1.7), "same")
    envelope = np.interp(np.arange(count), np.linspace(0, count, 40), np.maximum(0.0, random.normal(size=40) - 0.6))
    x = x + muscle * envelope * height * random.uniform(0.0, 0.06)
    if not bursts:
        return np.asarray(x)
    wander = np.cumsum(random.normal(size=count))
    wide = 2 * round(beats.rate_hz / 2) + 1
    sums = np.cumsum(np.concatenate((np.zeros(1), np.pad(wander, wide // 2, mode="edge"))))
    wander -= (sums[wide:] - sums[:-wide]) / wide
    wander /= wander.std()
    x = x + wander * height * 0.15 * random.uniform(0.2, 1.0) * _bursts(count, beats.rate_hz, random)
    x = x + muscle * height * 0.12 * random.uniform(0.2, 1.0) * _bursts(count, beats.rate_hz, random)
    breaths = 0.25 + 0.1 * np.sin(np.arange(count) / (25.0 * beats.rate_hz))
    return np.asarray(x + height * random.uniform(0.0, 0.4) * np.sin(2 * np.pi * np.cumsum(breaths) / beats.rate_hz))


def _bursts(count: int, rate_hz: float, random: np.random.RandomState) -> Floats:
    """3 to 11 stretches of 4 to 90 s in which something is there."""
    found = np.zeros(count)
    for _ in range(random.randint(3, 12)):
        first = random.randint(0, max(1, count - round(10 * rate_hz)))
        length = int(min(rate_hz * random.uniform(4.0, 90.0), count - first))
        shape = random.uniform(0.3, 1.0) * np.hanning(length + 2)[1:-1] ** 0.3
        found[first : first + length] = np.maximum(found[first : first + length], shape)
    return found
