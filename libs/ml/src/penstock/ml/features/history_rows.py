"""What lag features take from events: one reading of a frame for servers, which learn and answer, and for training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.frame import Frame
from penstock.ml.features.key_history import Key, event_seconds, key_columns
from penstock.ml.features.lag_features import LabelHistory, Lags, lag_inputs


@dataclass(frozen=True, slots=True, eq=False)
class HistoryRows:
    """n events: their entities, the inputs of running means, shape (n, w), their keys, and their times.

    `keys` has a column of n for each key of `Lags.history`, and `seconds` the times, shape (n,), if there are keys.
    """

    entities: Sequence[str | None]
    inputs: NDArray[np.float64]
    keys: Sequence[Sequence[Key | None]]
    seconds: NDArray[np.float64]

    @classmethod
    def of(cls, lags: Lags, frame: Frame, entities: Sequence[str | None]) -> HistoryRows:
        """The n rows of a frame, which need hold no columns unless `lags.reads_fields`."""
        keys = key_columns(frame, lags.history)
        return cls(entities, lag_inputs(frame, lags), keys, event_seconds(frame) if keys else np.empty(0))

    def features(self, history: LabelHistory) -> NDArray[np.float64]:
        """The lag features of all rows, shape (n, d)."""
        return history.features(self.entities, self.keys, self.seconds)

    def features_of_row(self, history: LabelHistory, row: int) -> NDArray[np.float64]:
        """The lag features of one row, shape (d,)."""
        keys = [[column[row]] for column in self.keys]
        features: NDArray[np.float64] = history.features([self.entities[row]], keys, self.seconds[row : row + 1])[0]
        return features

    def add_to(self, history: LabelHistory, numbers: Sequence[float], rows: Iterable[int]) -> None:
        """Add the labels of these rows in this order; `numbers` holds those of all n rows."""
        for row in rows:
            keys = [column[row] for column in self.keys]
            time = float(self.seconds[row]) if keys else np.nan
            history.add(self.entities[row], numbers[row], self.inputs[row].tolist(), keys, time)
