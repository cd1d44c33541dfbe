"""Sequential ranks: where each value lies among those before it. Their law is the same whatever that of the values."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class SequentialRanks:
    """The values so far, in order.

    As long as the values are exchangeable, their ranks are independent and uniform (Barndorff-Nielsen, 1963), so
    neither a scale nor a heavy tail matters.

    >>> SequentialRanks().add([3.0, 9.0, 1.0]).round(2).tolist()
    [0.5, 0.75, 0.17]
    """

    def __init__(self) -> None:
        self._sorted = array("d")

    def add(self, values: Sequence[float]) -> NDArray[np.float64]:
        """The rank of each of n values among itself and all before it, between 0 and 1; ties count half."""
        return np.array([self._add(value) for value in values], dtype=np.float64)

    def _add(self, value: float) -> float:
        below = bisect_left(self._sorted, value)
        upto = bisect_right(self._sorted, value, below)
        self._sorted.insert(upto, value)
        return ((below + upto) / 2 + 0.5) / len(self._sorted)
