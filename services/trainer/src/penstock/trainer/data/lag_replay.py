"""Lag features replayed: what was known of an event at a moment, from labels and when each became known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.history_rows import HistoryRows
from penstock.ml.features.lag_features import LabelHistory, Lags
from penstock.trainer.data.earlier_history import EarlierHistory


@dataclass(frozen=True, slots=True, eq=False)
class LabelTimeline:
    """n events, their labels as numbers, and the moments these became known at: times or offsets, of shape (n,)."""

    rows: HistoryRows
    numbers: NDArray[np.float64]
    known_at: NDArray[Any]


def replay_lag_features(
    lags: Lags,
    timeline: LabelTimeline,
    rows: Sequence[int] | NDArray[np.intp],
    moments: NDArray[Any],
    earlier: EarlierHistory | None = None,
) -> NDArray[np.float64]:
    """The lag features of m rows of a timeline at ascending moments, shape (m, d), from labels known before each.

    `moments` are of the same kind as `timeline.known_at`. Nothing later leaks: a row depends on earlier labels alone.
    With `earlier`, whose end no moment lies before, moments are offsets, and what it has learnt is not learnt again.
    """
    history, order = LabelHistory(lags), np.argsort(timeline.known_at, kind="stable")
    if earlier is not None:
        history, order = earlier.copy(), order[timeline.known_at[order] >= earlier.learnt_to]
    known_counts = np.searchsorted(timeline.known_at[order], moments, side="left")
    numbers, position = timeline.numbers.tolist(), 0
    features = np.full((len(moments), len(lags.fields)), np.nan)
    for index, (row, known) in enumerate(zip(rows, known_counts, strict=True)):
        timeline.rows.add_to(history, numbers, order[position:known])
        features[index], position = timeline.rows.features_of_row(history, int(row)), int(known)
    return features
