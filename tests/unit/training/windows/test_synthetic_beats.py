"""Recordings made of recordings: of a drawn heart whose beats are known."""

from __future__ import annotations

import numpy as np
import pytest
from hearts import VENTRICULAR as WIDE
from hearts import ecg, steady

from edge_app.config.recipe import Source
from edge_app.config.synthetic import Synthetic
from edge_app.training.importers.base import Reference, Signal
from edge_app.training.windows.sources import Item
from edge_app.training.windows.synthetic_beats import synthetic_items

RATE_HZ = 360.0


def heart(name, wide=(), seconds=300.0):
    """A steady heart; the beats in `wide` are ventricular."""
    beats_s = [each for each in steady(seconds - 1.0) if each > 1.0]
    samples = ecg(beats_s, seconds, RATE_HZ, waves=dict.fromkeys(wide, WIDE), noise_mv=0.003)
    signal = Signal(name, samples[None, :], 0.005, RATE_HZ, "au")
    at = np.rint(np.array(beats_s) * RATE_HZ).astype(np.int64)
    symbols = tuple("V" if k in wide else "N" for k in range(len(at)))
    source = Source(dataset="mitdb", ids=[name])
    return Item(name, "ecg", source, lambda: signal, lambda: Reference(beats=at, symbols=symbols))


def made(settings, *items):
    return [(owner, each.load(), each.reference()) for owner, each in synthetic_items(items, settings)]


def test_the_same_recordings_give_the_same_bytes_and_another_seed_others():
    settings = Synthetic(copies=2)
    first, again = made(settings, heart("a")), made(settings, heart("a"))
    assert [each.counts.tobytes() for _, each, _ in first] == [each.counts.tobytes() for _, each, _ in again]
    other = made(Synthetic(copies=2, seed=2), heart("a"))
    assert first[0][1].counts.tobytes() != other[0][1].counts.tobytes()


def test_early_beats_are_early_and_all_others_keep_their_interval_or_a_pause():
    (_, _, reference) = made(Synthetic(copies=1, early=[0.05], fibrillation=0.0), heart("a"))[0]
    assert reference.beats is not None
    intervals = np.diff(reference.beats) / RATE_HZ
    early = np.array(reference.symbols[1:]) == "A"
    assert early.sum() > 5
    assert intervals[early].max() < 0.8 * 0.9 + 0.01  # a tenth early at least
    assert intervals[~early].min() > 0.8 * 0.95 - 0.01


def test_complexes_lie_where_the_reference_says():
    (_, signal, reference) = made(Synthetic(copies=1, early=[0.05], fibrillation=0.0, noise=0.0), heart("a"))[0]
    assert reference.beats is not None
    counts = np.abs(signal.counts[0].astype(int))
    found = [int(counts[at - 20 : at + 20].argmax()) - 20 for at in reference.beats]
    assert max(abs(each) for each in found) <= 2


def test_the_later_half_of_the_copies_gets_ventricular_beats_of_another_recording():
    lender = heart("b", wide=range(5, 205, 5))
    found = made(Synthetic(copies=2, transplanted=0.1, fibrillation=0.0), heart("a"), lender)
    counts = [reference.symbols.count("V") for owner, _, reference in found if owner == 0]
    assert counts[0] == 0
    assert counts[1] > 5


def test_fibrillation_is_uneven_and_its_beats_stay_normal():
    (_, _, reference) = made(Synthetic(copies=1, early=[0.0001], fibrillation=1.0), heart("a", seconds=600.0))[0]
    assert reference.beats is not None
    intervals = np.diff(reference.beats) / RATE_HZ
    assert np.count_nonzero(np.abs(intervals - 0.8) > 0.08) > 75  # half of 150 beats at least
    assert reference.symbols.count("N") > 0.99 * len(reference.symbols)


def test_a_recording_without_annotated_beats_makes_none():
    bare = heart("a")
    assert made(Synthetic(copies=1), Item(bare.title, bare.label, bare.source, bare.load)) == []


@pytest.mark.parametrize("copies", [1, 3])
def test_there_are_so_many_copies_of_each(copies):
    assert [owner for owner, _, _ in made(Synthetic(copies=copies), heart("a"), heart("b"))] == [0, 1] * copies
