"""Labels as numbers and back: the index of a class, or the number itself for a regression."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ClassIndex:
    """The k classes of a task in a fixed order, each with its index; none for a regression, whose labels are numbers.

    >>> index = ClassIndex(["no", "yes"])
    >>> index.number("yes"), index.number("maybe"), index.numbers(["yes", "no", "maybe"]).tolist()
    (1.0, None, [1.0, 0.0, nan])
    >>> ClassIndex(()).numbers([2.5, 7]).tolist()
    [2.5, 7.0]
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self._index: dict[str | float, float] = {name: float(index) for index, name in enumerate(self.classes)}

    def number(self, label: str | float) -> float | None:
        """The index of a class, or the number itself for a regression; None for a label that the task does not have."""
        if self.classes:
            return self._index.get(label)
        return None if isinstance(label, str) else float(label)

    def numbers(self, labels: Sequence[Any]) -> NDArray[np.float64]:
        """The numbers of n labels, shape (n,); NaN where `number` gives None."""
        values = [nan if (number := self.number(label)) is None else number for label in labels]
        return np.array(values, dtype=np.float64)

    def labels(self, indices: NDArray[np.intp]) -> list[str]:
        """The classes at n indices.

        >>> ClassIndex(["no", "yes"]).labels(np.array([1, 1, 0]))
        ['yes', 'yes', 'no']
        """
        names: list[str] = self._names[indices].tolist()
        return names

    @cached_property
    def _names(self) -> NDArray[Any]:
        return np.array(self.classes, dtype=object)


def class_order(labels: Sequence[Any], declared: Sequence[str] | None = None) -> tuple[str, ...]:
    """The declared classes in their order, then those that occur only among the labels, sorted.

    >>> class_order(["b", "z", "a"], declared=["z", "y"])
    ('z', 'y', 'a', 'b')
    """
    order = tuple(declared or ())
    return order + tuple(sorted({str(label) for label in labels} - set(order)))
