"""Recordings taken in turn, as one machine that goes through all of them several times."""

from __future__ import annotations

import numpy as np

from edge_app.training.protocols.baselines import cycled


def recording(number: int, length: int) -> np.ndarray:
    """Window k of recording n is 100 n + k."""
    return (100 * number + np.arange(length, dtype=np.int16)).reshape(-1, 1)


def test_every_recording_comes_once_in_each_round_and_as_long() -> None:
    taken = cycled([recording(1, 17), recording(2, 17)], skip=3).ravel().tolist()
    # 17 windows less 2 cuts of 3 are 11: pieces of 3, three windows left out between them, two at the end.
    one = [[100, 101, 102], [106, 107, 108], [112, 113, 114]]
    two = [[k + 100 for k in piece] for piece in one]
    assert taken == [*one[0], *two[0], *one[1], *two[1], *one[2], *two[2]]


def test_windows_that_share_nothing_are_all_taken() -> None:
    taken = cycled([recording(1, 9), recording(2, 6)], skip=0).ravel().tolist()
    assert sorted(taken) == [*range(100, 109), *range(200, 206)]


def test_a_recording_too_short_for_cuts_is_taken_without() -> None:
    assert cycled([recording(1, 6)], skip=3).ravel().tolist() == [*range(100, 106)]
