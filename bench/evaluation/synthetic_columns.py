"""What synthetic streams are made of: columns of numbers or texts, by name, the label last."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

ROWS = 12_000
START = datetime(2024, 1, 1, tzinfo=UTC)

Column = NDArray[np.float64]
Texts = NDArray[np.str_]
Columns = dict[str, NDArray[np.float64]]
MixedColumns = dict[str, Column | Texts]
Make = Callable[[np.random.Generator], Columns] | Callable[[np.random.Generator], MixedColumns]


def times(seconds: Column) -> Texts:
    """Times so many seconds after the start, shape (n,)."""
    return np.array([f"{START + timedelta(seconds=int(second)):%Y-%m-%d %H:%M:%S}" for second in seconds])


def named(prefix: str, numbers: NDArray[np.int64]) -> Texts:
    """Numbers as names, shape (n,): texts, which nobody takes for amounts."""
    return np.array([f"{prefix}{number}" for number in numbers])
