"""Impacts of a damaged bearing: when they come and how strong they are."""

from __future__ import annotations

import numpy as np
import pytest

from edge_app.sensors.sim_bearing import ImpactTrain
from edge_app.sensors.sim_machine import BEARING_6205

ORDERS = {"outer": 3.585, "inner": 5.415, "ball": 2 * 2.357}
"""6205, multiples of the shaft speed: shared/data/cwru/SOURCE.md; a ball strikes both races in a turn."""


def impacts(kind, revolutions=400, blocks=1):
    """Places (revolutions) and strengths of all impacts, drawn in so many blocks of 1/10000 revolution a sample."""
    train = ImpactTrain(BEARING_6205, kind, seed=1)
    turned = np.arange(0, revolutions, 1e-4)
    struck = np.concatenate([train.strike(part, 1.0) for part in np.array_split(turned, blocks)])
    pairs = struck + np.concatenate((struck[1:], [0.0]))  # an impact is split between two samples
    starts = np.flatnonzero((struck > 0) & (np.concatenate(([0.0], struck[:-1])) == 0))
    return turned[starts], pairs[starts]


@pytest.mark.parametrize("kind", ORDERS)
def test_impacts_come_at_the_defect_s_order_with_a_slip_of_one_to_two_percent(kind):
    at, _ = impacts(kind)
    distances = np.diff(at)
    assert distances.mean() == pytest.approx(1 / ORDERS[kind], rel=0.003)
    assert 0.010 < distances.std() / distances.mean() < 0.020


def test_the_outer_race_is_struck_evenly_the_inner_only_under_load():
    _, outer = impacts("outer")
    at, inner = impacts("inner")
    assert outer.std() / outer.mean() == pytest.approx(0.15, rel=0.2)
    loaded = np.cos(2 * np.pi * at) > 0.8
    away = np.cos(2 * np.pi * at) < 0
    assert inner[loaded].mean() > 5 * inner[away].mean()


@pytest.mark.parametrize("kind", ORDERS)
def test_no_impact_is_lost_or_doubled_between_blocks(kind):
    whole, _ = impacts(kind, blocks=1)
    pieces, _ = impacts(kind, blocks=371)
    assert pieces.size == pytest.approx(whole.size, abs=2)
    assert np.diff(pieces).max() < 1.2 / ORDERS[kind]
    assert np.diff(pieces).min() > 0.8 / ORDERS[kind]


def test_faults_that_are_not_the_bearing_s_strike_nothing():
    assert ImpactTrain(BEARING_6205, "unbalance", 1).strike(np.arange(0, 9, 1e-3), 1.0) is None
