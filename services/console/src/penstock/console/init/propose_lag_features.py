"""Which lag features a first declaration proposes: those of lags at which labels are autocorrelated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from math import sqrt

import numpy as np
from numpy.typing import NDArray

NEAREST_LAGS = (1, 2, 3)
LONGEST_LAG = 200  # searched for a season
MEAN_LABELS = 50  # in the running mean where there is no season
MIN_AUTOCORRELATION = 0.05  # below it a lag is not worth a feature
MIN_STANDARD_ERRORS = 4.0  # of an autocorrelation above 0, because many lags are tried
MIN_PAIRED = 0.5  # the share of labels that must have another label at the lag before them


def propose_lag_features(
    labels: Sequence[str], entities: Sequence[str | None], *, numbers: bool
) -> tuple[tuple[int, ...], int]:
    """The lags worth declaring, and over how many labels the running mean goes.

    Labels are compared within each entity: numbers by their autocorrelation, classes by how much more often than by
    chance they agree. The nearest lags are proposed if the autocorrelation at lag 1 is large enough, and with them
    the season: the lag with the highest peak among the longer ones that is clearly above half its lag.

    Args:
        labels: n labels in order.
        entities: the entity of each, shape (n,); None where the stream has none.
        numbers: whether the labels are numbers rather than classes.

    Returns:
        The lags in labels and the length of the mean; no lags and 0 if none is worth a feature.

    >>> day = ["lo"] * 6 + ["hi"] * 6
    >>> propose_lag_features(day * 40, [None] * 480, numbers=False)
    ((1, 2, 3, 12), 12)
    """
    series = _series_by_entity(labels, entities, numbers=numbers)
    least = max(MIN_AUTOCORRELATION, MIN_STANDARD_ERRORS / sqrt(max(len(labels), 1)))
    if _autocorrelation(series, 1) < least:
        return (), 0
    season = _season([_autocorrelation(series, lag) for lag in range(LONGEST_LAG + 1)], least)
    return (*NEAREST_LAGS, *season), season[0] if season else MEAN_LABELS


def _series_by_entity(
    labels: Sequence[str], entities: Sequence[str | None], *, numbers: bool
) -> list[NDArray[np.float64]]:
    """The labels of each entity, centred and scaled to variance 1: shape (n, 1), or (n, k) for k classes."""
    if numbers:
        columns = np.array(labels, dtype=np.float64)[:, None]
    else:
        columns = (np.array(labels)[:, None] == np.unique(labels)).astype(np.float64)
    deviation = sqrt(columns.var(axis=0).sum())
    scaled = (columns - columns.mean(axis=0)) / (deviation or 1.0)
    order = sorted(range(len(labels)), key=lambda row: str(entities[row]))
    groups: Iterable[list[int]] = (list(rows) for _, rows in groupby(order, key=lambda row: str(entities[row])))
    return [scaled[rows] for rows in groups]


def _autocorrelation(series: Sequence[NDArray[np.float64]], lag: int) -> float:
    """The autocorrelation of the labels at a lag; 0 if too few labels have another one so far before them."""
    pairs = sum(max(len(labels) - lag, 0) for labels in series)
    products = sum(float((labels[lag:] * labels[: len(labels) - lag]).sum()) for labels in series if len(labels) > lag)
    return products / pairs if pairs >= max(1, MIN_PAIRED * sum(map(len, series))) else 0.0


def _season(autocorrelations: Sequence[float], least: float) -> tuple[int, ...]:
    """The lag of the highest peak beyond the nearest lags, if there is one."""
    peaks = [
        lag
        for lag in range(NEAREST_LAGS[-1] + 1, LONGEST_LAG)
        if autocorrelations[lag] >= autocorrelations[lag // 2] + least
        and autocorrelations[lag] == max(autocorrelations[lag * 3 // 4 : lag * 5 // 4 + 2])
    ]
    return (max(peaks, key=lambda lag: autocorrelations[lag]),) if peaks else ()
