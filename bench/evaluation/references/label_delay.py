"""What is known when a row is answered: the same to the row as in a replay in stream time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.rows import Matrix, Truths
from penstock.console.replay.feed import chunk_size

LAGS = (1, 2, 3, 48)
MEAN_OF = 48  # last known labels

Known = NDArray[np.int64]
"""For each row: when it is answered, the labels of the rows before this number are known, and no other."""


def known_rows(count: int, delay: int) -> Known:
    """Rows are sent a chunk at a time; before the chunk that starts at row j every label up to row j-delay-1 was sent.

    >>> known_rows(4, 0).tolist(), known_rows(20, 16)[-3:].tolist()
    ([0, 1, 2, 3], [0, 2, 2])
    """
    size = chunk_size(delay)
    return np.maximum(np.arange(count) // size * size - delay, 0)


def last_known(truths: Truths, known: Known, back: int = 1) -> NDArray[np.float64]:
    """For each row the label `back` known labels back, NaN where so many are not known; rows without one are passed by.

    >>> last_known(np.array([5.0, np.nan, 7.0, 8.0]), known_rows(4, 0)).tolist()
    [nan, 5.0, 5.0, 7.0]
    """
    labelled, places = _labelled(truths, known)
    found = np.full(len(known), np.nan)
    there = places >= back
    found[there] = truths[labelled[places[there] - back]]
    return found


def lags(truths: Truths, known: Known) -> Matrix:
    """The last known labels 1, 2, 3 and 48 back, and the mean of the last 48: shape (n, 5), NaN where not known."""
    labelled, places = _labelled(truths, known)
    totals = np.concatenate([[0.0], np.cumsum(truths[labelled])])
    first = np.maximum(places - MEAN_OF, 0)
    means = np.full(len(known), np.nan)
    there = places > 0
    means[there] = (totals[places] - totals[first])[there] / (places - first)[there]
    return np.column_stack([*(last_known(truths, known, back) for back in LAGS), means])


def _labelled(truths: Truths, known: Known) -> tuple[Known, Known]:
    """The rows that have a label, and for each row how many of them are known."""
    labelled = np.flatnonzero(~np.isnan(truths))
    return labelled, np.searchsorted(labelled, known, side="left")
