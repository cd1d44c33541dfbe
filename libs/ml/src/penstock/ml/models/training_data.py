"""What a model is fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.feature_encoder import TimePart
from penstock.ml.features.frame import Field, Frame, Times
from penstock.ml.features.task import Task
from penstock.ml.metrics.regression_loss import ABSOLUTE_ERROR, RegressionLoss


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """n rows with their n labels (texts, or numbers for a regression), and which features a model may use.

    `classes` fixes the order of the classes; labels outside it are added behind, sorted. `lag_fields` are the lag
    features among the frame's columns: a model uses them only if it is fitted on `with_lag_features`. Time parts are
    those of clocks in `zone`. `label_times` (datetime64[ms], shape (n,)) says when labels came, where they came later
    than their rows. Numbers are fitted by their `loss`, where the family knows it.

    Raises:
        ValueError: there are no rows, or not as many labels as rows.
    """

    frame: Frame
    labels: Sequence[Any]
    fields: Sequence[Field]
    task: Task
    classes: Sequence[str] | None = None
    time_parts: Sequence[TimePart] = ()
    zone: str = "UTC"
    lag_fields: Sequence[Field] = ()
    loss: RegressionLoss = ABSOLUTE_ERROR
    label_times: Times | None = None

    def __post_init__(self) -> None:
        """Check that rows and labels go in pairs."""
        if len(self.labels) != len(self.frame) or not len(self.frame):
            raise ValueError(f"{len(self.frame)} rows and {len(self.labels)} labels: both must be equal and not zero")

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.frame)

    def take(self, rows: slice | NDArray[np.intp]) -> TrainingData:
        """The rows at a slice or at indices, with their labels."""
        labels = self.labels[rows] if isinstance(rows, slice) else [self.labels[row] for row in rows.tolist()]
        label_times = None if self.label_times is None else self.label_times[rows]
        return replace(self, frame=self.frame.take(rows), labels=labels, label_times=label_times)

    @property
    def known_at(self) -> NDArray[np.intp]:
        """For each label the first row whose event came after it, n where none did: shape (n,)."""
        next_rows = np.arange(1, len(self) + 1)
        if self.label_times is None:
            return next_rows
        return np.maximum(next_rows, np.searchsorted(self.frame.times, self.label_times, side="right"))

    def with_lag_features(self) -> TrainingData:
        """The same rows for a model that uses the lag features, too."""
        return replace(self, fields=[*self.fields, *self.lag_fields], lag_fields=())
