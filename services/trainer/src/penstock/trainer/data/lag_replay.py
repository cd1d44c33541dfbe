"""Lag features replayed: what was known of an entity at a moment, from labels and when each became known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.lag_features import LabelHistory, Lags


@dataclass(frozen=True, slots=True, eq=False)
class LabelTimeline:
    """n labels as numbers, with their entities, the inputs of their events, and the moments they became known at.

    `numbers` and `known_at` have shape (n,); `known_at` holds times or offsets. `inputs`, of shape (n, w), are the
    columns that running means go over.
    """

    entities: Sequence[str | None]
    numbers: NDArray[np.float64]
    inputs: NDArray[np.float64]
    known_at: NDArray[Any]


def replay_lag_features(
    lags: Lags, timeline: LabelTimeline, entities: Sequence[str | None], moments: NDArray[Any]
) -> NDArray[np.float64]:
    """The lag features of m entities at ascending moments, shape (m, d), from labels that were known before each.

    `moments` are of the same kind as `timeline.known_at`. Nothing later leaks: a row depends on earlier labels alone.
    """
    history, order, position = LabelHistory(lags), np.argsort(timeline.known_at, kind="stable"), 0
    inputs = timeline.inputs.tolist()
    features = np.full((len(moments), len(lags.fields)), np.nan)
    for row, moment in enumerate(moments):
        while position < len(order) and timeline.known_at[order[position]] < moment:
            label = order[position]
            history.add(timeline.entities[label], float(timeline.numbers[label]), inputs[label])
            position += 1
        features[row] = history.features([entities[row]])[0]
    return features
