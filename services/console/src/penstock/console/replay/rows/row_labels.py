"""The labels of the rows that were sent, by the number of the row."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from math import isnan, nan

import numpy as np
from numpy.typing import NDArray

from penstock.console.replay.rows.id_index import IdColumn
from penstock.console.replay.rows.labelled_rows import Row


class RowLabels:
    """The rows that were sent, in columns: the ids of their events, and their labels.

    `classes` are the codes of the classes that occur, empty for regression.
    """

    def __init__(self) -> None:
        self.classes: dict[str, int] = {}
        self._labels = array("d")
        self._ids = IdColumn()

    def add(self, rows: Sequence[Row]) -> None:
        """Add the next rows."""
        for row in rows:
            label = row.label
            if isinstance(label, str):
                label = self.classes.setdefault(label, len(self.classes))
            self._labels.append(nan if label is None else label)
            self._ids.append(row.id)

    def __len__(self) -> int:
        """How many rows were sent."""
        return len(self._labels)

    def ids(self) -> Iterator[str]:
        """The ids of the events, in the order of the rows."""
        return iter(self._ids)

    def by_id(self) -> dict[str, str | float]:
        """The labels by the ids of the events; rows without a label are left out."""
        names = list(self.classes)
        return {
            name: names[int(label)] if names else label
            for name, label in zip(self.ids(), self._labels, strict=True)
            if not isnan(label)
        }

    def labels(self) -> NDArray[np.float64]:
        """Labels, or the codes of their classes, shape (n,); NaN where a row has none."""
        return np.array(self._labels)
