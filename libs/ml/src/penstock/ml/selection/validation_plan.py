"""The validation plan: folds in time order, each trained on the rows whose labels were known before its test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
LEAST_HOLDOUT = 50  # rows of a last test that begins later than an even one


class Fold(NamedTuple):
    """The training rows, ascending, and the test rows."""

    train: Rows
    test: slice


@dataclass(frozen=True, slots=True, eq=False)
class ValidationPlan:
    """How n rows are cut into folds: how many, and which labels were known when each row was answered.

    `known_at` holds for each label the first row that was answered when it was known, n where none was: shape (n,).
    None: each is known at the next row. `changes` are the rows, ascending, at which the stream changed: the folds'
    tests lie after the newest that leaves enough rows for one. The last test begins at row `holdout_from` if that is
    later than it would otherwise, so that its model is no older than one that has learnt all rows before that.
    """

    fold_count: int = 3
    known_at: Rows | None = None
    changes: tuple[int, ...] = ()
    holdout_from: int = 0

    def folds(self, n: int) -> tuple[list[Fold], tuple[int, ...]]:
        """The folds of n rows, and the rows that training may begin at: the first one, and those of the changes."""
        for count in range(len(self.changes), 0, -1):
            later = folds(self._known_at(n), self.fold_count, self.changes[count - 1])
            if later:
                return self._with_late_holdout(later, self.changes[count - 1]), (0, *self.changes[:count])
        return self._with_late_holdout(self.folds_before(n), 0), (0,)

    def folds_before(self, row: int) -> list[Fold]:
        """The folds of the rows before this one, whether or not the stream changed there."""
        return folds(self._known_at(row), self.fold_count)

    def _with_late_holdout(self, even: list[Fold], since: int) -> list[Fold]:
        """The folds with a last test that begins at `holdout_from`, unless the `even` ones begin theirs later.

        The test before is as long: a blend has then seen how good its models are at that age when the last one begins.
        """
        if not even or not even[-1].test.start < self.holdout_from <= even[-1].test.stop - LEAST_HOLDOUT:
            return even
        n, first = even[-1].test.stop, self.holdout_from
        known_at, middle = self._known_at(n), max(first - (n - first), since)
        before = folds(known_at[:middle], max(self.fold_count - 2, 1), since)
        if not before:
            return [*folds(known_at[:first], max(self.fold_count - 1, 1), since), _fold(known_at, first, n)]
        return [*before, _fold(known_at, middle, first), _fold(known_at, first, n)]

    def _known_at(self, n: int) -> Rows:
        return np.arange(1, n + 1) if self.known_at is None else self.known_at[:n]


def folds(known_at: Rows, count: int = 3, since: int = 0) -> list[Fold]:
    """At most `count` folds of n rows in time order, whose tests lie behind row `since` and reach to the end.

    Each is trained on all rows before its test whose labels were known at the test's first row. Where these are too few
    for a first model worth scoring, there are fewer folds, down to none.

    >>> [(fold.train.tolist(), fold.test) for fold in folds(np.array([2, 3, 9, 5, 6, 7, 8, 9]))]
    [([0], slice(2, 4, None)), ([0, 1], slice(4, 6, None)), ([0, 1, 3, 4], slice(6, 8, None))]
    """
    n, known_counts = len(known_at), _known_counts(known_at, since)
    for splits in range(count, 1, -1):
        test = (n - since) // (splits + 1)
        first = n - test * splits
        if test and known_counts[first] >= max(1, test // 2):
            return [_fold(known_at, start, start + test) for start in range(first, n, test)]
    starts = np.flatnonzero(known_counts[:n] >= n - np.arange(n))
    return [_fold(known_at, int(starts[0]), n)] if len(starts) else []


def known_rows(known_at: Rows, row: int) -> Rows:
    """The rows before this one whose labels were known when it was answered."""
    return np.flatnonzero(known_at[:row] <= row)


def as_slice(rows: Rows) -> slice | Rows:
    """Ascending rows as a slice if none between them is left out: a slice of columns is a view, and no copy.

    >>> as_slice(np.array([3, 4, 5])), as_slice(np.array([3, 5]))
    (slice(3, 6, None), array([3, 5]))
    """
    is_whole = len(rows) > 0 and rows[-1] - rows[0] + 1 == len(rows)
    return slice(int(rows[0]), int(rows[-1]) + 1) if is_whole else rows


def _fold(known_at: Rows, start: int, stop: int) -> Fold:
    return Fold(known_rows(known_at, start), slice(start, stop))


def _known_counts(known_at: Rows, since: int) -> Rows:
    """How many labels from row `since` on are known at each of n + 1 rows."""
    n = len(known_at)
    first_use = np.maximum(known_at, np.arange(1, n + 1))[since:]  # a label may be known before its event
    return np.bincount(first_use[first_use <= n], minlength=n + 1).cumsum()
