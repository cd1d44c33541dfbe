"""Which labels are known when a row is answered, row by row the same as in a replay in stream time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.references.feature_matrix import Labels, Matrix
from penstock.console.replay.rows.labelled_rows import chunk_size

LAGS = (1, 2, 3, 48)
MEAN_OF = 48  # last known labels

LabelCutoffs = NDArray[np.int64]
"""For each row: when it is answered, the labels of the rows before this row number are known, and no others."""


def label_cutoffs(count: int, label_delay: int) -> LabelCutoffs:
    """The cutoffs of `count` rows, shape (count,).

    Rows are sent in chunks; before the chunk that starts at row j, the labels up to row j-label_delay-1 were sent.

    >>> label_cutoffs(4, 0).tolist(), label_cutoffs(20, 16)[-3:].tolist()
    ([0, 1, 2, 3], [0, 2, 2])
    """
    size = chunk_size(label_delay)
    return np.maximum(np.arange(count) // size * size - label_delay, 0)


def last_known_labels(labels: Labels, cutoffs: LabelCutoffs, lag: int = 1) -> NDArray[np.float64]:
    """For each row the `lag`-th last known label, NaN if fewer are known; rows without a label are skipped.

    >>> last_known_labels(np.array([5.0, np.nan, 7.0, 8.0]), label_cutoffs(4, 0)).tolist()
    [nan, 5.0, 5.0, 7.0]
    """
    labelled_rows, known_counts = _known_counts(labels, cutoffs)
    values = np.full(len(cutoffs), np.nan)
    has_lag = known_counts >= lag
    values[has_lag] = labels[labelled_rows[known_counts[has_lag] - lag]]
    return values


def lag_features(labels: Labels, cutoffs: LabelCutoffs) -> Matrix:
    """The last known labels at lags 1, 2, 3 and 48, and the mean of the last 48: shape (n, 5), NaN if not known."""
    labelled_rows, known_counts = _known_counts(labels, cutoffs)
    totals = np.concatenate([[0.0], np.cumsum(labels[labelled_rows])])
    first = np.maximum(known_counts - MEAN_OF, 0)
    means = np.full(len(cutoffs), np.nan)
    any_known = known_counts > 0
    means[any_known] = (totals[known_counts] - totals[first])[any_known] / (known_counts - first)[any_known]
    return np.column_stack([*(last_known_labels(labels, cutoffs, lag) for lag in LAGS), means])


def _known_counts(labels: Labels, cutoffs: LabelCutoffs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows that have a label, and for each row how many labels are known."""
    labelled_rows = np.flatnonzero(~np.isnan(labels))
    return labelled_rows, np.searchsorted(labelled_rows, cutoffs, side="left")
