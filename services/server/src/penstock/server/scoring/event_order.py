"""Results for the events of a batch, put back into the order of the events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from penstock.server.scoring.prediction_batch import PredictionBatch

T = TypeVar("T")


def in_event_order(
    batches: Sequence[PredictionBatch], results_of: Callable[[PredictionBatch], Sequence[T]]
) -> Sequence[T]:
    """The results of each arm's predictions, in the order of the events that the arms shared."""
    if len(batches) == 1:
        return results_of(batches[0])
    rows = np.concatenate([batch.rows for batch in batches if batch.rows is not None])
    results = [result for batch in batches for result in results_of(batch)]
    return [results[index] for index in np.argsort(rows)]


def fill_gaps(results: Iterable[T | None], missing: Iterable[T]) -> list[T]:
    """The results, where one is None the next of the missing ones.

    >>> fill_gaps([None, "refused", None], ["first", "second"])
    ['first', 'refused', 'second']
    """
    following = iter(missing)
    return [next(following) if result is None else result for result in results]
