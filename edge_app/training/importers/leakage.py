"""Recordings that stand in training and in the test, found by what they hold and not by their names.

**How.** Every run of `RUN` samples has a hash; of these, the one in `EVERY` whose hash ends in zeros is kept. Whether a
run is kept depends on its samples alone, so a copy is found whatever its name, and also when it was cut, or joined to
others. Runs that hardly change are passed over: silence is alike everywhere. Two recordings of the same thing never
agree in 64 noisy samples. Not found: copies that were resampled, scaled or filtered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import RecordingError
from edge_app.core.frames import Counts
from edge_app.training.importers.base import Signal

RUN = 64
"""Samples that must agree."""
EVERY = 64
"""One run in so many is looked at: a shared second at 200 Hz still shows in three."""
ENOUGH = 3
"""Runs in common that are no accident."""
_LEAST_CHANGES = 24
_LEAST_RANGE = 12
"""A run counts when it changes in so many of its steps, over a range of so many counts."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""2^64 / golden ratio, odd: Knuth, The Art of Computer Programming vol. 3, 6.4 (Fibonacci hashing)."""


def fingerprint(counts: Counts) -> NDArray[np.uint64]:
    """Hashes of the chosen runs of every axis, sorted, without doubles.

    Parameters
    ----------
    counts : int16 of shape (n_axes, n)
    """
    found = [_runs(np.ascontiguousarray(axis)) for axis in counts]
    return np.unique(np.concatenate(found)) if found else np.empty(0, np.uint64)


def _runs(samples: NDArray[np.int16]) -> NDArray[np.uint64]:
    if samples.size < RUN:
        return np.empty(0, np.uint64)
    hashes = _mixed(samples.astype(np.int64).astype(np.uint64))
    length = 1
    factor = int(_FACTOR)
    while length < RUN:  # hash of a run of 2k samples from those of its halves
        hashes = hashes[:-length] * np.uint64(factor) + hashes[length:]
        factor = factor * factor % (1 << 64)
        length *= 2
    hashes = _mixed(hashes)
    chosen = np.flatnonzero((hashes & np.uint64(EVERY - 1)) == 0)
    changes = np.concatenate(([0], np.cumsum(samples[1:] != samples[:-1])))
    lively = changes[chosen + RUN - 1] - changes[chosen] >= _LEAST_CHANGES
    chosen = chosen[lively]
    if not chosen.size:
        return np.empty(0, np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(samples, RUN)[chosen].astype(np.int32)
    kept: NDArray[np.uint64] = hashes[chosen[windows.max(axis=1) - windows.min(axis=1) >= _LEAST_RANGE]]
    return kept


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Bits spread over the word. Source: Steele, Lea, Flood, "Fast splittable PRNGs", OOPSLA 2014 (SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def check_leakage(train: Iterable[Signal], test: Iterable[Signal]) -> None:
    """Refuse data that is learnt from and measured on.

    Parameters
    ----------
    train, test : iterable of Signal
        As they are used: a signal cut to a span counts with that span, so two parts of one recording may stand on both
        sides as long as they do not overlap. (Whether they should is the recipe's business.)

    Raises
    ------
    RecordingError
        With the names of both, and how long what they share is.
    """
    known = Known()
    for signal in train:
        known.add(signal)
    for signal in test:
        if twin := known.twin(signal):
            raise _leak(*twin, signal.title)


class Known:
    """What was learnt from, by content: signals are added one after the other, and no samples are kept."""

    def __init__(self) -> None:
        self._whole: dict[str, str] = {}
        self._owners: dict[int, str] = {}

    def add(self, signal: Signal) -> None:
        """This was learnt from."""
        self._whole.setdefault(_digest(signal), signal.title)
        for each in fingerprint(signal.counts).tolist():
            self._owners.setdefault(each, signal.title)

    def twin(self, signal: Signal) -> tuple[str, str] | None:
        """Title of one that was added and shares samples with this signal, and how much; None when there is none."""
        title = self._whole.get(_digest(signal))
        if title is not None:
            return title, f"holds the same {signal.counts.shape[1]} samples"
        shared: dict[str, int] = {}
        for each in fingerprint(signal.counts).tolist():
            if each in self._owners:
                shared[self._owners[each]] = shared.get(self._owners[each], 0) + 1
        title, runs = max(shared.items(), key=lambda item: item[1], default=("", 0))
        about_s = runs * EVERY / signal.counts.shape[0] / signal.rate_hz
        return (title, f"shares about {about_s:.1f} s with it") if runs >= ENOUGH else None


def duplicates(signals: Iterable[Signal]) -> list[tuple[str, str]]:
    """Pairs of recordings that hold the same, wholly or in part: (the earlier, the later)."""
    owners: dict[int, str] = {}
    whole: dict[str, str] = {}
    pairs: list[tuple[str, str]] = []
    for signal in signals:
        marks = fingerprint(signal.counts).tolist()
        known = [owners[mark] for mark in marks if mark in owners]
        twin = whole.get(_digest(signal)) or (max(set(known), key=known.count) if len(known) >= ENOUGH else None)
        if twin is not None:
            pairs.append((twin, signal.title))
        whole.setdefault(_digest(signal), signal.title)
        owners.update((mark, signal.title) for mark in marks if mark not in owners)
    return pairs


def _digest(signal: Signal) -> str:
    """Of the samples used, whatever the rate they are said to have."""
    return hashlib.sha256(np.ascontiguousarray(signal.counts).data).hexdigest() + str(signal.counts.shape)


def _leak(train: str, how: str, test: str) -> RecordingError:
    if train == test:
        return RecordingError(
            f"{test} is learnt from and tested on: the two parts overlap.", "Choose spans apart, with a gap between."
        )
    return RecordingError(
        f"{test} is to be tested on and {how}: {train}, which is learnt from.",
        "A figure measured on what was learnt says nothing. Take one of the two out.",
    )
