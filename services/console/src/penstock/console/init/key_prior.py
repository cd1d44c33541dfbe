"""What rules where too few labels are known to show whether a history helps: whether the values come again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

STANDARD_ERRORS = 2.0
UNSEEN_PAIRS = 3.0  # rule of three: of what did not come, as many may have been expected, at 95 %


def correlation_error(groups: Sequence[Hashable], targets: NDArray[np.float64]) -> float:
    """How far the correlation of labels within groups may be from what a sample shows.

    That correlation is the share of the labels' variance that complete histories of the groups would explain. Pairs of
    rows of the same group show it. Where one class is rare, hardly any pair could show that its cases come together:
    three pairs of them more are possible.

    Args:
        groups: of n rows; None for none.
        targets: what is averaged of their labels, shape (n, k).

    Returns:
        Twice the standard error, and what the unseen pairs would add; infinity where labels do not differ.
    """
    counts = Counter(group for group in groups if group is not None)
    pairs = sum(count * (count - 1) for count in counts.values()) / 2
    distances = ((targets - targets.mean(axis=0)) ** 2).sum(axis=1) if len(targets) else np.zeros(1)
    if not pairs or not distances.any():
        return float("inf")
    largest = float(distances.max() / distances.mean())
    return STANDARD_ERRORS / sqrt(pairs) + UNSEEN_PAIRS * largest / pairs


def rows_of_value(values: Sequence[Hashable], rows: int) -> float:
    """How many of a file's `rows` have the value of a row, as its first rows show; None is no value.

    Rows of the second half that have a value of the first tell of values that come again. Those near each other do not:
    lines of one order have its number, and never again.

    >>> rows_of_value([row % 6 for row in range(60)], 600)
    100.0
    >>> rows_of_value([row // 6 for row in range(60)], 600)
    0.0
    """
    middle = len(values) // 2
    earlier, later = (Counter(half) for half in (values[:middle], values[middle : 2 * middle]))
    pairs = sum(count * later[value] for value, count in earlier.items() if value is not None)
    return rows * pairs / middle**2 if middle else 0.0
