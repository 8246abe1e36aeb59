"""Several networks as one."""

from __future__ import annotations

import numpy as np

from edge_app.training.network.dense import start_layers
from edge_app.training.network.ensemble import merged
from edge_app.training.network.layers import DenseLayers, forward, sizes


def networks(count: int, *widths: int) -> list[DenseLayers]:
    found = []
    for seed in range(count):
        layers = start_layers(widths, np.random.RandomState(seed))
        for layer in layers:
            layer.bias += seed / 8
        found.append(layers)
    return found


def test_its_output_is_the_mean_of_theirs_whatever_their_depth() -> None:
    x = np.rint(16 * np.random.RandomState(9).standard_normal((40, 7))) / 16
    for widths in ((7, 5, 3), (7, 6, 4, 3), (7, 6, 5, 4, 2)):
        members = networks(4, *widths)
        mean = np.mean([forward(each, x) for each in members], axis=0)
        assert np.abs(forward(merged(members), x) - mean).max() < 1e-3  # both lie on a grid of 2**-12


def test_it_is_so_many_times_as_wide_between_the_same_inputs_and_outputs() -> None:
    assert sizes(merged(networks(3, 77, 32, 3))) == "77-96-3"
    assert sizes(merged(networks(2, 20, 8, 4, 3))) == "20-16-8-3"


def test_its_members_do_not_see_each_other() -> None:
    middle = merged(networks(2, 5, 4, 3, 2))[1].weights
    assert middle.shape == (6, 8)
    assert not middle[:3, 4:].any()
    assert not middle[3:, :4].any()


def test_one_alone_stays_as_it_is() -> None:
    (alone,) = networks(1, 7, 5, 3)
    assert merged([alone]) is alone
