"""Categories as integer codes, a whole column at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class CategoryCodes(dict[Any, int]):
    """Codes by category, and one code, `other`, for every value that has none.

    >>> CategoryCodes({"a": 0, "b": 1}, other=2).encode(np.array(["b", None, "a"], dtype=object)).tolist()
    [1, 2, 0]
    """

    def __init__(self, codes: Mapping[Any, int], other: int) -> None:
        super().__init__(codes)
        self._other = other

    def __missing__(self, value: Any) -> int:
        return self._other

    def encode(self, values: NDArray[Any]) -> NDArray[np.intp]:
        """The codes of a column of n values, shape (n,)."""
        return np.fromiter(map(self.__getitem__, values.tolist()), np.intp, len(values))
