"""Several networks as one: the mean of their outputs, by one wider network of the same operators.

Networks that learnt the same from other start values and in another order err differently; their mean errs less.
Source: Hansen & Salamon, "Neural network ensembles", IEEE PAMI 12(10), 1990.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_app.training.network.exact import WEIGHTS, Floats
from edge_app.training.network.layers import Dense, DenseLayers


def merged(networks: Sequence[DenseLayers]) -> DenseLayers:
    """One network whose outputs are the means of those of several with as many layers.

    The first layers lie above each other, those between are blocks on a diagonal that do not see each other, the last
    ones lie side by side, divided by how many there are: 77-32-3 three times is 77-96-3.

    Parameters
    ----------
    networks : list of DenseLayers
        Of two layers or more each, of the same inputs and outputs, the last layer without ReLU.
    """
    if len(networks) == 1:
        return networks[0]
    found: DenseLayers = []
    for number, same in enumerate(zip(*(each[:-1] for each in networks), strict=True)):
        blocks = [each.weights for each in same]
        weights = _diagonal(blocks) if number else np.concatenate(blocks)
        found.append(Dense(weights, np.concatenate([each.bias for each in same]), same[0].relu))
    last = [each[-1] for each in networks]
    weights = np.concatenate([each.weights for each in last], axis=1) / len(last)
    bias = np.sum([each.bias for each in last], axis=0) / len(last)
    return [*found, Dense(WEIGHTS.round(weights), bias, relu=False)]


def _diagonal(blocks: Sequence[Floats]) -> Floats:
    """A matrix of zeros with the blocks on its diagonal."""
    found = np.zeros((sum(len(each) for each in blocks), sum(each.shape[1] for each in blocks)))
    row = column = 0
    for each in blocks:
        found[row : row + each.shape[0], column : column + each.shape[1]] = each
        row, column = row + each.shape[0], column + each.shape[1]
    return found
