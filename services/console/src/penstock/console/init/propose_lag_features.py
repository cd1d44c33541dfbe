"""Whether labels foretell those that follow them: which lags a first declaration proposes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from math import sqrt

import numpy as np
from numpy.typing import NDArray

NEAREST = (1, 2, 3)
FARTHEST = 200  # rows looked back for a season
AVERAGED = 50  # labels in the running mean where there is no season
LEAST_LIKENESS = 0.05  # what two labels must have in common beyond chance to be worth a feature
LEAST_PAIRED = 0.5  # share of the labels that have another so far before them
SURE = 4.0  # standard errors, for many lags are looked at


def proposed_lags(
    labels: Sequence[str], entities: Sequence[str | None], *, numbers: bool
) -> tuple[tuple[int, ...], int]:
    """The lags worth declaring for n labels in order, and over how many labels to average; none and 0 when none is.

    Within each entity, a label is compared with the one k before it: as numbers by their correlation, as classes by how
    much oftener than by chance they agree. The nearest lags are proposed where the first is alike, and the season: the
    likeliest of the farther ones that is a peak among its neighbours, with less likeness half-way.

    >>> day = ["lo"] * 6 + ["hi"] * 6
    >>> proposed_lags(day * 40, [None] * 480, numbers=False)
    ((1, 2, 3, 12), 12)
    """
    series = _by_entity(labels, entities, numbers=numbers)
    least = max(LEAST_LIKENESS, SURE / sqrt(max(len(labels), 1)))
    if _likeness(series, 1) < least:
        return (), 0
    season = _season([_likeness(series, k) for k in range(FARTHEST + 1)], least)
    return (*NEAREST, *season), season[0] if season else AVERAGED


def _by_entity(labels: Sequence[str], entities: Sequence[str | None], *, numbers: bool) -> list[NDArray[np.float64]]:
    """The labels of each entity as numbers around 0 with variance 1, a column for each class where they are classes."""
    if numbers:
        columns = np.array(labels, dtype=np.float64)[:, None]
    else:
        columns = (np.array(labels)[:, None] == np.unique(labels)).astype(np.float64)
    spread = sqrt(columns.var(axis=0).sum())
    centred = (columns - columns.mean(axis=0)) / (spread or 1.0)
    order = sorted(range(len(labels)), key=lambda row: str(entities[row]))
    groups: Iterable[list[int]] = (list(rows) for _, rows in groupby(order, key=lambda row: str(entities[row])))
    return [centred[rows] for rows in groups]


def _likeness(series: Sequence[NDArray[np.float64]], lag: int) -> float:
    """The correlation of labels with those `lag` before; of classes, the agreement beyond chance, 1 for all.

    0 where too few labels have another so far before them.
    """
    pairs = sum(max(len(labels) - lag, 0) for labels in series)
    together = sum(float((labels[lag:] * labels[: len(labels) - lag]).sum()) for labels in series if len(labels) > lag)
    return together / pairs if pairs >= LEAST_PAIRED * sum(map(len, series)) else 0.0


def _season(likeness: Sequence[float], least: float) -> tuple[int, ...]:
    peaks = [
        lag
        for lag in range(NEAREST[-1] + 1, FARTHEST)
        if likeness[lag] >= likeness[lag // 2] + least
        and likeness[lag] == max(likeness[lag * 3 // 4 : lag * 5 // 4 + 2])
    ]
    return (max(peaks, key=lambda lag: likeness[lag]),) if peaks else ()
