"""The effects of additive models over bins: exact against known rows.

What a bin, or a pair of bins, adds is compared with what those of the known rows add. Of a pair each column has half of
what it changes alone and half of what it changes once the other is there: its Shapley value (Shapley, 1953).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from penstock.ml.explanation.effects import Effects
from penstock.ml.online.additive import AdditiveModels

Bins = NDArray[np.intp]


def additive_effects(models: AdditiveModels, names: tuple[str, ...], row: Bins, known_rows: Bins) -> list[Effects]:
    """The effects of each of r models on its scores for one row, by its bins, shape (width,).

    `known_rows` are those of n rows, shape (n, width); `names` those of the d columns.
    """
    weights = models.weights
    base = weights[known_rows].sum(axis=1).mean(axis=0)
    added = np.zeros((len(names), *base.shape))
    if models.bins.paired:
        first, second = models.bins.columns
        here, there = weights[row], weights[known_rows].mean(axis=0)
        with_first = weights[models.bins.crossed(row[None], known_rows)].mean(axis=0)
        with_second = weights[models.bins.crossed(known_rows, row[None])].mean(axis=0)
        np.add.at(added, first, (with_first - there + here - with_second) / 2)
        np.add.at(added, second, (with_second - there + here - with_first) / 2)
    else:
        added[:] = weights[row] - weights[known_rows].mean(axis=0)
    if weights.shape[2] == 1:
        base, added = base * models.scale + models.centre, added * models.scale
    return [Effects.exact(names, base[rate], added[:, rate]) for rate in range(len(models.rates))]
