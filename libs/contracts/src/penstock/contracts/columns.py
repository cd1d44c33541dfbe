"""A batch's payloads as columns: float64 with NaN for numbers, objects (text or None) for categories."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration import Declaration

Columns = dict[str, NDArray[Any]]


def columns_of(
    declaration: Declaration, payloads: Sequence[msgspec.Struct], names: Collection[str] | None = None
) -> Columns:
    """Each declared field's values over the payloads (n of them), in declared order: arrays of shape (n,).

    Numbers, integers and booleans are float64, a missing one is NaN; categories are objects, a missing one is None.
    With `names` only those fields.
    """
    rows = zip(*map(msgspec.structs.astuple, payloads), strict=True) if payloads else iter(())
    return {
        name: _column(values, categorical=field.type == "category")
        for (name, field), values in zip_longest(declaration.fields.items(), rows, fillvalue=())
        if names is None or name in names
    }


def _column(values: Sequence[Any], categorical: bool) -> NDArray[Any]:
    if not categorical:
        return np.array(values, dtype=np.float64)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def times_of(times: Sequence[datetime]) -> NDArray[np.datetime64]:
    """Instants as datetime64[ms] in UTC, shape (n,)."""
    stamps = np.array([time.timestamp() for time in times], dtype=np.float64)
    return (stamps * 1000.0).round().astype("int64").astype("datetime64[ms]")
