"""The validation plan: folds in time order, whose last test rows are the holdout; late labels are left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import TimeSeriesSplit

Fold = tuple[slice, slice]
"""The training rows and the test rows."""


@dataclass(frozen=True, slots=True)
class ValidationPlan:
    """How n rows are cut into folds: how many, and the `gap` of rows before a test whose labels come too late.

    `changes` are the rows, ascending, at which the stream changed: the folds' tests lie after the newest that leaves
    enough rows for one.
    """

    fold_count: int = 3
    gap: int = 0
    changes: tuple[int, ...] = ()

    def folds(self, n: int) -> tuple[list[Fold], tuple[int, ...]]:
        """The folds of n rows, and the rows that training may begin at: the first one, and those of the changes."""
        for count in range(len(self.changes), 0, -1):
            newest = self.changes[count - 1]
            later = shift(folds(n - newest, self.fold_count, self.gap), newest)
            if later:
                return later, (0, *self.changes[:count])
        return folds(n, self.fold_count, self.gap), (0,)


def folds(n: int, count: int = 3, gap: int = 0) -> list[Fold]:
    """At most `count` pairs of (train, test) rows of n, each trained on all that is known before its test.

    The `gap` rows before a test are left out: their labels would not have arrived yet. Rows too few
    for that, or for a first model worth scoring, give fewer folds, down to none.

    >>> folds(8, count=3, gap=1)
    [(slice(0, 1, None), slice(2, 4, None)), (slice(0, 3, None), slice(4, 6, None)), \
(slice(0, 5, None), slice(6, 8, None))]
    """
    for splits in range(count, 1, -1):
        test = n // (splits + 1)
        if n - gap - test * splits >= max(1, test // 2) and test:
            pairs = TimeSeriesSplit(n_splits=splits, gap=gap).split(np.empty(n))
            return [(_span(train_rows), _span(test_rows)) for train_rows, test_rows in pairs]
    test = max(1, (n - gap) // 2)
    return [(slice(0, n - gap - test), slice(n - test, n))] if n - gap - test > 0 else []


def shift(splits: list[Fold], by: int) -> list[Fold]:
    """The folds, that many rows later."""
    return [
        (slice(train.start + by, train.stop + by), slice(test.start + by, test.stop + by)) for train, test in splits
    ]


def _span(rows: NDArray[np.int64]) -> slice:
    return slice(int(rows[0]), int(rows[-1]) + 1)
